"""Reader of session files: the format follows from the content, and all of it is read first."""

import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path, PurePath
from typing import Any, BinaryIO, Final, TypeVar, cast, get_args

from director_ai.core.records.record import Label, SessionRecord
from director_ai.core.records.strict_json import parse
from director_ai.errors import InvalidRecordError
from director_ai.storage.transfer.column_mapping import ColumnMapping
from director_ai.storage.transfer.csv_file import read_csv
from director_ai.storage.transfer.import_plan import FileFormat, ImportPlan, Tally
from director_ai.storage.transfer.jsonl import read_objects, record_item, text_of
from director_ai.storage.transfer.limits import MAX_LINE_BYTES, MAX_UPLOAD_BYTES, at_most
from director_ai.storage.transfer.otlp import MAPPING as OTLP_MAPPING
from director_ai.storage.transfer.otlp import is_request, read_spans
from director_ai.storage.transfer.parquet import is_ours, open_parquet, read_parquet, read_rows
from director_ai.storage.transfer.problem import Problem, ReadItem
from director_ai.storage.transfer.rows import Row, Rows, columns_of, sessions_of
from director_ai.storage.transfer.stream_session_json import (
    is_session,
    is_snapshot,
    read_log,
    read_session,
)

ENDINGS: Final = ("jsonl", "jsonl.gz", "csv", "csv.gz", "parquet", "json")
"""Endings of session files; the format itself follows from the content."""

_GZIP = b"\x1f\x8b"
_PARQUET = b"PAR1"
_BOM = b"\xef\xbb\xbf"
_BROKEN = (InvalidRecordError, EOFError, zlib.error, gzip.BadGzipFile)
_ZLIB_OUT_OF_MEMORY = "Error -4 "
"""Start of zlib's message for Z_MEM_ERROR; its exception holds no code."""
_LINES_LOOKED_AT = 50

T = TypeVar("T")

_OURS = frozenset(SessionRecord.__dataclass_fields__) | {
    *("schema", "label", "onset", "shadow_index", "margin", "margin_rule"),
}


@dataclass(frozen=True, slots=True)
class OpenUpload:
    """A file that has been recognised and can be read once.

    Attributes
    ----------
    format
        Format of the content.
    columns, mapping
        Columns of a foreign file and the field of each; none and ``None`` in a file of ours.
    items
        Sessions and problems, read lazily.
    """

    format: FileFormat
    columns: tuple[str, ...]
    mapping: ColumnMapping | None
    items: Iterator[ReadItem]


def read_upload(
    upload: Path | bytes, name: str, mapping: ColumnMapping | None = None
) -> ImportPlan:
    """Return the plan of an import: the sessions of the file, and its problems.

    The file is read in this process; what comes from elsewhere belongs into
    :func:`director_ai.storage.transfer.sandbox.read_upload_safely`.

    Parameters
    ----------
    upload
        The file or its bytes; ``.gz`` is unpacked.
    name
        Name of the file; names sessions that have no id.
    mapping
        Column of each field; by default guessed from the names.

    Raises
    ------
    ImportRefusedError
        If it is larger than the limits allow.

    Examples
    --------
    >>> line = b'{"id": "a", "tokens": ["Hi"], "token_scores": [0.9], "is_hallucination": 0}'
    >>> plan = read_upload(line, "upload.jsonl")
    >>> plan.ok, plan.mapping.scores, plan.summary
    (True, 'token_scores', '1 session, 1 token, 0 labelled bad, 1 good.')
    """
    tally = Tally()
    with closing(open_upload(upload)) as file:
        source = recognise(file, name, mapping)
        records = tuple(tally.records(with_break(source.items)))
    return plan_of(name, source, records, tally)


def plan_of(
    name: str, source: OpenUpload, records: tuple[SessionRecord, ...], tally: Tally
) -> ImportPlan:
    """Return the plan of a file that has been read."""
    return ImportPlan(
        name,
        source.format,
        source.columns,
        source.mapping,
        records,
        tuple(sorted(tally.problems, key=lambda problem: problem.line)),
        tally.counts,
    )


def with_break(items: Iterator[ReadItem]) -> Iterator[ReadItem]:
    """Yield the items; a file that breaks off becomes a problem of the whole file."""
    try:
        yield from items
    except _BROKEN as error:
        yield _break_item(error)


def _break_item(error: Exception) -> ReadItem:
    """Return the problem of a whole file; a decompressor without memory is no problem of it."""
    if isinstance(error, zlib.error) and str(error).startswith(_ZLIB_OUT_OF_MEMORY):
        raise MemoryError from error
    return 0, Problem.of_session(0, error, {})


