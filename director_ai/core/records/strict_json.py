"""Strict JSON: no NaN, no key twice, no deep nesting."""

import json
from collections import Counter
from typing import Any

from director_ai.errors import InvalidRecordError


def parse(text: str, *, takes_nan: bool = False) -> Any:
    """Return the value of a JSON text.

    Parameters
    ----------
    text
        The text.
    takes_nan
        Take ``NaN`` and ``Infinity`` for the numbers that Python and NumPy write them for.

    Raises
    ------
    InvalidRecordError
        If it is no JSON, nested too deeply, holds ``NaN`` or ``Infinity``, or names a key twice.

    Examples
    --------
    >>> parse('{"a": 1, "a": 2}')
    Traceback (most recent call last):
    director_ai.errors.InvalidRecordError: JSON must be valid: key 'a' stands twice in one object
    """
    try:
        constant = float if takes_nan else _refuse
        return json.loads(text, parse_constant=constant, object_pairs_hook=_object)
    except RecursionError:
        raise InvalidRecordError("JSON must be nested less deeply") from None
    except ValueError as error:
        raise InvalidRecordError(f"JSON must be valid: {error}") from None


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        twice, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise ValueError(f"key {twice!r:.80} stands twice in one object")
    return values
