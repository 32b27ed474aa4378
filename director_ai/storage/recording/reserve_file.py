"""Reserve file: room on the disk that is released when there is none left."""

import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path

SIZE = 2**20
"""Bytes: enough to seal some hundred sessions."""

_ROOM = 16 * SIZE


class ReserveFile:
    """Reserve file of one SQLite file, shared by all processes that record into it.

    Examples
    --------
    >>> reserve = ReserveFile(getfixture("tmp_path") / "sessions.db")
    >>> reserve.restore()
    >>> reserve.path.stat().st_size, reserve.release(), reserve.release()
    (1048576, True, False)
    """

    def __init__(self, database: Path) -> None:
        self.path = database.with_name(f"{database.name}.reserve")

    def restore(self) -> None:
        """Make the file if it is not there and the disk has room to spare."""
        if self.path.exists():
            return
        # Without it recording goes on all the same, wherever it may not be made.
        with suppress(OSError):
            if shutil.disk_usage(self.path.parent).free < _ROOM:
                return
            flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY
            with os.fdopen(os.open(self.path, flags, stat.S_IRUSR | stat.S_IWUSR), "wb") as file:
                # Not zeros: some file systems give them no room.
                file.write(os.urandom(SIZE))

    def release(self) -> bool:
        """Give its room back, and return whether there was any."""
        try:
            self.path.unlink()
        except OSError:
            return False
        return True
