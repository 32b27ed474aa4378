"""Membership of a number in many, bound as one parameter however many there are."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Dialect, Text, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine


class _Keys(TypeDecorator[Sequence[int]]):
    """Numbers as an array of PostgreSQL, or as JSON for SQLite, which has none."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the type of the database."""
        of_server = ARRAY(BigInteger) if dialect.name == "postgresql" else Text()
        return dialect.type_descriptor(of_server)

    def process_bind_param(self, value: Sequence[int] | None, dialect: Dialect) -> Any:
        """Return the numbers as the driver takes them."""
        keys = list(value or ())
        return keys if dialect.name == "postgresql" else json.dumps(keys)


class _Numbers(FunctionElement[int]):
    """Table of numbers in one column, ``value``: keys."""

    inherit_cache = True


def is_among(
    key: ColumnElement[int], keys: Sequence[int], *, looked_up: bool
) -> ColumnElement[bool]:
    """Return the condition that a number is among these.

    Parameters
    ----------
    key
        A primary key.
    keys
        Any number of numbers.
    looked_up
        Let SQLite read the rows of these keys one by one, which is quicker while they are few;
        otherwise it goes through all rows, by whichever index serves the statement best.
    """
    numbers = _Numbers(literal(keys, _Keys)).table_valued("value")
    return (key if looked_up else key + 0).in_(select(numbers.c.value))


@compiles(_Numbers, "sqlite")
def _sqlite_numbers(element: _Numbers, compiler: Any, **options: Any) -> str:
    return f"json_each({compiler.process(element.clauses, **options)})"


@compiles(_Numbers, "postgresql")
def _postgresql_numbers(element: _Numbers, compiler: Any, **options: Any) -> str:
    return f"(SELECT unnest({compiler.process(element.clauses, **options)}) AS value)"
