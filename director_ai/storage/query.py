"""SQL of filters, orders and counts."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, and_, case, func, or_, select, true

from director_ai.core.halting.reason import MECHANISMS
from director_ai.core.scoring.identity import UNKNOWN_SCORER
from director_ai.storage.engine.clock import SILENT_US, now_us
from director_ai.storage.engine.schema import annotations, audit_plans, audits, rescores, sessions
from director_ai.storage.engine.tag_column import tag_text
from director_ai.storage.engine.text_search import holds
from director_ai.storage.summary import LABELS, OUTCOMES, UNLABELLED, Outcome, SessionQuery, outcome
from director_ai.storage.text_matches import Matches

_ENDINGS: dict[Outcome, tuple[str, ...]] = {
    "halted": ("halted", "soft_halted"),
    "completed": ("completed",),
    "infrastructure": ("fault", "operator"),
    "abandoned": ("abandoned",),
    "recording": (),
}

_c = sessions.c


class Selection(NamedTuple):
    """A query, ready to be asked of the database.

    Attributes
    ----------
    query
        The query.
    matches
        Sessions that hold its text; ``None`` without one.
    """

    query: SessionQuery
    matches: Matches | None

    def replaced(self, **changes: Any) -> "Selection":
        """Return the selection with other values in its query; never with another text."""
        return self._replace(query=replace(self.query, **changes))


def ended_by() -> ColumnElement[str | None]:
    """Return how a session ended, null while it is being recorded.

    One whose recorder has fallen silent counts as abandoned, whether or not it is sealed as such.
    """
    silent = and_(_c.ended_by.is_(None), _c.changed_us < now_us() - SILENT_US)
    return case((silent, "abandoned"), else_=_c.ended_by)


def conditions(selection: Selection) -> list[ColumnElement[bool]]:
    """Return the conditions of a selection, as SQL."""
    text = [] if selection.matches is None else [selection.matches.condition()]
    return text + _conditions_of_columns(selection.query)


def _conditions_of_columns(query: SessionQuery) -> list[ColumnElement[bool]]:
    """Return the conditions of a query but for that of its text."""
    where: list[ColumnElement[bool]] = []
    if query.since_us is not None:
        where.append(_c.started_us >= query.since_us)
    if query.until_us is not None:
        where.append(_c.started_us < query.until_us)
    if query.outcomes:
        endings = [ending for name in query.outcomes for ending in _ENDINGS[name]]
        ended = ended_by()
        live = [ended.is_(None)] if "recording" in query.outcomes else []
        where.append(or_(ended.in_(endings), *live))
    if query.rules:
        where.append(or_(*(_has_rule(name) for name in query.rules)))
    if query.labels:
        bare = [_c.label.is_(None)] if UNLABELLED in query.labels else []
        where.append(or_(_c.label.in_(query.labels), *bare))
    for column, values in (
        (_c.model, query.models),
        (_c.source, query.sources),
        (_c.prompt_family, query.groups),
    ):
        if values:
            where.append(column.in_(values))
    if query.scorers:
        where.append(or_(own_scorer_in(query.scorers), _c.key.in_(_rescored_by(query.scorers))))
    if query.authors:
        signed = select(annotations.c.session).where(annotations.c.author.in_(query.authors))
        where.append(_c.key.in_(signed))
    if query.tags:
        where.append(or_(*(_has_tag(tag) for tag in query.tags)))
    if query.enforced is not None:
        where.append(_c.enforced.is_(query.enforced))
    if query.shadow_halted is not None:
        halted = _c.shadow_index.is_not(None)
        where.append(halted if query.shadow_halted else ~halted)
    if query.would_halt is not None:
        where.append(_c.margin < 0 if query.would_halt else _c.margin >= 0)
    if query.least_tokens is not None:
        where.append(_c.n_tokens >= query.least_tokens)
    if query.most_tokens is not None:
        where.append(_c.n_tokens <= query.most_tokens)
    if query.most_margin is not None:
        where.append(_c.margin <= query.most_margin)
    if query.order == "nearest_misses":
        where += [_c.ended_by == "completed", _c.halt_index.is_(None), _c.margin >= 0]
    return where


def own_scorer_in(scorers: Sequence[str]) -> ColumnElement[bool]:
    """Return whether a session was recorded with one of these scorers."""
    unknown = [_c.scorer.is_(None)] if str(UNKNOWN_SCORER) in scorers else []
    return or_(_c.scorer.in_(scorers), *unknown)


def _rescored_by(scorers: Sequence[str]) -> Select[tuple[int]]:
    return select(rescores.c.session).where(rescores.c.scorer.in_(scorers))


def ordered(statement: Select[Any], query: SessionQuery) -> Select[Any]:
    """Return the statement in the query's order; ties go by key, so that pages never overlap."""
    ranks: dict[str, tuple[ColumnElement[Any], ...]] = {
        "newest": (_c.started_us.desc(), _c.key.desc()),
        "oldest": (_c.started_us, _c.key),
        "closest": (func.abs(_c.margin).nulls_last(), _c.key),
        "nearest_misses": (_c.margin.nulls_last(), _c.key),
        "lowest": (_c.lowest.nulls_last(), _c.key),
        "longest": (_c.n_tokens.desc(), _c.key),
    }
    return statement.order_by(*ranks[query.order])


