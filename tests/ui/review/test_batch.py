"""Review batch: position, verdicts and undo."""

import csv
import io

import pytest

from director_ai.ui.review.batch import ReviewBatch, Tally, VerdictEntry, labels_csv
from director_ai.ui.review.queue import Queue, open_queue
from director_ai.ui.review.queue_query import QueueQuery
from tests.ui.review_store import night_store

NOW_US = 1_800_000_000_000_000


@pytest.fixture
def batch(tmp_path) -> ReviewBatch:
    with night_store(tmp_path / "night.db", NOW_US) as store:
        return ReviewBatch(QueueQuery(), open_queue(store, QueueQuery(), now_us=NOW_US), 100.0)


def entry(verdict="right", onset=None, note="") -> VerdictEntry:
    return VerdictEntry(verdict, onset, note, "ann", 5)


def test_a_verdict_brings_up_the_next_card(batch):
    first, second = batch.queue.cards[:2]

    batch.add_verdict([first.id], entry(), [1])

    assert batch.card == second
    assert list(batch.verdicts) == [first.id]


def test_what_was_skipped_comes_again_at_the_end(batch):
    last = len(batch.queue.cards) - 1
    batch.show(last)

    batch.add_verdict([batch.card.id], entry(), [1])

    assert batch.position == 0


def test_the_last_verdict_ends_the_visit(batch):
    for key in range(len(batch.queue.cards)):
        batch.add_verdict([batch.card.id], entry(), [key])

    assert batch.card is None
    assert batch.next_card() is None


def test_undo_returns_to_the_card_with_its_note_and_onset(batch):
    card = batch.card
    batch.notes[card.id] = "a doubt"
    batch.onsets[card.id] = 7
    batch.add_verdict([card.id], entry(), [1])
    batch.show(9)

    batch.undo()

    assert batch.card == card
    assert batch.verdicts == {}
    assert (batch.notes[card.id], batch.onsets[card.id]) == ("a doubt", 7)


def test_undo_of_a_second_thought_brings_the_first_back(batch):
    card = batch.card
    batch.add_verdict([card.id], entry("right"), [1])
    batch.show(0)
    batch.add_verdict([card.id], entry("false"), [2])

    batch.undo()

    assert batch.verdicts[card.id].verdict == "right"


def test_undo_reaches_back_behind_the_queue_before(batch):
    card, other = batch.queue.cards[:2]
    batch.add_verdict([card.id], entry("right"), [1])
    later = ReviewBatch(batch.query, Queue((other,), 1), 200.0, steps=batch.steps)
    later.add_verdict([other.id], entry("false"), [2])

    later.undo()
    assert (later.card, later.verdicts, later.message) == (other, {}, "")
    later.undo()

    assert (later.card, later.verdicts, later.steps) == (other, {}, [])
    assert later.message.startswith(f"Taken back: your verdict on {card.id}, ")


def test_a_verdict_on_similar_halts_is_one_step(batch):
    similar_cards = [card.id for card in batch.similar_cards()]
    batch.show(next(i for i, card in enumerate(batch.queue.cards) if card.group == "family-1"))
    similar_cards = [card.id for card in batch.similar_cards()]

    batch.add_verdict(similar_cards, entry("false"), range(len(similar_cards)))

    assert len(similar_cards) > 1
    assert batch.card.id not in similar_cards
    batch.undo()
    assert batch.verdicts == {}


def test_the_tally_counts_lateness_from_the_onset(batch):
    cards = batch.queue.cards
    for card, early in zip(cards[:3], (4, 14, 20), strict=True):
        batch.add_verdict([card.id], entry("late", card.halt_index - early), [1])

    assert Tally.of(batch, 160.0) == Tally({"late": 3}, 14, {}, 1.0)


def test_false_halts_are_counted_by_the_rule_that_was_alone(batch):
    for card in batch.queue.cards[:2]:
        batch.add_verdict([card.id], entry("false"), [1])

    tally = Tally.of(batch, 100.0)
    assert sum(tally.alone.values()) == 2
    assert set(tally.alone) <= {"window_avg", "downward_trend", "hard_limit"}


def test_the_file_of_labels_is_safe_in_a_spreadsheet(batch):
    card = batch.card
    batch.add_verdict([card.id], entry("late", 3, "=1+1"), [1])

    (row,) = csv.DictReader(io.StringIO(labels_csv(batch)))
    assert (row["id"], row["verdict"], row["label"], row["onset"]) == (card.id, "late", "bad", "3")
    assert row["note"] == "'=1+1"
