"""Reading half of the store: lists, sessions, and the curves of an archive."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Join,
    Text,
    and_,
    case,
    false,
    func,
    null,
    select,
    type_coerce,
)

from director_ai.core.records.record import Annotation, SessionRecord
from director_ai.core.records.shared_facts import FactMemory
from director_ai.core.records.stored_curve import HeadTimes, StoredCurve, StoredLabels
from director_ai.core.scoring.fact_set import FactSet
from director_ai.errors import DamagedSessionError, InvalidRecordError, UnknownSessionError
from director_ai.storage import codec
from director_ai.storage import query as sql
from director_ai.storage.batch_insert import InsertPlan, plan_insert
from director_ai.storage.engine.database import Database
from director_ai.storage.engine.schema import (
    annotations,
    bodies,
    rescores,
    sessions,
)
from director_ai.storage.engine.text_type import unescape
from director_ai.storage.fact_texts import stored_facts
from director_ai.storage.query import FamilyKind, Overview, Selection
from director_ai.storage.sealing import StoredSession, broken_seal, stored_session
from director_ai.storage.summary import SessionQuery, SessionSummary
from director_ai.storage.text_matches import Matches, TextMatches

_MOST_BOUND = 500
_ROWS_AT_A_TIME = 500
_LABELS_AT_A_TIME = 10_000
PRIME = 2**31 - 1
"""Keeps a sum of times within 64 bits."""


class Annotated(NamedTuple):
    """An annotation as it is stored.

    Attributes
    ----------
    key
        Its number, by which it can be withdrawn.
    annotation
        The annotation itself.
    """

    key: int
    annotation: Annotation


class Verdict(NamedTuple):
    """Newest label of a session.

    Attributes
    ----------
    id
        The session.
    label
        ``"good"`` or ``"bad"``.
    onset
        Token where a bad answer goes wrong; ``None`` where it is not known.
    """

    id: str
    label: str
    onset: int | None


class StoreReader:
    """The reading half of a store."""

    version: int

    def __init__(self, database: Database) -> None:
        self._database = database
        self._texts = TextMatches()
        self._facts = FactMemory()

    def read(self) -> AbstractContextManager[Connection]:
        """Give a connection that sees the store as it stands now; see :meth:`Database.read`."""
        return self._database.read()

    @contextmanager
    def snapshot(self) -> Iterator["StoreReader"]:
        """Give a reader that sees the store as it stands now however long the block goes on.

        A text is searched for once in it, however many results are asked of it.
        """
        with self.read() as connection:
            yield _Snapshot(self._database, self._texts, self.version, connection)

    def selected(self, connection: Connection, query: SessionQuery | None) -> Selection:
        """Return a query, all sessions by default, ready to be asked of the connection."""
        query = query or SessionQuery()
        return Selection(query, self._matches(connection, query.text) if query.text else None)

    def count(self, query: SessionQuery | None = None) -> int:
        """Return how many sessions a query finds; all by default."""
        with self.read() as connection:
            return sql.count(connection, self.selected(connection, query))

    def is_everywhere(self, text: str) -> bool:
        """Return whether every session holds a text, so that a search for it leaves none out."""
        with self.read() as connection:
            return self._matches(connection, text).is_all

    def count_each(self, queries: Sequence[SessionQuery]) -> list[int]:
        """Return how many sessions each of some queries for the same text finds, in one pass."""
        with self.read() as connection:
            return sql.count_each(
                connection, [self.selected(connection, query) for query in queries]
            )

    def summaries(
        self, query: SessionQuery | None = None, *, limit: int = 100, offset: int = 0
    ) -> list[SessionSummary]:
        """Return the sessions of a query in its order, from ``offset``, at most ``limit``."""
        query = query or SessionQuery()
        with self.read() as connection:
            statement = sql.ordered(select(sessions).where(*self._where(connection, query)), query)
            rows = connection.execute(statement.limit(limit).offset(offset)).mappings()
            return [SessionSummary.of(row) for row in rows]

    def ids(self, query: SessionQuery | None = None) -> list[str]:
        """Return the ids of all sessions of a query, in its order."""
        query = query or SessionQuery()
        with self.read() as connection:
            statement = select(sessions.c.id).where(*self._where(connection, query))
            return list(connection.execute(sql.ordered(statement, query)).scalars())

    def facets(self, query: SessionQuery | None = None) -> dict[str, dict[str, int]]:
        """Return how many sessions each value of each facet would find; see ``query.facets``."""
        with self.read() as connection:
            return sql.facets(connection, self.selected(connection, query))

    def overview(self, query: SessionQuery | None = None) -> Overview:
        """Return a query's sessions in a few numbers."""
        with self.read() as connection:
            return sql.overview(connection, self.selected(connection, query))

    def family_kinds(self, query: SessionQuery | None = None) -> list[FamilyKind]:
        """Return how good sessions and false halts lie in families; see ``query.family_kinds``."""
        with self.read() as connection:
            return sql.family_kinds(connection, self.selected(connection, query))

    def histogram(
        self, query: SessionQuery | None = None, *, n_buckets: int = 48
    ) -> list[tuple[int, int, dict[str, int]]]:
        """Return counts over time; see ``query.histogram``."""
        with self.read() as connection:
            return sql.histogram(connection, self.selected(connection, query), n_buckets)

    def summary(self, id: str) -> SessionSummary:
        """Return a session's row of the list.

        Raises
        ------
        UnknownSessionError
            Naming how many sessions there are, and the newest.
        """
        with self.read() as connection:
            row = connection.execute(select(sessions).where(sessions.c.id == id)).mappings().first()
            if row is None:
                raise self._unknown(connection, id)
            return SessionSummary.of(row)

    def get(self, id: str, *, verify: bool = True) -> SessionRecord:
        """Return a session; one still being recorded as far as it has come.

        Parameters
        ----------
        id
            Its id.
        verify
            Compare its tokens, its row and its labels with their seals, and its facts with their
            digest.

        Raises
        ------
        UnknownSessionError
            Naming how many sessions there are, and the newest.
        DamagedSessionError
            If the stored session is not the one that was sealed.
        """
        with self.read() as connection:
            stored = self._stored(connection, id)
            damage = broken_seal(stored, self.version) if verify else None
            try:
                facts = self._with_texts(connection, stored.record.facts)
            except InvalidRecordError as error:
                facts, damage = stored.record.facts, damage or (str(error) if verify else None)
        if damage is not None:
            raise DamagedSessionError(
                f"session {id!r} in {self._database.name} is not what was sealed: {damage}"
            )
        return replace(stored.record, facts=facts)

    def _with_texts(self, connection: Connection, facts: FactSet | None) -> FactSet | None:
        """Return the facts of a session with their texts, where those were kept."""
        if facts is None:
            return None
        known = self._facts.get(facts.digest)
        if known is None:
            known = stored_facts(connection, facts.digest)
            if known.texts is not None:
                self._facts.keep(known)
        return known

    def records(self, ids: Iterable[str]) -> Iterator[SessionRecord]:
        """Yield the sessions of these ids, in order, each verified."""
        yield from map(self.get, ids)

    def plan_insert(self, *batches: Iterable[SessionRecord]) -> InsertPlan:
        """Return the plan of adding these sessions together, every clash named."""
        with self.read() as connection:
            return plan_insert(connection, batches)

    def annotations(self, id: str) -> list[Annotated]:
        """Return the annotations of a session, oldest first."""
        statement = (
            select(annotations)
            .join(sessions, sessions.c.key == annotations.c.session)
            .where(sessions.c.id == id)
            .order_by(annotations.c.key)
        )
        with self.read() as connection:
            rows = connection.execute(statement).mappings()
            return [Annotated(row["key"], codec.annotation_of(row)) for row in rows]

    def authors(self, query: SessionQuery) -> dict[str, set[str]]:
        """Return the authors of each annotated session of a query."""
        statement = (
            select(sessions.c.id, annotations.c.author)
            .join(sessions, sessions.c.key == annotations.c.session)
            .distinct()
        )
        authors: dict[str, set[str]] = {}
        with self.read() as connection:
            where = self._where(connection, query)
            for name, author in connection.execute(statement.where(*where)):
                authors.setdefault(name, set()).add(author)
        return authors

    def labels(self, query: SessionQuery, *, since_us: int | None = None) -> StoredLabels:
        """Return what may change of every sealed session of a query, oldest first.

        An audit that was drawn for its halt has no label here; see
        :func:`.query.drawn_for_their_halt`.

        Parameters
        ----------
        query
            The sessions.
        since_us
            Only those that changed at this time or later; all by default.
        """
        of, label = sessions.c, _fair_label()
        ended: list[ColumnElement[bool]] = [of.ended_by.is_not(None)]
        if since_us is not None:
            ended.append(of.changed_us >= since_us)
        # An index holds all of these; ordered by another, or with another column, every row of
        # the table would be read.
        rows = (
            select(of.key, of.started_us, of.changed_us, label, type_coerce(of.tags, Text))
            .where(*ended)
            .order_by(of.started_us + 0, of.key)
        )
        onsets = select(of.key, of.onset).where(*ended, label == "bad", of.onset.is_not(None))
        with self.read() as connection:
            where = self._where(connection, query)
            columns: list[list[Any]] = [[] for _ in range(5)]
            # Some at a time: rows take several times the room of their values.
            for some in connection.execute(rows.where(*where)).partitions(_LABELS_AT_A_TIME):
                for column, values in zip(columns, zip(*some, strict=True), strict=True):
                    column.extend(values)
            onset_of = dict(connection.execute(onsets.where(*where)).all())
        keys, started_us, changed_us, labels, tags = columns
        texts = {text: unescape(text) for text in set(tags)}
        return StoredLabels(
            *(keys, started_us, changed_us, labels),
            [*map(onset_of.get, keys)],
            [*map(texts.__getitem__, tags)],
        )

    def names(self, query: SessionQuery) -> list[tuple[int, str]]:
        """Return number and id of every sealed session of a query, oldest first."""
        of = sessions.c
        statement = select(of.key, of.id).where(of.ended_by.is_not(None))
        with self.read() as connection:
            where = self._where(connection, query)
            ordered = statement.where(*where).order_by(of.started_us, of.key)
            return [(key, name) for key, name in connection.execute(ordered)]

    def verdicts(self, query: SessionQuery) -> list[Verdict]:
        """Return the newest label of every sealed session of a query that is good or bad."""
        of = sessions.c
        judged = (of.ended_by.is_not(None), of.label.in_(("good", "bad")))
        with self.read() as connection:
            where = (*self._where(connection, query), *judged)
            rows = connection.execute(select(of.id, of.label, of.onset).where(*where))
            return [Verdict._make(row) for row in rows]

    def n_tokens(self, query: SessionQuery) -> int:
        """Return how many tokens the sessions of a query have."""
        total = func.coalesce(func.sum(sessions.c.n_tokens), 0)
        with self.read() as connection:
            statement = select(total).where(*self._where(connection, query))
            return int(connection.execute(statement).scalar_one())

    def n_prompts(self, query: SessionQuery) -> int:
        """Return how many distinct prompts the sessions of a query have.

        A prompt that was not kept is one of its own.
        """
        kept = func.nullif(sessions.c.prompt, "")
        distinct = func.count(kept.distinct()) + func.count() - func.count(kept)
        statement = select(distinct).select_from(sessions)
        with self.read() as connection:
            where = self._where(connection, query)
            return int(connection.execute(statement.where(*where)).scalar_one())

    def keyed_curves(
        self,
        query: SessionQuery | None = None,
        *,
        keys: Sequence[int] | None = None,
        scorers: Sequence[str] = (),
    ) -> Iterator[tuple[int, StoredCurve]]:
        """Yield number and scores as :meth:`curves`, of a query or of the sessions of these keys.

        A session of a key that is gone is passed over.
        """
        if keys is None:
            with self.read() as connection:
                yield from self._curves(connection, scorers, *self._where(connection, query))
            return
        for start in range(0, len(keys), _MOST_BOUND):
            some = sessions.c.key.in_(keys[start : start + _MOST_BOUND])
            with self.read() as connection:
                yield from self._curves(connection, scorers, some)

    def curves(
        self, query: SessionQuery | None = None, *, scorers: Sequence[str] = ()
    ) -> Iterator[StoredCurve]:
        """Yield the scores of every sealed session of a query, without its text, oldest first.

        An audit that was drawn for its halt has no label here; see
        :func:`.query.drawn_for_their_halt`.

        Parameters
        ----------
        query
            The sessions; by default all.
        scorers
            Scorers whose curves are asked for, as they print. A session that was recorded with
            another, and judged again by one of these, gives its second curve by the first of them
            that it has, with that scorer's name; every other gives its own.
        """
        for _, curve in self.keyed_curves(query, scorers=scorers):
            yield curve

    @staticmethod
    def _curves(
        connection: Connection, scorers: Sequence[str], *where: ColumnElement[bool]
    ) -> Iterator[tuple[int, StoredCurve]]:
        of = sessions.c
        tables, second = _with_second_curves(scorers)
        columns = (
            of.key,
            *(of.id, of.model, of.source, of.prompt_family, of.tags, of.enforced, of.ended_by),
            *(_fair_label(), of.onset, of.policy, bodies.c.scores, bodies.c.ends, of.scorer),
        )
        statement = (
            select(*columns, *second)
            .select_from(tables)
            .where(*where)
            .order_by(of.started_us, of.key)
            # A server would else send all of it at once, which is kept in memory.
            .execution_options(yield_per=_ROWS_AT_A_TIME)
        )
        # Closed also where the reader stops in between: the server keeps its rows until then.
        with connection.execute(statement) as rows:
            for row in rows:
                curve = StoredCurve._make(row[1 : len(columns)])
                is_second = bool(second) and row[-1] is not None
                yield row[0], codec.second_curve(curve, *row[-2:]) if is_second else curve

    def head_times(
        self, query: SessionQuery | None = None, n_tokens: int = 128
    ) -> Iterator[HeadTimes]:
        """Yield the first times of every sealed session of a query, in the order of its curves.

        Of long sessions that is far less to read than all of their times.
        """
        of = sessions.c
        statement = (
            select(
                of.id,
                func.substr(bodies.c.times_us, 1, 8 * n_tokens),
                of.ended_us - of.started_us,
            )
            .join(bodies, bodies.c.session == of.key)
            .order_by(of.started_us, of.key)
        )
        with self.read() as connection:
            where = self._where(connection, query)
            for name, packed, duration_us in connection.execute(statement.where(*where)):
                # Of an empty value SQLite takes nothing, and not an empty part.
                yield HeadTimes(name, bytes(packed or b""), duration_us)

    def stamp(self, query: SessionQuery | None = None) -> tuple[int, int, int]:
        """Return a value that changes whenever anything in the store does.

        The latest change alone would not: a clock that is ahead hides all that comes after it.

        Parameters
        ----------
        query
            The sealed sessions to look at; by default all, those still being recorded among them,
            which change every second.
        """
        ended = () if query is None else (sessions.c.ended_by.is_not(None),)
        with self.read() as connection:
            where = (*self._where(connection, query), *ended)
            # Apart, each is read from the end of an index; together they would read every row.
            statement = select(
                *(
                    select(value).select_from(sessions).where(*where).scalar_subquery()
                    for value in (
                        func.count(),
                        func.coalesce(func.max(sessions.c.changed_us), 0),
                        func.coalesce(func.sum(sessions.c.changed_us % PRIME), 0),
                    )
                )
            )
            n_sessions, changed, mixed = connection.execute(statement).one()
            return int(n_sessions), int(changed), int(mixed)

    def _where(
        self, connection: Connection, query: SessionQuery | None
    ) -> list[ColumnElement[bool]]:
        return sql.conditions(self.selected(connection, query))

    def _matches(self, connection: Connection, text: str) -> Matches:
        return self._texts.look(connection, text)

    def _stored(self, connection: Connection, id: str) -> StoredSession:
        row = connection.execute(select(sessions).where(sessions.c.id == id)).mappings().first()
        if row is None:
            raise self._unknown(connection, id)
        try:
            return stored_session(connection, row)
        except InvalidRecordError as error:
            raise DamagedSessionError(
                f"session {id!r} in {self._database.name} cannot be read: {error}"
            ) from None

    def _unknown(self, connection: Connection, id: str) -> UnknownSessionError:
        n_sessions = sql.count(connection, Selection(SessionQuery(), None))
        newest = sql.ordered(select(sessions.c.id), SessionQuery()).limit(1)
        name = connection.execute(newest).scalar()
        known = f"it holds {n_sessions:,}" + (f", newest {name!r}" if name is not None else "")
        return UnknownSessionError(f"no session {id!r} in {self._database.name}; {known}")


