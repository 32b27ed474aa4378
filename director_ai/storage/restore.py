"""Restoring of a store from a backup, past whatever file and log are in its place."""

import fcntl
import os
import shutil
import sqlite3
import tempfile
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from director_ai.errors import StoreError
from director_ai.storage.backup import sync
from director_ai.storage.engine.database import file_of, is_open_here
from director_ai.storage.engine.errors import reason_of
from director_ai.storage.engine.log_mark import log_of, move_mark
from director_ai.storage.engine.write_lock import write_lock
from director_ai.storage.maintenance import Health, examine
from director_ai.storage.store import Store

# Where SQLite holds its shared lock on a file that any process has open: see os_unix.c.
_SHARED_FIRST = 0x40000002
_SHARED_BYTES = 510


class Restored(NamedTuple):
    """Outcome of putting a backup back.

    Attributes
    ----------
    n_sessions, n_verified
        Sessions of the backup, and those of them whose seals were verified.
    set_aside
        File of the store that was there before, its log beside it; ``None`` if there was none.
    """

    n_sessions: int
    n_verified: int
    set_aside: Path | None


def restore_backup(backup: Path, address: str | Path) -> Restored:
    """Put a backup in the place of an SQLite store.

    The backup is copied and every session of it verified before anything is touched. The file that
    is there, and its log, are set aside under another name: nothing is deleted. A recorder that
    still runs notices at its next write.

    Raises
    ------
    StoreError
        If the backup is missing, is no store, is damaged or has a log; if the store is on a
        server; or if a process has its file open. Nothing has changed then.
    """
    target = file_of(address)
    if target is None:
        raise StoreError(
            "store must be an SQLite file to be restored; PostgreSQL restores itself, "
            "with pg_restore"
        )
    _check_backup(backup, target)
    # A part of the name, which may be as long as names can be.
    handle, name = tempfile.mkstemp(prefix=f".{target.name[:50]}-", dir=target.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        shutil.copyfile(backup, temporary)
        health = _verified(temporary, backup)
        with closing(sqlite3.connect(temporary)) as copy:
            # A token of its own: the backup may be copied over the store once more.
            move_mark(copy)
        sync(temporary)
        with write_lock(target):
            _check_unused(target)
            set_aside = _set_aside(target)
            temporary.replace(target)
        sync(target.parent)
    except StoreError:
        raise
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"store {target} cannot be restored: {reason_of(error)}") from None
    finally:
        temporary.unlink(missing_ok=True)
    return Restored(health.n_sessions, health.n_verified, set_aside)


def _check_backup(backup: Path, target: Path) -> None:
    if not backup.is_file():
        raise StoreError(f"BACKUP must be a file, got {backup}")
    if target.exists() and backup.samefile(target):
        raise StoreError(f"BACKUP must be another file than the store, got {backup}")
    log = log_of(backup)
    if log.exists() and log.stat().st_size:
        raise StoreError(
            f"BACKUP must be whole by itself, got {backup}, which has the log {log.name}; "
            "director-ai backup makes a copy without one"
        )
    if not target.parent.is_dir():
        raise StoreError(f"store must be in a folder that is there, got {target.parent}")


def _verified(temporary: Path, backup: Path) -> Health:
    try:
        with Store(temporary, read_only=True) as store:
            health = examine(store)
    except StoreError as error:
        raise StoreError(str(error).replace(str(temporary), str(backup))) from None
    if not health.ok:
        n_findings = len(health.problems) + len(health.damaged)
        raise StoreError(
            f"BACKUP must be sound, got {backup} with {n_findings} findings of damage; "
            f"director-ai doctor --store {backup} names them, and --salvage OUT saves the rest"
        )
    return health


def _check_unused(target: Path) -> None:
    in_use = StoreError(
        f"store must not be open in any process, got {target}; stop whatever records into it or "
        "shows it, then restore again"
    )
    if is_open_here(target):
        raise in_use
    with suppress(FileNotFoundError), target.open("rb+") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, _SHARED_BYTES, _SHARED_FIRST)
        except OSError:
            raise in_use from None


def _set_aside(target: Path) -> Path | None:
    """Give a store and its log another name, both the same, and drop the index of the log."""
    aside = target.with_name(f"{target.name}.replaced-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}")
    with suppress(FileNotFoundError):
        target.with_name(f"{target.name}-shm").unlink()
    is_there = target.exists()
    if is_there:
        target.rename(aside)
    # A log whose file is gone would be replayed over the next one as well.
    with suppress(FileNotFoundError):
        log_of(target).rename(log_of(aside))
        is_there = True
    return aside if is_there else None
