"""Scorers by their strings, in a stream."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from director_ai import GroundTruthStore, StreamingKernel
from director_ai.core.scoring.identity import identity_of
from director_ai.errors import InvalidScorerError, NoFactsError
from director_ai.scorers.http import HttpModel
from director_ai.scorers.llm_judge import LlmJudge
from director_ai.scorers.scorer_string import StreamScorer, support_model
from director_ai.sources.chat.endpoint import Endpoint
from tests.scorers.tiny_models import write_model

FACTS = GroundTruthStore.from_mapping({"moon": "The Moon has no air . It orbits Earth ."})
ANSWER = ["The", " Moon", " has", " no", " air.", " The", " Moon", " orbits", " Earth."]


@pytest.mark.parametrize("of_tokens", [False, True])
def test_a_model_judges_each_sentence_of_a_stream(tmp_path: Path, of_tokens: bool) -> None:
    text = " ".join(FACTS.facts.values())
    labels = ("supported", "hallucinated")
    folder = write_model(tmp_path / "nli", text, labels, of_tokens=of_tokens)
    scorer = StreamScorer(f"onnx:{folder}")

    answers = [ANSWER, [*ANSWER[:-1], " cheese."]]
    sessions = [
        StreamingKernel(halt_mode="observe").stream_tokens(each, scorer(FACTS, background=False))
        for each in answers
    ]

    true, false = ([round(v.support, 2) for v in each.verdicts] for each in sessions)
    assert (true, false) == ([1.0, 1.0], [1.0, 0.0])
    assert [bool(verdict.spans) for verdict in sessions[1].verdicts] == [False, of_tokens]
    name = str(sessions[0].scorer)
    assert name.startswith("sentence:coherence nli@1#")


@pytest.mark.parametrize(
    "scorer", ["", "onnx", "onnx:", "hhem:x", "lexical:x", "llm_judge:m", None]
)
def test_what_names_no_scorer_is_refused(scorer: str) -> None:
    with pytest.raises(InvalidScorerError, match="scorer must be lexical, logprob, logprob:"):
        StreamScorer(scorer)


@pytest.mark.parametrize(
    ("scorer", "url", "model"),
    [
        ("http:http://127.0.0.1:8080/predict", "http://127.0.0.1:8080/predict", ""),
        ("http://127.0.0.1:8080/predict", "http://127.0.0.1:8080/predict", ""),
        ("https://a.test/score", "https://a.test/score", ""),
        ("http:org/hhem@2.1@https://a.test/score", "https://a.test/score", "org/hhem@2.1"),
    ],
)
def test_a_score_server_is_named_by_its_url(scorer: str, url: str, model: str) -> None:
    named = support_model(scorer)

    assert isinstance(named, HttpModel)
    assert named.endpoint.base_url == url
    assert named.identity == HttpModel(url, model=model).identity


def test_a_language_model_is_named_by_model_and_url() -> None:
    named = support_model("llm_judge:@cf/qwen3:4b@http://127.0.0.1:8080/v1/")

    assert isinstance(named, LlmJudge)
    assert named.endpoint == Endpoint("http://127.0.0.1:8080/v1", "@cf/qwen3:4b")


def test_a_key_is_for_a_server_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCORE_KEY", "sk-5ecret")
    StreamScorer("https://a.test/score", key_env="SCORE_KEY")
    for scorer in ("lexical", "onnx:models/nli", "embedding:models/minilm"):
        with pytest.raises(InvalidScorerError, match="key_env must be left out"):
            StreamScorer(scorer, key_env="SCORE_KEY")


def test_probabilities_of_the_stream_itself_need_the_stream() -> None:
    source = SimpleNamespace(last_logprob=-0.5, logprobs=[-0.5, -0.5], last_entropy=2.0)
    scorer = StreamScorer("logprob")
    certainty = {name: StreamScorer(f"logprob:{name}") for name in ("entropy", "surprise")}
    assert certainty["entropy"](None, source=source)("Hi") == pytest.approx(0.1353, abs=1e-4)
    assert certainty["surprise"](None, source=source)("Hi") == pytest.approx(0.6065, abs=1e-4)
    assert certainty["entropy"].request_options == {"top_logprobs": 5}
    assert not any(each.request_options for each in (scorer, certainty["surprise"]))
    assert not any(each.needs_facts for each in certainty.values())

    assert (scorer.needs_facts, scorer.needs_logprobs) == (False, True)
    assert scorer(None, source=source)("Hi") == pytest.approx(0.6065, abs=1e-4)
    both = StreamScorer("both")
    assert (both.needs_facts, both.needs_logprobs) == (True, True)
    assert both(FACTS, source=source)("The Moon ") == pytest.approx(0.6065, abs=1e-4)
    for name in ("logprob", "logprob:entropy", "both"):
        with pytest.raises(InvalidScorerError, match="needs the log-probabilities of a stream"):
            StreamScorer(name)(FACTS)
    with pytest.raises(NoFactsError):
        both(None, source=source)


def test_a_store_without_facts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoFactsError):
        StreamScorer("lexical")(GroundTruthStore())


def test_the_options_of_the_original_name_the_same_scorers(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "nli", "It has no air .", ("supported", "hallucinated"))
    options = StreamScorer.from_options

    model, same = (
        options(use_nli=True, nli_model=str(folder)),
        options(scorer_backend="onnx", nli_model=str(folder)),
    )

    names = [identity_of(each(FACTS)) for each in (model, same, StreamScorer(f"onnx:{folder}"))]
    assert len(set(names)) == 1
    assert identity_of(options()(FACTS)).backend == "lexical"
    for wrong in ({"nli_model": str(folder)}, {"scorer_backend": "lexical", "use_nli": True}):
        with pytest.raises(InvalidScorerError, match="must be left out for 'lexical'"):
            options(**wrong)  # type: ignore[arg-type]
