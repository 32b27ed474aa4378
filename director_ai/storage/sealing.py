"""Seals of stored sessions: SHA-256 over tokens, row and labels, checked and written."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, RowMapping, Table, bindparam, select, update

from director_ai.core.records.record import SessionRecord, digest_of
from director_ai.storage import codec
from director_ai.storage.engine.log_mark import LOG_MARK
from director_ai.storage.engine.schema import (
    REGISTERS,
    annotations,
    bodies,
    rescores,
    sessions,
    tokens,
)

SEALED_SINCE = 3
"""The version of the schema from which on a row and its labels are sealed, too."""

MARGINS_SINCE = 5
"""The version of the schema from which on a closest call is a statistic minus its threshold."""

UNREADABLE = (ValueError, TypeError, LookupError, EOFError)
"""Errors of decoding rows whose content is not what was written; see also SQLAlchemy's."""


class StoredSession(NamedTuple):
    """One session as it is stored.

    Attributes
    ----------
    row
        Its row of ``sessions``.
    body
        Its row of ``bodies``; ``None`` while it is being recorded.
    record
        The record they hold.
    """

    row: RowMapping
    body: RowMapping | None
    record: SessionRecord


def stored_session(connection: Connection, row: RowMapping) -> StoredSession:
    """Return the session of a row of ``sessions``.

    Raises
    ------
    InvalidRecordError
        If the rows hold no session.
    """
    return StoredRows.of(connection, [row["key"]]).session(row)


class StoredRows(NamedTuple):
    """Rows of some sessions beside those of ``sessions``, by the sessions' keys.

    Attributes
    ----------
    bodies
        Body of each that is sealed.
    tokens
        Tokens, in order, of each that has no body.
    annotations
        Annotations, oldest first.
    """

    bodies: dict[int, RowMapping]
    tokens: dict[int, list[RowMapping]]
    annotations: dict[int, list[RowMapping]]

    @classmethod
    def of(cls, connection: Connection, keys: Sequence[int]) -> "StoredRows":
        """Read the rows of the sessions of these keys, few enough to be bound one by one."""
        of_session = bodies.c.session
        found = connection.execute(select(bodies).where(of_session.in_(keys))).mappings()
        folded = {row["session"]: row for row in found}
        live = [key for key in keys if key not in folded]
        return cls(
            folded,
            _by_session(connection, tokens, "position", live),
            _by_session(connection, annotations, "key", keys),
        )

    def session(self, row: RowMapping) -> StoredSession:
        """Return the session of a row of ``sessions``; errors as of :func:`stored_session`."""
        key = row["key"]
        body = self.bodies.get(key)
        if body is not None:
            columns = codec.token_columns(body)
        else:
            columns = codec.live_columns(self.tokens.get(key, ()))
        entries = map(codec.annotation_of, self.annotations.get(key, ()))
        return StoredSession(row, body, codec.record_of(row, columns, entries))


def _by_session(
    connection: Connection, table: Table, order: str, keys: Sequence[int]
) -> dict[int, list[RowMapping]]:
    rows: dict[int, list[RowMapping]] = {}
    if keys:
        own = select(table).where(table.c.session.in_(keys))
        for row in connection.execute(own.order_by(table.c.session, table.c[order])).mappings():
            rows.setdefault(row["session"], []).append(row)
    return rows


def broken_seal(stored: StoredSession, version: int) -> str | None:
    """Return how a session differs from the one that was sealed; ``None`` if it does not.

    Parameters
    ----------
    stored
        The session; one still being recorded has no seal to break.
    version
        Of the store's schema: before ``SEALED_SINCE`` only the tokens were sealed.
    """
    row, record = stored.row, stored.record
    if row["digest"] is None:
        ended = row["ended_by"]
        return None if ended is None else f"it ended ({ended}) and has no digest"
    if digest_of(record) != row["digest"]:
        return f"its tokens do not give the digest {row['digest'][:12]}"
    return None if version < SEALED_SINCE else _broken_row_seal(row, record)


def _broken_row_seal(row: RowMapping, record: SessionRecord) -> str | None:
    if row["seal"] is None:
        return "it was damaged before its row was sealed"
    if codec.seal_of(row) != row["seal"]:
        return f"its row does not give the seal {row['seal'][:12]}"
    if codec.label_seal_of(row, record.annotations) != row["label_seal"]:
        return "its tags and labels are not those that were written"
    return None


