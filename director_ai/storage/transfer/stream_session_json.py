"""Reader of the original Director-AI's files: ``StreamSession`` as JSON, and debug logs."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from director_ai.core.halting.reason import HaltReason, Mechanism
from director_ai.core.records.record import WITHHELD, Label
from director_ai.core.records.record_json import halt_values
from director_ai.errors import InvalidRecordError
from director_ai.storage.transfer.cell_parsing import is_blank, parse_name, parse_text
from director_ai.storage.transfer.column_mapping import (
    ColumnMapping,
    known_columns,
    known_direction,
)
from director_ai.storage.transfer.column_offers import offer_columns
from director_ai.storage.transfer.label_parsing import LabelParser
from director_ai.storage.transfer.list_parsing import parse_list
from director_ai.storage.transfer.problem import Problem, ReadItem
from director_ai.storage.transfer.read_report import ReadReport
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


_SHARED = frozenset(
    {"id", "tokens", "coherence_history", "halt_index", "halt_reason", "start_time", "end_time"}
)
"""Keys that rows of a table may have, too."""
_OWN = frozenset(
    {
        *("events", "halted", "soft_halted", "halt_evidence", "halt_evidence_structured"),
        *("warning_count", "debug_log"),
    }
)
_ORIGINAL = _SHARED | _OWN
_TEXTS = ("model", "prompt", "source", "group")
_BESIDE = ("id", *_TEXTS, "tags", "label", "author")
"""Fields that are read beside those of the original."""

_KNOWN = ColumnMapping(id="id", tokens="tokens", scores="coherence_history")
"""Fields that no other key need be offered for."""


def is_session(value: Any) -> bool:
    """Tell whether a JSON value is a session of the original, and no row of somebody's table.

    >>> row = {"tokens": ["a"], "coherence_history": [0.9]}
    >>> is_session(row), is_session({**row, "model": "m"}), is_session({**row, "halted": False})
    (True, False, True)
    """
    if not isinstance(value, dict) or value.keys().isdisjoint({"coherence_history", "debug_log"}):
        return False
    return not value.keys().isdisjoint(_OWN) or value.keys() <= _SHARED


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


class OriginalReader:
    """Reader of sessions of the original, and of what somebody wrote beside its fields.

    Parameters
    ----------
    stem
        Names the sessions without an id, with their line.
    mapping
        Columns that somebody has chosen; others go by their names.
    report
        Takes the keys that are not used, and the meaning of labels.
    """

    def __init__(self, stem: str, mapping: ColumnMapping | None, report: ReadReport) -> None:
        self._stem, self._mapping, self._report = stem, mapping or ColumnMapping(), report
        self._labels: dict[str, LabelParser] = {}

    def session(self, line: int, session: Mapping[str, Any]) -> Iterator[ReadItem]:
        """Yield a session and its caveats.

        Its policy is not in the file: the limit that halted it is taken from the reason, the
        others are the defaults. A debug log alone has no text, so that its tokens are withheld.
        """
        is_log = "debug_log" in session and "coherence_history" not in session
        yield from self._items(line, _fill_log if is_log else _fill_session, session)

    def log(self, line: int, log: list[Any]) -> Iterator[ReadItem]:
        """Yield the session of a debug log; see :meth:`session`."""
        yield from self._items(line, _fill_log, {"debug_log": log})

    def _items(self, line: int, fill: _Fill, session: Mapping[str, Any]) -> Iterator[ReadItem]:
        values: dict[str, Any] = {"id": f"{self._stem}-{line}", "source": "director-ai"}
        try:
            notes = fill(values, session)
            self._fill_beside(values, session)
            record = record_of(values)
        except InvalidRecordError as error:
            yield line, Problem.of_session(line, error, values)
            return
        yield line, record
        for field, note in notes:
            yield line, Problem(line, note, values["id"], field, severity="warning")

    def _fill_beside(self, values: dict[str, Any], session: Mapping[str, Any]) -> None:
        """Fill in what stands beside the fields of the original."""
        beside = [key for key in session if key == "id" or key not in _ORIGINAL]
        chosen = self._mapping.columns().items()
        at = ColumnMapping.guess(beside).columns()
        at |= {field: key for field, key in chosen if key in beside}
        taken = {at[field] for field in _BESIDE if field in at}
        unused = [key for key in beside if key not in taken and key not in self._report.unused]
        if unused:
            known = replace(_KNOWN, label=at.get("label"))
            offer_columns(self._report, unused, [session], known)
        of = {field: session[key] for field, key in at.items()}
        if not is_blank(of.get("id")):
            values["id"] = parse_name(at["id"], of["id"])
        for field in _TEXTS:
            if not is_blank(of.get(field)):
                values[field] = parse_text(of[field])
        if of.get("tags"):
            values["tags"] = parse_list(at["tags"], of["tags"])
        label = self._label(at["label"], of["label"]) if "label" in at else None
        if label is not None:
            author = parse_name(at["author"], of["author"]) if "author" in at else ""
            values["annotations"] = [{"label": label, "onset": None, "author": author}]

    def _label(self, key: str, value: Any) -> Label | None:
        if key not in self._labels:
            one_is = self._mapping.one_is or known_direction(key)
            self._labels[key] = LabelParser(replace(self._mapping.coding, one_is=one_is))
        parser = self._labels[key]
        label = parser.parse(key, value)
        if parser.undirected:
            raise InvalidRecordError(f"{key} must say whether 1 is good or bad, got {value!r:.80}")
        if any(word != meaning for word, meaning in parser.meanings.items()):
            self._report.note(f"{key}: {parser.spelled_out()}")
        return label


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
