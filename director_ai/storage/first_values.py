"""First values of texts: where ids of very many sessions were met first, at no cost of memory."""

import sqlite3
import tempfile
import weakref
from typing import Generic, TypeVar

from director_ai.storage.engine.errors import as_temporary_file_error

Value = TypeVar("Value", int, str)


class FirstValues(Generic[Value]):
    """Value that each text came with first; they lie in a temporary file once they are many.

    Raises
    ------
    StoreError
        Now or while values are met, if the folder of temporary files has no room for them.

    Examples
    --------
    >>> lines = FirstValues[int]()
    >>> lines.first("a", 1), lines.first("b", 2), lines.first("a", 3)
    (None, None, 1)
    """

    def __init__(self) -> None:
        with as_temporary_file_error(), tempfile.NamedTemporaryFile(prefix="director-ids-") as file:
            # Open by now: without its name, it goes with the connection.
            connection = sqlite3.connect(file.name, isolation_level=None, check_same_thread=False)
        weakref.finalize(self, connection.close)
        self._execute = connection.execute
        self._execute("PRAGMA journal_mode = OFF")
        # Never ended: each statement would else be written to the file by itself.
        self._execute("BEGIN")
        self._execute("CREATE TABLE met (text BLOB PRIMARY KEY, value) WITHOUT ROWID")

    def first(self, text: str, value: Value) -> Value | None:
        """Return the value that a text came with before; without one, ``None``: it has this now."""
        key = text.encode("utf-8", "surrogatepass")
        with as_temporary_file_error():
            if self._execute("INSERT OR IGNORE INTO met VALUES (?, ?)", (key, value)).rowcount:
                return None
            found = self._execute("SELECT value FROM met WHERE text = ?", (key,))
            row: tuple[Value] = found.fetchone()
            return row[0]
