"""Labels as a table: nothing is lost on the way, and nothing half right gets in."""

import csv
import gzip
import io

import pyarrow as pa
import pyarrow.parquet as pq
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
    read_label_table,
    read_labels,
    write_labels,
)
from director_ai.storage.transfer.label_parsing import LabelCoding
from director_ai.storage.transfer.sandbox import read_labels_safely

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


def parquet(columns):
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    return file.getvalue()


def read(table):
    return read_label_table(table).rows


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
        (3, "label must be good, bad, unsure, 0 or 1, got 'wrong'"),
        (4, "id must be a session's, got ''"),
        (5, "onset must be a token, 0 or later, got -1"),
        (6, "onset must be a whole number, got 1.5"),
        (7, "at must be an ISO 8601 time, got 'yesterday'"),
        (8, "cells must be one a column (4), got 2"),
        (9, "line 9 must be new, got line 2 again"),
    ]


def test_a_line_is_named_where_it_starts_after_a_note_of_two_lines():
    with pytest.raises(InvalidLabelsError, match="^line 4: label must be"):
        read_labels('id,label,note\na,bad,"one\ntwo"\nb,wrong,"three\nfour"\n')


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("", "a column must be named id, got no row"),
        ("id,onset\na,1\n", "a column must be named label, got columns id, onset"),
        ("case,label\na,1\n", "a column must be named id, got columns case, label"),
        ("id,label,id\na,bad,x\n", "columns must have different names, got 'id' twice"),
        ('id,label\na,"bad\n', "line 2 must be CSV, got unexpected end of data"),
        ("id,label\na,1\na,0\n", "line 3: label must be one a session, got good after bad of"),
        ("id,label,at\na,bad,31.12.2024\n", "line 2: at must be an ISO 8601 time, got '31.12"),
    ],
)
def test_a_table_that_is_none_is_refused(table, said):
    with pytest.raises(InvalidLabelsError) as caught:
        read_labels(table)

    assert str(caught.value).startswith(said)


@pytest.mark.parametrize(
    ("table", "annotation"),
    [
        ("id,label,onset\na,,3\n", Annotation("bad", 3)),
        ("id,step,label\na,2,1\na,1,0\n", Annotation("bad", 1)),
        ("id,label,author\na,1,Ann\n", Annotation("bad", author="Ann")),
    ],
)
def test_a_label_is_read_as_an_import_reads_it(table, annotation):
    assert [row.annotation for row in read_labels(table)] == [annotation]


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


@pytest.mark.parametrize(
    ("table", "labels"),
    [
        ("id,label\na,1\nb,0\n", ["bad", "good"]),
        ("id,label\na,1.0\nb,0.0\n", ["bad", "good"]),
        ("id;label\na;1,0\nb;0,0\n", ["bad", "good"]),
        ("session_id\tis_correct\na\tTrue\nb\tFalse\n", ["good", "bad"]),
        ("id,label\na,hallucinated\nb,supported\n", ["bad", "good"]),
    ],
)
def test_labels_are_read_as_an_import_reads_them(table, labels):
    assert [row.annotation.label for row in read_labels(table)] == labels


def test_another_column_is_read_once_its_direction_is_given():
    table = "id,label,human_ok,rater\na,bad,1,x\nb,bad,0,y\nc,bad,,z\n"

    with pytest.raises(InvalidLabelsError, match="human_ok must say whether 1 is good or bad"):
        read_label_table(table.encode(), column="human_ok")
    table = read_label_table(table.encode(), column="human_ok", coding=LabelCoding("good"))

    assert [(row.id, row.annotation.label) for row in table.rows] == [("a", "good"), ("b", "bad")]
    assert table.notes == [
        "human_ok: '0' is bad, '1' is good",
        "columns not used: label, rater",
        "1 row without a label passed over",
    ]


def test_a_column_that_is_not_there_is_named_with_those_that_are():
    with pytest.raises(InvalidLabelsError, match="must be named verdict, got columns id, label"):
        read_label_table(b"id,label\na,bad\n", column="verdict")


WRITTEN = {
    "semicolons": b"id;label;onset\na;1;\nb;0,0;\nc;bad;2\n",
    "tabs": b"id\tlabel\tonset\na\t1\t\nb\t0\t\nc\tbad\t2\n",
    "utf-16": "id,label,onset\na,1,\nb,0,\nc,bad,2\n".encode("utf-16"),
    "gzip": gzip.compress(b"id,label,onset\na,1,\nb,0,\nc,bad,2\n"),
    "jsonl": (
        b'{"id":"a","label":1}\n{"id":"b","label":false}\n{"id":"c","label":"bad","onset":2}\n'
    ),
    "json": b'[{"id":"a","label":"1"},{"id":"b","label":0.0},{"id":"c","label":"BAD","onset":2}]',
    "parquet": parquet({"id": ["a", "b", "c"], "label": [1.0, 0.0, 1.0], "onset": [None, None, 2]}),
    "token rows": (
        b"session_id,token_index,token,label\n"
        b"b,0,x,0\na,0,x,1\nc,2,z,1\nb,1,y,0\nc,0,x,0\nc,1,y,0\na,1,y,\n"
    ),
    "lists": (
        b'{"id":"a","labels":[1,null]}\n{"id":"b","labels":[0,0]}\n{"id":"c","labels":[0,0,1]}\n'
    ),
}


@pytest.mark.parametrize("kind", WRITTEN)
def test_labels_come_in_whatever_an_import_takes(kind):
    rows = {row.id: (row.annotation.label, row.annotation.onset) for row in read(WRITTEN[kind])}

    assert rows == {"a": ("bad", None), "b": ("good", None), "c": ("bad", 2)}


@pytest.mark.slow
def test_a_child_process_reads_labels_alike_and_names_the_same_rows():
    bad = parquet({"id": ["a", "b"], "label": ["good", "great"]})

    assert read_labels_safely(WRITTEN["lists"]).rows == read(WRITTEN["lists"])
    with pytest.raises(InvalidLabelsError, match="^line 2: label must be good, bad, unsure"):
        read_labels_safely(bad, coding=LabelCoding("good"))
    with pytest.raises(InvalidLabelsError, match="^the file must be whole Parquet"):
        read_labels_safely(bad[:-20])


def test_an_id_that_is_no_number_is_none():
    with pytest.raises(InvalidLabelsError, match="line 2: id must be a session's, got nan"):
        read_label_table(b'{"id": 7.0, "label": 1}\n{"id": NaN, "label": 1}\n')


def test_a_number_of_rows_is_no_mistake_and_is_said():
    table = read_label_table(b",id,label,mood\n0,a,bad,x\n")

    assert table.notes == ["columns not used: (no name), mood"]
