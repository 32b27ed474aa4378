"""The Data page's tables show text of others as text."""

from director_ai.core.records.record import Annotation
from director_ai.storage.label_table import LabelRow
from director_ai.storage.transfer.problem import Problem
from director_ai.ui.data.tables import (
    N_PREVIEWED,
    label_counts,
    label_preview,
    problem_table,
    session_preview,
)
from tests.storage.records import record


def test_a_preview_is_of_the_first_sessions_and_reads_no_more():
    given = iter(record(f"s{number}") for number in range(100))

    table = session_preview(given)

    assert list(table["session"]) == [f"s{number}" for number in range(N_PREVIEWED)]
    assert next(given).id == f"s{N_PREVIEWED}"


def test_a_session_without_scores_can_be_previewed():
    table = session_preview([record(scores=(), tokens=(), held=())])

    assert table.loc[0, "coherence"] == []
    assert table.loc[0, "tokens"] == 0


def test_invisible_characters_are_shown_everywhere():
    hidden = "a\u202eb"
    session = record(hidden, model=hidden, prompt=hidden, tokens=(hidden,), scores=(0.5,))
    problem = Problem(1, hidden, hidden, hidden, hidden)
    said = LabelRow(hidden, Annotation("bad", author=hidden, note=hidden))

    tables = [
        session_preview([session]),
        problem_table([problem]),
        label_preview([said]),
        label_counts([said]),
    ]

    assert not [table for table in tables if "\u202e" in table.to_csv()]


def test_a_problem_of_the_whole_file_has_no_line():
    table = problem_table([Problem(0, "it breaks off"), Problem(3, "id must be new, got 'a'")])

    assert table["line"].isna().tolist() == [True, False]


def test_labels_are_counted_by_person():
    def said(id, label, author):
        return LabelRow(id, Annotation(label, author=author))

    rows = [said("a", "bad", "Bo"), said("a", "good", ""), said("b", "bad", "Bo")]

    assert label_counts(rows).to_dict("records") == [
        {"author": "Bo", "good": 0, "bad": 2, "unsure": 0, "sessions": 2},
        {"author": "no name", "good": 1, "bad": 0, "unsure": 0, "sessions": 1},
    ]
