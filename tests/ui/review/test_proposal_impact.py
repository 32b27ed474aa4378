"""Impact of a batch's labels: the limits proposed with them, and without."""

from collections.abc import Iterator

import numpy as np
import pytest

from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.halting.policy_text import limits_text
from director_ai.core.records.record import Annotation
from director_ai.replay.crossings import NEVER
from director_ai.storage.store import Store
from director_ai.storage.summary import JUDGED
from director_ai.tuning.cadence import replay_under
from director_ai.tuning.search.proposal import DEFAULT_TARGET, propose
from director_ai.tuning.study import TuneData
from director_ai.ui.components.cached_study import read_study
from director_ai.ui.review.batch import ReviewBatch, VerdictEntry
from director_ai.ui.review.proposal_impact import (
    ProposalImpact,
    impact_of,
    proposal_impact,
    relabelled,
)
from director_ai.ui.review.queue import Queue
from director_ai.ui.review.queue_query import QueueQuery
from tests.ui.tune_store import filled

# Proposals on generated archives.
pytestmark = pytest.mark.slow

N_SESSIONS = 400


@pytest.fixture
def store(tmp_path) -> Iterator[Store]:
    with filled(tmp_path / "tune.db", N_SESSIONS, enforced=0.0) as opened:
        yield opened


def data_of(store: Store) -> TuneData:
    return TuneData.of(list(store.curves(JUDGED)))


def limits(store: Store) -> HaltPolicy | None:
    data = data_of(store)
    return propose(
        data,
        replay_under(data.labelled.curves, data.default_policy),
        data.default_policy,
        DEFAULT_TARGET,
    )[0]


def change(store: Store, before: dict) -> ProposalImpact:
    data = data_of(store)
    return impact_of(data, replay_under(data.labelled.curves, data.default_policy), before)


def visited(store: Store, ids: list[str], label: str) -> dict:
    """Label sessions, and return what was said of them before."""
    before = {name: (card.label, card.onset) for name in ids for card in [store.summary(name)]}
    store.annotate_all(ids, Annotation(label))
    return before


def ids_of(store: Store, value: str) -> list[str]:
    return [row.id for row in store.curves(JUDGED) if row.label == value]


def test_labels_that_move_the_limits_give_both(store):
    old = limits(store)
    before = visited(store, ids_of(store, "bad")[:60], "good")
    new = limits(store)

    assert old is not None
    assert new is not None
    assert old != new
    found = change(store, before)
    assert found.policy == new
    assert found.sentence == (
        f"Your labels change the proposed limits: halt {limits_text(new)} "
        f"(≤ 5 % false halts at 95 % confidence); before: {limits_text(old)}."
    )


def test_labels_that_move_nothing_say_so(store):
    before = visited(store, ids_of(store, "good")[:1], "good")

    assert change(store, before).sentence.startswith(
        f"Your labels do not change the proposed limits: halt {limits_text(limits(store))} ("
    )


def test_labels_that_make_a_proposal_possible_say_what_was_missing(store):
    store.annotate_all(ids_of(store, "bad")[:-19], Annotation("unsure"))
    before = visited(
        store, [row.id for row in store.curves(JUDGED) if row.label == "unsure"], "bad"
    )

    found = change(store, before)

    assert found.policy is not None
    assert found.sentence.startswith("Your labels make a proposal possible: ")
    assert "and 19 bad sessions no limits can be chosen: 20 of each are needed" in found.sentence


def test_too_few_labels_say_how_many_there_are_and_are_needed(store):
    store.annotate_all(ids_of(store, "good")[:-50], Annotation("unsure"))
    before = visited(store, ids_of(store, "bad")[:1], "good")

    assert change(store, before) == ProposalImpact(
        "No limits can be proposed yet. Not guaranteed: ≤ 5 % at 95 % confidence needs at least "
        "124 good sessions, there are 51.",
        None,
    )


def test_labels_that_leave_nothing_to_propose_say_what_there_was(store):
    old = limits(store)
    before = visited(store, ids_of(store, "good")[:-50], "unsure")

    assert change(store, before).sentence.startswith(
        f"Your labels leave no limits to propose; before: halt {limits_text(old)}. Not guaranteed: "
    )


def test_without_the_visit_the_data_are_what_they_were(store):
    was = data_of(store).labelled
    bad = next(row for row in store.curves(JUDGED) if row.label == "bad" and row.onset is not None)
    before = visited(store, [bad.id, *ids_of(store, "good")[:1]], "unsure")

    again = relabelled(data_of(store), before | {"gone": ("bad", 3)}).labelled

    np.testing.assert_array_equal(again.labels, was.labels)
    np.testing.assert_array_equal(again.onsets, was.onsets)
    assert (again.onsets != NEVER).any()


def test_labels_on_sealed_sessions_are_said_not_to_count(tmp_path):
    with filled(tmp_path / "more.db", 700, enforced=0.0) as store:
        kept = read_study(store).sealed.ids[:3]
        cards = tuple(store.summary(name) for name in (*kept, read_study(store).open.ids[0]))
        entry = VerdictEntry("false", None, "", "ann", 0)
        batch = ReviewBatch(
            QueueQuery(), Queue(cards, len(cards)), 0.0, verdicts={c.id: entry for c in cards}
        )

        assert proposal_impact(store, batch).sentence.endswith(
            " 3 of your labels do not count here: in the held-out set, or without a score."
        )
