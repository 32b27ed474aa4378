"""The versions of the schema, and how a store gets from one to the next."""

from collections.abc import Callable

from sqlalchemy import Connection, text

from director_ai.storage.database import Database
from director_ai.storage.schema import metadata

_PG_LOCK = 0x64697265
"""Any number, the same for every process that creates or migrates this schema."""


def _create(connection: Connection) -> None:
    metadata.create_all(connection)


MIGRATIONS: tuple[Callable[[Connection], None], ...] = (_create,)
"""Each turns a store of the version of its place into the next; once released, none changes."""

NEWEST = len(MIGRATIONS)


def migrate(database: Database, migrations: tuple[Callable[[Connection], None], ...]) -> int:
    """Bring a store to the newest version and return the version it has then.

    A newer store than this code knows is left as it is.
    """
    with database.reading() as connection:
        version = version_of(connection)
    if version >= len(migrations) or database.read_only:
        return version

    def work(connection: Connection) -> int:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _PG_LOCK})
        # Another process may have been here while this one waited for the lock.
        present = version_of(connection)
        for step in migrations[present:]:
            step(connection)
        if present < len(migrations):
            _set_version(connection, len(migrations))
        return max(present, len(migrations))

    return database.write(work, durable=True)


def version_of(connection: Connection) -> int:
    """Return the version of a store's schema; 0 where there is none."""
    if connection.dialect.name == "sqlite":
        return int(connection.execute(text("PRAGMA user_version")).scalar_one())
    if connection.execute(text("SELECT to_regclass('director_schema')")).scalar() is None:
        return 0
    return int(connection.execute(text("SELECT version FROM director_schema")).scalar_one())


def _set_version(connection: Connection, version: int) -> None:
    if connection.dialect.name == "sqlite":
        connection.execute(text(f"PRAGMA user_version = {version:d}"))
        return
    connection.execute(text("CREATE TABLE IF NOT EXISTS director_schema (version integer)"))
    connection.execute(text("DELETE FROM director_schema"))
    connection.execute(text("INSERT INTO director_schema VALUES (:version)"), {"version": version})