def count(connection: Connection, selection: Selection) -> int:
    """Return how many sessions a query finds."""
    statement = select(func.count()).select_from(sessions).where(*conditions(selection))
    return int(connection.execute(statement).scalar_one())


def count_each(connection: Connection, selections: Sequence[Selection]) -> list[int]:
    """Return how many sessions each of some selections of one text finds, in one pass."""
    (matches,) = {id(each.matches): each.matches for each in selections}.values()
    where = [] if matches is None else [matches.condition()]
    counts = (
        func.count().filter(and_(true(), *_conditions_of_columns(each.query)))
        for each in selections
    )
    row = connection.execute(select(*counts).select_from(sessions).where(*where)).one()
    return [int(n_sessions) for n_sessions in row]


def facets(connection: Connection, selection: Selection) -> dict[str, dict[str, int]]:
    """Return, for every facet, how many sessions each of its values would find.

    A facet's own filter is left out of its counts, so that they are those of choosing another
    value; all other filters hold.
    """
    columns = {
        "models": _c.model,
        "sources": _c.source,
        "groups": _c.prompt_family,
        "scorers": _c.scorer,
        "tags": _c.tags,
    }
    counted = _facets_of_known_values(connection, selection)
    for name, column in columns.items():
        unasked: dict[str, Any] = {name: ()}
        others = selection.replaced(**unasked)
        statement = select(column, func.count()).where(*conditions(others)).group_by(column)
        counts: Counter[str] = Counter()
        for value, n_sessions in connection.execute(statement):
            for word in _words(name, value):
                counts[word] += n_sessions
        counted[name] = dict(counts.most_common())
    counted["authors"] = _authors(connection, selection.replaced(authors=()))
    rescored = rescore_counts(connection, selection.replaced(scorers=()))
    counted["scorers"] = dict((Counter(counted["scorers"]) + rescored).most_common())
    return counted


def _facets_of_known_values(
    connection: Connection, selection: Selection
) -> dict[str, dict[str, int]]:
    """Return the facets whose values are known beforehand: one pass counts them all."""
    asked: dict[str, dict[str, Any]] = {
        "outcomes": {name: (name,) for name in OUTCOMES},
        "rules": {name: (name,) for name in MECHANISMS},
        "labels": {name: (name,) for name in LABELS},
        "enforced": {"true": True, "false": False},
    }
    narrowed = {
        (facet, word): selection.replaced(**{facet: value})
        for facet, values in asked.items()
        for word, value in values.items()
    }
    counts = zip(narrowed, count_each(connection, [*narrowed.values()]), strict=True)
    found: dict[str, Counter[str]] = {facet: Counter() for facet in asked}
    for (facet, word), n_sessions in counts:
        if n_sessions:
            found[facet][word] = n_sessions
    return {facet: dict(each.most_common()) for facet, each in found.items()}


def rescore_counts(connection: Connection, selection: Selection) -> Counter[str]:
    """Return how many sessions of a query have a second curve by each scorer."""
    statement = (
        select(rescores.c.scorer, func.count())
        .join(sessions, sessions.c.key == rescores.c.session)
        .where(*conditions(selection))
        .group_by(rescores.c.scorer)
    )
    return Counter({scorer: int(n) for scorer, n in connection.execute(statement)})


def _authors(connection: Connection, selection: Selection) -> dict[str, int]:
    """Return how many sessions each author labelled; a session of two counts for both."""
    n_sessions = func.count(annotations.c.session.distinct())
    statement = (
        select(annotations.c.author, n_sessions)
        .join(sessions, sessions.c.key == annotations.c.session)
        .where(*conditions(selection))
        .group_by(annotations.c.author)
        .order_by(n_sessions.desc(), annotations.c.author)
    )
    return {author: int(n) for author, n in connection.execute(statement)}


def _words(facet: str, value: Any) -> tuple[str, ...]:
    """Return the facet values that a stored value stands for; several for a list."""
    if facet == "scorers":
        return (value or str(UNKNOWN_SCORER),)
    if facet == "tags":
        return tuple(dict.fromkeys(json.loads(value)))
    return (value,) if value else ()


