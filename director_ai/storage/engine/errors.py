"""Errors of a database, and of temporary files, as errors of the store."""

import errno
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from director_ai.errors import StoreError


@contextmanager
def as_store_error(name: str) -> Iterator[None]:
    """Turn an error of a database into a sentence about the store of this name.

    Raises
    ------
    StoreError
        If the block ends in an error of a database.
    """
    try:
        yield
    except SQLAlchemyError as error:
        raise StoreError(f"store {name} failed: {reason_of(error)}") from None


@contextmanager
def as_full_disk_error(path: Path) -> Iterator[None]:
    """Turn the system's error that there is no room into a sentence about the file it was for.

    Raises
    ------
    StoreError
        If the block ends in that error.
    """
    try:
        yield
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise StoreError(f"{path} cannot be written: {reason_of(error)}") from None


@contextmanager
def as_temporary_file_error() -> Iterator[None]:
    """Turn an error of a temporary file without room into a sentence that names its folder.

    Raises
    ------
    StoreError
        If the block ends in an error of SQLite, or one of the system for want of room.
    """
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        if isinstance(error, OSError) and error.errno != errno.ENOSPC:
            raise
        raise StoreError(
            f"temporary files cannot be written in {tempfile.gettempdir()} (TMPDIR names another "
            f"folder): {reason_of(error)}"
        ) from None


def reason_of(error: Exception) -> str:
    """Return the database's own message, on one line and without the statement."""
    message = str(error.orig if isinstance(error, DBAPIError) else error)
    text = " ".join(message.split()) or type(error).__name__
    return text + next((advice for part, advice in _ADVICE.items() if part in text), "")


_CANNOT_WRITE = "; it lies where nothing can be written: copy it to a folder that can be"
_ADVICE = {
    "disk is full": "; make room on its disk",
    "No space left on device": "; make room on its disk",
    "disk I/O error": "; its disk may be full or broken",
    "readonly database": _CANNOT_WRITE,
    "unable to open database file": _CANNOT_WRITE,
}
"""Advice by a part of the message, SQLite's or the system's."""
