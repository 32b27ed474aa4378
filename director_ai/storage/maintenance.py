"""Examination of a store: integrity, digests, derived columns."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, RowMapping, func, or_, select, text
from sqlalchemy.exc import SQLAlchemyError

from director_ai.storage.engine.clock import SILENT_US, now_us
from director_ai.storage.engine.errors import reason_of
from director_ai.storage.engine.migrations import NEWEST, newer_version
from director_ai.storage.engine.schema import sessions
from director_ai.storage.fact_texts import broken_facts, n_unused
from director_ai.storage.recording.live_writer import LiveWriter
from director_ai.storage.sealing import (
    SEALED_SINCE,
    UNREADABLE,
    StoredRows,
    broken_row,
    broken_seal,
    underivable,
)
from director_ai.storage.store import Store

_MOST_FINDINGS = 100
_MOST_SESSIONS = 200
_MOST_TOKENS = 100_000
_RACE_ENDS = (3, 51, 3)
_RACE = (
    "SQLite {version}: up to 3.51.2, checkpoints of several connections at once can lose what was "
    "committed. Director lets one elected process checkpoint, so its own processes are safe; keep "
    "other programs from writing to this file"
)

_c = sessions.c
_ENDED = or_(_c.ended_by.is_not(None), _c.digest.is_not(None))
_UNREADABLE = (SQLAlchemyError, *UNREADABLE)
"""Errors of reading rows whose content is not what was written."""


@dataclass(frozen=True, slots=True)
class Damage:
    """A sealed session that is no longer the one that was sealed.

    Attributes
    ----------
    id
        The session.
    message
        Its difference from the one that was sealed.
    """

    id: str
    message: str


@dataclass(frozen=True, slots=True)
class Health:
    """Result of an examination of a store.

    Attributes
    ----------
    store, database
        Its name, and the database it is in with its version.
    version, newest_version
        Of its schema, and the newest this code knows.
    n_sessions, n_sealed, n_verified
        Sessions, those that were sealed, and those of them that are what was sealed.
    n_recording, n_silent, n_abandoned
        Still recorded, those of them silent for ``SILENT_US``, and given up.
    problems
        Findings of the database's own checks.
    damaged
        Sealed sessions that are no longer those that were sealed.
    notes
        Remarks that are no damage.
    """

    store: str
    database: str
    version: int
    newest_version: int
    n_sessions: int
    n_sealed: int
    n_verified: int
    n_recording: int
    n_silent: int
    n_abandoned: int
    problems: tuple[str, ...]
    damaged: tuple[Damage, ...]
    notes: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether no damage was found."""
        return not self.problems and not self.damaged


def n_sealed(store: Store) -> int:
    """Return how many sessions :func:`examine` will verify; 0 where damage hides it."""
    try:
        with store.read() as connection:
            return _count(connection, _ENDED)
    except SQLAlchemyError:
        return 0


def examine(store: Store, *, on_session: Callable[[], None] = lambda: None) -> Health:
    """Return whether a store is sound.

    The database checks itself, as far as it can, and every sealed session is read and hashed
    again. ``on_session`` is called after each.
    """
    problems: list[str] = []
    damaged: list[Damage] = []
    counts = [0] * 6
    n_idle = 0
    try:
        with store.read() as connection:
            counts = _counts(connection)
            if store.path is not None:
                problems += _integrity(connection)
            if store.version >= SEALED_SINCE:
                problems += broken_row(connection)
            problems += broken_facts(connection)
            n_idle = n_unused(connection)
    except SQLAlchemyError as error:
        problems.append(f"the database cannot be checked: {reason_of(error)}")
    n_verified = 0
    try:
        for name, damage in _verified(store):
            if damage is None:
                n_verified += 1
            else:
                damaged.append(Damage(name, damage))
            on_session()
    except _UNREADABLE as error:
        problems.append(f"the sessions cannot be listed: {reason_of(error)}")
    n_sessions, n_with_digest, n_recording, n_silent, n_abandoned, n_backwards = counts
    database, notes = _about(store)
    if n_backwards:
        notes.append(
            f"sessions that end before they start: {n_backwards:,}; the clock was set back while "
            "they were recorded, and their times tell nothing"
        )
    if n_idle:
        notes.append(f"facts and texts of facts that belong to no session: {n_idle:,}")
    return Health(
        store=store.name,
        database=database,
        version=store.version,
        newest_version=NEWEST,
        n_sessions=n_sessions,
        n_sealed=n_with_digest,
        n_verified=n_verified,
        n_recording=n_recording,
        n_silent=n_silent,
        n_abandoned=n_abandoned,
        problems=tuple(problems),
        damaged=tuple(damaged),
        notes=tuple(notes),
    )


