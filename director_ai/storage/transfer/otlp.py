"""Sessions as OpenTelemetry spans in JSON: an event a token, with its text and its coherence."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

from director_ai.core.records.record import SessionRecord
from director_ai.errors import InvalidRecordError
from director_ai.storage.transfer.column_mapping import ColumnMapping
from director_ai.storage.transfer.csv_cells import moment
from director_ai.storage.transfer.jsonl import line_that_fits
from director_ai.storage.transfer.parquet_columns import filters
from director_ai.storage.transfer.problem import Problem
from director_ai.storage.transfer.read_report import ReadReport

MAPPING = ColumnMapping(
    id="session.id",
    tokens="token.text",
    scores="token.coherence",
    held="token.held",
    times="token.time_us",
    label="session.label",
    onset="session.onset",
    author="session.author",
    model="gen_ai.request.model",
    prompt="gen_ai.prompt",
    source="session.source",
    group="session.group",
    tags="session.tags",
    started="started",
    ended="ended",
    policy="halt.policy",
    enforced="halt.enforced",
    ended_by="session.ended_by",
    halt_index="halt.index",
    halt_reason="halt.reason",
    scorer="halt.scorer",
)
"""The attributes read and written. A span may hold tokens and scores as arrays of its own."""

_FILTERS = {
    "n_tokens": "session.n_tokens",
    "rules": "halt.rules",
    "shadow_index": "halt.shadow_index",
    "margin": "halt.margin",
    "margin_rule": "halt.margin_rule",
    "facts": "halt.facts",
}
"""The attributes that are written to filter by, and not read."""

_EVENT = "gen_ai.token"
_INTEGER = re.compile(r"-?[0-9]{1,20}")

_SIGNALS = {
    "resourceSpans": "spans",
    "resourceLogs": "logs",
    "resourceMetrics": "metrics",
    "resourceProfiles": "profiles",
}
_CONVENTIONS: dict[str, tuple[str, ...]] = {
    "OpenInference, as Phoenix writes them,": (
        "openinference.",
        "llm.output_messages",
        "llm.input",
    ),
    "OpenLLMetry": ("traceloop.", "gen_ai.completion.", "gen_ai.prompt.", "llm.request."),
    "the GenAI semantic conventions": ("gen_ai.",),
}
"""Conventions of spans that hold an answer but no score of its tokens, by prefixes of theirs."""


def write_otlp(records: Iterable[SessionRecord], file: BinaryIO) -> None:
    """Write one request a line, one span each, as the file exporter of OpenTelemetry does.

    A session without tokens comes back as no session: its span cannot be told from others.

    Raises
    ------
    InvalidRecordError
        If a session is too long for a line that could be read again.
    """
    for record in records:
        scope = {"scope": {"name": "director-ai"}, "spans": [_span(record)]}
        request = json.dumps({"resourceSpans": [{"resource": {}, "scopeSpans": [scope]}]})
        file.write(line_that_fits(f"{request}\n".encode(), record.id))


def _span(record: SessionRecord) -> dict[str, Any]:
    trace, number = _numbers_of(record.id)
    annotation = record.annotations[-1] if record.annotations else None
    attributes: dict[str, Any] = {
        "id": record.id,
        "model": record.model,
        "prompt": record.prompt,
        "source": record.source,
        "group": record.group,
        "tags": list(record.tags),
        "label": record.label,
        "onset": record.onset,
        "author": annotation and annotation.author,
        "policy": json.dumps(record.policy.to_dict()),
        "enforced": record.enforced,
        "ended_by": record.ended_by,
        "halt_index": record.halt_index,
        "halt_reason": "; ".join(record.halt_reasons) or None,
        "scorer": str(record.scorer),
    }
    columns = {**MAPPING.columns(), **_FILTERS}
    attributes |= {**filters(record), "n_tokens": record.n_tokens}
    attributes["facts"] = record.facts and record.facts.digest
    attributes["rules"] = [alarm.mechanism for alarm in record.halt.alarms] if record.halt else []
    return {
        "traceId": trace,
        "spanId": number,
        "name": "gen_ai.stream",
        "kind": 1,
        "startTimeUnixNano": str(max(0, record.started_us) * 1000),
        "endTimeUnixNano": str(max(0, record.ended_us) * 1000),
        "attributes": _attributes({columns[field]: value for field, value in attributes.items()}),
        "events": [_event(record, index) for index in range(record.n_tokens)],
    }


def _event(record: SessionRecord, index: int) -> dict[str, Any]:
    scored = index < len(record.scores)
    time_us = max(0, record.started_us) + record.times_us[index] if record.times_us else 0
    values = {
        "token.text": record.tokens[index],
        "token.coherence": record.scores[index] if scored else None,
        "token.held": True if scored and record.held[index] else None,
    }
    return {"timeUnixNano": str(time_us * 1000), "name": _EVENT, "attributes": _attributes(values)}


def _attributes(values: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"key": name, "value": _any_value(value)}
        for name, value in values.items()
        if value is not None
    ]


def _any_value(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, list):
        return {"arrayValue": {"values": [_any_value(entry) for entry in value]}}
    return {"stringValue": value}


def is_request(value: Any) -> bool:
    """Tell whether a JSON value is a request of spans, or of another signal."""
    return isinstance(value, dict) and not _SIGNALS.keys().isdisjoint(value)


def is_flat_span(value: Any) -> bool:
    """Tell whether a JSON value is a span outside a request, as consoles and Phoenix print them."""
    context = value.get("context") if isinstance(value, dict) else None
    return isinstance(context, dict) and "span_id" in context


class SpanReader:
    """Reader of the spans that score tokens, as rows under the names of their attributes.

    Spans of anything else, of which a trace is full, are passed over and counted.

    Parameters
    ----------
    mapping
        Attribute of each field.
    report
        Takes a note on what was passed over.
    """

    def __init__(self, mapping: ColumnMapping, report: ReadReport) -> None:
        self._mapping, self._report = mapping, report
        self._n_scored = 0
        self._unscored: Counter[str] = Counter()
        self._signals: Counter[str] = Counter()

    def rows(self, requests: Iterator[tuple[int, Any]]) -> Iterator[tuple[int, Any]]:
        """Yield line and row of every span that scores tokens, and the problems.

        Start and end come as ``started`` and ``ended``; the times of events as
        ``token.time_us``. Tokens stand in the order of their times. A row is one span:
        ``session.id``, which several spans of a conversation share, becomes its group, unless the
        span is an export of ours. What is not well formed is named, and what comes after is read.
        """
        is_malformed = False
        for line, request in requests:
            for number, row in self._spans(line, request):
                is_malformed |= isinstance(row, Problem)
                yield number, row
        passed_over = [
            *(f"{counted_spans(n)} of {kind}" for kind, n in self._unscored.most_common()),
            *(
                f"{n:,} {'request' if n == 1 else 'requests'} of {name}"
                for name, n in self._signals.most_common()
            ),
        ]
        if self._n_scored == 0 and not is_malformed:
            message = (
                "spans must hold a score for each token: an event gen_ai.token a token, with "
                "token.text and token.coherence, or an array of each as attributes of the span, "
                f"got {', '.join(passed_over) or 'no span'} without"
            )
            yield 0, Problem(0, message, field="spans")
        elif passed_over:
            self._report.note(f"passed over, without token scores: {', '.join(passed_over)}")

    def _spans(self, line: int, request: Any) -> Iterator[tuple[int, Any]]:
        if isinstance(request, Problem):
            yield line, request
            return
        if is_flat_span(request):
            self._unscored[f"{_kind_of(request.get('attributes'))}, outside resourceSpans,"] += 1
            return
        for name, signal in _SIGNALS.items():
            self._signals[signal] += name in request and name != "resourceSpans"
        self._signals = +self._signals
        level: Iterator[Any] = iter([request])
        for name in ("resourceSpans", "scopeSpans", "spans"):
            level = _within(line, level, name)
        for span in level:
            if isinstance(span, Problem):
                yield line, span
                continue
            name = _span_id(span, self._mapping)
            try:
                row = {"session.id": name, **_row(span, self._mapping)}
            except InvalidRecordError as error:
                yield line, Problem.of_session(line, error, {"id": name})
                continue
            if row.get(self._mapping.scores or "") is None:
                self._unscored[_kind_of(row)] += 1
                continue
            if self._mapping.id == "session.id" and row["session.id"] != name:
                row = {"session.group": row["session.id"], **row, "session.id": name}
            self._n_scored += 1
            yield line, row


def counted_spans(number: int) -> str:
    """Return a number of spans in words."""
    return "1 span" if number == 1 else f"{number:,} spans"


def _kind_of(attributes: Any) -> str:
    """Return the convention that a span's attributes follow."""
    names = list(attributes) if isinstance(attributes, dict) else []
    for kind, prefixes in _CONVENTIONS.items():
        if any(name.startswith(prefixes) for name in names):
            return kind
    return "other work"


