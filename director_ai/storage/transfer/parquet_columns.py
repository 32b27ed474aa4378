"""Columns of a Parquet file of ours: the record's own, and those there to filter by."""

import json
from collections.abc import Callable
from typing import Any

import pyarrow as pa

from director_ai.core.records.record import SessionRecord
from director_ai.core.records.record_json import to_values
from director_ai.errors import InvalidRecordError
from director_ai.storage.codec import margin_of
from director_ai.storage.engine.text_type import escape, unescape
from director_ai.storage.transfer.record_parsing import record_of

Row = dict[str, Any]

_TIME = pa.timestamp("us", tz="UTC")
_TEXT = pa.string()
_TEXTS = pa.list_(pa.string())

SCHEMA = pa.schema(
    {
        "id": _TEXT,
        "started": _TIME,
        "ended": _TIME,
        "source": _TEXT,
        "model": _TEXT,
        "prompt": _TEXT,
        "group": _TEXT,
        "tags": _TEXTS,
        "label": _TEXT,
        "onset": pa.int64(),
        "author": _TEXT,
        "outcome": _TEXT,
        "enforced": pa.bool_(),
        "n_tokens": pa.int64(),
        "halt_index": pa.int64(),
        "rules": _TEXTS,
        "halt_reason": _TEXT,
        "tokens": _TEXTS,
        "scores": pa.list_(pa.float64()),
        "held": pa.list_(pa.int64()),
        "times_us": pa.list_(pa.int64()),
        "text_kept": pa.bool_(),
        "policy": _TEXT,
        "halt": _TEXT,
        "shadow_policy": _TEXT,
        "shadow_halt": _TEXT,
        "evidence": _TEXT,
        "evidence_note": _TEXT,
        "annotations": _TEXT,
        "shadow_index": pa.int64(),
        "margin": pa.float64(),
        "margin_rule": _TEXT,
        "scorer": _TEXT,
        "release": _TEXT,
        "n_released": pa.int64(),
        "n_kept": pa.int64(),
        "n_early": pa.int64(),
        "verdicts": _TEXT,
        "facts": _TEXT,
    }
)
"""Times are microseconds, ``held`` the tokens that hold an earlier score, and objects JSON."""

NAMES: tuple[str, ...] = tuple(SCHEMA.names)

_FILTERS = ("shadow_index", "margin", "margin_rule")
_ADDED = ("scorer", "release", "n_released", "n_kept", "n_early", "verdicts", "facts")

READ: tuple[str, ...] = tuple(name for name in NAMES if name not in (*_FILTERS, *_ADDED))
"""The columns that every file has and that are read back."""

EDITIONS: tuple[pa.Schema, ...] = (
    SCHEMA,
    pa.schema([field for field in SCHEMA if field.name != "facts"]),
    pa.schema([field for field in SCHEMA if field.name not in ("verdicts", "facts")]),
    pa.schema([SCHEMA.field(name) for name in (*READ, *_FILTERS)]),
    pa.schema([SCHEMA.field(name) for name in READ]),
)
"""Columns of files of today, and from before facts, verdicts, scorers and releases, and margins."""

_to_json = json.JSONEncoder(ensure_ascii=False).encode

_RENAMED = {"started": "started_us", "ended": "ended_us", "outcome": "ended_by"}
_OBJECTS = (
    *("policy", "halt", "shadow_policy", "shadow_halt", "evidence", "annotations", "release"),
    *("verdicts", "facts"),
)
_DERIVED = ("label", "onset", "author", "n_tokens", "halt_index", "rules", "halt_reason")
_TEXT_COLUMNS = tuple(name for name in (*READ, *_ADDED) if SCHEMA.field(name).type == _TEXT)
_LISTS_OF_TEXT = tuple(field.name for field in SCHEMA if field.type == _TEXTS)


def columns_read(schema: pa.Schema) -> tuple[str, ...]:
    """Return the columns of a file that are read back; the others follow from them."""
    return (*READ, *(name for name in _ADDED if name in schema.names))


def derived(record: SessionRecord) -> Row:
    """Return the columns to filter by that follow from a record's fields."""
    halt = record.halt
    return {
        "label": record.label,
        "onset": record.onset,
        "author": record.annotations[-1].author if record.annotations else None,
        "n_tokens": record.n_tokens,
        "halt_index": record.halt_index,
        "rules": [alarm.mechanism for alarm in halt.alarms] if halt else [],
        "halt_reason": "; ".join(record.halt_reasons),
    }


def filters(record: SessionRecord) -> Row:
    """Return the columns to filter by that no reader of ours takes from a file.

    That a margin is the same to the last bit is not promised from one version to the next.
    """
    call = margin_of(record)
    return {
        "shadow_index": record.shadow_halt and record.shadow_halt.index,
        "margin": call and call.margin,
        "margin_rule": call and call.mechanism,
    }


def row_of(record: SessionRecord) -> Row:
    """Return the row of a record."""
    values = to_values(record)
    row: Row = {**values, **derived(record), **filters(record)}
    row |= {column: values[name] for column, name in _RENAMED.items()}
    row |= {name: _to_json(values[name]) for name in _OBJECTS}
    for name in _TEXT_COLUMNS:
        row[name] = None if row[name] is None else escape(row[name])
    for name in _LISTS_OF_TEXT:
        row[name] = _each(escape, list(row[name]))
    return {name: row[name] for name in NAMES}


def _each(change: Callable[[str], str], texts: list[str] | None) -> list[str] | None:
    if texts is None or None in texts:
        # No list of texts; the record's check says so.
        return texts
    whole = "".join(texts)
    # Hardly any session holds a character to escape, and one look tells.
    return texts if change(whole) == whole else [change(text) for text in texts]


def record_of_row(row: Row) -> SessionRecord:
    """Return the record of a row of ``columns_read``; times are microseconds.

    Raises
    ------
    InvalidRecordError
        If a value is none that a session may have, or a column to filter by contradicts another.
    """
    row = dict(row)
    for name in row.keys() & _TEXT_COLUMNS:
        row[name] = None if row[name] is None else unescape(row[name])
    for name in _LISTS_OF_TEXT:
        row[name] = _each(unescape, row[name])
    values = {_RENAMED.get(name, name): value for name, value in row.items()}
    for name in values.keys() & _OBJECTS:
        try:
            values[name] = json.loads(values[name])
        except (TypeError, ValueError, RecursionError):
            raise InvalidRecordError(f"{name} must be JSON, got {values[name]!r:.80}") from None
    expected = {name: values.pop(name) for name in _DERIVED}
    record = record_of(values)
    for name, value in derived(record).items():
        if value != expected[name]:
            raise InvalidRecordError(f"{name} must be {value!r:.80}, got {expected[name]!r:.80}")
    return record
