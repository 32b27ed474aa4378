"""Checks of a record's fields: each names the field, its value and what is allowed."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from math import isfinite
from typing import Any, TypeGuard

from director_ai.core.halting.score import as_score
from director_ai.errors import DirectorError, InvalidRecordError

INT64 = 2**63
"""Integers are kept in 64 bits, signed."""

_LAST_INDEX = INT64 - 2
"""Of a token: the number after it stands for no token in arrays."""


def refuse_unknown(kind: str, values: dict[str, Any], known: Iterable[str]) -> None:
    """Refuse a name that is not known."""
    for name in values:
        if name not in known:
            raise InvalidRecordError(
                f"{kind} must be one of {', '.join(sorted(known))}, got {name!r:.80}"
            )


def require(name: str, value: object, kind: type, constraint: str) -> None:
    """Refuse a value that is not of its kind; ``bool`` is no integer."""
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise InvalidRecordError(f"{name} must be {constraint}, got {value!r:.80}")


def one_of(name: str, value: object, allowed: tuple[object, ...]) -> None:
    """Refuse a value that is not among those allowed."""
    if value not in allowed:
        raise InvalidRecordError(f"{name} must be one of {allowed}, got {value!r:.80}")


def list_of(
    name: str, values: object, check: Callable[[str, Any], Any], constraint: str
) -> tuple[Any, ...]:
    """Return the entries of a list, each checked under its own name."""
    require(name, values, list, constraint)
    assert isinstance(values, list)
    return tuple(check(f"{name}[{place}]", value) for place, value in enumerate(values))


def strings(name: str, values: object) -> tuple[str, ...]:
    """Return the entries of a list of strings."""
    # What is right, as almost all is, is looked at all at once: here and below.
    if _all(values, str):
        return tuple(values)
    return list_of(name, values, _string, "a list of strings")


def scores(name: str, values: object) -> tuple[float, ...]:
    """Return the entries of a list of coherence scores."""
    # Nan is neither at least 0 nor at most 1.
    if _all(values, float) and all(map((0.0).__le__, values)) and all(map((1.0).__ge__, values)):
        return tuple(values)
    return list_of(name, values, score, "a list of numbers in [0, 1]")


def times(name: str, values: object) -> tuple[int, ...]:
    """Return the entries of a list of microseconds since a start."""
    if _all(values, int) and min(values, default=0) >= 0 and max(values, default=0) < INT64:
        return tuple(values)
    return list_of(name, values, microseconds, "a list of microseconds")


def _all(values: object, kind: type) -> TypeGuard[list[Any]]:
    return isinstance(values, list) and {*map(type, values)} <= {kind}


def _string(name: str, value: object) -> object:
    require(name, value, str, "a string")
    return value


def microseconds(name: str, value: object, *, least: int = 0) -> object:
    """Return whole microseconds that fit 64 bits."""
    if type(value) is not int or not least <= value < INT64:
        raise InvalidRecordError(f"{name} must be whole microseconds, got {value!r:.80}")
    return value


def score(name: str, value: object) -> float:
    """Return a coherence score."""
    try:
        return as_score(value)
    except DirectorError:
        raise InvalidRecordError(f"{name} must be a number in [0, 1], got {value!r:.80}") from None


def number(name: str, value: object) -> float:
    """Return a finite number as a float."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise InvalidRecordError(f"{name} must be a number, got {value!r:.80}")
    # JSON has no infinity, but 1e999 is read as one.
    with suppress(OverflowError):
        if isfinite(value):
            return float(value)
    raise InvalidRecordError(f"{name} must be a finite number, got {value!r:.80}")


def token_index(name: str, value: object, most: int = _LAST_INDEX) -> int:
    """Return the index of a token."""
    if type(value) is not int or not 0 <= value <= most:
        bound = "" if most >= _LAST_INDEX else f" and at most {most}, the number of tokens"
        raise InvalidRecordError(f"{name} must be a token index >= 0{bound}, got {value!r:.80}")
    return value
