"""Sessions come into a store a few at a time, and all or none of them stay."""

import weakref
from collections.abc import Collection, Iterator
from pathlib import Path

import pytest
from sqlalchemy import update

from director_ai.core.records.record import SessionRecord
from director_ai.errors import DuplicateSessionError
from director_ai.storage import batch_insert, writer
from director_ai.storage.batch_insert import InsertPlan, rebatched
from director_ai.storage.engine.schema import sessions
from director_ai.storage.maintenance import examine
from director_ai.storage.store import Store
from director_ai.storage.transfer.parquet import write_parquet
from director_ai.storage.transfer.staged_records import StagedRecords
from tests.storage.records import record

OTHER = (0.1, 0.2)


class Watched(SessionRecord):
    """A session of which one can see that nobody holds it any more."""


class Source(Collection[SessionRecord]):
    """Sessions that are made as they are asked for."""

    def __init__(self, n_sessions: int) -> None:
        self.n_sessions, self.most_alive = n_sessions, 0

    def __iter__(self) -> Iterator[SessionRecord]:
        given = []
        for number in range(self.n_sessions):
            one = record(f"s{number}", scores=(0.9,))
            watched = Watched(**{name: getattr(one, name) for name in one.__dataclass_fields__})
            given.append(weakref.ref(watched))
            self.most_alive = max(self.most_alive, sum(ref() is not None for ref in given))
            yield watched

    def __len__(self) -> int:
        return self.n_sessions

    def __contains__(self, _: object) -> bool:
        return False


@pytest.mark.slow
def test_an_import_holds_no_more_than_two_batches(store: Store) -> None:
    source = Source(1_800)

    assert store.plan_insert(source) == InsertPlan(1_800, 0, ())
    assert store.add(source) == 1_800
    assert store.count() == 1_800
    assert source.most_alive < 1_010


def test_a_batch_ends_at_its_tokens_or_its_sessions() -> None:
    long = record("long", scores=(0.5,) * 40_000)
    longest = record("longest", scores=(0.5,) * 200_000)

    assert [len(batch) for batch in rebatched([[long] * 3, [long, longest, long]])] == [2, 2, 1, 1]
    assert [len(batch) for batch in rebatched([[record()] * 501])] == [500, 1]
    assert list(rebatched([[], []])) == []


def test_a_clash_in_the_last_batch_keeps_the_first_out(store: Store) -> None:
    store.add([record("there")])
    fresh = [record(f"s{number}") for number in range(600)]

    with pytest.raises(DuplicateSessionError, match="got 'there', which .* with other tokens"):
        store.add(fresh, [record("there", scores=OTHER)])

    assert store.ids() == ["there"]


def test_a_source_that_breaks_off_leaves_nothing(store: Store) -> None:
    class Broken(Source):
        def __iter__(self) -> Iterator[SessionRecord]:
            yield from super().__iter__()
            raise OSError("the file is gone")

    with pytest.raises(OSError, match="the file is gone"):
        store.add(Broken(600))

    assert store.count() == 0


def test_the_same_session_in_two_batches_is_added_once(store: Store) -> None:
    twice = [record(f"s{number}") for number in range(501)]

    assert store.plan_insert(twice, twice) == InsertPlan(501, 501, ())
    assert store.add(twice, twice) == 501


class Listed(Source):
    """Sessions whose ids are known."""

    def ids(self) -> list[str]:
        return [f"s{number}" for number in range(self.n_sessions)]


def test_of_sessions_that_are_all_new_only_the_ids_are_read(store: Store) -> None:
    fresh, there = Listed(600), Listed(2)

    assert store.plan_insert(fresh) == InsertPlan(600, 0, ())
    assert fresh.most_alive == 0
    store.add([record("s1", scores=(0.9,))])
    assert store.plan_insert(there) == InsertPlan(1, 1, ())
    assert store.plan_insert(there, Listed(2)) == InsertPlan(1, 3, ())


def test_a_staged_session_whose_id_a_file_cannot_hold_is_known_by_it(
    store: Store, tmp_path: Path
) -> None:
    hostile, path = record("a\0b", scores=(0.9,)), tmp_path / "staged.parquet"
    with path.open("wb") as file:
        write_parquet([hostile, record("\ud800", scores=(0.9,))], file)
    store.add([hostile])

    staged = StagedRecords(path, 2)

    assert [*staged.ids()] == ["a\0b", "\ud800"]
    assert store.plan_insert(staged) == InsertPlan(1, 1, ())


def test_every_clash_is_named_before_anything_is_written(store: Store) -> None:
    store.add([record("a"), record("b"), record("same"), record("coming")])
    coming = update(sessions).where(sessions.c.id == "coming").values(digest=None)
    store.transaction(lambda connection: connection.execute(coming))
    between = [record(f"s{number}") for number in range(500)]
    batches = [
        [record("a", scores=OTHER), record("same"), record("new"), *between],
        [record("b", scores=OTHER), record("new", scores=OTHER), record("coming")],
        [record("a", scores=OTHER)],
    ]

    assert store.plan_insert(*batches) == InsertPlan(501, 1, ("a", "b", "new", "coming"))
    assert store.count() == 4


class Broken(Source):
    """Sessions whose source breaks off before the last."""

    def __iter__(self) -> Iterator[SessionRecord]:
        for place, each in enumerate(super().__iter__(), start=1):
            if place == self.n_sessions:
                raise OSError("the disk is gone")
            yield each


def test_very_many_sessions_go_on_where_they_broke_off(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "ALL_OR_NONE", 6)
    monkeypatch.setattr(batch_insert, "_MOST_SESSIONS", 2)

    with pytest.raises(OSError, match="gone"):
        store.add_many(Broken(7))

    assert store.count() == 4
    assert store.add_many(Source(4), Source(7)) == 3
    assert store.count() == 7
    assert examine(store).ok


def test_no_more_than_fit_one_transaction_are_added_all_or_none(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "ALL_OR_NONE", 6)
    monkeypatch.setattr(batch_insert, "_MOST_SESSIONS", 2)

    with pytest.raises(OSError, match="gone"):
        store.add_many(Broken(6))

    assert store.count() == 0
