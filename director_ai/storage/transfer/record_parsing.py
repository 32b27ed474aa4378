"""Fast parser of records: lists of tokens are checked as a whole."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from director_ai.core.halting.reason import HaltReason
from director_ai.core.records.field_checks import INT64
from director_ai.core.records.record import SessionRecord
from director_ai.core.records.record_json import from_values
from director_ai.errors import InvalidRecordError

_NEEDED = {"id", "tokens", "scores"}

_LISTS: dict[str, list[Any]] = {"tokens": [], "scores": [], "times_us": [], "held": []}


def record_of(values: dict[str, Any]) -> SessionRecord:
    """Return the record of ``record_json.from_values``, twenty times as fast on long sessions.

    >>> record_of({"id": "a", "tokens": ["x"], "scores": [2.0]})
    Traceback (most recent call last):
    director_ai.errors.InvalidRecordError: scores[0] must be a number in [0, 1], got 2.0
    """
    lists = {name: values.get(name, []) for name in _LISTS}
    if not values.keys() >= _NEEDED or not _clean(**lists):
        # It takes its time, and says which entry is wrong.
        return from_values(values)
    n_tokens, n_scores = len(lists["tokens"]), len(lists["scores"])
    # Without its tokens, a record can be halted at token 0 only.
    halts = {name: _at_start(values.get(name), n_tokens) for name in ("halt", "shadow_halt")}
    try:
        header = from_values({**values, **_LISTS, **halts})
    except InvalidRecordError:
        return from_values(values)
    held = set(lists["held"])
    return replace(
        header,
        tokens=tuple(lists["tokens"]),
        scores=tuple(lists["scores"]),
        held=tuple(index in held for index in range(n_scores)) if held else (False,) * n_scores,
        times_us=tuple(lists["times_us"]),
        halt=_moved(header.halt, values.get("halt")),
        shadow_halt=_moved(header.shadow_halt, values.get("shadow_halt")),
    )


def _clean(tokens: object, scores: object, times_us: object, held: object) -> bool:
    if not (
        isinstance(tokens, list)
        and isinstance(scores, list)
        and isinstance(times_us, list)
        and isinstance(held, list)
    ):
        return False
    return (
        len(tokens) - len(scores) in (0, 1)
        and len(times_us) in (0, len(tokens))
        and _all_of(str, tokens)
        and _all_of(float, scores)
        and all(0.0 <= score <= 1.0 for score in scores)
        and _all_of(int, times_us)
        and 0 <= min(times_us, default=0) <= max(times_us, default=0) < INT64
        and _all_of(int, held)
        and 0 <= min(held, default=0) <= max(held, default=0) <= max(0, len(scores) - 1)
        and (not held or bool(scores))
    )


def _all_of(kind: type, values: Iterable[object]) -> bool:
    return set(map(type, values)) <= {kind}


def _at_start(halt: object, n_tokens: int) -> object:
    if not isinstance(halt, dict):
        return halt
    index = halt.get("index")
    return {**halt, "index": 0} if type(index) is int and 0 <= index <= n_tokens else halt


def _moved(halt: HaltReason | None, values: Any) -> HaltReason | None:
    if halt is None:
        return None
    index = values["index"]
    alarms = tuple(replace(alarm, index=index) for alarm in halt.alarms)
    return replace(halt, index=index, alarms=alarms)
