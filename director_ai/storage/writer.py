"""Writing half of the store: sessions, annotations, tags, and removal."""

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from director_ai.core.records.field_checks import strings
from director_ai.core.records.record import Annotation, SessionRecord, digest_of
from director_ai.core.records.record_json import checked, checked_annotation
from director_ai.errors import DuplicateSessionError, UnknownSessionError
from director_ai.storage import codec
from director_ai.storage.batch_insert import digests, rebatched
from director_ai.storage.engine.clock import now_us
from director_ai.storage.engine.database import Database
from director_ai.storage.engine.schema import (
    annotations,
    audits,
    bodies,
    rescores,
    sessions,
    tokens,
)
from director_ai.storage.engine.tag_column import tags_text
from director_ai.storage.fact_texts import add_facts, remove_unused

ALL_OR_NONE = 50_000
"""Sessions up to which an import is one transaction."""

_BATCH = 500


class StoreWriter:
    """The writing half of a store; every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, *batches: Collection[SessionRecord], as_recorded: bool = False) -> int:
        """Add finished sessions, all or none, and return how many were new.

        A session that is already there with the same tokens is left as it is.

        Parameters
        ----------
        batches
            Sessions of one place or of several, such as files. They are taken a few at a time, and
            once more from the start where a lost connection broke the transaction.
        as_recorded
            Keep them as if a recorder of this store had sealed each when it ended, so that
            monitoring counts them. Imported sessions are not counted.

        Raises
        ------
        DuplicateSessionError
            If a session of the same id is there with other tokens.
        InvalidRecordError
            If a session could not be read back, naming the field and what is allowed.
        """

        def work(connection: Connection) -> int:
            return sum(self._add(connection, batch, as_recorded) for batch in rebatched(batches))

        return self._database.transaction(work, durable=True)

    def add_many(self, *batches: Collection[SessionRecord]) -> int:
        """Add finished sessions as :meth:`add`; more than ``ALL_OR_NONE`` a few at a time.

        One transaction of very many would keep whoever records waiting, and take twice their room
        on the disk. What was added stays there if it breaks off; whoever adds all of them again
        goes on, as sessions that are there are passed over.

        Returns
        -------
        int
            Sessions that were new.
        """
        if sum(map(len, batches)) <= ALL_OR_NONE:
            return self.add(*batches)
        return sum(self.add(batch) for batch in rebatched(batches))

    def _add(
        self, connection: Connection, batch: Sequence[SessionRecord], as_recorded: bool
    ) -> int:
        fresh: list[tuple[codec.Row, SessionRecord]] = []
        present = digests(connection, [record.id for record in batch])
        for each in batch:
            if each.id not in present:
                record = checked(each)
                row = codec.session_row(record)
                row["sealed_us"] = record.ended_us if as_recorded else None
                fresh.append((row, record))
                present[record.id] = row["digest"]
            elif present[each.id] != digest_of(each):
                raise DuplicateSessionError(
                    f"id must be new or of the same session, got {each.id!r}, "
                    f"which {self._database.name} holds with other tokens"
                )
        if fresh:
            _insert(connection, fresh)
        return len(fresh)

    def annotate(self, id: str, annotation: Annotation) -> int:
        """Annotate a session, and return the number by which that can be withdrawn.

        An annotation without a time gets the present one. One that is there already, equal in every
        field, is not added again: a write whose outcome was lost with its connection is retried.

        Raises
        ------
        UnknownSessionError
            If there is no such session.
        InvalidRecordError
            If the annotation could not be read back, naming the field and what is allowed.
        """
        return self.annotate_all([id], annotation)[0]

    def annotate_all(self, ids: Sequence[str], annotation: Annotation) -> list[int]:
        """Annotate several sessions alike, all or none; see :meth:`annotate`."""
        timed = checked_annotation(annotation)
        timed = replace(timed, at_us=timed.at_us or now_us())

        def work(connection: Connection) -> list[int]:
            numbers = []
            for name in ids:
                key = _key_of(connection, name)
                numbers.append(_annotation_key(connection, codec.annotation_row(key, timed)))
                refresh_labels(connection, key)
            return numbers

        return self._database.transaction(work, durable=True)

    def withdraw(self, keys: Iterable[int], *, author: str | None = None) -> None:
        """Take annotations back, as if they had never been made.

        Parameters
        ----------
        keys
            Their numbers; of those that are gone, nothing is left to take back.
        author
            Only this author's annotations are withdrawn; anybody's by default.
        """
        numbers = list(keys)

        def work(connection: Connection) -> None:
            of: list[ColumnElement[bool]] = [annotations.c.key.in_(numbers)]
            if author is not None:
                of.append(annotations.c.author == author)
            touched = connection.execute(select(annotations.c.session).where(*of)).scalars().all()
            connection.execute(delete(annotations).where(*of))
            for session in set(touched):
                refresh_labels(connection, session)

        self._database.transaction(work, durable=True)

    def retag(self, id: str, tags: Sequence[str]) -> None:
        """Give a session these tags in place of those it has."""
        kept = strings("tags", list(tags))

        def work(connection: Connection) -> None:
            refresh_labels(connection, _key_of(connection, id), tags=tags_text(kept))

        self._database.transaction(work)

    def delete(self, ids: Sequence[str]) -> int:
        """Remove sessions and all that belongs to them; return how many there were."""

        def work(connection: Connection) -> int:
            n_gone = 0
            for start in range(0, len(ids), _BATCH):
                batch = ids[start : start + _BATCH]
                n_gone += _remove(connection, sessions.c.id.in_(batch))
            return n_gone

        return self._database.transaction(work, durable=True)

    def keep_newest(self, n_sessions: int) -> int:
        """Remove all ended sessions but the newest ``n_sessions``; return how many went."""

        def work(connection: Connection) -> int:
            newest = select(sessions.c.key).order_by(
                sessions.c.started_us.desc(), sessions.c.key.desc()
            )
            older = newest.offset(n_sessions)
            if connection.dialect.name == "sqlite":
                # SQLite knows an offset only behind a limit.
                older = older.limit(-1)
            return _remove(connection, sessions.c.ended_by.is_not(None), sessions.c.key.in_(older))

        return self._database.transaction(work, durable=True)

    def keep_since(self, started_us: int) -> int:
        """Remove all ended sessions that started before; return how many went."""

        def work(connection: Connection) -> int:
            old = sessions.c.started_us < started_us
            return _remove(connection, sessions.c.ended_by.is_not(None), old)

        return self._database.transaction(work, durable=True)


def _insert(connection: Connection, fresh: Sequence[tuple[codec.Row, SessionRecord]]) -> None:
    changed = now_us()
    rows = [{**row, "changed_us": changed} for row, _ in fresh]
    for row, (_, record) in zip(rows, fresh, strict=True):
        row["seal"] = codec.seal_of(row)
        row["label_seal"] = codec.label_seal_of(row, record.annotations)
    connection.execute(insert(sessions), rows)
    add_facts(connection, (record.facts for _, record in fresh))
    keys = keys_of(connection, [record.id for _, record in fresh])
    connection.execute(
        insert(bodies),
        [{**codec.body_row(record), "session": keys[record.id]} for _, record in fresh],
    )
    added = [
        codec.annotation_row(keys[record.id], annotation)
        for _, record in fresh
        for annotation in record.annotations
    ]
    if added:
        connection.execute(insert(annotations), added)


def _annotation_key(connection: Connection, row: codec.Row) -> int:
    """Return the number of an annotation, inserted unless it is there already."""
    same = [annotations.c[name].is_not_distinct_from(value) for name, value in row.items()]
    present = connection.execute(select(annotations.c.key).where(*same)).scalar()
    if present is not None:
        return int(present)
    key = connection.execute(insert(annotations), row).inserted_primary_key
    assert key is not None
    return int(key[0])


def refresh_labels(connection: Connection, session: int, **changes: str) -> None:
    """Bring a session's row into line with its annotations and with these changes of its tags."""
    own = annotations.c.session == session
    rows = connection.execute(select(annotations).where(own).order_by(annotations.c.key))
    entries = [codec.annotation_of(row) for row in rows.mappings()]
    is_session = sessions.c.key == session
    tags = connection.execute(select(sessions.c.tags).where(is_session)).scalar_one()
    values = {
        "tags": tags,
        "label": entries[-1].label if entries else None,
        "onset": entries[-1].onset if entries else None,
        "changed_us": now_us(),
        **changes,
    }
    values["label_seal"] = codec.label_seal_of(values, entries)
    connection.execute(update(sessions).where(is_session).values(values))


