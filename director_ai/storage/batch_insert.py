"""Insertion of many sessions in batches of bounded size, and its plan."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import NamedTuple, Protocol, runtime_checkable

from sqlalchemy import Connection, select

from director_ai.core.records.record import SessionRecord, digest_of
from director_ai.errors import InvalidRecordError
from director_ai.storage.engine.schema import sessions
from director_ai.storage.first_values import FirstValues

# Some 20 MB of Python objects.
_MOST_TOKENS = 100_000
_MOST_SESSIONS = 500


@runtime_checkable
class HasIds(Protocol):
    """Sessions whose ids are known without reading more of them."""

    def ids(self) -> Iterable[str]:
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
    n_relabelled
        Known sessions that bear another label here than in the store, where theirs stays.
    """

    n_new: int
    n_known: int
    clashes: tuple[str, ...]
    n_relabelled: int = 0


def plan_insert(
    connection: Connection | None, batches: Iterable[Iterable[SessionRecord]]
) -> InsertPlan:
    """Return the plan of adding these sessions together, every clash named.

    Without a connection there is no store yet, and every session is new. Where the ids are known,
    nothing else is read unless one of them is there already, or twice among them.
    """
    batches = list(batches)
    named = [batch for batch in batches if isinstance(batch, HasIds)]
    if len(named) == len(batches):
        n_new = _n_new(connection, chain.from_iterable(batch.ids() for batch in named))
        if n_new is not None:
            return InsertPlan(n_new, 0, ())
    met = FirstValues[str]()
    n_new = n_known = n_relabelled = 0
    clashes: dict[str, None] = {}
    for some in rebatched(batches):
        ids = [record.id for record in some]
        there = {} if connection is None else digests(connection, ids)
        labels = {} if connection is None or not there else _labels(connection, list(there))
        for record in some:
            own = digest_of(record)
            other = there[record.id] if record.id in there else met.first(record.id, own)
            if other == own:
                n_known += 1
                is_labelled = record.id in labels and record.label is not None
                n_relabelled += is_labelled and record.label != labels[record.id]
            elif other is None and record.id not in there:
                n_new += 1
            else:
                clashes[record.id] = None
    return InsertPlan(n_new, n_known, tuple(clashes), n_relabelled)


def _n_new(connection: Connection | None, ids: Iterable[str]) -> int | None:
    """Return how many sessions there are; ``None`` if one is in the store, or there twice."""
    met, left = FirstValues[int](), iter(ids)
    n_ids = 0
    while some := list(islice(left, _MOST_SESSIONS)):
        if connection is not None and digests(connection, some):
            return None
        if any(met.first(name, n_ids) is not None for name in some):
            return None
        n_ids += len(some)
    return n_ids


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


def _labels(connection: Connection, ids: Sequence[str]) -> dict[str, str | None]:
    rows = connection.execute(select(sessions.c.id, sessions.c.label).where(sessions.c.id.in_(ids)))
    return {row[0]: row[1] for row in rows}
