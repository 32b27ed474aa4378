"""Rescoring: second curves as a stream without delays has them, once, resumed, with others."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from director_ai import GroundTruthStore, StreamingKernel
from director_ai.core.scoring.fact_set import FactSet
from director_ai.core.scoring.identity import ScorerIdentity, identity_of
from director_ai.errors import InvalidRequestError, InvalidScoreError
from director_ai.scorers.rescoring import Make, rescore, scores_of
from director_ai.scorers.scorer_string import StreamScorer
from director_ai.storage.rescores import rescores_of
from director_ai.storage.store import Store
from director_ai.storage.summary import SessionQuery
from tests.scorers.tiny_models import write_model
from tests.storage.records import record

TEXT = "Bees make honey from nectar ."
FACTS = GroundTruthStore.from_mapping({"bees": TEXT})
OTHER = GroundTruthStore.from_mapping({"bees": "Bees sleep at night."})
TOKENS = ("Bees", " make", " honey.", " Bees", " make", " cheese.")
DIGEST = FACTS.fact_set.digest


def lexical() -> Make:
    return StreamScorer("lexical")


def by_model(folder: str) -> Make:
    return partial(StreamScorer(f"onnx:{folder}"), background=False)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "a.db") as store:
        scored = {"tokens": TOKENS, "scores": (0.9,) * len(TOKENS)}
        store.add([record(name, **scored, prompt="Why?") for name in "abc"])
        yield store


def test_the_second_curve_is_that_of_a_stream_without_delays(store: Store, tmp_path: Path) -> None:
    folder = write_model(tmp_path / "nli", TEXT, ("supported", "hallucinated"))
    make = by_model(str(folder))
    kernel = StreamingKernel(halt_mode="observe")
    live = kernel.stream_tokens(TOKENS, make(FACTS, "Why?")).coherence_history

    found = rescore(store, partial(by_model, str(folder)), facts=FACTS)

    ((kept,), (other,)) = (rescores_of(store, name) for name in "ab")
    assert list(kept.scores) == list(other.scores) == live
    assert live[-1] < 0.01 < live[-2]
    assert (kept.scorer, kept.facts) == (identity_of(make(FACTS, "")), DIGEST)
    assert kept.us_a_token > 0
    assert (found.n_sessions, found.scorer) == (3, kept.scorer)
    assert store.get("a").scores == (0.9,) * len(TOKENS)


def test_what_is_done_stays_done_and_other_facts_are_judged_anew(store: Store) -> None:
    steps: list[None] = []
    rescore(store, lexical, SessionQuery(text="cheese", order="oldest"), facts=FACTS)

    again = rescore(store, lexical, facts=FACTS, on_session=partial(steps.append, None))
    assert (again.n_sessions, again.skipped.done, len(steps)) == (0, 3, 3)
    assert again.us_a_token != again.us_a_token

    assert rescore(store, lexical, facts=OTHER).n_sessions == 3
    assert [len(rescores_of(store, name)) for name in "abc"] == [1, 1, 1]


def test_a_failure_keeps_what_was_judged_before(store: Store) -> None:
    def failing() -> Make:
        calls = iter(range(100))

        def make(facts: GroundTruthStore, prompt: str) -> Callable[[str], float]:
            def score(text: str) -> float:
                return 0.5 if next(calls) < len(TOKENS) else 1.5

            score.scorer_identity = ScorerIdentity("odd")  # type: ignore[attr-defined]
            return score

        return make

    with pytest.raises(InvalidScoreError):
        rescore(store, failing, facts=FACTS)

    assert sum(len(rescores_of(store, name)) for name in "abc") == 1


def test_what_cannot_be_judged_is_counted(store: Store) -> None:
    own = identity_of(lexical()(FACTS, ""))
    scores = {"tokens": ("a", "b"), "scores": (0.5, 0.5)}
    store.add(
        [
            record("own", scorer=own),
            record("blank", text_kept=False, **scores),
            record("empty", tokens=(), scores=()),
        ]
    )
    store.delete(["a", "b"])

    found = rescore(store, lexical, facts=FACTS)

    assert (found.n_sessions, found.skipped.own, found.skipped.without_text) == (1, 1, 2)


def test_a_scorer_without_identity_is_refused(store: Store) -> None:
    with pytest.raises(InvalidRequestError, match="scorer must tell its identity"):
        rescore(store, lambda: lambda facts, prompt: lambda text: 0.5, facts=FACTS)


def test_a_score_that_is_none_is_no_curve() -> None:
    with pytest.raises(InvalidScoreError):
        scores_of(["a"], lambda text: float("nan"))


def test_each_session_is_held_against_the_facts_it_was_recorded_with(store: Store) -> None:
    scored = {"tokens": TOKENS, "scores": (0.9,) * len(TOKENS)}
    store.add([record(name, **scored, facts=FACTS.fact_set) for name in ("d", "e")])
    store.add([record("f", **scored, facts=OTHER.fact_set)])
    store.add([record("g", **scored, facts=FACTS.fact_set.without_texts())])
    store.add([record("h", **scored, facts=FactSet({"none": "Cats sleep."}).without_texts())])

    found = rescore(store, lexical)

    kept = {name: rescores_of(store, name) for name in "abcdefgh"}
    assert (found.n_sessions, found.skipped.without_facts) == (4, 4)
    assert [len(kept[name]) for name in "abcdefgh"] == [0, 0, 0, 1, 1, 1, 1, 0]
    callback = lexical()(FACTS, "Why?")
    assert list(kept["d"][0].scores) == scores_of(TOKENS, callback)
    assert kept["d"][0].scores != kept["f"][0].scores
    assert kept["d"][0].scores == kept["g"][0].scores
    assert [kept[name][0].facts for name in "df"] == [DIGEST, OTHER.fact_set.digest]
    assert rescore(store, lexical).skipped.done == 4


@pytest.mark.slow
def test_several_processes_judge_the_same(store: Store) -> None:
    scored = {"tokens": TOKENS, "scores": (0.9,) * len(TOKENS)}
    store.add([record("d", **scored, facts=OTHER.fact_set)])

    assert rescore(store, lexical, facts=FACTS, n_processes=2).n_sessions == 4
    apart = [list(rescores_of(store, name)[0].scores) for name in "abcd"]
    assert rescore(store, lexical, n_processes=2).n_sessions == 1
    own = list(rescores_of(store, "d")[0].scores)

    assert apart == [scores_of(TOKENS, lexical()(FACTS, "Why?"))] * 4
    assert own == scores_of(TOKENS, lexical()(OTHER, "Why?"))
