"""Checkpoint of SQLite's write-ahead log, by one process at a time."""

import fcntl
import sqlite3
from contextlib import closing
from pathlib import Path

from director_ai.storage.engine.private_file import open_beside

LARGEST_LOG_BYTES = 16 * 2**20
_BUSY_MS = 200


def checkpoint(path: Path, *, largest: int = LARGEST_LOG_BYTES) -> None:
    """Empty the write-ahead log of a database once it is larger than ``largest`` bytes.

    Whoever holds the lock does it, the others go on: checkpoints of several connections at once
    can lose committed frames up to SQLite 3.51.2.
    """
    try:
        if path.with_name(f"{path.name}-wal").stat().st_size <= largest:
            return
    except OSError:
        return
    with open_beside(path, "-lock") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            # Soon again if readers are in the way; a writer must not wait for them here.
            connection.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
