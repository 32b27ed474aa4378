"""What a visit remembers: places, verdicts and how to take them back."""

import csv
import io

import pytest

from director_ai.ui.review.batch import Given, Tally, Visit, labels_csv
from director_ai.ui.review.queue import Queue, open_queue
from director_ai.ui.review.queue_query import Wanted
from tests.ui.review_store import night_store

NOW_US = 1_800_000_000_000_000


@pytest.fixture
def visit(tmp_path) -> Visit:
    with night_store(tmp_path / "night.db", NOW_US) as store:
        return Visit(Wanted(), open_queue(store, Wanted(), now_us=NOW_US), 100.0)


def given(verdict="right", onset=None, note="") -> Given:
    return Given(verdict, onset, note, "ann", 5)


def test_a_verdict_brings_up_the_next_card(visit):
    first, second = visit.queue.cards[:2]

    visit.give([first.id], given(), [1])

    assert visit.card == second
    assert list(visit.given) == [first.id]


def test_what_was_skipped_comes_again_at_the_end(visit):
    last = len(visit.queue.cards) - 1
    visit.go(last)

    visit.give([visit.card.id], given(), [1])

    assert visit.position == 0


def test_the_last_verdict_ends_the_visit(visit):
    for key in range(len(visit.queue.cards)):
        visit.give([visit.card.id], given(), [key])

    assert visit.card is None
    assert visit.upcoming() is None


def test_undo_returns_to_the_card_with_its_note_and_onset(visit):
    card = visit.card
    visit.notes[card.id] = "a doubt"
    visit.onsets[card.id] = 7
    visit.give([card.id], given(), [1])
    visit.go(9)

    visit.undo()

    assert visit.card == card
    assert visit.given == {}
    assert (visit.notes[card.id], visit.onsets[card.id]) == ("a doubt", 7)


def test_undo_of_a_second_thought_brings_the_first_back(visit):
    card = visit.card
    visit.give([card.id], given("right"), [1])
    visit.go(0)
    visit.give([card.id], given("false"), [2])

    visit.undo()

    assert visit.given[card.id].verdict == "right"


def test_undo_reaches_back_behind_the_queue_before(visit):
    card, other = visit.queue.cards[:2]
    visit.give([card.id], given("right"), [1])
    later = Visit(visit.wanted, Queue((other,), 1), 200.0, steps=visit.steps)
    later.give([other.id], given("false"), [2])

    later.undo()
    assert (later.card, later.given, later.problem) == (other, {}, "")
    later.undo()

    assert (later.card, later.given, later.steps) == (other, {}, [])
    assert later.problem.startswith(f"Taken back: what you said of {card.id}, ")


def test_a_verdict_on_similar_halts_is_one_step(visit):
    alike = [card.id for card in visit.alike()]
    visit.go(next(i for i, card in enumerate(visit.queue.cards) if card.group == "family-1"))
    alike = [card.id for card in visit.alike()]

    visit.give(alike, given("false"), range(len(alike)))

    assert len(alike) > 1
    assert visit.card.id not in alike
    visit.undo()
    assert visit.given == {}


def test_the_tally_counts_lateness_from_the_onset(visit):
    cards = visit.queue.cards
    for card, early in zip(cards[:3], (4, 14, 20), strict=True):
        visit.give([card.id], given("late", card.halt_index - early), [1])

    assert Tally.of(visit, 160.0) == Tally({"late": 3}, 14, {}, 1.0)


def test_false_halts_are_counted_by_the_rule_that_was_alone(visit):
    for card in visit.queue.cards[:2]:
        visit.give([card.id], given("false"), [1])

    tally = Tally.of(visit, 100.0)
    assert sum(tally.alone.values()) == 2
    assert set(tally.alone) <= {"window_avg", "downward_trend", "hard_limit"}


def test_the_file_of_labels_is_safe_in_a_spreadsheet(visit):
    card = visit.card
    visit.give([card.id], given("late", 3, "=1+1"), [1])

    (row,) = csv.DictReader(io.StringIO(labels_csv(visit)))
    assert (row["id"], row["verdict"], row["label"], row["onset"]) == (card.id, "late", "bad", "3")
    assert row["note"] == "'=1+1"
