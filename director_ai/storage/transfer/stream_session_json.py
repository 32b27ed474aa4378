"""Reader of the original Director-AI's files: ``StreamSession`` as JSON, and debug logs."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from director_ai.core.halting.reason import HaltReason, Mechanism
from director_ai.core.records.record import WITHHELD
from director_ai.core.records.record_json import halt_values
from director_ai.errors import InvalidRecordError
from director_ai.storage.transfer.column_mapping import known_columns
from director_ai.storage.transfer.problem import Problem, ReadItem
from director_ai.storage.transfer.reason_text import reason_from
from director_ai.storage.transfer.record_parsing import record_of

Note = tuple[str, str]
"""Field, and the caveat about it."""

_Fill = Callable[[dict[str, Any], Mapping[str, Any]], list[Note]]

_FIRST_UNIX_TIME_S = 1e8
"""1973; the monotonic clock of no machine has come that far."""

_LIMITS: dict[Mechanism, str] = {
    "hard_limit": "hard_limit",
    "window_avg": "window_threshold",
    "downward_trend": "trend_threshold",
}


def is_session(value: Any) -> bool:
    """Tell whether a JSON value is a session of the original."""
    return isinstance(value, dict) and bool(value.keys() & {"coherence_history", "debug_log"})


def is_snapshot(value: Any) -> bool:
    """Tell whether a JSON value is an entry of a debug log, which has no text, id or label.

    >>> is_snapshot({"index": 0, "coherence": 0.9, "window_avg": 0.9, "trend_drop": 0.0})
    True
    """
    return (
        isinstance(value, dict)
        and {"index", "coherence", "window_avg"} <= value.keys()
        and not any(known_columns(field, value) for field in ("id", "tokens", "label"))
    )


def read_session(line: int, session: Mapping[str, Any], *, stem: str) -> Iterator[ReadItem]:
    """Yield a session and its caveats.

    Its policy is not in the file: the limit that halted it is taken from the reason, the others
    are the defaults. A debug log alone has no text, so that its tokens are withheld ones.
    """
    is_log = "debug_log" in session and "coherence_history" not in session
    fill = _fill_log if is_log else _fill_session
    yield from _items(line, fill, session, stem)


def read_log(line: int, log: list[Any], *, stem: str) -> Iterator[ReadItem]:
    """Yield the session of a debug log; see :func:`read_session`."""
    yield from _items(line, _fill_log, {"debug_log": log}, stem)


def _items(line: int, fill: _Fill, session: Mapping[str, Any], stem: str) -> Iterator[ReadItem]:
    values: dict[str, Any] = {"id": session.get("id") or f"{stem}-{line}", "source": "director-ai"}
    try:
        notes = fill(values, session)
        yield line, record_of(values)
    except InvalidRecordError as error:
        yield line, Problem.of_session(line, error, values)
        return
    for field, note in notes:
        yield line, Problem(line, note, values["id"], field, severity="warning")


def _fill_session(values: dict[str, Any], session: Mapping[str, Any]) -> list[Note]:
    events = session.get("events") or []
    if not _objects(events):
        raise InvalidRecordError(f"events must be a list of objects, got {events!r:.80}")
    index, reason = session.get("halt_index", -1), session.get("halt_reason") or ""
    if not isinstance(reason, str):
        raise InvalidRecordError(f"halt_reason must be a string, got {reason!r:.80}")
    values["tokens"] = session.get("tokens")
    values["scores"] = session.get("coherence_history")
    if values["tokens"] is None:
        values["tokens"] = [event.get("token") for event in events]
    values["held"] = [
        place for place, event in enumerate(events) if event.get("scored", True) is False
    ]
    notes = _fill_times(values, session, events)
    if isinstance(values["scores"], list):
        n_scores = len(values["scores"])
        values["held"] = [place for place in values["held"] if place < n_scores]
    halted, soft = bool(session.get("halted")), bool(session.get("soft_halted"))
    values["enforced"] = halted
    halt = None
    if type(index) is int and index >= 0:
        halt = reason_from(reason, index) if reason else HaltReason("fault", "unknown", index)
        values["halt"] = halt_values(halt)
    if halted:
        ending = halt.halt_class if halt is not None else "fault"
        values["ended_by"] = ("soft_halted" if soft else "halted") if ending == "policy" else ending
    values["policy"] = _policy(halt, halted=halted, soft=soft)
    values["evidence_note"] = session.get("halt_evidence") or ""
    structured = session.get("halt_evidence_structured") or {}
    if isinstance(structured, dict):
        values["evidence"] = structured.get("evidence_chunks", [])
    return [
        *notes,
        ("policy", "policy must be set by hand: the file does not say it, got defaults"),
    ]


def _objects(entries: Any) -> bool:
    return isinstance(entries, list) and all(isinstance(entry, dict) for entry in entries)


def _fill_times(
    values: dict[str, Any], session: Mapping[str, Any], events: list[Any]
) -> list[Note]:
    """Fill in the times; return a note where they are of no clock on the wall."""
    start, end = (_seconds(name, session.get(name, 0.0)) for name in ("start_time", "end_time"))
    stamps = [_seconds("timestamp", event.get("timestamp", start)) for event in events]
    if isinstance(values["tokens"], list) and len(stamps) == len(values["tokens"]):
        values["times_us"] = [max(0, round((stamp - start) * 1e6)) for stamp in stamps]
    if start >= _FIRST_UNIX_TIME_S:
        values |= {"started_us": round(start * 1e6), "ended_us": round(end * 1e6)}
        return []
    values["ended_us"] = max(0, round((end - start) * 1e6))
    return [
        ("start_time", f"start_time must be a Unix time to date it, got {start!r}: no wall clock")
    ]


def _seconds(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1e12:
        raise InvalidRecordError(f"{name} must be seconds, got {value!r:.80}")
    return float(value)


def _policy(halt: HaltReason | None, *, halted: bool, soft: bool) -> dict[str, Any]:
    mode = ("soft" if soft else "hard") if halted else "observe"
    policy: dict[str, Any] = {"halt_mode": mode}
    for alarm in halt.alarms if halt is not None else ():
        policy[_LIMITS[alarm.mechanism]] = alarm.threshold
    return policy


def _fill_log(values: dict[str, Any], session: Mapping[str, Any]) -> list[Note]:
    log = session["debug_log"]
    if not _objects(log):
        raise InvalidRecordError(f"debug_log must be a list of snapshots, got {log!r:.80}")
    for place, snapshot in enumerate(log):
        if snapshot.get("index") != place:
            raise InvalidRecordError(
                f"debug_log[{place}].index must be {place}, got {snapshot.get('index')!r:.80}"
            )
    values["tokens"] = [WITHHELD] * len(log)
    values["text_kept"] = False
    values["scores"] = [snapshot.get("coherence") for snapshot in log]
    values["held"] = [
        place for place, snapshot in enumerate(log) if snapshot.get("scored", True) is False
    ]
    return [("tokens", "tokens must be known to be shown, got a debug log: it keeps no text")]
