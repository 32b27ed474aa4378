"""A store in numbers, on each kind of database."""

import pytest

from director_ai import HaltPolicy, StreamingKernel
from director_ai.core.records.record import Annotation
from director_ai.storage.recording.recorder import Recorder
from director_ai.storage.statistics import (
    count_beyond_newest,
    count_started_before,
    last_key,
    newest_after,
    store_statistics,
)
from tests.storage.records import record


def test_an_empty_store_holds_nothing(store):
    found = store_statistics(store)

    assert (found.n_sessions, found.n_tokens, found.n_labelled) == (0, 0, 0)
    assert (found.oldest_us, found.newest_us) == (None, None)
    assert last_key(store) == 0
    assert newest_after(store, 0) is None


def test_a_store_is_told_in_numbers(store):
    store.add(
        [
            record("a", started_us=10, annotations=(Annotation("bad"),)),
            record("b", started_us=20, scores=(0.5,)),
        ]
    )

    found = store_statistics(store)

    assert found.kind.split()[0] in ("SQLite", "PostgreSQL")
    assert found.n_bytes > 4096
    assert (found.n_sessions, found.n_tokens, found.n_labelled) == (2, 4, 1)
    assert (found.oldest_us, found.newest_us) == (10, 20)


def test_what_came_last_is_found_whatever_its_clock_says(store):
    store.add([record("a", started_us=2_000_000)])
    known = last_key(store)
    assert newest_after(store, known) is None

    store.add([record("b", started_us=1)])

    assert newest_after(store, known).id == "b"


def test_what_comes_after_the_newest_was_deleted_is_new(store):
    store.add([record("a"), record("b")])
    known = last_key(store)
    store.delete(["b"])

    store.add([record("c")])

    assert newest_after(store, known).id == "c"


@pytest.mark.parametrize("kept", [0, 1, 2, 3, 9])
def test_as_many_go_as_was_said(store, address, kept):
    store.add([record(name, started_us=number) for number, name in enumerate("abc")])
    with Recorder(address) as recorder:
        kernel = StreamingKernel.from_policy(HaltPolicy(halt_mode="observe"))
        stream = recorder.record(kernel.stream(iter(["x", "y"]), lambda _: 0.9), kernel.policy)
        next(stream)
        recorder.flush()

        said = count_beyond_newest(store, kept)

        assert said.n_sessions == store.keep_newest(kept)
        stream.close()


def test_as_many_go_as_was_said_to_be_old(store):
    store.add([record(name, started_us=number) for number, name in enumerate("abc")])

    assert count_started_before(store, 2) == (2, 0)
    assert store.keep_since(2) == 2
    assert count_started_before(store, 2) == (0, 0)


def test_labels_that_would_go_are_counted(store):
    store.add([record(name, started_us=number) for number, name in enumerate("abc")])
    for name in "ac":
        store.annotate(name, Annotation("unsure"))

    assert count_started_before(store, 2) == (2, 1)
    assert count_beyond_newest(store, 0) == (3, 2)
    assert count_beyond_newest(store, 1) == (2, 1)
