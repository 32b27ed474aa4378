"""Lock that orders the writers of one SQLite file by arrival."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from director_ai.storage.engine.private_file import open_beside


@contextmanager
def write_lock(database: Path) -> Iterator[None]:
    """Hold the right to write; processes get it in the order in which they came.

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
