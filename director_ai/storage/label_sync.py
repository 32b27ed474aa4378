"""Bulk read and write of labels."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from sqlalchemy import Connection, insert, select

from director_ai.errors import UnknownSessionError
from director_ai.storage import codec
from director_ai.storage.engine.clock import now_us
from director_ai.storage.engine.schema import annotations, sessions
from director_ai.storage.label_table import LabelRow
from director_ai.storage.store import Store
from director_ai.storage.transfer.problem import Problem
from director_ai.storage.writer import keys_of, refresh_labels

_MOST_BOUND = 500
_SHOWN = 80


def labels_of(store: Store) -> list[LabelRow]:
    """Return every label of a store, in the order they were given."""
    with store.read() as connection:
        return _labels(connection)


def unknown_ids(store: Store, ids: Iterable[str]) -> list[str]:
    """Return those of the ids that no session of the store has, in order, each once."""
    distinct = list(dict.fromkeys(ids))
    with store.read() as connection:
        known = _keys(connection, distinct)
    return [name for name in distinct if name not in known]


def misfits(store: Store, rows: Sequence[LabelRow], *, where: str) -> list[Problem]:
    """Return the labels that no session of the store can have, in order, a problem each.

    A session may be unknown, shorter than the onset, or have other tokens than were labelled one by
    one. Past the end of a recording that was cut an answer went on: its onset may lie there.
    ``where`` names the store.
    """
    lengths: dict[str, tuple[int, bool]] = {}
    ids = list(dict.fromkeys(row.id for row in rows))
    with store.read() as connection:
        for start in range(0, len(ids), _MOST_BOUND):
            few = sessions.c.id.in_(ids[start : start + _MOST_BOUND])
            statement = select(sessions.c.id, sessions.c.n_tokens, sessions.c.ended_by).where(few)
            for name, n_tokens, ended_by in connection.execute(statement):
                lengths[name] = n_tokens, ended_by == "completed"
    found = [_misfit(row, lengths.get(row.id), where) for row in rows]
    # A session that is unknown is so once.
    return list(dict.fromkeys(problem for problem in found if problem is not None))


def _misfit(row: LabelRow, length: tuple[int, bool] | None, where: str) -> Problem | None:
    name, onset = row.id[:_SHOWN], row.annotation.onset
    if length is None:
        return Problem(0, f"no session {row.id!r:.80} in {where}", name, "id", name)
    n_tokens, is_whole = length
    if row.n_tokens not in (None, n_tokens):
        message = f"labels must be one a token of {row.id!r:.80} ({n_tokens}), got {row.n_tokens}"
        return Problem(0, message, name, "label", str(row.n_tokens))
    if onset is not None and onset >= n_tokens and is_whole:
        message = f"onset must be a token of {row.id!r:.80}, 0 to {n_tokens - 1}, got {onset}"
        return Problem(0, message, name, "onset", str(onset))
    return None


def add_labels(store: Store, rows: Sequence[LabelRow]) -> int:
    """Add labels, all or none, and return how many were new.

    A label that a session has already, equal in every field, is passed over, so that a table read
    twice changes nothing. A label without a time gets the present one.

    Raises
    ------
    UnknownSessionError
        If the store has no session of one of the ids.
    """
    now = now_us()
    timed = [
        replace(row, annotation=replace(row.annotation, at_us=row.annotation.at_us or now))
        for row in rows
    ]

    def work(connection: Connection) -> int:
        present = set(_labels(connection))
        fresh = [row for row in timed if row not in present]
        keys = _keys(connection, list(dict.fromkeys(row.id for row in fresh)))
        lost = [row.id for row in fresh if row.id not in keys]
        if lost:
            raise UnknownSessionError(f"no session {lost[0]!r} to label in {store.name}")
        if fresh:
            added = [codec.annotation_row(keys[row.id], row.annotation) for row in fresh]
            connection.execute(insert(annotations), added)
        for key in keys.values():
            refresh_labels(connection, key)
        return len(fresh)

    return store.transaction(work, durable=True)


def _labels(connection: Connection) -> list[LabelRow]:
    statement = (
        select(sessions.c.id.label("of"), annotations)
        .join(sessions, sessions.c.key == annotations.c.session)
        .order_by(annotations.c.key)
    )
    rows = connection.execute(statement).mappings()
    return [LabelRow(row["of"], codec.annotation_of(row)) for row in rows]


def _keys(connection: Connection, ids: Sequence[str]) -> dict[str, int]:
    keys: dict[str, int] = {}
    for start in range(0, len(ids), _MOST_BOUND):
        keys |= keys_of(connection, ids[start : start + _MOST_BOUND])
    return keys
