"""Stores of every released version open in today's code."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, inspect, text

from director_ai.core.records.record import Annotation
from director_ai.errors import StoreError
from director_ai.sources.jsonl_file import read_file
from director_ai.storage.engine.database import Database
from director_ai.storage.engine.migrations import (
    MIGRATIONS,
    NEWEST,
    _set_version,
    migrate,
    version_of,
)
from director_ai.storage.engine.schema import metadata
from director_ai.storage.maintenance import examine
from director_ai.storage.store import Store
from director_ai.storage.summary import SessionQuery
from tests.storage.records import record

GOLDEN = Path(__file__).parents[1] / "golden"


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


@pytest.fixture
def first(tmp_path: Path) -> Path:
    """Return a store of the first version."""
    path = tmp_path / "old.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((GOLDEN / "version_1.sql").read_text(encoding="utf-8"))
    return path


def test_a_store_of_the_first_version_gives_no_number_twice_from_now_on(first: Path) -> None:
    with Store(first) as store:
        names = store.ids()
        newest = max(names, key=lambda name: store.summary(name).key)
        number = store.annotate(newest, Annotation("good", author="Ann"))
        key = store.summary(newest).key
        store.delete([newest])
        store.add([record("later")])

        assert store.summary("later").key == key + 1
        assert store.annotate("later", Annotation("bad", author="Bo")) == number + 1


def test_a_store_made_anew_keeps_what_belongs_together(first: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(first)) as connection:
        connection.execute("INSERT INTO tokens VALUES (1, 0, 'x', 0.5, 0, 1)")
        connection.commit()
    Store(first).close()
    Store(tmp_path / "new.db").close()

    made = "SELECT type, name, sql FROM sqlite_master ORDER BY name"
    with (
        closing(sqlite3.connect(first)) as old,
        closing(sqlite3.connect(tmp_path / "new.db")) as new,
    ):
        assert old.execute("PRAGMA foreign_key_check").fetchall() == []
        assert old.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert old.execute("SELECT count(*) FROM tokens").fetchone() == (1,)
        both = [
            {name: without_space(sql) for _, name, sql in db.execute(made)} for db in (old, new)
        ]
        assert both[0] == both[1]
    with Store(first) as store:
        store.delete(store.ids())
        with store.read() as connection:
            for table in ("tokens", "bodies", "annotations"):
                n_left = connection.execute(text(f"SELECT count(*) FROM {table}")).scalar()
                assert n_left == 0


def test_closest_calls_of_the_fourth_version_are_measured_anew_where_a_row_is_sound(
    tmp_path: Path,
) -> None:
    path = tmp_path / "old.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((GOLDEN / "version_4.sql").read_text(encoding="utf-8"))
        old = connection.execute("SELECT id, margin FROM sessions WHERE seal NOTNULL").fetchall()
        *sound, damaged = sorted(old)
        connection.execute("UPDATE sessions SET model = 'other' WHERE id = ?", damaged[:1])
        audited = "INSERT INTO audits (id, sealed_us, day, deployment, plan, kind, halted, drawn,"
        audited += " draw, cut, mechanism, model, family, margin, n_warned) VALUES"
        audited += " (?, 1, 1, 1, 1, 'counted', 0, 0, 0.5, 0, '', '', '', 0.9, 0)"
        connection.executemany(audited, [sound[0][:1], ("removed",)])
        connection.commit()

    with Store(path) as store:
        health = examine(store)

    with closing(sqlite3.connect(path)) as connection:
        measured = dict(connection.execute("SELECT id, margin FROM sessions").fetchall())
        audits = dict(connection.execute("SELECT id, margin FROM audits").fetchall())
    assert measured[damaged[0]] == damaged[1]
    assert [name for name, margin in sound if measured[name] != margin] == [sound[0][0]]
    assert [damage.id for damage in health.damaged] == [damaged[0]]
    assert audits == {sound[0][0]: measured[sound[0][0]], "removed": None}


def without_space(sql: str | None) -> str:
    words = "" if sql is None else "".join(sql.split()).replace('"', "")
    # Where the key says that it is one makes no difference.
    return words.replace(",PRIMARYKEY(key)", "")


def test_tags_of_the_first_version_are_found(address: str | Path) -> None:
    with Store(address) as store:
        store.add([record("a", tags=("é", 'x"y')), record("b")])
    database = Database(address)
    old = {"tags": '["é", "x\\"y"]'}

    def go_back(connection: Connection) -> None:
        connection.execute(text("UPDATE sessions SET tags = :tags WHERE id = 'a'"), old)
        _set_version(connection, 1)

    database.transaction(go_back)
    database.close()

    with Store(address) as store:
        assert store.get("a").tags == ("é", 'x"y')
        assert store.ids(SessionQuery(tags=('x"y',))) == ["a"]


def test_the_tables_are_those_of_the_code(address: str | Path) -> None:
    Store(address).close()
    database = Database(address)

    with database.read() as connection:
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

    with database.read() as connection:
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
