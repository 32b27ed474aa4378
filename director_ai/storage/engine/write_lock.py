"""Taking turns at writing to one SQLite file."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from director_ai.storage.engine.private_file import open_beside


@contextmanager
def turn(database: Path) -> Iterator[None]:
    """Wait for this process's turn to write, in the order in which processes came.

    SQLite itself lets waiting writers look again now and then, and of fifty some look in vain for
    half a minute. Whoever does not take turns is still kept apart by SQLite.
    """
    try:
        file = open_beside(database, "-turn")
    except OSError:
        # Then as SQLite has it: a full disk must not keep the last sessions from their seal.
        yield
        return
    with file:
        # Not flock: a child forked while it is held would hold it too.
        fcntl.lockf(file, fcntl.LOCK_EX)
        yield
