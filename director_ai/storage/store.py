"""The store: every session of an archive, in one SQLite file or one PostgreSQL database."""

from pathlib import Path
from typing import Self

from sqlalchemy.exc import DatabaseError, OperationalError

from director_ai.errors import StoreError
from director_ai.storage.certificate_attempts import Attempts
from director_ai.storage.engine.database import Database
from director_ai.storage.engine.migrations import MIGRATIONS, NEWEST, migrate
from director_ai.storage.reader import Reading
from director_ai.storage.roles import Role, ViewersDatabase
from director_ai.storage.writer import Writing


class Store(Reading, Writing, Attempts):
    """An archive of sessions, safe to share between threads and processes.

    Parameters
    ----------
    address
        A file, made if it is not there, or a URL such as ``postgresql+psycopg://host/name``.
    read_only
        Refuse every change. A store of a newer version is always opened so.
    role
        Of whoever it is opened for; a ``"viewer"`` may not change it, whatever else is asked.

    Raises
    ------
    StoreError
        If it cannot be opened. Later, a change that a viewer asks for raises
        ``NotPermittedError``.

    Examples
    --------
    >>> from director_ai.core.records.record_json import from_line
    >>> folder = getfixture("tmp_path")
    >>> with Store(folder / "sessions.db") as store:
    ...     store.add([from_line('{"id": "a", "tokens": ["Hi"], "scores": [0.9]}')])
    ...     store.get("a").scores
    1
    (0.9,)
    """

    def __init__(
        self, address: str | Path, *, read_only: bool = False, role: Role = "operator"
    ) -> None:
        if role == "operator":
            database = Database(address, read_only=read_only)
        else:
            database = ViewersDatabase(address)
        Reading.__init__(self, database)
        try:
            self.version = migrate(database, MIGRATIONS)
        except OperationalError as error:
            raise StoreError(f"store {database.name} cannot be opened: {error.orig}") from None
        except DatabaseError as error:
            raise StoreError(
                f"store must be a database, got {database.name}: {error.orig}"
            ) from None
        if self.version == 0:
            raise StoreError(f"store must hold sessions, got {database.name}, which is empty")
        if self.version > NEWEST:
            database.read_only = True

    @property
    def name(self) -> str:
        """File or URL, without a password."""
        return self._database.name

    @property
    def read_only(self) -> bool:
        """Whether every change is refused."""
        return self._database.read_only

    def close(self) -> None:
        """Give the connections back."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
