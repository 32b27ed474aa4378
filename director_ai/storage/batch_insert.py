"""Insertion of many sessions in batches of bounded size, and its plan."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import NamedTuple, Protocol, runtime_checkable

from sqlalchemy import Connection, select

from director_ai.core.records.record import SessionRecord, digest_of
from director_ai.errors import InvalidRecordError
from director_ai.storage.engine.schema import sessions

# Some 20 MB of Python objects.
_MOST_TOKENS = 100_000
_MOST_SESSIONS = 500


@runtime_checkable
class HasIds(Protocol):
    """Sessions whose ids are known without reading more of them."""

    def ids(self) -> list[str]:
        """Return the ids, in order."""
        ...


class InsertPlan(NamedTuple):
    """Outcome of adding sessions to a store, before it is done.

    Attributes
    ----------
    n_new, n_known
        Sessions the store lacks, and those it has with the same tokens.
    clashes
        Ids that stand for two different sessions; with any, nothing is added.
    """

    n_new: int
    n_known: int
    clashes: tuple[str, ...]


def plan_insert(
    connection: Connection | None, batches: Iterable[Iterable[SessionRecord]]
) -> InsertPlan:
    """Return the plan of adding these sessions together, every clash named.

    Without a connection there is no store yet, and every session is new. Where the ids are known,
    nothing else is read unless one of them is there already, or twice among them.
    """
    batches = list(batches)
    known = [batch for batch in batches if isinstance(batch, HasIds)]
    if len(known) == len(batches):
        ids = [name for batch in known for name in batch.ids()]
        if len(set(ids)) == len(ids) and not (connection and _is_any_there(connection, ids)):
            return InsertPlan(len(ids), 0, ())
    seen: dict[str, str | None] = {}
    n_new = n_known = 0
    clashes: dict[str, None] = {}
    for batch in rebatched(batches):
        if connection is not None:
            seen = digests(connection, [record.id for record in batch]) | seen
        for record in batch:
            own = digest_of(record)
            if record.id not in seen:
                seen[record.id] = own
                n_new += 1
            elif seen[record.id] == own:
                n_known += 1
            else:
                clashes[record.id] = None
    return InsertPlan(n_new, n_known, tuple(clashes))


def _is_any_there(connection: Connection, ids: Sequence[str]) -> bool:
    starts = range(0, len(ids), _MOST_SESSIONS)
    return any(digests(connection, ids[start : start + _MOST_SESSIONS]) for start in starts)


def rebatched(batches: Iterable[Iterable[SessionRecord]]) -> Iterator[list[SessionRecord]]:
    """Yield the sessions a few at a time, so that memory holds no more of them."""
    batch: list[SessionRecord] = []
    n_tokens = 0
    for record in chain.from_iterable(batches):
        if not isinstance(record, SessionRecord):
            raise InvalidRecordError(
                f"sessions must be session records, got {record!r:.80}; the sessions of a table "
                "are added by director_ai.experiment.load(table).save(name, store=store, "
                "sessions=True)"
            )
        if batch and (len(batch) == _MOST_SESSIONS or n_tokens + record.n_tokens > _MOST_TOKENS):
            yield batch
            batch, n_tokens = [], 0
        batch.append(record)
        n_tokens += record.n_tokens
    if batch:
        yield batch


def digests(connection: Connection, ids: Sequence[str]) -> dict[str, str | None]:
    """Return the digests of those sessions that are there; ``None`` of one still recorded."""
    rows = connection.execute(
        select(sessions.c.id, sessions.c.digest).where(sessions.c.id.in_(ids))
    )
    return {row[0]: row[1] for row in rows}