def underivable(stored: StoredSession, version: int) -> str | None:
    """Return which of a sealed session's derived values do not follow from its tokens.

    Parameters
    ----------
    stored
        The session.
    version
        Of the store's schema: before ``MARGINS_SINCE`` closest calls were in another unit.
    """
    if stored.row["digest"] is None:
        return None
    names = codec.underivable(stored.row, stored.body, stored.record)
    if version < MARGINS_SINCE:
        names = [name for name in names if name not in codec.margin_values(None)]
    return f"its {', '.join(names)} do not follow from its tokens and labels" if names else None


def broken_row(connection: Connection) -> list[str]:
    """Return the rows of registers and second curves that are not those that were written."""
    broken = []
    for table in REGISTERS:
        for row in connection.execute(select(table)).mappings():
            name = next(iter(row.values()))
            # The mark of the log has a check of its own.
            if name != LOG_MARK and row["seal"] != codec.row_seal_of(row):
                broken.append(f"{table.name}: the row of {name} is not the one that was written")
    own = sessions.c.key == rescores.c.session
    curves = select(sessions.c.id.label("id"), rescores).join(sessions, own)
    for row in connection.execute(curves.execution_options(yield_per=_BATCH)).mappings():
        values = {name: value for name, value in row.items() if name != "id"}
        if row["seal"] != codec.rescore_seal_of(values):
            broken.append(
                f"rescores: the curve of session {row['id']!r} by {row['scorer']} is not the one "
                "that was written"
            )
    return broken


def seal_all(connection: Connection) -> None:
    """Seal what is not sealed yet, where it is what its earlier digest and its tokens say.

    A session that is not stays without a seal, and so shows its damage for ever.
    """
    unsealed = select(sessions).where(sessions.c.digest.is_not(None), sessions.c.seal.is_(None))
    last = -1
    while True:
        page = unsealed.where(sessions.c.key > last).order_by(sessions.c.key).limit(_BATCH)
        rows = connection.execute(page).mappings().all()
        if not rows:
            break
        last = rows[-1]["key"]
        sealed = [values for row in rows if (values := _seals(connection, row))]
        if sealed:
            connection.execute(_SEAL, sealed)
    for table in REGISTERS:
        (name,) = table.primary_key.columns
        for row in connection.execute(select(table).where(table.c.seal.is_(None))).mappings().all():
            statement = update(table).where(name == row[name.name])
            connection.execute(statement.values(seal=codec.row_seal_of(row)))


_BATCH = 500
_SEAL = (
    update(sessions)
    .where(sessions.c.key == bindparam("of"))
    .values(seal=bindparam("whole"), label_seal=bindparam("labels"))
)


def _seals(connection: Connection, row: RowMapping) -> codec.Row | None:
    try:
        stored = stored_session(connection, row)
    except UNREADABLE:
        return None
    if broken_seal(stored, SEALED_SINCE - 1) or underivable(stored, SEALED_SINCE - 1):
        return None
    labels = codec.label_seal_of(row, stored.record.annotations)
    return {"of": row["key"], "whole": codec.seal_of(row), "labels": labels}


def measure_margins(connection: Connection) -> None:
    """Write the closest call of every sealed session anew, and seal its row again.

    A row that is not what was sealed stays as it is, and so keeps its damage.
    """
    scored = (
        select(sessions, bodies.c.scores)
        .join(bodies, bodies.c.session == sessions.c.key)
        .where(sessions.c.seal.is_not(None))
    )
    last = -1
    while True:
        page = scored.where(sessions.c.key > last).order_by(sessions.c.key).limit(_BATCH)
        rows = connection.execute(page).mappings().all()
        if not rows:
            break
        last = rows[-1]["key"]
        sound = [dict(row) for row in rows if codec.seal_of(row) == row["seal"]]
        if sound:
            connection.execute(_MEASURE, [_measured(row) for row in sound])


_MEASURE = (
    update(sessions)
    .where(sessions.c.key == bindparam("of"))
    .values({name: bindparam(f"new_{name}") for name in (*codec.margin_values(None), "seal")})
)


def _measured(row: codec.Row) -> codec.Row:
    call = codec.stored_margin(row)
    row |= codec.margin_values(call)
    values = {name: row[name] for name in codec.margin_values(None)} | {"seal": codec.seal_of(row)}
    return {"of": row["key"], **{f"new_{name}": value for name, value in values.items()}}