@dataclass(frozen=True, slots=True)
class Overview:
    """A query's sessions in a few numbers.

    Attributes
    ----------
    median_halt
        Token at which the median halted session was halted; ``None`` without one.
    n_sessions, n_halted, n_completed, n_infrastructure, n_recording
        By outcome; abandoned ones are in ``n_sessions`` alone.
    n_good, n_bad
        Labelled so.
    n_false_halts, n_right_halts
        Halted, and labelled good or bad.
    """

    median_halt: int | None
    n_sessions: int
    n_halted: int
    n_completed: int
    n_infrastructure: int
    n_recording: int
    n_good: int
    n_bad: int
    n_false_halts: int
    n_right_halts: int


def overview(connection: Connection, selection: Selection) -> Overview:
    """Return the numbers that head a list."""
    halted = _c.ended_by.in_(_ENDINGS["halted"])
    where = conditions(selection)

    def n(condition: ColumnElement[bool]) -> ColumnElement[int]:
        return func.count().filter(condition)

    row = connection.execute(
        select(
            func.count(),
            n(halted),
            n(_c.ended_by == "completed"),
            n(_c.ended_by.in_(_ENDINGS["infrastructure"])),
            n(ended_by().is_(None)),
            n(_c.label == "good"),
            n(_c.label == "bad"),
            n(and_(halted, _c.label == "good")),
            n(and_(halted, _c.label == "bad")),
        ).where(*where)
    ).one()
    counts = [int(value) for value in row]
    median = None
    if counts[1]:
        middle = (
            select(_c.halt_index)
            .where(halted, *where)
            .order_by(_c.halt_index)
            .offset((counts[1] - 1) // 2)
            .limit(1)
        )
        median = connection.execute(middle).scalar()
    return Overview(median, *counts)


def drawn_for_their_halt() -> Select[tuple[int]]:
    """Return the keys of the audits that a pass in their place would not have been drawn for.

    Audits oversample halts. Those whose number is below the probability of a pass were drawn
    whether they halted or not: without the others, the labels are a fair sample.
    """
    return (
        select(_c.key)
        .join(audits, audits.c.id == _c.id)
        .join(audit_plans, audit_plans.c.number == audits.c.plan)
        .where(audits.c.drawn, audits.c.draw >= audit_plans.c.p_pass)
        .correlate(None)
    )


class FamilyKind(NamedTuple):
    """Prompt families that are alike; a session without one is a family of its own.

    Attributes
    ----------
    n_good, n_false_halts
        Sessions of each that are labelled good, and how many of them were halted.
    n_families
        How many families have as many of both.
    """

    n_good: int
    n_false_halts: int
    n_families: int


def family_kinds(connection: Connection, selection: Selection) -> list[FamilyKind]:
    """Return how the good sessions of a query, and the false halts, lie in their families.

    An audit that was drawn for its halt is in none; see :func:`drawn_for_their_halt`.
    """
    halted = case((_c.ended_by.in_(_ENDINGS["halted"]), 1), else_=0)
    alone = case((_c.prompt_family == "", _c.key), else_=0)
    each = (
        select(func.count().label("n_good"), func.sum(halted).label("n_false"))
        .where(
            _c.label == "good",
            _c.key.not_in(drawn_for_their_halt()),
            *conditions(selection),
        )
        .group_by(_c.prompt_family, alone)
        .subquery()
    )
    kinds = select(each.c.n_good, each.c.n_false, func.count()).group_by(
        each.c.n_good, each.c.n_false
    )
    return [FamilyKind(*map(int, row)) for row in connection.execute(kinds)]


def histogram(
    connection: Connection, selection: Selection, n_buckets: int
) -> list[tuple[int, int, dict[str, int]]]:
    """Return counts over time: from, to (µs) and sessions by outcome, or by rule if halted.

    Sessions without a date are in none.
    """
    where = [*conditions(selection), _c.started_us != 0]
    first, last = connection.execute(
        select(func.min(_c.started_us), func.max(_c.started_us)).where(*where)
    ).one()
    if first is None:
        return []
    width = max(1, (last - first) // n_buckets + 1)
    # Both databases divide integers as integers; "/" of SQLAlchemy would not.
    bucket = (_c.started_us - first).op("/", precedence=9)(width).label("bucket")
    ended = ended_by().label("ended")
    rows = connection.execute(
        select(bucket, ended, _c.halt_code, func.count())
        .where(*where)
        .group_by(bucket, ended, _c.halt_code)
    )
    buckets: list[Counter[str]] = [Counter() for _ in range(n_buckets)]
    for place, ending, code, n_sessions in rows:
        name = outcome(ending)
        buckets[int(place)][code if name == "halted" else name] += n_sessions
    return [
        (first + place * width, first + (place + 1) * width, dict(counts))
        for place, counts in enumerate(buckets)
    ]


def _has_rule(name: str) -> ColumnElement[bool]:
    # No mechanism's name stands within another's.
    return _c.rules.contains(name, autoescape=True)


def _has_tag(tag: str) -> ColumnElement[bool]:
    return holds(_c.tags, tag_text(tag))
