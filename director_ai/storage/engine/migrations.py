"""Migrations of the schema, each from one version to the next."""

import json
import re
from collections.abc import Callable

from sqlalchemy import Connection, inspect, select, text, update
from sqlalchemy.schema import CreateColumn

from director_ai.storage.engine.database import Database
from director_ai.storage.engine.ownership import APPLICATION_ID, check_tables
from director_ai.storage.engine.schema import audits, metadata, sessions
from director_ai.storage.engine.tag_column import tags_text
from director_ai.storage.engine.text_type import escape, unescape
from director_ai.storage.sealing import measure_margins, seal_all

_PG_LOCK = 0x64697265
"""Any number, the same for every process that creates or migrates this schema."""


def _create(connection: Connection) -> None:
    metadata.create_all(connection)


def _number_once_and_part_tags(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        for name in ("sessions", "annotations"):
            _number_once(connection, name)
    rows = connection.exec_driver_sql("SELECT \"key\", tags FROM sessions WHERE tags <> '[]'")
    changed = [
        {"key": key, "tags": escape(tags_text(json.loads(unescape(tags))))} for key, tags in rows
    ]
    if changed:
        connection.execute(text('UPDATE sessions SET tags = :tags WHERE "key" = :key'), changed)


def _number_once(connection: Connection, name: str) -> None:
    """Make a table anew so that SQLite gives no number twice."""
    find = "SELECT sql FROM sqlite_master WHERE tbl_name = ? AND type = ? AND sql IS NOT NULL"
    (made,) = connection.exec_driver_sql(find, (name, "table")).scalars()
    if "AUTOINCREMENT" in made:
        return
    indexes = connection.exec_driver_sql(find, (name, "index")).scalars().all()
    fresh, n_named = re.subn(rf'^CREATE TABLE "?{name}"?', f"CREATE TABLE fresh_{name}", made)
    fresh, n_keyed = re.subn(
        r'"key" INTEGER NOT NULL', '"key" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT', fresh
    )
    fresh, n_freed = re.subn(r'\s*PRIMARY KEY \("key"\),', "", fresh)
    assert (n_named, n_keyed, n_freed) == (1, 1, 1), made
    for statement in (
        fresh,
        f"INSERT INTO fresh_{name} SELECT * FROM {name}",  # noqa: S608  (a name of ours)
        f"DROP TABLE {name}",
        f"ALTER TABLE fresh_{name} RENAME TO {name}",
        *indexes,
    ):
        connection.exec_driver_sql(statement)


def _add_columns(connection: Connection) -> None:
    """Add every table, column and index of today's schema that a store lacks.

    A later version that needs another one runs this again: a fresh store has it.
    """
    inspected = inspect(connection)
    present = {name: inspected.get_columns(name) for name in inspected.get_table_names()}
    _create(connection)
    for table in metadata.tables.values():
        if table.name not in present:
            continue
        names = {column["name"] for column in present[table.name]}
        for column in table.c:
            if column.name not in names:
                definition = CreateColumn(column).compile(dialect=connection.dialect)
                connection.exec_driver_sql(f"ALTER TABLE {table.name} ADD COLUMN {definition}")
        for index in table.indexes:
            index.create(connection, checkfirst=True)


def _seal_whole_sessions(connection: Connection) -> None:
    _add_columns(connection)
    seal_all(connection)


def _add_columns_and_count_by_them(connection: Connection) -> None:
    _add_columns(connection)
    if connection.dialect.name == "sqlite":
        # Its columns are those of today: one that is there already may have fewer.
        (counted,) = (each for each in sessions.indexes if each.name == "sessions_counted")
        counted.drop(connection, checkfirst=True)
        counted.create(connection)


def _add_columns_and_measure_margins(connection: Connection) -> None:
    _add_columns(connection)
    measure_margins(connection)
    # Of a session that was removed the margin is in the old unit, and cannot be measured anew.
    margin = select(sessions.c.margin).where(sessions.c.id == audits.c.id).scalar_subquery()
    connection.execute(update(audits).values(margin=margin))


MIGRATIONS: tuple[Callable[[Connection], None], ...] = (
    _create,
    _number_once_and_part_tags,
    _seal_whole_sessions,
    _add_columns_and_count_by_them,
    _add_columns_and_measure_margins,
    _add_columns,
)
"""Each turns a store of the version of its place into the next; once released, none changes."""

NEWEST = len(MIGRATIONS)


def migrate(database: Database, migrations: tuple[Callable[[Connection], None], ...]) -> int:
    """Bring a store to the newest version and return the version it has then.

    A newer store than this code knows is left as it is.
    """
    with database.read() as connection:
        version = version_of(connection)
    if version > NEWEST:
        database.read_only_reason = newer_version(version)
    if version >= len(migrations) or database.read_only:
        return version

    def work(connection: Connection) -> int:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _PG_LOCK})
        # Another process may have been here while this one waited for the lock.
        present = version_of(connection)
        if present == 0:
            check_tables(connection, database.name)
            _create(connection)
        # What is made today is as the released steps would leave it.
        for step in migrations[present or NEWEST :]:
            step(connection)
        if present < len(migrations):
            _set_version(connection, len(migrations))
        return max(present, len(migrations))

    migrated = database.restructure(work)
    # From the first log on, a mark tells whose it is.
    database.transaction(lambda _: None)
    return migrated


def newer_version(version: int) -> str:
    """Return the sentence about a store whose version this code does not know."""
    return (
        f"its schema version {version} is newer than this program knows ({NEWEST}); "
        "upgrade director-workbench to change it"
    )


def version_of(connection: Connection) -> int:
    """Return the version of a store's schema; 0 where there is none."""
    if connection.dialect.name == "sqlite":
        return int(connection.execute(text("PRAGMA user_version")).scalar_one())
    # Not to_regclass, which may not know yet of a table that was made while this waited for a lock.
    made = "SELECT 1 FROM pg_class WHERE relname = 'director_schema' AND pg_table_is_visible(oid)"
    if connection.execute(text(made)).scalar() is None:
        return 0
    return int(connection.execute(text("SELECT version FROM director_schema")).scalar_one())


def _set_version(connection: Connection, version: int) -> None:
    if connection.dialect.name == "sqlite":
        connection.execute(text(f"PRAGMA user_version = {version:d}"))
        connection.execute(text(f"PRAGMA application_id = {APPLICATION_ID:d}"))
        return
    connection.execute(text("CREATE TABLE IF NOT EXISTS director_schema (version integer)"))
    connection.execute(text("DELETE FROM director_schema"))
    connection.execute(text("INSERT INTO director_schema VALUES (:version)"), {"version": version})
