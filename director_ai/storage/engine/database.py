"""Database: connections, transactions and their retries, on SQLite and PostgreSQL."""

import os
import sqlite3
import stat
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

from sqlalchemy import URL, Connection, Engine, QueuePool, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.pool import ConnectionPoolEntry

from director_ai.errors import ReadOnlyStoreError, StoreError, StoreReplacedError
from director_ai.storage.engine.log_mark import check_log, log_of, move_mark
from director_ai.storage.engine.older_version import add_views
from director_ai.storage.engine.ownership import check_file
from director_ai.storage.engine.text_search import FOLDED, is_held_folded
from director_ai.storage.engine.wal_checkpoint import checkpoint
from director_ai.storage.engine.write_lock import write_lock

RETRY_S = 30.0
"""How long a write is tried again: a PostgreSQL server takes about this long to restart."""

_BUSY_MS = 30_000
_FIRST_WAIT_S = 0.05
_LONGEST_WAIT_S = 1.0

Dialect = Literal["sqlite", "postgresql"]
Result = TypeVar("Result")

_HEAD = b"SQLite format 3\x00"


class Transactions(Protocol):
    """Reads and transactions on one database: of :class:`Database` and of ``Store``."""

    @property
    def path(self) -> Path | None:
        """File, or ``None`` for a database on a server."""

    def read(self) -> AbstractContextManager[Connection]:
        """Give a connection that sees the database as it stands now."""

    def transaction(self, work: Callable[[Connection], Result], *, durable: bool = False) -> Result:
        """Run ``work`` in one transaction and return its result."""


