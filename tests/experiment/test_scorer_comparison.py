"""Scorers of a store compared: the same open sessions, held-out ones left out."""

from collections.abc import Iterator

import pytest

from director_ai.core.records.record import Annotation
from director_ai.core.scoring.identity import ScorerIdentity
from director_ai.errors import InvalidRequestError
from director_ai.experiment.holdout import study_of
from director_ai.experiment.scorer_comparison import (
    ReadStudy,
    compare_stored,
    shared_curves,
    stored_scorers,
)
from director_ai.storage.rescores import Rescore, add_rescores
from director_ai.storage.store import Store
from director_ai.storage.summary import SessionQuery
from tests.storage.records import record

FIRST, SECOND = ScorerIdentity("first"), ScorerIdentity("second")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store of 400 sessions, every tenth bad, that both scorers judged all but one of."""
    with Store(tmp_path_factory.mktemp("store") / "a.db") as store:
        store.add(
            [
                record(
                    f"s{place}",
                    scorer=FIRST,
                    group=f"g{place // 2}",
                    scores=(0.9, 0.8, 0.7),
                    annotations=(Annotation("good" if place % 10 else "bad", None, "ann", 1),),
                )
                for place in range(400)
            ]
        )
        seconds = [
            Rescore(f"s{place}", SECOND, (0.9, 0.9, 0.9 if place % 10 else 0.1), "f", 5.0)
            for place in range(399)
        ]
        add_rescores(store, seconds)
        yield store


def reader(store: Store) -> ReadStudy:
    return lambda where: study_of(store, store.holdout(), where, keep_open=store.keep_open)


@pytest.mark.slow
def test_scorers_are_compared_on_the_open_sessions_that_both_judged(store: Store) -> None:
    is_open = set(reader(store)(SessionQuery()).open.ids)
    assert len(is_open) < 400

    data = shared_curves(reader(store), ("first", "second"))
    found = compare_stored(store, reader(store))

    assert data["first"].ids == data["second"].ids
    assert set(data["first"].ids) == is_open - {"s399"}
    assert stored_scorers(store) == {"first": 400, "second": 399}
    assert [(each.scorer, each.auroc.value) for each in found.figures] == [
        ("first", 0.5),
        ("second", 1.0),
    ]
    assert found.figures[1].us_a_token == 5.0
    assert found.n_good + found.n_bad == len(data["first"].ids)


def test_a_part_and_an_order_are_taken_as_asked(store: Store) -> None:
    where = SessionQuery(text="Why?", groups=tuple(f"g{number}" for number in range(100)))

    found = compare_stored(store, reader(store), ("second", "first"), where)

    assert [each.scorer for each in found.figures] == ["second", "first"]
    assert found.n_good + found.n_bad <= 200


def test_scorers_without_labelled_sessions_in_common_are_refused_with_their_counts(
    store: Store,
) -> None:
    with pytest.raises(InvalidRequestError, match="got first 400, third 0"):
        compare_stored(store, reader(store), ("first", "third"))
    where = SessionQuery(groups=("g1",))
    with pytest.raises(InvalidRequestError, match="good and 0 bad; .*: first 2, second 2; choose"):
        compare_stored(store, reader(store), ("first", "second"), where)
