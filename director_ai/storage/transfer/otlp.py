"""Sessions as OpenTelemetry spans in JSON: an event a token, with its text and its coherence."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

from director_ai.core.records.record import SessionRecord
from director_ai.errors import InvalidRecordError
from director_ai.storage.transfer.column_mapping import ColumnMapping
from director_ai.storage.transfer.csv_cells import moment
from director_ai.storage.transfer.jsonl import line_that_fits
from director_ai.storage.transfer.parquet_columns import filters
from director_ai.storage.transfer.problem import Problem

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
)
"""The attributes read and written. A span may hold tokens and scores as arrays of its own."""

_FILTERS = {
    "n_tokens": "session.n_tokens",
    "rules": "halt.rules",
    "shadow_index": "halt.shadow_index",
    "margin": "halt.margin",
    "margin_rule": "halt.margin_rule",
}
"""The attributes that are written to filter by, and not read."""

_EVENT = "gen_ai.token"


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
        line = json.dumps({"resourceSpans": [{"resource": {}, "scopeSpans": [scope]}]})
        file.write(line_that_fits(line, record.id))


def _span(record: SessionRecord) -> dict[str, Any]:
    name = hashlib.sha256(record.id.encode("utf-8", "surrogatepass")).hexdigest()
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
    }
    columns = {**MAPPING.columns(), **_FILTERS}
    attributes |= {**filters(record), "n_tokens": record.n_tokens}
    attributes["rules"] = [alarm.mechanism for alarm in record.halt.alarms] if record.halt else []
    return {
        "traceId": name[:32],
        "spanId": name[32:48],
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
    """Tell whether a JSON value is a request of spans."""
    return isinstance(value, dict) and "resourceSpans" in value


def read_spans(
    line: int, request: dict[str, Any], mapping: ColumnMapping
) -> Iterator[tuple[int, dict[str, Any] | Problem]]:
    """Yield a row a span that scores tokens, under the names of its attributes.

    Spans of anything else, of which a trace is full, are passed over. Start and end come as
    ``started`` and ``ended``; the times of events as ``token.time_us``. What is not well formed
    is named, and what comes after it is read.
    """
    level: Iterator[Any] = iter([request])
    for name in ("resourceSpans", "scopeSpans", "spans"):
        level = _within(line, level, name)
    for span in level:
        if isinstance(span, Problem):
            yield line, span
            continue
        name = _span_id(span, mapping)
        try:
            row = {"session.id": name, **_row(span, mapping)}
        except InvalidRecordError as error:
            yield line, Problem.of_session(line, error, {"id": name})
        else:
            if row.get(mapping.scores or "") is not None:
                yield line, row


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
    """Return the id of a span's session, also where the rest of it cannot be read."""
    if not isinstance(span, dict):
        return ""
    attributes = span.get("attributes")
    for entry in attributes if isinstance(attributes, list) else []:
        if isinstance(entry, dict) and entry.get("key") == mapping.id:
            value = entry.get("value")
            name = value.get("stringValue") if isinstance(value, dict) else None
            if isinstance(name, str):
                return name
    return f"{span.get('traceId')}:{span.get('spanId')}"


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
        row |= {name: [of.get(name) for _, of in tokens] for name in per_token}
        times = [_nanoseconds(event, "timeUnixNano") for event, _ in tokens]
        if all(times):
            row["token.time_us"] = [max(0, time - start) // 1000 for time in times]
    return row


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
        try:
            return int(value["intValue"])
        except (TypeError, ValueError):
            raise InvalidRecordError(
                f"intValue must be a whole number, got {value['intValue']!r:.80}"
            ) from None
    return next(
        (value[kind] for kind in ("stringValue", "doubleValue", "boolValue") if kind in value), None
    )
