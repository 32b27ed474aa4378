"""Ownership of a database: whether it is a store, or another program's."""

import sqlite3
from collections.abc import Collection
from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection, inspect

from director_ai.errors import StoreError
from director_ai.storage.engine.log_mark import log_of

APPLICATION_ID = 0x44697265
"""Stands in the header of an SQLite store from version 3 on: "Dire"."""

_TABLES = {"sessions", "bodies", "tokens", "annotations"}
_MOST_NAMED = 5


def check_file(path: Path) -> None:
    """Check, before it is opened to write, that an SQLite file is a store or empty.

    Raises
    ------
    StoreError
        If it is another program's; not a byte of it has changed.
    """
    log = log_of(path)
    # Where there is a log, the tables may stand in it alone; else no file beside it is made.
    mode = "" if log.exists() and log.stat().st_size else "&immutable=1"
    try:
        uri = f"{path.absolute().as_uri()}?mode=ro{mode}"
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            (number,) = connection.execute("PRAGMA application_id").fetchone()
            made = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            tables = [name for (name,) in made if not name.startswith("sqlite_")]
    except sqlite3.Error:
        # Whatever is wrong with it is told where it is opened.
        return
    if number != APPLICATION_ID and (number != 0 or not _may_be_store(tables)):
        raise _refusal(str(path), tables)


def check_tables(connection: Connection, name: str) -> None:
    """Check that a database without a version has none of a store's tables.

    Raises
    ------
    StoreError
        If it has, as they are another program's.
    """
    tables = set(inspect(connection).get_table_names())
    foreign = tables if connection.dialect.name == "sqlite" else tables & _TABLES
    if foreign:
        raise _refusal(name, sorted(foreign))


def _may_be_store(tables: Collection[str]) -> bool:
    return not tables or set(tables) >= _TABLES


def _refusal(name: str, tables: Collection[str]) -> StoreError:
    named = ", ".join(list(tables)[:_MOST_NAMED]) or "none"
    more = ", …" if len(tables) > _MOST_NAMED else ""
    return StoreError(
        f"store must be one of Director's, or a new file, got {name}, which is another program's "
        f"(its tables: {named}{more}); nothing of it was changed"
    )
