"""Which sessions wait for a reviewer, and in which order."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from director_ai.core.records.record import Annotation
from director_ai.storage.store import Store
from director_ai.ui.review.queue import (
    FAULT_HINTS,
    MOST_QUEUED,
    n_waiting,
    open_queue,
    queue_sentence,
)
from director_ai.ui.review.queue_query import LAST_VISIT, QueueQuery, is_span
from tests.ui.review_store import HOUR_US, N_COMPLETED, N_HALTED, night, night_store

NOW_US = 1_800_000_000_000_000


@pytest.fixture
def store(tmp_path) -> Iterator[Store]:
    with night_store(tmp_path / "night.db", NOW_US) as opened:
        yield opened


def ids(store: Store, query: QueueQuery) -> list[str]:
    return [card.id for card in open_queue(store, query, now_us=NOW_US).cards]


def test_halts_wait_and_infrastructure_is_told_apart(store):
    queue = open_queue(store, QueueQuery(), now_us=NOW_US)

    assert queue_sentence(queue, QueueQuery()) == (
        "43 to review, of 3 causes: 31 trend, 8 window, 4 hard. 6 wiring faults, see below."
    )
    assert "reset_state()" in FAULT_HINTS["kernel_inactive"]
    assert n_waiting(store) == N_HALTED


def test_the_closest_halt_comes_first(store):
    cards = open_queue(store, QueueQuery(order="closest"), now_us=NOW_US).cards
    margins = [abs(card.margin) for card in cards]

    assert margins == sorted(margins)


def test_of_halts_as_close_as_each_other_the_rarer_rule_comes_first(store):
    # In the order of their keys the trends would come first.
    store.delete(ids(store, QueueQuery()))
    similar_cards = [
        replace(
            record,
            scores=(0.9, 0.6, 0.48),
            tokens=("a", "b", "c"),
            held=(False,) * 3,
            times_us=(),
            halt=replace(record.halt, index=2),
        )
        for record in night(NOW_US)[:43]
    ]
    store.add(similar_cards)

    cards = open_queue(store, QueueQuery(order="closest"), now_us=NOW_US).cards

    assert len({card.margin for card in cards}) == 1
    codes = list(dict.fromkeys(card.halt_code for card in cards))
    assert codes == ["hard_limit", "window_avg", "downward_trend"]


def test_since_the_last_visit_is_all_time_on_the_first(store):
    assert len(ids(store, QueueQuery(since=LAST_VISIT))) == N_HALTED
    assert ids(store, QueueQuery(since=LAST_VISIT, visited_us=NOW_US - HOUR_US)) == [
        "downward_trend-00"
    ]
    assert n_waiting(store, NOW_US - HOUR_US) == 1


def test_a_link_says_the_last_visit_as_a_length_of_time():
    assert "since=all" in QueueQuery(since=LAST_VISIT).query_string(NOW_US)
    hours = QueueQuery(since=LAST_VISIT, visited_us=NOW_US - 3 * HOUR_US - 1)
    assert "since=4h" in hours.query_string(NOW_US)


def test_by_rule_goes_in_order_of_precedence(store):
    cards = open_queue(store, QueueQuery(order="rule"), now_us=NOW_US).cards

    codes = list(dict.fromkeys(card.halt_code for card in cards))
    assert codes == ["hard_limit", "window_avg", "downward_trend"]


def test_a_random_order_is_kept_when_some_have_been_labelled(store):
    drawn = ids(store, QueueQuery(order="random"))
    store.annotate_all(drawn[:5], Annotation("bad"))

    assert sorted(drawn) == sorted(ids(store, QueueQuery(label="any")))
    assert ids(store, QueueQuery(order="random")) == drawn[5:]
    assert drawn != ids(store, QueueQuery())


def test_the_time_leaves_out_what_started_before(store):
    assert len(ids(store, QueueQuery(since="24h"))) == N_HALTED
    # The night's sessions started an hour ago and earlier, a minute apart.
    later = open_queue(store, QueueQuery(since="1h"), now_us=NOW_US + 10 * 60_000_000 - HOUR_US)
    assert len(later.cards) == N_HALTED
    assert ids(store, QueueQuery(since="1h")) == ["downward_trend-00"]


def test_a_labelled_session_waits_no_longer(store):
    store.annotate("downward_trend-00", Annotation("good", author="ann"))

    assert "downward_trend-00" not in ids(store, QueueQuery())
    assert n_waiting(store) == N_HALTED - 1


def test_the_second_reviewer_gets_what_others_labelled(store):
    store.annotate("downward_trend-00", Annotation("good", author="ann"))
    store.annotate("downward_trend-01", Annotation("good", author="ben"))
    store.annotate("downward_trend-01", Annotation("bad", author="ann"))

    assert ids(store, QueueQuery(second="ben")) == ["downward_trend-00"]
    assert ids(store, QueueQuery(second="ann")) == []


def test_a_sample_of_completed_sessions_is_drawn_at_random(store):
    query = QueueQuery("completed")
    queue = open_queue(store, query, now_us=NOW_US)

    assert len(queue.cards) == N_COMPLETED
    assert query.at_random
    assert queue_sentence(queue, query).startswith("20 of 20 completed sessions, drawn at random")


def test_a_watching_kernels_halts_can_be_asked_for(store, tmp_path):
    halted = store.get("hard_limit-39")
    watched = replace(halted, id="watched", enforced=False, ended_by="completed")
    store.add([watched])

    assert ids(store, QueueQuery("watched")) == ["watched"]
    assert "watched" not in ids(store, QueueQuery("completed"))


def test_the_night_comes_by_cause_the_largest_incident_first(store):
    queue = open_queue(store, QueueQuery(), now_us=NOW_US)

    numbers = [queue.incident_of[card.id] for card in queue.cards]
    assert numbers == sorted(numbers)
    assert [len(queue.alike(card.id)) for card in (queue.cards[0], queue.cards[-1])] == [31, 4]
    assert {card.halt_code for card in queue.alike(queue.cards[0].id)} == {"downward_trend"}


def test_a_long_queue_says_how_much_of_it_it_is(store):
    queue = replace(
        open_queue(store, QueueQuery(), now_us=NOW_US), n_found=MOST_QUEUED + 10, faults={}
    )

    assert queue_sentence(queue, QueueQuery()).endswith("4 hard (the first of 510).")


def test_other_faults_are_named_as_such(store):
    queue = replace(open_queue(store, QueueQuery(), now_us=NOW_US), faults={"callback_timeout": 1})

    assert queue_sentence(queue, QueueQuery()).endswith("1 fault, see below.")


def test_sessions_picked_by_hand_come_in_their_order_whatever_else_is_asked(store):
    halted = ids(store, QueueQuery())[3:5]
    completed = ids(store, QueueQuery("completed", label="any"))[0]
    picked = (halted[1], completed, halted[0])
    store.annotate(halted[0], Annotation("bad", None, "ann", 1))
    query = QueueQuery(picked=picked, since="1h", order="random")

    queue = open_queue(store, query, now_us=NOW_US)

    assert tuple(card.id for card in queue.cards) == picked
    assert not query.at_random
    assert query.description() == "3 picked by hand"
    assert "1 completed" in queue_sentence(queue, query)


def test_what_was_picked_and_cannot_be_reviewed_is_counted(store):
    there = ids(store, QueueQuery())[0]
    query = QueueQuery(picked=(there, "gone"))

    queue = open_queue(store, query, now_us=NOW_US)

    assert [card.id for card in queue.cards] == [there]
    assert "1 of those picked cannot be reviewed now." in queue_sentence(queue, query)


def test_a_second_reviewer_gets_those_picked_that_others_labelled(store):
    mine, theirs, nobodys = ids(store, QueueQuery())[:3]
    store.annotate(mine, Annotation("bad", None, "ann", 1))
    store.annotate(theirs, Annotation("bad", None, "ben", 1))

    assert ids(store, QueueQuery(picked=(mine, theirs, nobodys), second="ann")) == [theirs]


def test_the_address_of_sessions_picked_holds_their_ids_and_nothing_of_a_queue():
    assert (
        QueueQuery(picked=("a b", "c&d"), second="ann").query_string(0)
        == "pick=a+b&pick=c%26d&second=true"
    )


def test_a_queue_goes_back_by_weeks_too(store):
    assert is_span("2w")
    assert len(ids(store, QueueQuery(since="2w"))) == N_HALTED
    assert ids(store, QueueQuery(since="1w")) == ids(store, QueueQuery(since="7d"))
