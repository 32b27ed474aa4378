"""Texts of the facts that sessions were held against, each once in a store."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, bindparam, delete, exists, func, select, text

from director_ai.core.scoring.fact_set import FactSet
from director_ai.errors import InvalidRecordError
from director_ai.storage.engine.schema import fact_sets, fact_texts, sessions
from director_ai.storage.engine.statements import chunks, insert_new

_ROWS_AT_A_TIME: Final = 500
_PG_LOCK: Final = 0x66616374
"""Any number, the same for every process that adds or removes facts of a database."""

_KNOWN = (
    select(fact_sets.c.facts)
    .where(fact_sets.c.facts.in_(bindparam("digests", expanding=True)))
    .distinct()
)
_TEXTS = (
    select(fact_sets.c.facts, fact_sets.c.name, fact_texts.c.text)
    # Outer: of a text that is gone the set must not look whole.
    .outerjoin(fact_texts, fact_texts.c.digest == fact_sets.c.text)
    .order_by(fact_sets.c.facts, fact_sets.c.position)
)


def add_facts(connection: Connection, facts: Iterable[FactSet | None]) -> None:
    """Keep the texts of the fact sets that have texts; what is there already stays."""
    given = {each.digest: each for each in facts if each is not None and each.texts}
    if not given:
        return
    _lock(connection, shared=True)
    known: set[str] = set()
    for some in chunks(sorted(given)):
        known.update(connection.execute(_KNOWN, {"digests": some}).scalars())
    entries: list[dict[str, Any]] = []
    texts: dict[str, str] = {}
    for digest in sorted(given.keys() - known):
        for position, (name, fact) in enumerate((given[digest].texts or {}).items()):
            of_text = _text_digest(fact)
            texts[of_text] = fact
            entry = {"facts": digest, "position": position, "name": name, "text": of_text}
            entries.append(entry)
    if entries:
        dialect = connection.dialect.name
        # In the order of their digests: two that add the same wait for each other only one way.
        rows = [{"digest": digest, "text": texts[digest]} for digest in sorted(texts)]
        connection.execute(insert_new(dialect, fact_texts), rows)
        connection.execute(insert_new(dialect, fact_sets), entries)


def stored_facts(connection: Connection, digest: str) -> FactSet:
    """Return a fact set, with its texts where they were kept.

    Raises
    ------
    InvalidRecordError
        If the texts are not those that were written.
    """
    rows = connection.execute(_TEXTS.where(fact_sets.c.facts == digest)).mappings().all()
    return _fact_set(digest, rows) if rows else FactSet.named(digest)


def broken_facts(connection: Connection) -> Iterator[str]:
    """Yield a sentence on each fact set whose texts are not those that were written."""
    rows = connection.execute(_TEXTS.execution_options(yield_per=_ROWS_AT_A_TIME)).mappings()
    for digest, entries in groupby(rows, key=lambda row: str(row["facts"])):
        try:
            _fact_set(digest, list(entries))
        except InvalidRecordError as error:
            yield str(error)


def n_unused(connection: Connection) -> int:
    """Return how many fact sets and texts nothing refers to."""
    idle_sets = select(fact_sets.c.facts).where(~_is_used).distinct().subquery()
    idle_texts = select(fact_texts.c.digest).where(~_is_listed).subquery()
    return sum(
        connection.execute(select(func.count()).select_from(idle)).scalar_one()
        for idle in (idle_sets, idle_texts)
    )


def remove_unused(connection: Connection, digests: Sequence[str]) -> None:
    """Remove those of some fact sets that no session refers to any more, and their texts."""
    if not digests:
        return
    _lock(connection, shared=False)
    for some in chunks(digests):
        idle = fact_sets.c.facts.in_(some) & ~_is_used
        of_texts = set(connection.execute(select(fact_sets.c.text).where(idle)).scalars())
        connection.execute(delete(fact_sets).where(idle))
        for texts in chunks(sorted(of_texts)):
            connection.execute(
                delete(fact_texts).where(fact_texts.c.digest.in_(texts), ~_is_listed)
            )


_is_used = exists().where(sessions.c.facts == fact_sets.c.facts)
_is_listed = exists().where(fact_sets.c.text == fact_texts.c.digest)


def _fact_set(digest: str, rows: Sequence[RowMapping]) -> FactSet:
    texts = {row["name"]: row["text"] for row in rows}
    if None in texts.values() or len(texts) < len(rows) or FactSet(texts).digest != digest:
        raise InvalidRecordError(f"facts: the texts of {digest} are not those that were written")
    return FactSet(texts)


def _text_digest(fact: str) -> str:
    return hashlib.sha256(fact.encode("utf-8", "surrogatepass")).hexdigest()


def _lock(connection: Connection, *, shared: bool) -> None:
    """Keep facts from being removed by one while another begins to refer to them.

    SQLite has one writer at a time.
    """
    if connection.dialect.name == "postgresql":
        kind = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
        connection.execute(text(f"SELECT {kind}(:key)"), {"key": _PG_LOCK})
