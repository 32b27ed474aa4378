"""Labels as a table: nothing is lost on the way, and nothing half right gets in."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from director_ai.core.records.record import Annotation
from director_ai.errors import ImportRefusedError
from director_ai.storage import label_table
from director_ai.storage.label_table import (
    InvalidLabelsError,
    LabelRow,
    agreement,
    read_labels,
    write_labels,
)

TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)
ROWS = st.builds(
    LabelRow,
    TEXTS.filter(bool),
    st.builds(
        Annotation,
        st.sampled_from(["good", "bad", "unsure"]),
        st.none() | st.integers(0, 10**6),
        author=TEXTS,
        at_us=st.integers(0, 4 * 10**15),
        note=TEXTS,
    ),
)


@given(st.lists(ROWS, unique=True, max_size=5))
def test_what_is_written_reads_back_as_it_was(rows):
    assert read_labels(write_labels(rows)) == rows


def test_a_table_of_two_columns_is_enough():
    rows = read_labels("\ufeffLabel, ID\r\nGood,a\r\n\r\n bad ,b\r\n")

    assert rows == [LabelRow("a", Annotation("good")), LabelRow("b", Annotation("bad"))]


def test_every_bad_line_is_named_and_no_label_comes_of_it():
    table = (
        "id,label,onset,at\n"
        "a,good,,\n"
        "b,wrong,,\n"
        ",bad,,\n"
        'd,bad,"-1",\n'
        "e,bad,1.5,\n"
        "f,bad,,yesterday\n"
        "g,bad\n"
        "a,good,,\n"
    )

    with pytest.raises(InvalidLabelsError) as caught:
        read_labels(table)

    assert [(problem.line, problem.message) for problem in caught.value.problems] == [
        (3, "label must be one of good, bad, unsure, got 'wrong'"),
        (4, "id must be a session's, got ''"),
        (5, "onset must be a token, 0 or later, got -1"),
        (6, "onset must be a whole number, got 1.5"),
        (7, "at must be an ISO 8601 time, got 'yesterday'"),
        (8, "cells must be 4, one a column, got 2"),
        (9, "line 9 must be new, got line 2 again"),
    ]


def test_a_line_is_named_where_it_starts_after_a_note_of_two_lines():
    with pytest.raises(InvalidLabelsError, match="^line 4: label must be"):
        read_labels('id,label,note\na,bad,"one\ntwo"\nb,wrong,"three\nfour"\n')


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("", "line 1: the first line must be id,label,onset,note,author,at, got none"),
        ("id,onset\na,1\n", "line 1: the first line must name label, got 'id, onset'"),
        ("id,label,mood\na,bad,x\n", "line 1: a column must be one of id, label, onset, note"),
        ("id,label,id\na,bad,x\n", "line 1: a column must be one of"),
        ('id,label\na,"bad\n', "line 2: the table must be valid CSV"),
    ],
)
def test_a_table_that_is_none_is_refused(table, said):
    with pytest.raises(InvalidLabelsError) as caught:
        read_labels(table)

    assert str(caught.value).startswith(said)


def test_more_bad_lines_than_can_be_named_are_counted(monkeypatch):
    monkeypatch.setattr(label_table, "MAX_NAMED", 2)

    with pytest.raises(InvalidLabelsError, match="and 3 more$") as caught:
        read_labels("id,label\n" + "a,x\n" * 5)
    assert (len(caught.value.problems), caught.value.n_problems) == (2, 5)


def test_a_table_too_large_is_refused(monkeypatch):
    monkeypatch.setattr(label_table, "MAX_BYTES", 10)

    with pytest.raises(ImportRefusedError, match="must be at most 10 bytes, got 15"):
        read_labels("id,label\na,good")


def test_no_cell_is_a_formula_to_a_spreadsheet():
    said = Annotation("bad", author="@SUM(A1)", note="=cmd|'/c calc'!A1")

    cells = list(csv.reader(io.StringIO(write_labels([LabelRow("-1", said)]))))[1]

    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]


def test_agreement_counts_each_persons_last_word_and_nobodys_not():
    def said(id, label, author):
        return LabelRow(id, Annotation(label, author=author))

    rows = [
        said("a", "good", "Ann"),
        said("a", "bad", "Bo"),
        said("b", "bad", "Ann"),
        said("b", "bad", ""),
        said("c", "good", "Ann"),
        said("c", "bad", "Bo"),
        said("c", "good", "Bo"),
    ]

    assert agreement(rows) == (2, 1)
