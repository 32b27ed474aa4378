"""Parts of statements that several writers share."""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, Final, TypeVar

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite

MOST_BOUND: Final = 500
"""Values that are bound to one statement at most."""

Value = TypeVar("Value")


def chunks(values: Sequence[Value]) -> Iterator[Sequence[Value]]:
    """Yield the values, as many at a time as one statement may bind.

    >>> [len(chunk) for chunk in chunks(range(1_200))]
    [500, 500, 200]
    """
    for start in range(0, len(values), MOST_BOUND):
        yield values[start : start + MOST_BOUND]


@cache
def insert_new(dialect: str, table: Table) -> Any:
    """Return an insert that passes over rows that are there."""
    return (
        {"postgresql": postgresql, "sqlite": sqlite}[dialect].insert(table).on_conflict_do_nothing()
    )
