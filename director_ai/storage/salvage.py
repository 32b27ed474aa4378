"""Salvage: a new store with every session of a damaged one that can still be read."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Column, ColumnElement, Connection, Select, Table, insert, select
from sqlalchemy.exc import SQLAlchemyError

from director_ai.core.records.record import SessionRecord
from director_ai.core.records.record_json import checked
from director_ai.errors import DirectorError, StoreError
from director_ai.storage.engine.log_mark import LOG_MARK
from director_ai.storage.engine.schema import REGISTERS, bodies, sessions
from director_ai.storage.fact_texts import stored_facts
from director_ai.storage.sealing import UNREADABLE, broken_seal, stored_session, underivable
from director_ai.storage.store import Store

DAMAGED_TAG = "damaged"
"""Tag of a salvaged session that is not what was sealed."""

_BATCH = 200
_UNREADABLE = (SQLAlchemyError, DirectorError, *UNREADABLE)


class Salvaged(NamedTuple):
    """Outcome of a salvage.

    Attributes
    ----------
    n_intact
        Sessions saved that are what was sealed.
    damaged
        Ids of those saved that are not; each has the tag ``DAMAGED_TAG``.
    n_lost
        Sessions of which something is left that cannot be read.
    """

    n_intact: int
    damaged: tuple[str, ...]
    n_lost: int


def salvage_store(
    store: Store, target: Path, *, on_session: Callable[[], None] = lambda: None
) -> Salvaged:
    """Save every session of a store that can be read, whatever its damage, to a new store.

    Each is read by itself, so that a broken page costs only the sessions on it. Attempts at a
    certificate go along. ``on_session`` is called after each session.

    Raises
    ------
    StoreError
        If ``target`` is there already.
    """
    if target.exists():
        raise StoreError(f"OUT must be a new file, got {target}, which is there")
    damaged: list[str] = []
    n_lost = n_saved = 0
    with Store(target) as saved:
        batch: list[SessionRecord] = []
        for key in _keys(store):
            try:
                record, is_intact = _read(store, key)
            except _UNREADABLE:
                n_lost += 1
            else:
                if not is_intact:
                    damaged.append(record.id)
                batch.append(record)
            if len(batch) == _BATCH:
                n_saved += _save(saved, batch)
                batch.clear()
            on_session()
        n_saved += _save(saved, batch)
        _copy_register(store, saved)
    return Salvaged(n_saved - len(damaged), tuple(damaged), n_lost)


def _save(saved: Store, batch: Sequence[SessionRecord]) -> int:
    """Add sessions and return how many; of two that bear one id only the first is taken."""
    known = set(saved.ids())
    fresh = {record.id: record for record in reversed(batch) if record.id not in known}
    return saved.add(list(fresh.values()))


def _keys(store: Store) -> list[int]:
    """Return the keys of all sessions of which anything is left, found in every way there is."""
    keys: set[int] = set()
    ways: list[tuple[Column[int], ColumnElement[int]]] = []
    for own in (sessions.c.key, bodies.c.session):
        ways += [(own, own.asc()), (own, own.desc())]
    # The index of the starts holds keys of rows whose own page is gone.
    ways.append((sessions.c.key, sessions.c.started_us.asc()))
    for column, order in ways:
        keys.update(_readable(store, select(column).order_by(order)))
    return sorted(keys)


def _readable(store: Store, statement: Select[Any]) -> Iterable[int]:
    try:
        with store.read() as connection:
            one_by_one = statement.execution_options(yield_per=1)
            for row in connection.execute(one_by_one):
                yield int(row[0])
    except _UNREADABLE:
        return


def _read(store: Store, key: int) -> tuple[SessionRecord, bool]:
    with store.read() as connection:
        row = connection.execute(select(sessions).where(sessions.c.key == key)).mappings().one()
        stored = stored_session(connection, row)
        facts, has_texts = stored.record.facts, True
        try:
            facts = facts and stored_facts(connection, facts.digest)
        except _UNREADABLE:
            has_texts = False
    record = replace(checked(stored.record), facts=facts)
    if (
        has_texts
        and broken_seal(stored, store.version) is None
        and underivable(stored, store.version) is None
    ):
        return record, True
    return replace(record, tags=(*record.tags, DAMAGED_TAG)), False


def _copy_register(store: Store, saved: Store) -> None:
    for table in REGISTERS:
        try:
            with store.read() as connection:
                rows = [dict(row) for row in connection.execute(select(table)).mappings()]
        except _UNREADABLE:
            continue
        kept = [row for row in rows if row.get("name") != LOG_MARK]
        if kept:
            saved.transaction(partial(_insert, table=table, rows=kept), durable=True)


def _insert(connection: Connection, *, table: Table, rows: list[dict[str, Any]]) -> None:
    connection.execute(insert(table), rows)
