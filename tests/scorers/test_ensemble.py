"""Ensembles: their formula, their file, their callback beside its scorers."""

import asyncio
import json
import threading
from concurrent.futures import CancelledError
from pathlib import Path

import pytest

from director_ai import GroundTruthStore, StreamingKernel
from director_ai.core.runtime.judged_callback import JudgedCallback
from director_ai.core.scoring.identity import ScorerIdentity, identity_of
from director_ai.errors import InvalidScorerError
from director_ai.scorers.ensemble import Ensemble, EnsembleScorer, read_ensemble
from director_ai.scorers.scorer_string import StreamScorer, scorer_endpoint
from tests.scorers.tiny_models import write_model

FACTS = GroundTruthStore.from_mapping({"bees": "Bees make honey ."})
TOKENS = ["Bees", " make", " honey.", " Bees", " make", " cheese."]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """An ensemble of the lexical scorer and a tiny model."""
    write_model(tmp_path / "nli", "Bees make honey .", ("supported", "hallucinated"))
    scorers = ("lexical", f"onnx:{tmp_path / 'nli'}")
    identities = tuple(identity_of(StreamScorer(each)(FACTS)) for each in scorers)
    path = tmp_path / "both.json"
    path.write_text(Ensemble(scorers, identities, (0.5, 1.5), 0.25, {"by": "test"}).to_json())
    return path


def test_a_stream_has_the_combination_of_its_scorers(file: Path) -> None:
    ensemble = read_ensemble(file)
    parts = [StreamScorer(each) for each in ensemble.scorers]
    kernel = StreamingKernel(halt_mode="observe")

    alone = [kernel.stream_tokens(TOKENS, part(FACTS, background=False)) for part in parts]
    both = kernel.stream_tokens(TOKENS, StreamScorer(f"ensemble:{file}")(FACTS, background=False))

    combined = [
        ensemble.combine(s) for s in zip(*(a.coherence_history for a in alone), strict=True)
    ]
    assert both.coherence_history[:-1] == combined[:-1]
    assert both.coherence_history[-1] < 0.2
    assert [verdict.support for verdict in both.verdicts] == [
        verdict.support for verdict in alone[1].verdicts
    ]
    assert both.scorer == ensemble.identity
    assert str(both.scorer).startswith("ensemble:coherence coherence nli@1#")


def test_the_finished_text_is_the_same_for_both_kernels(file: Path) -> None:
    scorer, text = StreamScorer(f"ensemble:{file}"), "".join(TOKENS)

    sync = scorer(FACTS)
    assert sync.final_score(text) == asyncio.run(scorer(FACTS).afinal_score(text))  # type: ignore[attr-defined]


def test_more_support_by_any_scorer_never_lowers_the_score() -> None:
    names = tuple(ScorerIdentity(name) for name in "abc")
    ensemble = Ensemble(("a", "b", "c"), names, (0.0, 0.7, 2.0), -0.3)

    scores = [ensemble.combine((0.5, low, low)) for low in (0.0, 1e-9, 0.1, 0.5, 0.9, 1.0)]

    assert scores == sorted(scores)
    assert 0.0 <= scores[0] < scores[-1] <= 1.0


def test_it_is_refused_with_a_scorer_that_has_changed(file: Path, tmp_path: Path) -> None:
    write_model(tmp_path / "nli", "Bees make honey too .", ("supported", "hallucinated"))

    with pytest.raises(InvalidScorerError, match="in place of sentence:coherence nli@1#"):
        StreamScorer(f"ensemble:{file}")(FACTS)
    ensemble = read_ensemble(file)
    with pytest.raises(InvalidScorerError, match="got unknown in place"):
        EnsembleScorer(ensemble, [lambda text: 0.5, lambda text: 0.5])


@pytest.mark.parametrize(
    "changes",
    [
        {"director_ensemble": 2},
        {"bias": "nan"},
        {"scorers": [{"scorer": "lexical", "identity": "a", "weight": -1}]},
        {"scorers": [{"scorer": "lexical", "identity": "a"}]},
        {"scorers": []},
    ],
)
def test_what_is_no_ensemble_is_refused(file: Path, changes: dict[str, object]) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))

    with pytest.raises(InvalidScorerError, match="both.json must be an ensemble of director-ai"):
        StreamScorer(f"ensemble:{file}")


def test_an_ensemble_of_itself_is_refused(file: Path) -> None:
    values = json.loads(file.read_text())
    values["scorers"][0]["scorer"] = f"ensemble:{file}"
    file.write_text(json.dumps(values))

    with pytest.raises(InvalidScorerError, match="scorer must be no ensemble, got 'ensemble:/"):
        StreamScorer(f"ensemble:{file}")


def test_its_server_is_known_and_there_is_one_at_most(tmp_path: Path) -> None:
    path = tmp_path / "remote.json"
    names = (ScorerIdentity("a"), ScorerIdentity("b"))
    urls = ("http://127.0.0.1:1/predict", "http://127.0.0.1:2/predict")

    path.write_text(Ensemble(("lexical", urls[0]), names, (1.0, 1.0), 0.0).to_json())
    endpoint = scorer_endpoint(f"ensemble:{path}")
    assert endpoint is not None
    assert "127.0.0.1:1" in endpoint.base_url
    path.write_text(Ensemble(urls, names, (1.0, 1.0), 0.0).to_json())
    with pytest.raises(InvalidScorerError, match="one server at most"):
        StreamScorer(f"ensemble:{path}")
    with pytest.raises(InvalidScorerError, match=r"remote\.json|no\.json"):
        StreamScorer(f"ensemble:{tmp_path / 'no.json'}")


@pytest.mark.slow
def test_the_kernel_takes_it_for_a_callback_whose_wait_it_may_end(file: Path) -> None:
    # Typed, so that another method of the protocol is missed by the type checker, too.
    judged: JudgedCallback = EnsembleScorer(
        read_ensemble(file), [StreamScorer(each)(FACTS) for each in read_ensemble(file).scorers]
    )
    hanging = threading.Event()
    model = judged._callbacks[1]._judge.model  # type: ignore[attr-defined]
    verdicts = model.verdicts
    model.verdicts = lambda pairs: (hanging.wait(30), verdicts(pairs))[1]

    assert isinstance(judged, JudgedCallback)
    judged("".join(TOKENS))
    judged.abort()
    with pytest.raises(CancelledError):
        judged.final_score("".join(TOKENS))
    hanging.set()
