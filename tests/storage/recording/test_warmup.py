"""What the recorder goes through before there is anything to record."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import event

from director_ai import HaltPolicy, StreamingKernel
from director_ai.storage.engine.database import Database
from director_ai.storage.recording.live_writer import LiveWriter
from director_ai.storage.recording.recorder import Recorder
from director_ai.storage.recording.session_delta import Token
from director_ai.storage.recording.session_progress import SessionProgress
from director_ai.storage.store import Store
from tests.storage.records import record

POLICY = HaltPolicy()


def _write(writer: LiveWriter, id: str) -> None:
    """Write a session as a recorder does: begun, gone on with, ended."""
    header = record(id, tokens=(), scores=(), held=())
    progress = SessionProgress(header)
    for position in range(5):
        progress.add(Token(position, " a", 0.9, held=False, time_us=position))
        if position in (0, 2):
            writer.write([progress.delta()])
    progress.end(header, n_seen=5)
    writer.write([progress.delta()])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "s.db"
    Store(path).close()
    return path


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    with closing(Database(path)) as opened:
        yield opened


def test_the_first_recording_has_nothing_left_to_compile(database: Database) -> None:
    writer = LiveWriter(database)
    writer.warm_up()
    compiled = []
    event.listen(
        database._engine,
        "before_cursor_execute",
        lambda connection, cursor, statement, parameters, context, many: compiled.append(
            (context.cache_hit.name, statement)
        ),
    )

    _write(writer, "first")

    missed = [statement for hit, statement in compiled if hit == "CACHE_MISS"]
    assert missed == []
    assert any(statement.startswith("DELETE FROM tokens") for _, statement in compiled)


def test_it_neither_changes_the_file_nor_waits_for_who_does(path: Path, database: Database) -> None:
    with closing(Database(path)) as another:
        _write(LiveWriter(another), "before")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        before = [table.read_bytes() for table in sorted(path.parent.iterdir())]

        LiveWriter(database).warm_up()

        assert [table.read_bytes() for table in sorted(path.parent.iterdir())] == before
        other.execute("ROLLBACK")
    with database.read() as connection:
        left = connection.exec_driver_sql("SELECT name FROM temp.sqlite_master").all()
    assert left == []
    with Store(path) as store:
        assert store.ids() == ["before"]


def test_one_that_fails_keeps_no_session_from_the_store(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_: object) -> None:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(LiveWriter, "warm_up", fails)
    with Recorder(path) as recorder:
        stream = StreamingKernel().stream(["a", "b"], lambda _: 0.9)
        recorder.record(stream, POLICY, id="kept")
        for _ in stream:
            pass

    with Store(path) as store:
        assert store.get("kept").tokens == ("a", "b")
