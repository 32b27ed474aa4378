"""Labels kept from one look to the next are those that the store has."""

import pytest

from director_ai.core.records.record import Annotation
from director_ai.storage import writer
from director_ai.storage.label_ledger import LabelLedger
from director_ai.storage.summary import JUDGED
from tests.storage.records import record

CHANGES = {
    "nothing": lambda store: None,
    "a label": lambda store: store.annotate("b", Annotation("bad", 1)),
    "another label": lambda store: store.annotate("a", Annotation("good")),
    "a withdrawn label": lambda store: store.withdraw([store.annotations("a")[0].key]),
    "tags": lambda store: store.retag("c", ["x", "\ud800"]),
    "the last session": lambda store: store.add([record("e", started_us=9_000_000)]),
    "sessions between": lambda store: store.add(
        [record("e", started_us=2_000_000), record("d2", started_us=4_000_000)]
    ),
    "one less": lambda store: store.delete(["b"]),
    "one less and one more": lambda store: (store.delete(["b"]), store.add([record("b")])),
    "a fault, which is not judged": lambda store: store.add([record("f", ended_by="fault")]),
}


@pytest.fixture
def filled(store):
    store.add([record(name, started_us=place * 1_000_000) for place, name in enumerate("abcd", 1)])
    store.annotate("a", Annotation("bad", 2))
    return store


@pytest.mark.parametrize("change", CHANGES)
def test_a_look_after_a_change_sees_what_a_first_look_sees(filled, change):
    ledger = LabelLedger(filled, JUDGED)
    ledger.look()

    CHANGES[change](filled)

    assert list(map(list, ledger.look())) == list(map(list, filled.labels(JUDGED)))


def test_a_clock_set_back_hides_no_label(filled, monkeypatch):
    ledger = LabelLedger(filled, JUDGED)
    ledger.look()

    monkeypatch.setattr(writer, "now_us", lambda: 5)
    filled.annotate("d", Annotation("good"))

    assert list(ledger.look().labels) == ["bad", None, None, "good"]


def test_only_what_changed_is_read_again(filled, monkeypatch):
    ledger = LabelLedger(filled, JUDGED)
    filled.annotate("b", Annotation("good"))
    ledger.look()
    filled.annotate("b", Annotation("bad"))
    read, labels = [], filled.labels

    def watched(query, **how):
        read.append(labels(query, **how))
        return read[-1]

    monkeypatch.setattr(filled, "labels", watched)
    ledger.look()

    assert [list(each.keys) for each in read] == [[2]]
