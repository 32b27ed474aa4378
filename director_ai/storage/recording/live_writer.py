"""Live writer: sessions while they are recorded, and the seal that ends each."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import (
    Connection,
    RowMapping,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)

from director_ai.core.records.record import SessionRecord, digest_of
from director_ai.core.records.record_json import checked
from director_ai.errors import InvalidRecordError
from director_ai.storage import codec
from director_ai.storage.engine.clock import now_us
from director_ai.storage.engine.database import Transactions
from director_ai.storage.engine.schema import annotations, bodies, sessions, tokens
from director_ai.storage.engine.statements import chunks, insert_new
from director_ai.storage.fact_texts import add_facts
from director_ai.storage.recording.session_delta import SessionDelta
from director_ai.storage.recording.warmup import warm_up

UNKNOWN_DIGEST = "unknown"
"""Stands for the digest of a session that is not whole and whose recorder is gone."""

# Built once: a recorder runs these several times a second, beside the stream it records.
_ROWS = select(
    *(sessions.c[name] for name in ("key", "id", "started_us", "ended_by", "digest", "n_tokens")),
    *(sessions.c[name] for name in ("n_dropped", "changed_us")),
).where(sessions.c.id.in_(bindparam("ids", expanding=True)))
_GROWN = update(sessions).where(sessions.c.key == bindparam("of"))


class LiveWriter:
    """Writes sessions into a store while they run.

    Whatever is written twice changes nothing, so that a batch whose outcome is not known is
    simply written again.

    Examples
    --------
    >>> from director_ai import HaltPolicy
    >>> from director_ai.storage.recording.session_progress import SessionProgress
    >>> from director_ai.storage.store import Store
    >>> from director_ai.storage.recording.session_delta import Token
    >>> header = SessionRecord(
    ...     "a", 0, 0, "", "", "", HaltPolicy(), True, (), (), (), ended_by="completed"
    ... )
    >>> progress = SessionProgress(header)
    >>> progress.add(Token(0, "Hi", 0.9, held=False, time_us=5))
    >>> with Store(getfixture("tmp_path") / "sessions.db") as store:
    ...     LiveWriter(store).write([progress.delta()])
    ...     store.get("a").tokens, store.summary("a").outcome
    {}
    (('Hi',), 'recording')
    """

    def __init__(self, database: Transactions) -> None:
        self._database = database

    def write(self, batch: Sequence[SessionDelta]) -> dict[str, str]:
        """Write the new parts of some sessions, in one transaction.

        Returns
        -------
        dict of str to str
            Ids of the sessions that cannot be recorded, or not any further, and why.
        """
        durable = any(delta.is_last for delta in batch)
        # Beforehand: while a process writes, all others wait for it.
        wholes = {delta.record.id: whole for delta in batch if (whole := _whole(delta))}
        work = partial(_write, batch=batch, wholes=wholes)
        return self._database.transaction(work, durable=durable)

    def warm_up(self) -> None:
        """Make the first write as quick as those after it."""
        warm_up(self._database, _write)

    def abandon(self, record: SessionRecord, *, n_seen: int) -> None:
        """Seal a session at its last written token; ``n_seen`` tokens came in all."""

        def work(connection: Connection) -> None:
            row = _rows(connection, [record.id]).get(record.id)
            if row is None or row["started_us"] != record.started_us:
                return
            if row["ended_by"] in (None, "abandoned"):
                values = {"n_dropped": max(0, n_seen - row["n_tokens"]), "changed_us": now_us()}
                _change_sealed(connection, row["key"], values)
            if row["ended_by"] is None:
                _abandon(connection, row)

        self._database.transaction(work, durable=True)

    def seal_abandoned(self, silent_for_s: float) -> list[str]:
        """Seal the sessions whose recorder has been silent for so long, and return their ids.

        They end as abandoned with the tokens they have; should the recorder come back, it goes
        on where it was.
        """
        silent = (sessions.c.ended_by.is_(None), sessions.c.changed_us <= _before(silent_for_s))
        with self._database.read() as connection:
            ids = list(connection.execute(select(sessions.c.id).where(*silent)).scalars())

        def work(connection: Connection, id: str) -> bool:
            row = _rows(connection, [id]).get(id)
            # It may have been heard of, or been sealed by another, meanwhile.
            if row is None or row["ended_by"] or row["changed_us"] > _before(silent_for_s):
                return False
            _abandon(connection, row)
            return True

        return [
            name for name in ids if self._database.transaction(partial(work, id=name), durable=True)
        ]


def _before(seconds: float) -> int:
    return now_us() - round(seconds * 1e6)


class _Whole(NamedTuple):
    """A session that is written in one piece, its rows made before anyone waits for them.

    Attributes
    ----------
    body
        Its row of ``bodies``, but for the session's number.
    summary
        Columns of ``sessions`` that follow from its tokens.
    """

    body: codec.Row
    summary: codec.Row


def _whole(delta: SessionDelta) -> _Whole | None:
    """Return a session that begins and ends in one delta; ``None`` of every other.

    One that could not be read back as it came is none either.
    """
    if delta.start or not delta.is_last:
        return None
    scored = [token for token in delta.tokens if token.score is not None]
    record = replace(
        delta.record,
        tokens=tuple(token.text for token in delta.tokens),
        scores=tuple(token.score for token in scored if token.score is not None),
        held=tuple(token.held for token in scored),
        times_us=tuple(token.time_us for token in delta.tokens),
    )
    try:
        record = checked(record)
    except InvalidRecordError:
        return None
    if digest_of(record) != delta.digest:
        return None
    return _Whole(codec.body_row(record), codec.summary_values(record))


_NO_WHOLES: Mapping[str, _Whole] = {}


def _write(
    connection: Connection,
    batch: Sequence[SessionDelta],
    wholes: Mapping[str, _Whole] = _NO_WHOLES,
) -> dict[str, str]:
    fresh = [_first_row(delta.record) for delta in batch if delta.is_first]
    if fresh:
        connection.execute(insert_new(connection.dialect.name, sessions), fresh)
    rows = _rows(connection, [delta.record.id for delta in batch])
    refused: dict[str, str] = {}
    growing: list[tuple[int, SessionDelta]] = []
    complete: list[tuple[int, SessionDelta, _Whole]] = []
    for delta in batch:
        row = rows.get(delta.record.id)
        problem = _problem(delta, row)
        if row is None or problem:
            refused[delta.record.id] = problem
        elif not _is_sealed(delta, row):
            if row["ended_by"] is not None:
                _reopen(connection, row["key"])
            whole = wholes.get(delta.record.id)
            if whole is not None and not row["n_tokens"]:
                complete.append((row["key"], delta, whole))
            else:
                growing.append((row["key"], delta))
    # Only of those that are recorded: nothing would ever remove the facts of the others.
    begun = (delta for delta in batch if delta.is_first and delta.record.id not in refused)
    add_facts(connection, (delta.record.facts for delta in begun))
    _append(connection, growing)
    _add_whole(connection, complete)
    for key, delta in growing:
        if delta.is_last and not _seal(connection, key, delta):
            refused[delta.record.id] = "what the store gives back is not what was recorded"
    return refused


def _problem(delta: SessionDelta, row: RowMapping | None) -> str:
    """Return why a session cannot be recorded, or nothing."""
    if row is None:
        return "it was deleted while it was recorded"
    if row["started_us"] != delta.record.started_us:
        return "another session of this id is there"
    if row["ended_by"] is None or _is_sealed(delta, row):
        return ""
    if row["ended_by"] == "abandoned" and row["n_tokens"] >= delta.start:
        return ""
    return "it was sealed while it was recorded"


def _is_sealed(delta: SessionDelta, row: RowMapping) -> bool:
    """Return whether this very end was written already."""
    record = delta.record
    return (
        delta.is_last
        and row["ended_by"] == record.ended_by
        and row["digest"] == delta.digest
        and row["n_dropped"] == delta.n_dropped
    )


def _reopen(connection: Connection, key: int) -> None:
    """Undo the seal of a session that was given up too early."""
    body = connection.execute(select(bodies).where(bodies.c.session == key)).mappings().first()
    if body is not None:
        rows = codec.token_rows(codec.token_columns(body))
        if rows:
            connection.execute(insert(tokens), [{"session": key, **row} for row in rows])
        connection.execute(delete(bodies).where(bodies.c.session == key))
    unsealed = dict.fromkeys(("ended_by", "digest", "seal", "label_seal", "sealed_us"))
    _change(connection, key, unsealed)


def _append(connection: Connection, growing: Sequence[tuple[int, SessionDelta]]) -> None:
    rows = [{"session": key, **token._asdict()} for key, delta in growing for token in delta.tokens]
    if rows:
        connection.execute(insert_new(connection.dialect.name, tokens), rows)
    changes = [
        {
            "of": key,
            "n_tokens": delta.n_tokens,
            "lowest": delta.lowest,
            "excerpt": delta.excerpt,
            "changed_us": now_us(),
            **codec.shadow_values(delta.record),
        }
        for key, delta in growing
    ]
    if changes:
        connection.execute(_GROWN, changes)


def _seal(connection: Connection, key: int, delta: SessionDelta) -> bool:
    """End a session, and return whether its tokens are in the store as they came."""
    values = {"ended_by": delta.record.ended_by, "n_dropped": delta.n_dropped}
    _change(connection, key, {**values, **codec.ending_values(delta.record)})
    return _fold(connection, key, delta.digest)


def _add_whole(
    connection: Connection, complete: Sequence[tuple[int, SessionDelta, _Whole]]
) -> None:
    """Write sessions of which nothing is in the store but their row, sealed at once."""
    if not complete:
        return
    of_keys = sessions.c.key.in_(bindparam("keys", expanding=True))
    found: dict[int, RowMapping] = {}
    for keys in chunks([key for key, _, _ in complete]):
        rows = connection.execute(select(sessions).where(of_keys), {"keys": keys})
        found.update((row["key"], row) for row in rows.mappings())
    changed = []
    for key, delta, whole in complete:
        sealed_us = now_us()
        changes = {
            **codec.ending_values(delta.record),
            **whole.summary,
            "ended_by": delta.record.ended_by,
            "n_dropped": delta.n_dropped,
            "digest": delta.digest,
            "changed_us": sealed_us,
            "sealed_us": sealed_us,
        }
        seals = _seals(connection, {**found[key], **changes})
        changed.append({"of": key, **changes, **seals})
    connection.execute(
        insert(bodies), [{**whole.body, "session": key} for key, _, whole in complete]
    )
    connection.execute(_GROWN, changed)


def _abandon(connection: Connection, row: RowMapping) -> None:
    last = select(func.max(tokens.c.time_us)).where(tokens.c.session == row["key"])
    ended_us = row["started_us"] + (connection.execute(last).scalar() or 0)
    _change(connection, row["key"], {"ended_by": "abandoned", "ended_us": ended_us})
    _fold(connection, row["key"], None)


def _fold(connection: Connection, key: int, digest: str | None) -> bool:
    """Turn a session's tokens into its body, unless they are not all there as they came.

    Then they stay as they are, under a digest they do not give: whoever reads the session is
    told that it is damaged.
    """
    own = tokens.c.session == key
    row = connection.execute(select(sessions).where(sessions.c.key == key)).mappings().one()
    rows = connection.execute(select(tokens).where(own).order_by(tokens.c.position))
    entries = rows.mappings().all()
    is_whole = [entry["position"] for entry in entries] == list(range(row["n_tokens"]))
    try:
        record = codec.record_of(row, codec.live_columns(entries), ())
    except InvalidRecordError:
        is_whole = False
    stored = digest_of(record) if is_whole else None
    if stored is None or stored != (digest or stored):
        _change(connection, key, {"digest": digest or UNKNOWN_DIGEST, "changed_us": now_us()})
        return False
    connection.execute(insert(bodies), {"session": key, **codec.body_row(record)})
    connection.execute(delete(tokens).where(own))
    sealed_us = now_us()
    changes = {
        **codec.summary_values(record),
        "digest": stored,
        "changed_us": sealed_us,
        "sealed_us": sealed_us,
    }
    _change(connection, key, {**changes, **_seals(connection, {**row, **changes})})
    return True


def _seals(connection: Connection, row: Mapping[str, Any]) -> codec.Row:
    """Return the seals of a session's row as it is from now on."""
    entries: Sequence[RowMapping] = ()
    if row["label"] is not None:
        own = select(annotations).where(annotations.c.session == row["key"])
        entries = connection.execute(own.order_by(annotations.c.key)).mappings().all()
    label_seal = codec.label_seal_of(row, map(codec.annotation_of, entries))
    return {"seal": codec.seal_of(row), "label_seal": label_seal}


def _change_sealed(connection: Connection, key: int, values: codec.Row) -> None:
    """Change a row, and its seals if it is what they say."""
    own = select(sessions).where(sessions.c.key == key)
    row = connection.execute(own).mappings().one()
    if row["seal"] == codec.seal_of(row):
        values = {**values, **_seals(connection, {**row, **values})}
    _change(connection, key, values)


def _first_row(record: SessionRecord) -> codec.Row:
    begun = {"n_tokens": 0, "sparkline": b"", "excerpt": "", "changed_us": now_us()}
    return {**codec.header_row(record), **begun}


def _change(connection: Connection, key: int, values: codec.Row) -> None:
    connection.execute(update(sessions).where(sessions.c.key == key).values(values))


def _rows(connection: Connection, ids: Sequence[str]) -> dict[str, RowMapping]:
    by_id: dict[str, RowMapping] = {}
    for chunk in chunks(ids):
        rows = connection.execute(_ROWS, {"ids": chunk})
        by_id.update((row["id"], row) for row in rows.mappings())
    return by_id
