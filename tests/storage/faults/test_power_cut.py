"""A loss of power, simulated: what was not synced is cut short or zeroed, and the store opens.

SQLite's log only grows here, and only a durable transaction syncs it. So the states a cut can
leave are: the log up to what the last such transaction synced, then any part of the rest.
"""

import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from sqlalchemy import Connection

from director_ai.storage.engine.database import Database
from director_ai.storage.recording.live_writer import LiveWriter
from director_ai.storage.store import Store
from director_ai.storage.summary import SessionQuery
from tests.storage.recording.test_live_writer import deltas, whole

pytestmark = pytest.mark.slow

N_CUTS = 60
_BLOCK = 4096


class Moment(NamedTuple):
    """What the disk held once a transaction was over."""

    n_synced: int
    n_written: int
    sealed: tuple[str, ...]


class Traced(Database):
    """A database that notes how much of its log was synced after each transaction.

    It asks SQLite itself how it syncs, so that a seal that did not would be found out.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.log = path.with_name(f"{path.name}-wal")
        self.n_synced = self.log.stat().st_size if self.log.exists() else 0

    def transaction(self, work: Callable[[Connection], Any], *, durable: bool = False) -> Any:
        def traced(connection: Connection) -> tuple[Any, bool]:
            level = connection.exec_driver_sql("PRAGMA synchronous").scalar_one()
            return work(connection), level >= 2

        result, is_synced = super().transaction(traced, durable=durable)
        if is_synced:
            self.n_synced = self.log.stat().st_size
        return result


def test_no_cut_loses_a_sealed_session_or_the_store(tmp_path: Path) -> None:
    draw = random.Random(3)
    file = tmp_path / "s.db"
    with Store(file):
        database = Traced(file)
        database.transaction(lambda connection: None, durable=True)
        moments = list(_record(database, draw))
        base, log = file.read_bytes(), database.log.read_bytes()
        assert len(log) == moments[-1].n_written
        database.close()

    n_unsynced = 0
    for number in range(N_CUTS):
        moment = draw.choice(moments)
        left = _cut(log, moment, draw)
        n_unsynced += moment.n_written > moment.n_synced
        _check(tmp_path / f"cut{number}", base, left, moment.sealed)
    assert n_unsynced > N_CUTS / 4


def _record(database: Database, draw: random.Random) -> Any:
    """Yield the moments after each of many batches of sessions that begin, go on and end."""
    assert isinstance(database, Traced)
    writer, sealed = LiveWriter(database), []
    waiting = [deltas(whole(f"s{number}"), 1, 2) for number in range(40)]
    going: list[Any] = []
    while waiting or going:
        if waiting and len(going) < 6:
            going.append(waiting.pop())
        parts = draw.choice(going)
        delta = parts.pop(0)
        writer.write([delta])
        if not parts:
            going.remove(parts)
            sealed.append(delta.record.id)
        yield Moment(database.n_synced, database.log.stat().st_size, tuple(sealed))


def _cut(log: bytes, moment: Moment, draw: random.Random) -> bytes:
    end = draw.randint(moment.n_synced, moment.n_written)
    left = bytearray(log[:end])
    # Blocks reach a disk in any order; those that did not read as zeros.
    for start in range(moment.n_synced, end, _BLOCK):
        if draw.random() < 0.3:
            left[start : start + _BLOCK] = bytes(min(_BLOCK, end - start))
    return bytes(left)


def _check(folder: Path, base: bytes, log: bytes, sealed: tuple[str, ...]) -> None:
    folder.mkdir()
    file = folder / "s.db"
    file.write_bytes(base)
    (folder / "s.db-wal").write_bytes(log)
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    with Store(file) as store:
        there = store.ids(SessionQuery(outcomes=("halted",)))
        assert set(sealed) <= set(there)
        assert all(record == whole(record.id) for record in store.records(there))