def _remove(connection: Connection, *where: ColumnElement[bool]) -> int:
    keys = select(sessions.c.key).where(*where)
    _keep_audit_labels(connection, *where)
    had_facts = select(sessions.c.facts).where(sessions.c.facts.is_not(None), *where).distinct()
    facts = connection.execute(had_facts).scalars().all()
    for table in (annotations, bodies, rescores, tokens):
        connection.execute(delete(table).where(table.c.session.in_(keys)))
    n_gone = connection.execute(delete(sessions).where(*where)).rowcount
    remove_unused(connection, facts)
    return n_gone


def _keep_audit_labels(connection: Connection, *where: ColumnElement[bool]) -> None:
    """Copy the labels of drawn sessions to their audits, which outlive them."""
    labels = (
        select(sessions.c.id, annotations.c.author, annotations.c.label)
        .join(audits, audits.c.id == sessions.c.id)
        .join(annotations, annotations.c.session == sessions.c.key)
        .where(audits.c.drawn, *where)
        .order_by(annotations.c.key)
    )
    by_session: dict[str, dict[str, str]] = {}
    for name, author, label in connection.execute(labels):
        by_session.setdefault(name, {})[author] = label
    for name, authors in by_session.items():
        kept = update(audits).where(audits.c.id == name)
        connection.execute(kept.values(label=json.dumps(authors)))


def keys_of(connection: Connection, ids: Sequence[str]) -> dict[str, int]:
    """Return the keys of those sessions that are there."""
    rows = connection.execute(select(sessions.c.id, sessions.c.key).where(sessions.c.id.in_(ids)))
    return {row[0]: row[1] for row in rows}


def _key_of(connection: Connection, id: str) -> int:
    key = connection.execute(select(sessions.c.key).where(sessions.c.id == id)).scalar()
    if key is None:
        raise UnknownSessionError(f"no session {id!r} to write to")
    return int(key)