class Database:
    """One database, opened once a process.

    Parameters
    ----------
    address
        A file for SQLite, or a URL: ``sqlite:///sessions.db``,
        ``postgresql+psycopg://user@host/name``.
    read_only
        Refuse to write; the file must be there.

    Raises
    ------
    StoreError
        If the address is none, or the file is no database.
    """

    def __init__(self, address: str | Path, *, read_only: bool = False) -> None:
        self.url = _url(address)
        self.dialect: Dialect = "sqlite" if self.url.drivername == "sqlite" else "postgresql"
        self.read_only = read_only
        self.read_only_reason = ""
        self.path = Path(self.url.database or "") if self.dialect == "sqlite" else None
        self._pid = os.getpid()
        self._is_log_marked = False
        if self.path is not None:
            _prepare_file(self.path, read_only=read_only)
            self._identity = _identity_of(self.path)
        self._engine = self._connected()
        _databases.add(self)

    @property
    def name(self) -> str:
        """The database by a name without its password."""
        return str(self.path) if self.path else self.url.render_as_string(hide_password=True)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection that sees the database as it stands now."""
        self.check_in_place()
        with self._own_engine().connect() as connection:
            if self.path is None:
                # Otherwise every statement would see another state: a session between its tokens
                # and its body would be empty.
                connection.execution_options(isolation_level="REPEATABLE READ")
            yield connection

    def transaction(self, work: Callable[[Connection], Result], *, durable: bool = False) -> Result:
        """Run ``work`` in one transaction and return its result.

        Parameters
        ----------
        work
            May be run more than once: a transaction that a lost connection broke is tried again
            for ``RETRY_S``, so that running it twice must come to the same.
        durable
            Wait until it would survive a loss of power.

        Raises
        ------
        ReadOnlyStoreError
            If the database was opened to read.
        """
        return self._retried(work, durable=durable)

    def restructure(self, work: Callable[[Connection], Result]) -> Result:
        """Run ``work`` as a durable :meth:`transaction` that may make tables anew.

        What refers to a table is left alone while that is dropped and made again.
        """
        return self._retried(work, durable=True, refers=False)

    def _retried(
        self, work: Callable[[Connection], Result], *, durable: bool, refers: bool = True
    ) -> Result:
        if self.read_only:
            raise self.read_only_error()
        deadline = time.monotonic() + RETRY_S
        wait_s = _FIRST_WAIT_S
        while True:
            self.check_in_place()
            try:
                with nullcontext() if self.path is None else write_lock(self.path):
                    result = self._write_once(work, durable=durable, refers=refers)
            except DBAPIError as error:
                if not _is_transient(error) or time.monotonic() > deadline:
                    raise
                time.sleep(wait_s)
                wait_s = min(2 * wait_s, _LONGEST_WAIT_S)
            else:
                if self.path is not None:
                    # What is written is written; on a full disk the log just stays as it is.
                    with suppress(sqlite3.Error, OSError):
                        checkpoint(self.path)
                return result

    def _write_once(
        self, work: Callable[[Connection], Result], *, durable: bool, refers: bool
    ) -> Result:
        with self._own_engine().connect() as plain:
            connection = plain.execution_options(director_writes=True)
            if self.path is not None:
                # Only outside a transaction does SQLite take these changes.
                raw = connection.connection.cursor()
                self._mark_log(raw.connection)
                raw.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
                raw.execute(f"PRAGMA foreign_keys = {'ON' if refers else 'OFF'}")
                raw.close()
            with connection.begin():
                if self.path is None and not durable:
                    connection.exec_driver_sql("SET LOCAL synchronous_commit TO off")
                return work(connection)

    def _mark_log(self, connection: sqlite3.Connection) -> None:
        """Begin every log with a mark, by which it is known as this file's."""
        assert self.path is not None
        try:
            is_empty = not log_of(self.path).stat().st_size
        except OSError:
            is_empty = True
        if self._is_log_marked and not is_empty:
            return
        # Before there are tables, and on a full disk, there is no mark; the next write looks again.
        with suppress(sqlite3.Error):
            move_mark(connection)
            self._is_log_marked = True

    def has_open(self, path: Path) -> bool:
        """Return whether a connection to this file is open."""
        if self.path is None or _identity_of(path) != self._identity:
            return False
        pool = self._engine.pool
        assert isinstance(pool, QueuePool)
        return pool.checkedin() + pool.checkedout() > 0

    def close(self) -> None:
        """Close every connection: those in use as they are given back, the others now.

        Whoever still has it, as a thread in the background may, can go on; nothing stays open.
        """
        self._engine.pool.dispose()

    def close_idle(self) -> None:
        """Close every connection that is not in use; the next use opens another."""
        self._engine.dispose()

    def read_only_error(self) -> ReadOnlyStoreError:
        """Return the error for a change of a database that is open to read only."""
        reason = f": {self.read_only_reason}" if self.read_only_reason else ""
        return ReadOnlyStoreError(f"{self.name} is open to read only{reason}")

    def is_replaced(self) -> bool:
        """Return whether another file is there by now under the name of the one opened."""
        if self.path is None:
            return False
        return _identity_of(self.path) not in (None, self._identity)

    def is_gone(self) -> bool:
        """Return whether the file that was opened is no longer there under its name."""
        return self.path is not None and _identity_of(self.path) != self._identity

    def check_in_place(self) -> None:
        """Check that the file that was opened is still there under its name.

        Raises
        ------
        StoreReplacedError
            If it was deleted, renamed or replaced: nobody would find again what is written to it.
        """
        if self.path is None:
            return
        present = _identity_of(self.path)
        if present != self._identity:
            became = "deleted or renamed" if present is None else "replaced by another file"
            raise StoreReplacedError(
                f"store {self.name} was {became} while it was open; open it again, "
                f"or put a backup back with director-ai restore BACKUP --store {self.name}"
            )

    def _own_engine(self) -> Engine:
        if os.getpid() != self._pid:
            # A connection does not survive a fork; the parent's must not be closed from here.
            self._engine.dispose(close=False)
            self._pid = os.getpid()
        return self._engine

    def _configure(self, connection: Any, _record: object) -> None:
        # Without this the driver would commit before every statement that changes the schema.
        connection.isolation_level = None
        connection.create_function(FOLDED, 2, is_held_folded, deterministic=True)
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
        # Several connections checkpointing at once can lose frames up to SQLite 3.51.2: see
        # checkpoint.
        cursor.execute("PRAGMA wal_autocheckpoint = 0")
        deadline = time.monotonic() + RETRY_S
        while cursor.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            # SQLite refuses, without a word, for a file that was moved.
            self.check_in_place()
            try:
                cursor.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError:
                # On a fresh file the busy handler is not asked.
                if time.monotonic() > deadline:
                    raise
                time.sleep(_FIRST_WAIT_S)
        cursor.close()

    def _connected(self) -> Engine:
        try:
            if self.path is None:
                return create_engine(
                    self.url, pool_pre_ping=True, connect_args=_CONNECT_ARGS, poolclass=_Pool
                )
            engine = create_engine(
                "sqlite://",
                creator=partial(open_to_read if self.read_only else _open, self.path),
                # Without a file name it would be one connection for all threads.
                poolclass=_Pool,
            )
        except ModuleNotFoundError as error:
            raise StoreError(
                f"store must be SQLite or a database whose driver is installed, got {self.name}; "
                f"install {error.name}"
            ) from None
        configure = _configure_read if self.read_only else self._configure
        event.listen(engine, "connect", configure)
        event.listen(engine, "begin", _begin)
        return engine


class _Pool(QueuePool):
    """The connections of a database; once disposed of, it closes each as it is given back.

    SQLAlchemy's own would take such a connection back, keep it for nobody and never close it.
    """

    _is_disposed = False

    def dispose(self) -> None:
        self._is_disposed = True
        super().dispose()

    def _do_return_conn(self, record: ConnectionPoolEntry) -> None:
        super()._do_return_conn(record)
        # Asked afterwards: if it was disposed of in between, that missed what was just given back.
        if self._is_disposed:
            super().dispose()


_CONNECT_ARGS = {"connect_timeout": 10}

_databases: "weakref.WeakSet[Database]" = weakref.WeakSet()


def _leave_nothing_open() -> None:
    """Close idle SQLite connections, so that a fork inherits none.

    A child would take its parent's locks for its own, and write into a log that the parent, who
    sees no lock of the child's, may have removed.
    """
    for database in list(_databases):
        if database.path is not None:
            database.close_idle()


