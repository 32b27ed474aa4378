"""Parsers of foreign cells: one value of a column, as the field of a record."""

import json
import math
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate
from typing import Any

from director_ai.errors import InvalidRecordError
from director_ai.storage.transfer.csv_cells import parse_number
from director_ai.storage.transfer.label_parsing import ONE, ZERO, plain
from director_ai.storage.transfer.list_parsing import is_list_text, parse_list

_WORDS = re.compile(r"\s*\S+|\s+\Z")
_DIGITS_OF_A_DATE = re.compile(r"(?:19|20)\d{6}(?:\d{4}(?:\d\d)?)?")
_FIRST_UNIX_TIME_S = 1e8
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse_tokens(name: str, value: Any) -> list[Any]:
    """Return tokens: a list as it is, a text cut after every word.

    >>> parse_tokens("response", "Not so.")
    ['Not', ' so.']
    """
    try:
        return parse_list(name, value)
    except InvalidRecordError:
        if not isinstance(value, str) or is_list_text(value):
            raise
        return _WORDS.findall(value)


def parse_name(name: str, value: Any) -> str:
    """Return the name of a session: a text, or a number as a text; blank where there is none.

    >>> parse_name("id", 7.0), parse_name("id", float("nan"))
    ('7', '')
    """
    if is_blank(value):
        return ""
    if isinstance(value, (list, tuple, dict, bytes)):
        raise InvalidRecordError(f"{name} must be a text or a number, got {value!r:.80}")
    # A column of numbers with blanks in it comes out of most tools as floats.
    return str(int(value) if isinstance(value, float) and value.is_integer() else value)


def is_blank(value: Any) -> bool:
    """Tell whether a cell holds nothing: not a number is how tables of numbers say so."""
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value))


def parse_text(value: Any) -> str:
    """Return a text, blank where there is none; messages of a chat and the like as JSON."""
    if is_blank(value):
        return ""
    if isinstance(value, (list, dict)):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def parse_bool(name: str, value: Any) -> bool:
    """Return true or false, also from 0 and 1 and the words for it."""
    text = plain(value)
    if text in ONE or text in ZERO:
        return text in ONE
    raise InvalidRecordError(f"{name} must be true or false, got {value!r:.80}")


def parse_int(name: str, value: Any) -> int | None:
    """Return a whole number, ``None`` where it is blank."""
    if isinstance(value, str):
        value = parse_number(name, value)
    if is_blank(value):
        return None
    # A column with blanks in it comes out of most tools as floats.
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value // 1:
        raise InvalidRecordError(f"{name} must be a whole number, got {value!r:.80}")
    return int(value)


def parse_time(name: str, value: Any) -> int:
    """Return microseconds since the Unix epoch, 0 where it is blank.

    Numbers are seconds, milliseconds, microseconds or nanoseconds, whichever makes them a date
    between 1973 and 5138, or the digits of a date of this century or the last, with hours and
    minutes or without; text is ISO 8601. Without a zone it is UTC. The number 0 is no date.

    >>> parse_time("t", "1970-01-01T00:00:01Z"), parse_time("t", 1_700_000_000)
    (1000000, 1700000000000000)
    >>> parse_time("t", 20240131) == parse_time("t", "2024-01-31")
    True
    """
    if is_blank(value):
        return 0
    if isinstance(value, date):
        value = value.isoformat()
    value = _date_of_digits(value) or value
    if isinstance(value, str) and not re.fullmatch(r"[0-9]+(\.[0-9]+)?", value):
        try:
            time = datetime.fromisoformat(value)
        except ValueError:
            raise InvalidRecordError(
                f"{name} must be an ISO 8601 time, got {value!r:.80}"
            ) from None
        time = time if time.tzinfo else time.replace(tzinfo=UTC)
        return (time - _EPOCH) // timedelta(microseconds=1)
    number = parse_number(name, value) if isinstance(value, str) else value
    if isinstance(number, bool) or not isinstance(number, (int, float)) or not 0 <= number < 1e20:
        raise InvalidRecordError(f"{name} must be a time since 1970, got {value!r:.80}")
    if 0 < number < _FIRST_UNIX_TIME_S:
        raise InvalidRecordError(
            f"{name} must be a date: ISO 8601, or seconds to nanoseconds since 1970 from 1973 on, "
            f"got {value!r:.80}; a time since the start belongs into time_us, in microseconds, or "
            "choose no column for it"
        )
    for largest, factor in ((1e11, 1e6), (1e14, 1e3), (1e17, 1)):
        if number < largest:
            return round(number * factor)
    return int(number) // 1000


def _date_of_digits(value: Any) -> str | None:
    """Return a date of 8, 12 or 14 digits as ISO 8601, if it is one."""
    digits = str(int(value) if isinstance(value, float) and value.is_integer() else value)
    if not _DIGITS_OF_A_DATE.fullmatch(digits):
        return None
    try:
        return datetime.fromisoformat(f"{digits[:8]}T{digits[8:] or '00'}").isoformat()
    except ValueError:
        return None


def onset_of_spans(name: str, value: Any, tokens: Sequence[Any]) -> int | None:
    """Return the first token that overlaps the earliest span of characters, if there is any.

    >>> onset_of_spans("spans", [[6, 9]], ["Hello", " you", "."])
    1

    Raises
    ------
    InvalidRecordError
        If a span is none, ends outside the text of the tokens, or has a text that does not stand
        there: it counts in another text.
    """
    text = "".join(token for token in tokens if isinstance(token, str))
    ends = list(accumulate(len(token) for token in tokens if isinstance(token, str)))
    n_characters = len(text)
    starts = []
    for place, span in enumerate(parse_list(name, value)):
        start, end = _bounds(f"{name}[{place}]", span)
        if not 0 <= start <= end <= n_characters:
            raise InvalidRecordError(
                f"{name}[{place}] must be a start and an end in the {n_characters:,} characters of "
                f"the tokens, got {start} to {end}"
            )
        says = span.get("text") if isinstance(span, dict) else None
        if isinstance(says, str) and says != text[start:end]:
            raise InvalidRecordError(
                f"{name}[{place}].text must be the characters {start} to {end} of the tokens, "
                f"{text[start:end]!r:.60}, got {says!r:.60}"
            )
        starts += [start] if end > start else []
    if not starts:
        return None
    return next(index for index, end in enumerate(ends) if end > min(starts))


def are_spans(value: Any) -> bool:
    """Tell whether a cell holds objects with a start and an end.

    >>> are_spans([{"start": 0, "end": 5, "label_type": "conflict"}]), are_spans([0, 1])
    (True, False)
    """
    if isinstance(value, str) and is_list_text(value):
        try:
            value = parse_list("spans", value)
        except InvalidRecordError:
            return False
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(span, dict) and {"start", "end"} <= span.keys() for span in value)
    )


def _bounds(name: str, span: Any) -> tuple[int, int]:
    bounds = [span.get("start"), span.get("end")] if isinstance(span, dict) else span
    if (
        not isinstance(bounds, (list, tuple))
        or len(bounds) != 2
        or not all(type(bound) is int for bound in bounds)
    ):
        raise InvalidRecordError(
            f"{name} must be the start and end of characters, got {span!r:.80}"
        )
    return bounds[0], bounds[1]
