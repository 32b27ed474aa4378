"""Cells of CSV: numbers, times and lists, and text that no spreadsheet takes for a formula."""

import json
import re
from datetime import UTC, datetime, timedelta

from director_ai.errors import InvalidRecordError
from director_ai.storage.engine.text_type import escape, unescape

_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "'")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def guard(text: str) -> str:
    """Return text that no spreadsheet takes for a formula; :func:`unguard` undoes it.

    >>> guard("=1+1"), guard("'tis"), guard("plain")
    ("'=1+1", "''tis", 'plain')
    """
    text = escape(text)
    return f"'{text}" if text.startswith(_FORMULA) else text


def unguard(text: str) -> str:
    """Return the text that was guarded."""
    return unescape(text[1:] if text.startswith("'") else text)


def unguard_row(cells: list[str]) -> list[str]:
    """Return the texts of a row that was guarded.

    >>> unguard_row(["a", "'=1+1"])
    ['a', '=1+1']
    """
    whole = "".join(cells)
    # Hardly any row has something to undo, and one look at it all tells.
    if "'" not in whole and unescape(whole) == whole:
        return cells
    return [unguard(cell) for cell in cells]


def parse_number(name: str, cell: str) -> float | None:
    """Return the number in a cell, ``None`` where it is blank.

    >>> parse_number("score", "0.25"), parse_number("score", "")
    (0.25, None)
    >>> parse_number("score", "nan")
    Traceback (most recent call last):
    director_ai.errors.InvalidRecordError: score must be a decimal number or blank, got 'nan'
    """
    if not cell:
        return None
    if not _NUMBER.fullmatch(cell):
        raise InvalidRecordError(f"{name} must be a decimal number or blank, got {cell!r:.80}")
    return float(cell)


def array(values: object) -> str:
    """Return a list as the JSON that stands for it in a cell; ASCII, so that any tool keeps it."""
    return json.dumps(values)


def moment(microseconds: int) -> str:
    """Return a time as ISO 8601 in UTC; blank outside the years 1 to 9999.

    >>> moment(1_700_000_000_250_000)
    '2023-11-14T22:13:20.250000+00:00'
    """
    try:
        return (_EPOCH + timedelta(microseconds=microseconds)).isoformat(timespec="microseconds")
    except OverflowError:
        return ""
