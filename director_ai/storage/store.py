"""Store: an archive of sessions in one SQLite file or one PostgreSQL database."""

from collections.abc import Callable
from pathlib import Path
from typing import Self, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DatabaseError, OperationalError

from director_ai.errors import StoreError
from director_ai.storage.certificate_attempts import CertificateAttempts
from director_ai.storage.engine.database import Database
from director_ai.storage.engine.errors import reason_of
from director_ai.storage.engine.migrations import MIGRATIONS, NEWEST, migrate
from director_ai.storage.reader import StoreReader
from director_ai.storage.roles import Role, ViewerDatabase
from director_ai.storage.saved_experiments import SavedExperiments
from director_ai.storage.writer import StoreWriter

Result = TypeVar("Result")


class Store(StoreReader, StoreWriter, CertificateAttempts, SavedExperiments):
    """An archive of sessions, safe to share between threads and processes.

    Parameters
    ----------
    address
        A file, made if it is not there, or a URL such as ``postgresql+psycopg://host/name``.
    read_only
        Refuse every change. A store of a newer version is always opened so.
    role
        Role of the user it is opened for; a ``"viewer"`` may never change it.

    Raises
    ------
    StoreError
        If it cannot be opened. Later, a change attempted by a viewer raises
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
            database = ViewerDatabase(address)
        try:
            self.version = _version(database)
        except OperationalError as error:
            # A full disk and a medium that cannot be written are no reason not to read.
            database = Database(address, read_only=True)
            database.read_only_reason = reason_of(error)
            self.version = _version(database)
        StoreReader.__init__(self, database)
        if self.version > NEWEST:
            database.read_only = True

    def __len__(self) -> int:
        return self.count()

    def __bool__(self) -> bool:
        # An empty store is a store.
        return True

    def __repr__(self) -> str:
        access = ", read-only" if self.read_only else ""
        try:
            n_sessions = f"{len(self):,} sessions"
        except (DatabaseError, StoreError) as error:
            # A debugger prints what it finds, broken or not.
            n_sessions = f"not readable ({type(error).__name__})"
        return f"Store({self.name!r}), {n_sessions}{access}"

    @property
    def name(self) -> str:
        """File or URL, without a password."""
        return self._database.name

    @property
    def read_only(self) -> bool:
        """Whether every change is refused."""
        return self._database.read_only

    @property
    def read_only_reason(self) -> str:
        """Sentence about a store that this program may not change; empty if it was not asked to."""
        return self._database.read_only_reason

    @property
    def path(self) -> Path | None:
        """File of an SQLite store, or ``None`` for a database on a server."""
        return self._database.path

    def transaction(self, work: Callable[[Connection], Result], *, durable: bool = False) -> Result:
        """Run ``work`` in one transaction; see :meth:`Database.transaction`."""
        return self._database.transaction(work, durable=durable)

    def recording_address(self) -> str:
        """Return the address by which a recorder opens this store; it may hold a password.

        Raises
        ------
        NotPermittedError
            If the store was opened for a viewer.
        ReadOnlyStoreError
            If it was opened to read only.
        """
        if isinstance(self._database, ViewerDatabase):
            raise self._database.refusal()
        if self.read_only:
            raise self._database.read_only_error()
        return self._database.url.render_as_string(hide_password=False)

    def check_in_place(self) -> None:
        """Check that the opened file is still there; see :meth:`Database.check_in_place`."""
        self._database.check_in_place()

    def is_replaced(self) -> bool:
        """Return whether another file is there by now under the name of the one opened."""
        return self._database.is_replaced()

    def close(self) -> None:
        """Close every connection: those in use as they are given back, the others now."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def _version(database: Database) -> int:
    """Return the version of a store's schema, brought up to date where it may be written.

    Raises
    ------
    StoreError
        If it cannot be opened.
    OperationalError
        If a file cannot be written, and may still be read.
    """
    try:
        version = migrate(database, MIGRATIONS)
        if version == 0:
            raise StoreError(f"store must hold sessions, got {database.name}, which is empty")
    except BaseException as error:
        # Nobody is given the store, so that nobody else can close it.
        database.close()
        if not isinstance(error, DatabaseError):
            raise
        reason = reason_of(error)
        if not isinstance(error, OperationalError):
            raise StoreError(f"store must be a database, got {database.name}: {reason}") from None
        if database.read_only or database.path is None or "locked" in reason:
            raise StoreError(f"store {database.name} cannot be opened: {reason}") from None
        raise
    return version