def open_upload(upload: Path | bytes) -> BinaryIO:
    """Return the file as a stream, unpacked if it is compressed.

    Raises
    ------
    ImportRefusedError
        If it is too large.
    """
    size = len(upload) if isinstance(upload, bytes) else upload.stat().st_size
    at_most("a file", size, MAX_UPLOAD_BYTES)
    file: BinaryIO = io.BytesIO(upload) if isinstance(upload, bytes) else upload.open("rb")
    if _head(file, 2) != _GZIP:
        return file
    file.close()
    packed = io.BytesIO(upload) if isinstance(upload, bytes) else upload
    return cast("BinaryIO", gzip.open(packed))


def recognise(file: BinaryIO, name: str, mapping: ColumnMapping | None) -> OpenUpload:
    """Return the file opened by the format of its first bytes; its name does not count."""
    stem = PurePath(name).name.split(".")[0] or "session"
    kind: FileFormat = "csv"
    try:
        head = _head(file, 4096).removeprefix(_BOM).lstrip()
        if head.startswith(_PARQUET):
            kind = "parquet"
            return _parquet(file, mapping, stem)
        if head.startswith((b"{", b"[")):
            kind = "jsonl"
            return _json(file, mapping, stem)
        return _table("csv", read_csv(file), mapping, stem)
    except _BROKEN as error:
        return OpenUpload(kind, (), mapping, iter([_break_item(error)]))


def _head(file: BinaryIO, size: int) -> bytes:
    head = file.read(size)
    file.seek(0)
    return head


def _table(format: FileFormat, rows: Rows, mapping: ColumnMapping | None, stem: str) -> OpenUpload:
    columns, rows = columns_of(rows)
    mapping = mapping or ColumnMapping.guess(columns)
    return OpenUpload(format, columns, mapping, sessions_of(rows, mapping, stem=stem))


def _parquet(file: BinaryIO, mapping: ColumnMapping | None, stem: str) -> OpenUpload:
    table = open_parquet(file)
    if is_ours(table):
        return OpenUpload("parquet", (), None, read_parquet(table))
    columns = tuple(table.schema_arrow.names)
    mapping = mapping or ColumnMapping.guess(columns)
    # No other column is even decoded.
    used = [column for column in mapping.columns().values() if column in columns]
    rows = read_rows(table, used)
    return OpenUpload("parquet", columns, mapping, sessions_of(rows, mapping, stem=stem))


def _json(file: BinaryIO, mapping: ColumnMapping | None, stem: str) -> OpenUpload:
    rows = _values(file)
    first = list(islice(rows, _LINES_LOOKED_AT))
    value = next((value for _, value in first if not isinstance(value, Problem)), {})
    rows = chain(first, rows)
    if is_request(value):
        otlp_mapping = mapping or OTLP_MAPPING
        spans = _each(rows, lambda line, request: read_spans(line, request, otlp_mapping))
        return OpenUpload("otlp", (), otlp_mapping, sessions_of(spans, otlp_mapping, stem=stem))
    if is_session(value):
        return OpenUpload(
            "original", (), None, _each(rows, lambda line, of: read_session(line, of, stem=stem))
        )
    if is_snapshot(value):
        return OpenUpload("original", (), None, read_log(1, [row for _, row in rows], stem=stem))
    if mapping is None and _is_ours(value):
        return OpenUpload("jsonl", (), None, _each(rows, lambda *row: iter([record_item(*row)])))
    return _table("jsonl", rows, mapping, stem)


def _values(file: BinaryIO) -> Rows:
    """Return the objects of a file: one a line, or those of a document of many lines."""
    first = file.readline(MAX_LINE_BYTES + 1).removeprefix(_BOM)
    file.seek(0)
    # A document may well be one long line if it is a list; an object that long is a line.
    is_line = len(first) > MAX_LINE_BYTES or first.rstrip().endswith(b"}")
    if first.startswith(b"{") and is_line:
        return read_objects(file)
    document = file.read(MAX_UPLOAD_BYTES + 1)
    at_most("a document", len(document), MAX_UPLOAD_BYTES)
    value = parse(text_of(document.removeprefix(_BOM)))
    entries = value if isinstance(value, list) else [value]
    for place, entry in enumerate(entries):
        if not isinstance(entry, dict):
            raise InvalidRecordError(f"[{place}] must be an object, got {entry!r:.80}")
    return iter(list(enumerate(entries, start=1)))


def _each(
    rows: Rows, read: Callable[[int, Any], Iterator[tuple[int, T]]]
) -> Iterator[tuple[int, T | Problem]]:
    for line, value in rows:
        if isinstance(value, Problem):
            yield line, value
        else:
            yield from read(line, value)


def _is_ours(value: Row) -> bool:
    """Tell whether a line is one of ours, which may leave out its schema."""
    return "schema" in value or (
        value.keys() <= _OURS and value.get("label") in (None, *get_args(Label))
    )