def _within(line: int, parents: Iterator[Any], name: str) -> Iterator[Any]:
    """Yield the entries of every parent's list; a parent without one becomes a problem."""
    for parent in parents:
        if isinstance(parent, Problem):
            yield parent
            continue
        entries = parent.get(name, []) if isinstance(parent, dict) else parent
        if isinstance(entries, list):
            yield from entries
        else:
            message = f"{name} must be a list of objects, got {entries!r:.80}"
            yield Problem.of_session(line, InvalidRecordError(message), {})


def _span_id(span: Any, mapping: ColumnMapping) -> str:
    """Return the id of a span's session, also where the rest of it cannot be read.

    It is the attribute's where a mapping names another than ``session.id``, and in an export of
    ours, whose spans are numbered by their session; else it is the span's own.
    """
    if not isinstance(span, dict):
        return ""
    trace, number = span.get("traceId"), span.get("spanId")
    attributes = span.get("attributes")
    for entry in attributes if isinstance(attributes, list) else []:
        if isinstance(entry, dict) and entry.get("key") == mapping.id:
            value = entry.get("value")
            name = value.get("stringValue") if isinstance(value, dict) else None
            if isinstance(name, str):
                is_ours = (trace, number) == _numbers_of(name)
                if is_ours or mapping.id != "session.id":
                    return name
    return f"{trace}:{number}"


