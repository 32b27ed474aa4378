"""Statistics of a store: size, counts, pruning, and its newest session."""

from dataclasses import dataclass, replace
from typing import NamedTuple

from sqlalchemy import func, select, text

from director_ai.storage.engine.schema import sessions
from director_ai.storage.store import Store
from director_ai.storage.summary import LABELS, OUTCOMES, UNLABELLED, SessionQuery, SessionSummary

_c = sessions.c
_ENDED = tuple(outcome for outcome in OUTCOMES if outcome != "recording")
_LABELLED = tuple(label for label in LABELS if label != UNLABELLED)


class PruneCount(NamedTuple):
    """Sessions that pruning would remove, and those of them that are labelled."""

    n_sessions: int
    n_labelled: int


@dataclass(frozen=True, slots=True)
class StoreStatistics:
    """A store in numbers.

    Attributes
    ----------
    kind
        SQLite or PostgreSQL, and its version.
    n_bytes
        On the disk, the log of what is not yet in the file included.
    n_sessions, n_tokens, n_labelled
        In it.
    oldest_us, newest_us
        When its sessions started; ``None`` without any.
    """

    kind: str
    n_bytes: int
    n_sessions: int
    n_tokens: int
    n_labelled: int
    oldest_us: int | None
    newest_us: int | None


def store_statistics(store: Store) -> StoreStatistics:
    """Return a store in numbers."""
    statement = select(
        func.count(),
        func.coalesce(func.sum(_c.n_tokens), 0),
        func.count(_c.label),
        func.min(_c.started_us),
        func.max(_c.started_us),
    )
    with store.read() as connection:
        n_sessions, n_tokens, n_labelled, oldest, newest = connection.execute(statement).one()
        if store.path is None:
            version = connection.execute(text("SHOW server_version")).scalar_one()
            size = text("SELECT pg_database_size(current_database())")
            kind, n_bytes = f"PostgreSQL {version}", int(connection.execute(size).scalar_one())
        else:
            version = connection.execute(text("SELECT sqlite_version()")).scalar_one()
            files = (store.path, store.path.with_name(f"{store.path.name}-wal"))
            kind = f"SQLite {version}"
            n_bytes = sum(file.stat().st_size for file in files if file.exists())
    return StoreStatistics(
        kind, n_bytes, int(n_sessions), int(n_tokens), int(n_labelled), oldest, newest
    )


def count_beyond_newest(store: Store, n_sessions: int) -> PruneCount:
    """Count the sessions that :meth:`Store.keep_newest` would remove."""
    recording = set(store.ids(SessionQuery(outcomes=("recording",))))
    labelled = set(store.ids(SessionQuery(labels=_LABELLED)))
    removed = [name for name in store.ids()[n_sessions:] if name not in recording]
    return PruneCount(len(removed), sum(name in labelled for name in removed))


def count_started_before(store: Store, started_us: int) -> PruneCount:
    """Count the sessions that :meth:`Store.keep_since` would remove."""
    removed = SessionQuery(until_us=started_us, outcomes=_ENDED)
    return PruneCount(store.count(removed), store.count(replace(removed, labels=_LABELLED)))


def last_key(store: Store) -> int:
    """Return the number of the session that came last; 0 without any."""
    with store.read() as connection:
        return int(connection.execute(select(func.coalesce(func.max(_c.key), 0))).scalar_one())


def newest_after(store: Store, key: int) -> SessionSummary | None:
    """Return the session that came last, if it came after the one of this number."""
    statement = select(sessions).where(_c.key > key).order_by(_c.key.desc()).limit(1)
    with store.read() as connection:
        row = connection.execute(statement).mappings().first()
    return None if row is None else SessionSummary.of(row)
