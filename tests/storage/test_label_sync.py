"""All labels of a store at once, on each kind of database."""

import pytest

from director_ai.core.records.record import Annotation
from director_ai.errors import UnknownSessionError
from director_ai.storage.label_sync import add_labels, labels_of, misfits, unknown_ids
from director_ai.storage.label_table import LabelRow, read_labels, write_labels
from tests.storage.records import record


def test_labels_are_added_at_once_and_the_last_one_counts(store):
    store.add([record("a"), record("b")])
    rows = [
        LabelRow("a", Annotation("good", author="Ann", at_us=1)),
        LabelRow("b", Annotation("bad", 2, author="Ann", at_us=2)),
        LabelRow("a", Annotation("bad", 1, author="Bo", at_us=3)),
    ]

    assert add_labels(store, rows) == 3

    assert labels_of(store) == rows
    assert [(row.label, row.onset) for row in map(store.summary, "ab")] == [
        ("bad", 1),
        ("bad", 2),
    ]


def test_a_table_taken_out_and_put_back_changes_nothing(store):
    store.add([record("a", annotations=(Annotation("bad", 1, "Ann", 5, "=why"),))])
    table = write_labels(labels_of(store))

    assert add_labels(store, read_labels(table)) == 0
    assert len(labels_of(store)) == 1


def test_a_label_without_a_time_is_given_now(store):
    store.add([record("a")])

    add_labels(store, [LabelRow("a", Annotation("good"))])

    assert store.get("a").annotations[0].at_us > 1_700_000_000_000_000


def test_labels_that_a_session_cannot_have_are_named(store):
    store.add([record("a"), record("cut", ended_by="operator")])
    rows = [
        LabelRow("a", Annotation("bad", 3)),
        LabelRow("cut", Annotation("bad", 3)),
        LabelRow("a", Annotation("bad", 2)),
        LabelRow("a", Annotation("bad", 2), n_tokens=4),
        LabelRow("zz", Annotation("bad")),
        LabelRow("zz", Annotation("good")),
    ]

    assert [problem.message for problem in misfits(store, rows, where="here")] == [
        "onset must be a token of 'a', 0 to 2, got 3",
        "labels must be one a token of 'a' (3), got 4",
        "no session 'zz' in here",
    ]


def test_an_unknown_session_keeps_every_label_out(store):
    store.add([record("a")])
    rows = [LabelRow("a", Annotation("good")), LabelRow("nobody", Annotation("bad"))]

    assert unknown_ids(store, (row.id for row in rows)) == ["nobody"]
    with pytest.raises(UnknownSessionError, match="no session 'nobody' to label"):
        add_labels(store, rows)
    assert labels_of(store) == []
