"""Second curves: kept beside the recorded one, chosen by their scorer, sealed, removed with it."""

import json
import math

import pytest
from sqlalchemy import update

from director_ai import HaltPolicy
from director_ai.core.records.record import Annotation
from director_ai.core.scoring.identity import ScorerIdentity
from director_ai.errors import InvalidRecordError, InvalidScoreError
from director_ai.experiment.holdout import study_of
from director_ai.storage.engine.schema import rescores
from director_ai.storage.maintenance import examine
from director_ai.storage.rescores import (
    Rescore,
    add_rescores,
    costs,
    n_rescored,
    rescored_ids,
    rescores_of,
)
from director_ai.storage.store import Store
from director_ai.storage.summary import SessionQuery
from tests.storage.records import record

FIRST = ScorerIdentity("first", "1")
SECOND = ScorerIdentity("second", "1", "onnx", "abc")
THIRD = ScorerIdentity("third")


@pytest.fixture
def store(store: Store) -> Store:
    """A store of four sessions of which two have a second curve, on each kind of database."""
    slow = HaltPolicy(halt_mode="observe", score_every_n=2, score_final=True, hard_limit=0.3)
    store.add(
        [
            record("a", scorer=FIRST, started_us=1, policy=slow),
            record("b", scorer=FIRST, started_us=2),
            record("c", scorer=SECOND, started_us=3),
            record("d", started_us=4),
        ]
    )
    add_rescores(store, [_rescore("a"), _rescore("d", scores=(0.5, 0.5, 0.5))])
    return store


def _rescore(id: str, scorer: ScorerIdentity = SECOND, **values: object) -> Rescore:
    kept = {"scores": (0.4, 0.3, 0.2), "facts": "f1", "us_a_token": 20.0, **values}
    return Rescore(id, scorer, **kept)  # type: ignore[arg-type]


def curves(store: Store, *scorers: ScorerIdentity) -> dict[str, tuple[str | None, float]]:
    """Return the scorer and the first score of each session's curve."""
    from director_ai.storage.codec import unpacked_scores

    rows = store.curves(scorers=tuple(map(str, scorers)))
    return {row.id: (row.scorer, unpacked_scores(row.scores)[0]) for row in rows}


def test_the_recorded_curve_stays_and_is_taken_unless_another_scorer_is_chosen(store: Store):
    recorded = {"a": "first@1", "b": "first@1", "c": str(SECOND), "d": None}
    assert curves(store) == {name: (scorer, 0.9) for name, scorer in recorded.items()}

    chosen = curves(store, SECOND)

    assert chosen["a"] == (str(SECOND), 0.4)
    assert chosen["b"] == ("first@1", 0.9)
    assert chosen["c"] == (str(SECOND), 0.9)
    assert chosen["d"] == (str(SECOND), 0.5)
    assert store.get("a").scores == (0.9, 0.8, 0.7)


def test_of_several_chosen_scorers_the_recorded_one_counts_then_the_first(store: Store):
    add_rescores(store, [_rescore("a", THIRD, scores=(0.1,) * 3)])

    assert curves(store, FIRST, SECOND)["a"] == ("first@1", 0.9)
    assert curves(store, THIRD, SECOND)["a"] == ("third", 0.1)
    assert curves(store, SECOND, THIRD)["a"] == (str(SECOND), 0.4)
    assert curves(store, ScorerIdentity("unknown"), SECOND)["d"] == (None, 0.9)


def test_the_limits_of_a_second_curve_have_no_cadence(store: Store):
    first = next(store.curves(scorers=(str(SECOND),)))

    policy = HaltPolicy.from_dict(json.loads(first.policy))
    assert policy == HaltPolicy(halt_mode="observe", hard_limit=0.3)


def test_a_scorer_finds_the_sessions_that_have_a_curve_by_it(store: Store):
    query = SessionQuery(scorers=(str(SECOND),), order="oldest")

    assert store.ids(query) == ["a", "c", "d"]
    assert store.facets()["scorers"] == {str(SECOND): 3, "first@1": 2, "unknown": 1}
    assert n_rescored(store, SessionQuery(scorers=("first@1",))) == {str(SECOND): 1}
    study = study_of(store, store.holdout(), query, keep_open=store.keep_open)
    assert set(study.open.scorers) == {str(SECOND)}
    assert study.open.labelled.curves.session(0).tolist() == [0.4, 0.3, 0.2]


def test_a_curve_by_the_same_scorer_is_replaced(store: Store):
    add_rescores(store, [_rescore("a", scores=(0.8,) * 3, facts="f2", us_a_token=40.0)])

    (kept,) = rescores_of(store, "a")
    assert (kept.scorer, list(kept.scores), kept.facts) == (SECOND, [0.8] * 3, "f2")
    assert rescored_ids(store, SECOND, "f1") == {"d"}
    assert rescored_ids(store, SECOND, "f2") == {"a"}
    assert rescored_ids(store, FIRST, "f2") == set()
    assert costs(store) == {str(SECOND): 40.0}


@pytest.mark.parametrize(
    ("rescore", "error", "message"),
    [
        (_rescore("b", scores=(0.5, 0.5)), InvalidRecordError, "each of the 3 tokens .* got 2"),
        (_rescore("b", scores=(0.5, 1.5, 0.5)), InvalidScoreError, r"scores\[1\] .* got 1.5"),
        (_rescore("b", scores=(math.nan,) * 3), InvalidScoreError, r"scores\[0\] .* got nan"),
        (_rescore("b", FIRST), InvalidRecordError, "another than session 'b' was recorded with"),
    ],
)
def test_what_is_no_second_curve_is_refused_with_all_of_its_batch(
    store: Store, rescore: Rescore, error: type[Exception], message: str
):
    with pytest.raises(error, match=message):
        add_rescores(store, [_rescore("b", THIRD), rescore])

    assert rescores_of(store, "b") == []


def test_a_session_that_is_gone_is_passed_over_and_takes_its_curves_along(store: Store):
    add_rescores(store, [_rescore("nobody")])
    store.delete(["a"])

    with store.read() as connection:
        assert len(connection.execute(rescores.select()).all()) == 1


def test_a_new_curve_changes_the_stamp_and_breaks_no_seal(store: Store):
    store.annotate("b", Annotation("good", None, "ann", 1))
    stamp = store.stamp(SessionQuery())

    add_rescores(store, [_rescore("b")])

    assert store.stamp(SessionQuery()) != stamp
    assert examine(store).ok
    changed = update(rescores).values(us_a_token=1.0).where(rescores.c.session == 1)
    store.transaction(lambda connection: connection.execute(changed))
    assert examine(store).problems == (
        f"rescores: the curve of session 'a' by {SECOND} is not the one that was written",
    )