def _with_second_curves(scorers: Sequence[str]) -> tuple[Join, tuple[ColumnElement[Any], ...]]:
    """Return sessions with their bodies, and scorer and scores of the second curve of each.

    Null where a session has none by these scorers, or is by one of them itself; no columns
    without scorers.
    """
    of = sessions.c
    tables = sessions.join(bodies, bodies.c.session == of.key)
    if not scorers:
        return tables, ()
    by_another = ~func.coalesce(sql.own_scorer_in(scorers), false())
    seconds = [rescores.alias(f"second_{place}") for place in range(len(scorers))]
    for second, scorer in zip(seconds, scorers, strict=True):
        is_its = and_(second.c.session == of.key, second.c.scorer == scorer, by_another)
        tables = tables.outerjoin(second, is_its)
    columns = ([second.c[name] for second in seconds] for name in ("scorer", "scores"))
    # Of one alone SQLite has no coalesce.
    return tables, tuple(func.coalesce(*each, null()) for each in columns)


def _fair_label() -> ColumnElement[str | None]:
    """Return the label of a session, null for an audit that was drawn for its halt."""
    own = sessions.c
    return case((own.key.in_(sql.drawn_for_their_halt()), None), else_=own.label)


class _Snapshot(StoreReader):
    """Reader of a store's state as one connection sees it."""

    def __init__(
        self, database: Database, texts: TextMatches, version: int, connection: Connection
    ) -> None:
        super().__init__(database)
        self.version = version
        self._texts = texts
        self._connection = connection
        self._known: dict[str, Matches] = {}

    def read(self) -> AbstractContextManager[Connection]:
        return nullcontext(self._connection)

    def _matches(self, connection: Connection, text: str) -> Matches:
        if text not in self._known:
            self._known[text] = super()._matches(connection, text)
        return self._known[text]
