"""Text search: substring conditions that mean the same on SQLite and PostgreSQL."""

import re
from typing import Any, Final

from sqlalchemy import Boolean, ColumnElement, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from director_ai.storage.engine.text_type import SafeText

FOLDED = "director_holds_folded"
"""The function of SQLite that :func:`is_held_folded` is; SQLite itself folds ASCII alone."""

_LONGEST_LIKE: Final = 256
"""Characters of a part looked for by ``LIKE``, which may take as long as their product with the
text's."""

_PG_FOLDS = (18,)
"""The first PostgreSQL that folds as Unicode says; earlier ones fold by the database's locale."""


class _Holds(FunctionElement[bool]):
    """Containment of a text in another: haystack, needle."""

    type = Boolean()
    inherit_cache = True


class _HoldsFolded(FunctionElement[bool]):
    """Containment whatever the case of either: haystack, needle, perhaps its ``LIKE`` pattern."""

    type = Boolean()
    inherit_cache = True


def holds(text: ColumnElement[str], part: str) -> ColumnElement[bool]:
    """Return the condition that a text holds exactly this part."""
    return _Holds(text, literal(part, SafeText))


def holds_folded(text: ColumnElement[str], part: str) -> ColumnElement[bool]:
    """Return the condition that a text holds this part, whatever the case of either."""
    sides = [text, literal(part, SafeText)]
    if part.isascii() and len(part) <= _LONGEST_LIKE:
        verbatim = re.sub(r"[\\%_]", r"\\\g<0>", part)
        sides.append(literal(f"%{verbatim}%", SafeText))
    return _HoldsFolded(*sides)


def is_held_folded(text: str, part: str) -> bool:
    """Return whether a text holds a part, whatever the case of either.

    >>> is_held_folded("Über die STRASSE", "über"), is_held_folded("STRASSE", "straße")
    (True, True)
    """
    return part.casefold() in text.casefold()


@compiles(_Holds, "sqlite")
def _sqlite_holds(element: _Holds, compiler: Any, **options: Any) -> str:
    return f"(instr({compiler.process(element.clauses, **options)}) > 0)"


@compiles(_Holds, "postgresql")
def _postgresql_holds(element: _Holds, compiler: Any, **options: Any) -> str:
    return f"(strpos({compiler.process(element.clauses, **options)}) > 0)"


@compiles(_HoldsFolded, "sqlite")
def _sqlite_holds_folded(element: _HoldsFolded, compiler: Any, **options: Any) -> str:
    text, part, *pattern = [compiler.process(side, **options) for side in element.clauses]
    folded = f"{FOLDED}({text}, {part})"
    if not pattern:
        return folded
    # LIKE folds ASCII alone, but needs no interpreter. What it finds is there; what it misses may
    # still be there where the text has other letters: the Kelvin sign is folded to a "k". By cases,
    # as SQLite works out both sides of an OR that it compares with a number.
    is_ascii = f"length({text}) = length(CAST({text} AS BLOB))"
    return (
        f"CASE WHEN {text} LIKE {pattern[0]} ESCAPE '\\' THEN 1 WHEN {is_ascii} THEN 0 "
        f"ELSE {folded} END"
    )


@compiles(_HoldsFolded, "postgresql")
def _postgresql_holds_folded(element: _HoldsFolded, compiler: Any, **options: Any) -> str:
    sides = [compiler.process(side, **options) for side in [*element.clauses][:2]]
    if compiler.dialect.server_version_info >= _PG_FOLDS:
        folded = [f"casefold(({side}) COLLATE pg_unicode_fast)" for side in sides]
    else:
        folded = [f"lower({side})" for side in sides]
    return f"(strpos({', '.join(folded)}) > 0)"