def _numbers_of(id: str) -> tuple[str, str]:
    """Return the trace and the span by which a session of ours is exported."""
    name = hashlib.sha256(id.encode("utf-8", "surrogatepass")).hexdigest()
    return name[:32], name[32:48]


def _row(span: Any, mapping: ColumnMapping) -> dict[str, Any]:
    if not isinstance(span, dict):
        raise InvalidRecordError(f"span must be an object, got {span!r:.80}")
    row = _values(span)
    start = _nanoseconds(span, "startTimeUnixNano")
    row["started"] = moment(start // 1000)
    row["ended"] = moment(_nanoseconds(span, "endTimeUnixNano") // 1000)
    per_token = [name for name in (mapping.tokens, mapping.scores, mapping.held) if name]
    events = [(event, _values(event)) for event in _list(span, "events")]
    tokens = [(event, of) for event, of in events if mapping.tokens in of or mapping.scores in of]
    if tokens:
        tokens = _in_time(tokens)
        row |= {name: [of.get(name) for _, of in tokens] for name in per_token}
        times = [_nanoseconds(event, "timeUnixNano") for event, _ in tokens]
        if all(times):
            row["token.time_us"] = [max(0, time - start) // 1000 for time in times]
    return row


def _in_time(tokens: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """Return events in the order of their times; as they stand, where any has none."""
    times = [_nanoseconds(event, "timeUnixNano") for event, _ in tokens]
    if not all(times):
        return tokens
    order = sorted(range(len(tokens)), key=times.__getitem__)
    return [tokens[place] for place in order]


def _list(of: Any, name: str) -> list[Any]:
    values = of.get(name, []) if isinstance(of, dict) else None
    if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
        raise InvalidRecordError(f"{name} must be a list of objects, got {values!r:.80}")
    return values


def _nanoseconds(of: dict[str, Any], name: str) -> int:
    value = of.get(name, 0)
    # 64-bit integers are strings in this JSON.
    text = str(value)
    if isinstance(value, bool) or not text.isascii() or not text.isdigit() or len(text) > 20:
        raise InvalidRecordError(f"{name} must be nanoseconds, got {value!r:.80}")
    return int(text)


def _integer(value: Any) -> int:
    # 64-bit integers are strings in this JSON.
    is_text = isinstance(value, str) and _INTEGER.fullmatch(value)
    if is_text or type(value) is int or (type(value) is float and value.is_integer()):
        return int(value)
    raise InvalidRecordError(f"intValue must be a whole number, got {value!r:.80}")


def _values(of: dict[str, Any]) -> dict[str, Any]:
    return {
        str(entry.get("key")): _plain(entry.get("value", {})) for entry in _list(of, "attributes")
    }


def _plain(value: Any) -> Any:
    if not isinstance(value, dict):
        raise InvalidRecordError(f"value must be an object, got {value!r:.80}")
    if "arrayValue" in value:
        return [_plain(entry) for entry in _list(value["arrayValue"], "values")]
    if "intValue" in value:
        return _integer(value["intValue"])
    return next(
        (value[kind] for kind in ("stringValue", "doubleValue", "boolValue") if kind in value), None
    )