os.register_at_fork(before=_leave_nothing_open)


def file_of(address: str | Path) -> Path | None:
    """Return the file of a store, or ``None`` for a database on a server.

    >>> file_of("sqlite:///a.db"), file_of("postgresql://host/name")
    (PosixPath('a.db'), None)
    """
    url = _url(address)
    return Path(url.database or "") if url.drivername == "sqlite" else None


def is_database(path: Path) -> bool:
    """Return whether a file is an SQLite database, by its head."""
    with path.open("rb") as file:
        return file.read(len(_HEAD)) == _HEAD


def is_open_here(path: Path) -> bool:
    """Return whether this process has the database of a file open."""
    return any(database.has_open(path) for database in list(_databases))


def is_full(error: BaseException) -> bool:
    """Return whether an error says that the disk is full."""
    return isinstance(error, DBAPIError) and "disk is full" in str(error.orig)


def _url(address: str | Path) -> URL:
    text = str(address)
    if isinstance(address, Path) or "://" not in text:
        if not text.strip():
            raise StoreError("store must be a file or a database URL, got ''")
        return URL.create("sqlite", database=str(Path(text).expanduser()))
    try:
        url = make_url(text)
        url.get_dialect()
    except (ArgumentError, NoSuchModuleError, ValueError):
        # Never the rest of it, which may hold a password.
        scheme = text.partition("://")[0] + "://…"
        raise StoreError(
            f"store must be a file or a URL such as postgresql+psycopg://host/name, got {scheme!r}"
        ) from None
    backend = url.get_backend_name()
    if backend not in ("sqlite", "postgresql"):
        raise StoreError(f"store must be SQLite or PostgreSQL, got {backend!r}")
    if backend == "sqlite":
        if not url.database or url.database == ":memory:":
            raise StoreError(f"store must be a file that other processes can open, got {text!r}")
        return url.set(drivername="sqlite")
    return url if "+" in url.drivername else url.set(drivername="postgresql+psycopg")


def _prepare_file(path: Path, *, read_only: bool) -> None:
    if path.is_dir():
        raise StoreError(f"store must be a file, got the folder {path}")
    if path.exists():
        # Never opened here: closing it again would drop the locks that SQLite holds on it.
        check_log(path)
        check_file(path)
        return
    log = log_of(path)
    if log.exists() and log.stat().st_size:
        raise StoreError(
            f"store must be there beside its log, got {log} alone; put the file back, or a backup "
            f"with director-ai restore BACKUP --store {path}"
        )
    if read_only:
        raise StoreError(f"store must be there to be read, got {path}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            # SQLite would make it readable to everyone.
            flags = os.O_CREAT | os.O_EXCL | os.O_RDWR
            os.close(os.open(path, flags, stat.S_IRUSR | stat.S_IWUSR))
    except OSError as error:
        raise StoreError(
            f"store must be in a folder that can be written, got {path}: {error.strerror}"
        ) from None


def _identity_of(path: Path) -> tuple[int, int] | None:
    """Return device and inode of a file, by which SQLite tells files apart."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _quoted(path: Path) -> str:
    from urllib.parse import quote

    return quote(str(path.absolute()))


def _open(path: Path, options: str = "mode=rw") -> sqlite3.Connection:
    file = f"file:{_quoted(path)}?{options}"
    return sqlite3.connect(file, uri=True, check_same_thread=False)


def open_to_read(path: Path) -> sqlite3.Connection:
    """Return a connection that only reads; without a log also where nothing can be written.

    Raises
    ------
    StoreError
        If there is a log, and no room for its index.
    """
    connection = _open(path, "mode=ro")
    try:
        # Reading makes the index of the log, which takes room that the disk may not have.
        connection.execute("PRAGMA schema_version")
    except sqlite3.Error as error:
        connection.close()
        if not isinstance(error, sqlite3.OperationalError):
            raise
        log = log_of(path)
        if not log.exists() or not log.stat().st_size:
            return _open(path, "mode=ro&immutable=1")
        raise StoreError(
            f"store {path} has a log, {log.name}, and cannot be read where nothing can be written "
            f"({error}); copy both to a folder that can be written, and open the copy"
        ) from None
    return connection


def _configure_read(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    add_views(connection)
    connection.create_function(FOLDED, 2, is_held_folded, deterministic=True)
    connection.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")


def _begin(connection: Connection) -> None:
    # A transaction that reads first and then writes fails at once if another wrote in between.
    writes = connection.get_execution_options().get("director_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _is_transient(error: DBAPIError) -> bool:
    if error.connection_invalidated:
        return True
    text = str(error.orig)
    return (
        "database is locked" in text
        or "the database system is" in text
        or "terminating connection" in text
        or ("connection" in text.lower() and "refused" in text)
        # A server that restarts takes its socket away for a while.
        or ("connection to server on socket" in text and "No such file or directory" in text)
        or "deadlock detected" in text
    )
