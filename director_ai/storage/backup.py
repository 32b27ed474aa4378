"""Backup: a copy of a store, made while it is written to."""

import os
import shlex
import sqlite3
import tempfile
from contextlib import closing, suppress
from pathlib import Path

from sqlalchemy import make_url

from director_ai.errors import StoreError
from director_ai.storage.engine.database import open_to_read
from director_ai.storage.engine.errors import reason_of
from director_ai.storage.engine.log_mark import move_mark
from director_ai.storage.engine.placing import place
from director_ai.storage.store import Store


def back_up(store: Store, target: Path, *, replace: bool = False) -> int:
    """Copy an SQLite store as it stands, also while it is written to; return its sessions.

    The copy appears under its name once it is whole, and only its owner may read it.

    Raises
    ------
    StoreError
        If the store is no SQLite file, or ``target`` is in the way.
    """
    source = store.path
    if source is None:
        raise StoreError(
            "store must be an SQLite file to be copied; PostgreSQL copies itself: "
            f"{pg_dump_command(store, target)}"
        )
    _check_target(source, target, replace=replace)
    try:
        # A part of the name, which may be as long as names can be.
        handle, name = tempfile.mkstemp(prefix=f".{target.name[:50]}-", dir=target.parent)
    except OSError as error:
        raise StoreError(
            f"backup must go to a folder that can be written, got {target.parent}: {error.strerror}"
        ) from None
    os.close(handle)
    temporary = Path(name)
    try:
        with closing(open_to_read(source)) as own:
            own.execute("VACUUM INTO ?", (name,))
        with closing(sqlite3.connect(temporary)) as copy:
            # A token of its own, so that no log of the store is taken for one of the copy.
            with suppress(sqlite3.OperationalError):
                move_mark(copy)
            n_sessions = int(copy.execute("SELECT count(*) FROM sessions").fetchone()[0])
        sync(temporary)
        place(temporary, target, replace=replace)
        sync(target.parent)
    except FileExistsError:
        raise StoreError(
            f"backup must go to a new file, got {target}, which is there by now"
        ) from None
    except sqlite3.Error as error:
        raise StoreError(
            f"store {store.name} cannot be copied to {target}: {reason_of(error)}"
        ) from None
    finally:
        temporary.unlink(missing_ok=True)
    return n_sessions


def pg_dump_command(store: Store, target: Path) -> str:
    """Return the shell command that copies a PostgreSQL store; it holds no password."""
    # Its address in the words of PostgreSQL's own tools, which ask for a password or have it.
    url = make_url(store.name).set(drivername="postgresql")._replace(password=None)
    address = url.render_as_string(hide_password=False)
    return f"pg_dump --format=custom --file={shlex.quote(str(target))} {shlex.quote(address)}"


def _check_target(source: Path, target: Path, *, replace: bool) -> None:
    if target.is_dir():
        raise StoreError(f"backup must go to a file, got the folder {target}")
    if not target.parent.is_dir():
        raise StoreError(f"backup must go to a folder that is there, got {target.parent}")
    if not target.exists():
        return
    if target.samefile(source):
        raise StoreError(f"backup must go to another file than the store itself, got {target}")
    if target.with_name(f"{target.name}-wal").exists():
        raise StoreError(f"backup must not replace a store in use, got {target}, which has a log")
    if not replace:
        raise StoreError(f"backup must go to a new file, got {target}, which is there")


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, would survive a loss of power."""
    handle = os.open(path, os.O_RDONLY)
    try:
        # Some file systems do not sync folders.
        with suppress(OSError):
            os.fsync(handle)
    finally:
        os.close(handle)
