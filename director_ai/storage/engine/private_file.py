"""Files beside a database, for its owner alone as the database is."""

import os
import stat
from pathlib import Path
from typing import BinaryIO


def open_beside(database: Path, suffix: str) -> BinaryIO:
    """Open, or make, the file of a database's name and a suffix; nobody else may read it."""
    path = database.with_name(f"{database.name}{suffix}")
    mode = stat.S_IRUSR | stat.S_IWUSR
    return os.fdopen(os.open(path, os.O_CREAT | os.O_RDWR | os.O_APPEND, mode), "ab")
