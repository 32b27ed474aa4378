"""Stores of every released version open in today's code."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, inspect, text

from director_ai.errors import StoreError
from director_ai.sources.recorded import read_file
from director_ai.storage.database import Database
from director_ai.storage.migrations import MIGRATIONS, NEWEST, migrate, version_of
from director_ai.storage.schema import metadata
from director_ai.storage.store import Store
from tests.storage.records import record

GOLDEN = Path(__file__).parent / "golden"


def test_there_is_a_golden_store_of_every_version() -> None:
    versions = sorted(int(path.stem.removeprefix("version_")) for path in GOLDEN.glob("*.sql"))

    assert versions == list(range(1, NEWEST + 1))


@pytest.mark.parametrize("golden", sorted(GOLDEN.glob("*.sql")), ids=lambda path: path.stem)
def test_a_store_of_every_version_opens_with_all_its_sessions(golden: Path, tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(golden.read_text(encoding="utf-8"))
    expected = read_file(golden.with_suffix(".jsonl"))

    with Store(path) as store:
        assert store.version == NEWEST
        assert [store.get(kept.id) for kept in expected] == expected
        store.add([record("new")])
        assert store.count() == len(expected) + 1


def test_the_tables_are_those_of_the_code(address: str | Path) -> None:
    Store(address).close()
    database = Database(address)

    with database.reading() as connection:
        tables = set(inspect(connection).get_table_names())
        columns = {
            name: {column["name"] for column in inspect(connection).get_columns(name)}
            for name in metadata.tables
        }
    database.close()

    assert set(metadata.tables) <= tables
    assert columns == {name: set(table.c.keys()) for name, table in metadata.tables.items()}


def test_a_migration_that_fails_leaves_the_store_as_it_was(address: str | Path) -> None:
    with Store(address) as store:
        store.add([record("a")])
    database = Database(address)

    def add_then_fail(connection: Connection) -> None:
        connection.execute(text("ALTER TABLE sessions ADD COLUMN mood text"))
        raise ValueError("half way")

    with pytest.raises(ValueError, match="half way"):
        migrate(database, (*MIGRATIONS, add_then_fail))

    with database.reading() as connection:
        assert version_of(connection) == NEWEST
        assert "mood" not in {c["name"] for c in inspect(connection).get_columns("sessions")}
    database.close()
    with Store(address) as store:
        assert store.get("a") == record("a")


def test_the_next_migration_is_run_once(address: str | Path) -> None:
    Store(address).close()
    ran: list[int] = []

    def count(connection: Connection) -> None:
        ran.append(version_of(connection))

    for _ in range(2):
        database = Database(address)
        assert migrate(database, (*MIGRATIONS, count)) == NEWEST + 1
        database.close()

    assert ran == [NEWEST]


def test_an_empty_file_is_no_store_to_read(tmp_path: Path) -> None:
    path = tmp_path / "empty.db"
    path.touch()

    with pytest.raises(StoreError, match="store must hold sessions"):
        Store(path, read_only=True)