def seal_silent(store: Store) -> list[str]:
    """Seal the sessions whose recorder has been silent for ``SILENT_US``; return their ids.

    They end as abandoned with the tokens they have; should the recorder come back, it goes on.
    """
    return LiveWriter(store).seal_abandoned(SILENT_US / 1e6)


def _integrity(connection: Connection) -> Iterator[str]:
    for finding in connection.execute(text(f"PRAGMA integrity_check({_MOST_FINDINGS})")).scalars():
        if finding != "ok":
            yield f"integrity check: {finding}"
    broken = connection.execute(text("PRAGMA foreign_key_check")).fetchmany(_MOST_FINDINGS)
    for table, row, parent, _ in broken:
        yield f"foreign keys: row {row} of {table} belongs to no row of {parent}"


def _counts(connection: Connection) -> list[int]:
    quiet_us = now_us() - SILENT_US
    recording = _c.ended_by.is_(None)
    return [
        _count(connection),
        _count(connection, _c.digest.is_not(None)),
        _count(connection, recording),
        _count(connection, recording, _c.changed_us < quiet_us),
        _count(connection, _c.ended_by == "abandoned"),
        _count(connection, _c.ended_by.is_not(None), _c.ended_us < _c.started_us),
    ]


def _count(connection: Connection, *where: ColumnElement[bool]) -> int:
    statement = select(func.count()).select_from(sessions).where(*where)
    return int(connection.execute(statement).scalar_one())


def _verified(store: Store) -> Iterator[tuple[str, str | None]]:
    """Yield id and damage of every ended session, in the order of their keys."""
    for ids in _batches(store):
        try:
            found = _damages(store, list(ids))
        except _UNREADABLE:
            # One row that cannot be read spoils the reading of all of them.
            for key, name in ids.items():
                try:
                    yield name, _damages(store, [key]).get(key)
                except _UNREADABLE as error:
                    yield name, reason_of(error)
        else:
            # One without an entry was removed by someone else meanwhile.
            yield from ((name, found.get(key)) for key, name in ids.items())


def _batches(store: Store) -> Iterator[dict[int, str]]:
    """Yield the ended sessions, key and id, as many at a time as fit into memory together."""
    last = -1
    while True:
        page = select(_c.key, _c.id, _c.n_tokens).where(_ENDED, _c.key > last)
        # Closed between pages: a long reading keeps the log from being emptied.
        with store.read() as connection:
            rows = connection.execute(page.order_by(_c.key).limit(_MOST_SESSIONS)).all()
        if not rows:
            return
        last = rows[-1].key
        batch: dict[int, str] = {}
        n_tokens = 0
        for key, name, n_more in rows:
            if batch and n_tokens + n_more > _MOST_TOKENS:
                yield batch
                batch, n_tokens = {}, 0
            batch[key] = name
            n_tokens += n_more
        yield batch


def _damages(store: Store, keys: Sequence[int]) -> dict[int, str | None]:
    """Return the damage of each session of these keys, ``None`` of a sound one."""
    with store.read() as connection:
        rows = connection.execute(select(sessions).where(_c.key.in_(keys))).mappings().all()
        others = StoredRows.of(connection, keys)
    return {row["key"]: _damage(store, others, row) for row in rows}


def _damage(store: Store, others: StoredRows, row: RowMapping) -> str | None:
    try:
        stored = others.session(row)
        damage = broken_seal(stored, store.version) or underivable(stored, store.version)
    except UNREADABLE as error:
        return reason_of(error)
    return damage and f"session {row['id']!r} in {store.name} is not what was sealed: {damage}"


def _about(store: Store) -> tuple[str, list[str]]:
    path = store.path
    notes = []
    if store.version > NEWEST:
        notes.append(f"it is opened to read only: {newer_version(store.version)}")
    if path is None:
        with store.read() as connection:
            version = connection.execute(text("SHOW server_version")).scalar_one()
        notes.append("PostgreSQL checks its pages itself; here only the sessions were verified")
        return f"PostgreSQL {version}", notes
    if sqlite3.sqlite_version_info < _RACE_ENDS:
        notes.append(_RACE.format(version=sqlite3.sqlite_version))
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        notes.append(f"others may read this file (mode {mode:04o}); chmod 600 keeps them out")
    return f"SQLite {sqlite3.sqlite_version}", notes
