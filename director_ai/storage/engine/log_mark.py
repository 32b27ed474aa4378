"""Mark of a write-ahead log: a chain of tokens that ties the log to its database file.

Each log begins with a transaction that moves the store's token on, and names the one before. The
file beside it holds a token of that chain, or the one before its first, as long as the two belong
together. A backup copied over a store whose log is still there holds another; SQLite itself would
replay the log over it.
"""

import re
import secrets
import sqlite3
import time
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

from director_ai.errors import StoreError

LOG_MARK = "log"
"""Name of the mark in ``settings``."""

_NONE = "0" * 16
_MARK = re.compile(rb"director-log:([0-9a-f]{16}):([0-9a-f]{16})")
_CHUNK_BYTES = 2**20
_MARK_BYTES = 64
_TRIES = 5
_WAIT_S = 0.05


def log_of(path: Path) -> Path:
    """Return the write-ahead log of a database file."""
    return path.with_name(f"{path.name}-wal")


def move_mark(connection: sqlite3.Connection) -> None:
    """Move the token of a store on, in a transaction of its own.

    Raises
    ------
    sqlite3.Error
        If it cannot be written; nothing is changed then.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        found = connection.execute(_VALUE, (LOG_MARK,)).fetchone()
        previous = _NONE if found is None else found[0].rpartition(":")[2]
        mark = f"director-log:{previous}:{secrets.token_hex(8)}"
        connection.execute(
            "INSERT INTO settings (name, value) VALUES (?, ?) "
            "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (LOG_MARK, mark),
        )
        connection.execute("COMMIT")
    except sqlite3.Error:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise


def check_log(path: Path) -> None:
    """Check that a database file and the log beside it belong together.

    A log without a mark, as version 0.1 and other programs write it, is taken as it is.

    Raises
    ------
    StoreError
        If they do not, naming the command that puts a backup back.
    """
    for _ in range(_TRIES):
        before = _state(path)
        if _belongs(path):
            return
        # Another process may have emptied the log in between.
        if _state(path) == before:
            break
        time.sleep(_WAIT_S)
    else:
        return
    raise StoreError(
        f"store {path} and its log {log_of(path).name} must belong together, and do not: the file "
        f"was replaced while the log was there; put a backup back with director-ai restore BACKUP "
        f"--store {path}, which sets the log aside, or put back the file that the log belongs to"
    )


def set_foreign_log_aside(path: Path) -> None:
    """Give the log beside a file that it does not belong to another name, and keep it."""
    try:
        check_log(path)
    except StoreError:
        aside = path.with_name(f"{path.name}.replaced-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}")
        with suppress(OSError):
            path.with_name(f"{path.name}-shm").unlink(missing_ok=True)
            log_of(path).rename(log_of(aside))


_VALUE = "SELECT value FROM settings WHERE name = ?"


def _belongs(path: Path) -> bool:
    log = log_of(path)
    try:
        if not log.stat().st_size:
            return True
        own = _token_of_file(path).encode()
        is_marked = False
        with log.open("rb") as file:
            rest = b""
            while chunk := file.read(_CHUNK_BYTES):
                for previous, token in _MARK.findall(rest + chunk):
                    if own in (previous, token):
                        return True
                    is_marked = True
                rest = chunk[-_MARK_BYTES:]
    except (OSError, sqlite3.Error):
        # Whatever is wrong with either is told where it is opened.
        return True
    return not is_marked


def _token_of_file(path: Path) -> str:
    # Immutable: the file alone, without its log, and no lock of ours is touched.
    uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
    with closing(sqlite3.connect(uri, uri=True)) as connection:
        try:
            found = connection.execute(_VALUE, (LOG_MARK,)).fetchone()
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):
                return _NONE
            raise
    return _NONE if found is None else str(found[0]).rpartition(":")[2]


def _state(path: Path) -> tuple[tuple[int, int, int], ...]:
    states = []
    for file in (path, log_of(path)):
        try:
            found = file.stat()
        except OSError:
            continue
        states.append((found.st_ino, found.st_size, found.st_mtime_ns))
    return tuple(states)
