"""Reader of session files: the format follows from the content, and all of it is read first."""

import codecs
import gzip
import io
import json
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path, PurePath
from typing import Any, BinaryIO, Final, NamedTuple, TypeVar, cast, get_args

from director_ai.core.records.record import Label, SessionRecord
from director_ai.core.records.strict_json import parse
from director_ai.errors import InvalidRecordError
from director_ai.storage.transfer.answer_columns import tells_apart
from director_ai.storage.transfer.column_mapping import COLUMN_FIELDS, ColumnMapping
from director_ai.storage.transfer.csv_file import check_names, read_csv
from director_ai.storage.transfer.import_plan import FileFormat, ImportPlan, Tally
from director_ai.storage.transfer.json_document import table_of_object
from director_ai.storage.transfer.jsonl import LineReader, read_lines, read_objects, text_of
from director_ai.storage.transfer.limits import (
    MAX_COLUMNS,
    MAX_FILE_BYTES,
    MAX_LINE_BYTES,
    MAX_UPLOAD_BYTES,
    at_most,
)
from director_ai.storage.transfer.otlp import MAPPING as OTLP_MAPPING
from director_ai.storage.transfer.otlp import SpanReader, is_flat_span, is_request
from director_ai.storage.transfer.parquet import (
    first_rows,
    is_ours,
    is_scalar,
    open_parquet,
    read_parquet,
    read_rows,
)
from director_ai.storage.transfer.problem import Problem, ReadItem
from director_ai.storage.transfer.read_report import ReadReport
from director_ai.storage.transfer.rows import SessionReader, sample_of
from director_ai.storage.transfer.sample_mapping import Sample, mapping_of_sample
from director_ai.storage.transfer.stream_session_json import (
    OriginalReader,
    is_session,
    is_snapshot,
)
from director_ai.storage.transfer.text_scoring import TextScorer
from director_ai.storage.transfer.token_rows import Row, Rows

ENDINGS: Final = (
    "jsonl",
    "jsonl.gz",
    "ndjson",
    "csv",
    "csv.gz",
    "tsv",
    "tsv.gz",
    "parquet",
    "json",
)
"""Endings of session files; the format itself follows from the content."""

_TOO_LARGE = "pack it with gzip, write it as Parquet, or split it and import the folder"
_GZIP = b"\x1f\x8b"
_PARQUET = b"PAR1"
_BOM = b"\xef\xbb\xbf"
_MARKS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}
"""Marks of text that spreadsheets save under the name of Unicode, the longest first."""
_UNPACK = "unpack it, or pack it with gzip"
_REWRITE = "write it as Parquet or CSV"
_FOREIGN = {
    b"PK\x03\x04": "an archive or a workbook of Excel; unpack it, or save it as CSV",
    b"\xd0\xcf\x11\xe0": "a workbook of Excel; save it as CSV",
    _GZIP: "gzip within gzip; unpack it once",
    b"BZh91AY&SY": f"bzip2; {_UNPACK}",
    b"\xfd7zXZ\0": f"xz; {_UNPACK}",
    b"\x28\xb5\x2f\xfd": f"Zstandard; {_UNPACK}",
    b"\x04\x22\x4d\x18": f"LZ4; {_UNPACK}",
    b"7z\xbc\xaf": f"an archive of 7-Zip; {_UNPACK}",
    b"ARROW1\0\0": f"Arrow or Feather; {_REWRITE}",
    b"\xff\xff\xff\xff": f"a stream of Arrow; {_REWRITE}",
    b"Obj\x01": f"Avro; {_REWRITE}",
    b"\x89HDF": f"HDF5; {_REWRITE}",
    b"\x93NUMPY": f"an array of NumPy; {_REWRITE}",
    b"\x80\x04": f"a pickle; {_REWRITE}",
    b"\x80\x05": f"a pickle; {_REWRITE}",
    b"SQLite format 3\0": "a database of SQLite; export its table as CSV",
    b"%PDF-": "PDF; save its table as CSV",
    b"<?xml": "XML; save its table as CSV",
    b"<!DOCTYPE": "HTML; save its table as CSV",
    b"<html": "HTML; save its table as CSV",
    b"<table": "HTML; save its table as CSV",
}
"""Starts of files that are none of sessions: the kind of each, and what to do with it."""
_TAR, _TAR_AT = b"ustar", 257
_BROKEN = (InvalidRecordError, EOFError, zlib.error, gzip.BadGzipFile)
_ZLIB_OUT_OF_MEMORY = "Error -4 "
"""Start of zlib's message for Z_MEM_ERROR; its exception holds no code."""
_LINES_LOOKED_AT = 50
_ROWS_OF_SAMPLE = 16
_ROWS_A_TICK = 250

T = TypeVar("T")

Progress = Callable[[int], None]
"""Called with the number of rows read so far."""

_FIELDS = frozenset(SessionRecord.__dataclass_fields__)
_OURS = _FIELDS | {"schema", "label", "onset", "shadow_index", "margin", "margin_rule"}
_RECORD_ONLY = _FIELDS - set(COLUMN_FIELDS)
"""Fields of a line of ours that a mapping has no column for."""


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
    report
        Notes, columns not used and offers; complete once the items are read.
    """

    format: FileFormat
    columns: tuple[str, ...]
    mapping: ColumnMapping | None
    items: Iterator[ReadItem]
    report: ReadReport = field(default_factory=ReadReport)


def read_upload(
    upload: Path | bytes,
    name: str,
    mapping: ColumnMapping | None = None,
    *,
    stated: Collection[str] = COLUMN_FIELDS,
    facts: str = "",
    progress: Progress | None = None,
    text_needed: bool = True,
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
        Column of each field; by default guessed from the names and the first rows.
    stated
        Fields of the mapping that somebody has chosen; the first rows complete the others.
    facts
        Facts to score texts by, in place of the file's own scores.
    progress
        Called now and then with the number of rows read.
    text_needed
        Refuse a table without tokens; otherwise its sessions are kept without their text.

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
        source = recognise(
            file,
            name,
            mapping,
            stated=stated,
            facts=facts,
            progress=progress,
            text_needed=text_needed,
        )
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
        source.report,
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


def check_size(upload: Path | bytes) -> int:
    """Return the size of a file in bytes.

    Raises
    ------
    ImportRefusedError
        If it is too large.
    """
    if isinstance(upload, bytes):
        size, most = len(upload), MAX_UPLOAD_BYTES
    else:
        size, most = upload.stat().st_size, MAX_FILE_BYTES
    at_most("a file", size, most, advice=_TOO_LARGE)
    return size


def open_upload(upload: Path | bytes) -> BinaryIO:
    """Return the file as a stream, unpacked if it is compressed.

    Raises
    ------
    ImportRefusedError
        If it is too large.
    """
    check_size(upload)
    file: BinaryIO = io.BytesIO(upload) if isinstance(upload, bytes) else upload.open("rb")
    if _head(file, 2) != _GZIP:
        return file
    file.close()
    packed = io.BytesIO(upload) if isinstance(upload, bytes) else upload
    return cast("BinaryIO", gzip.open(packed))


def recognise(
    file: BinaryIO,
    name: str,
    mapping: ColumnMapping | None,
    *,
    stated: Collection[str] = COLUMN_FIELDS,
    facts: str = "",
    progress: Progress | None = None,
    text_needed: bool = True,
) -> OpenUpload:
    """Return the file opened by the format of its first bytes; its name does not count."""
    stem = PurePath(name).name.split(".")[0] or "session"
    reading = _Reading(mapping, stated, stem, facts, progress, text_needed=text_needed)
    kind: FileFormat = "csv"
    try:
        file = _as_utf8(file)
        kind = _kind_of(file)
        if kind == "parquet":
            return reading.parquet(file)
        if kind == "jsonl":
            return reading.json(file)
        return reading.csv(file)
    except _BROKEN as error:
        return OpenUpload(kind, (), mapping, iter([_break_item(error)]))


class Table(NamedTuple):
    """A table that has been recognised and can be read once.

    Attributes
    ----------
    format
        Format of the content: ``csv``, ``jsonl`` or ``parquet``.
    columns
        Columns of the file.
    rows
        Line and row of each, or its problem.
    """

    format: FileFormat
    columns: tuple[str, ...]
    rows: Rows


def open_table(file: BinaryIO) -> Table:
    """Return a table of any columns, one row each of whatever it holds; its name does not count.

    Raises
    ------
    InvalidRecordError
        If it is no table.
    """
    try:
        file = _as_utf8(file)
        kind = _kind_of(file)
        if kind == "parquet":
            table = open_parquet(file)
            names = tuple(table.schema_arrow.names)
            check_names(names)
            return Table(kind, names, read_rows(table, names))
        if kind == "csv":
            return Table(kind, *read_csv(file))
        return Table(kind, _keys(file), _table_rows(file))
    except _BROKEN as error:
        raise InvalidRecordError(str(error)) from None


def _kind_of(file: BinaryIO) -> FileFormat:
    start = _head(file, 4096)
    foreign = _foreign_kind(start)
    if foreign is not None:
        raise InvalidRecordError(f"the file must be JSON, CSV or Parquet, got {foreign}")
    head = start.removeprefix(_BOM).lstrip()
    if head.startswith(_PARQUET):
        return "parquet"
    return "jsonl" if head.startswith((b"{", b"[")) else "csv"


def _foreign_kind(start: bytes) -> str | None:
    """Return the kind of a file that is none of sessions, and what to do with it."""
    for mark, kind in _FOREIGN.items():
        if start.startswith(mark):
            return kind
    if start[_TAR_AT:].startswith(_TAR):
        return f"an archive of tar; {_UNPACK}"
    has_zeros = b"\0" in start[:4]
    return "bytes of zero, as in UTF-16 without its mark; save it as UTF-8" if has_zeros else None


def _head(file: BinaryIO, size: int) -> bytes:
    head = file.read(size)
    file.seek(0)
    return head


def _as_utf8(file: BinaryIO) -> BinaryIO:
    """Return the file, or its text as UTF-8 where its mark names another encoding."""
    head = _head(file, 4)
    encoding = next((name for mark, name in _MARKS.items() if head.startswith(mark)), None)
    if encoding is None:
        return file
    content = file.read(MAX_UPLOAD_BYTES + 1)
    at_most(f"text in {encoding}", len(content), MAX_UPLOAD_BYTES)
    try:
        return io.BytesIO(content.decode(encoding).encode())
    except UnicodeError as error:
        raise InvalidRecordError(f"text must be whole {encoding}, got {error}") from None


class _Reading:
    """One reading of a file: its settings, and the report they all add to."""

    def __init__(
        self,
        mapping: ColumnMapping | None,
        stated: Collection[str],
        stem: str,
        facts: str,
        progress: Progress | None,
        *,
        text_needed: bool,
    ) -> None:
        self._mapping, self._stated = mapping, stated
        self._stem, self._facts = stem, facts
        self._progress, self._text_needed = progress, text_needed
        self._report = ReadReport()

    def csv(self, file: BinaryIO) -> OpenUpload:
        """Return a table of any columns, opened."""
        columns, rows = read_csv(file)
        return self._table("csv", columns, rows)

    def parquet(self, file: BinaryIO) -> OpenUpload:
        """Return a Parquet file, ours or not, opened."""
        table = open_parquet(file)
        if is_ours(table):
            items = self._ticking(read_parquet(table))
            return OpenUpload("parquet", (), None, items, self._report)
        columns = tuple(table.schema_arrow.names)
        check_names(columns)
        sample = list(enumerate(first_rows(table, _ROWS_OF_SAMPLE), start=1))
        mapping = self._mapping_of(columns, sample)
        # No other column is decoded to its end.
        used = dict.fromkeys(column for column in mapping.columns().values() if column in columns)
        if is_scalar(table, mapping.scores):
            # Rows of tokens: whether another column tells sessions apart must be seen.
            used |= dict.fromkeys(
                column
                for column in columns
                if is_scalar(table, column) and (mapping.id is None or tells_apart(column))
            )
        rows = self._ticking(read_rows(table, used))
        return self._mapped("parquet", columns, sample, rows)

    def json(self, file: BinaryIO) -> OpenUpload:
        """Return a file of JSON, one of several kinds, opened."""
        first = islice(_values(file, takes_nan=True), _LINES_LOOKED_AT)
        value = next((value for _, value in first if not isinstance(value, Problem)), {})
        if self._is_table(value):
            return self._table("jsonl", _keys(file), _table_rows(file))
        rows = _values(file)
        if is_request(value) or is_flat_span(value):
            return self._spans(self._ticking(rows))
        original = OriginalReader(self._stem, self._mapping, self._report)
        if is_session(value):
            items = _each(self._ticking(rows), original.session)
            return OpenUpload("original", (), None, items, self._report)
        if is_snapshot(value):
            log = original.log(1, [row for _, row in rows])
            return OpenUpload("original", (), None, log, self._report)
        items = _each(self._ticking(rows), LineReader().items)
        return OpenUpload("jsonl", (), None, items, self._report)

    def _is_table(self, value: Row) -> bool:
        """Tell a row of a table of others from a span and from what either format of ours holds."""
        is_span = is_request(value) or is_flat_span(value)
        is_whole = is_session(value) or is_snapshot(value)
        return not (is_span or is_whole or (self._mapping is None and _is_ours(value)))

    def _table(self, format: FileFormat, columns: tuple[str, ...], rows: Rows) -> OpenUpload:
        sample, rows = sample_of(self._ticking(rows))
        # Where no row can be read, it is the rows that say why.
        return self._mapped(format, columns if sample else (), sample, rows)

    def _spans(self, rows: Rows) -> OpenUpload:
        mapping = self._mapping or OTLP_MAPPING
        spans = SpanReader(mapping, self._report).rows(rows)
        items = self._reader(mapping).sessions((), (), spans)
        return OpenUpload("otlp", (), mapping, items, self._report)

    def _mapped(
        self, format: FileFormat, columns: tuple[str, ...], sample: Sample, rows: Rows
    ) -> OpenUpload:
        mapping = self._mapping_of(columns, sample)
        self._report.take_sample(sample)
        items = self._reader(mapping).sessions(columns, sample, rows)
        return OpenUpload(format, columns, mapping, items, self._report)

    def _mapping_of(self, columns: tuple[str, ...], sample: Sample) -> ColumnMapping:
        if self._mapping is None:
            return mapping_of_sample(ColumnMapping.guess(columns), sample)
        return mapping_of_sample(self._mapping, sample, self._stated)

    def _reader(self, mapping: ColumnMapping) -> SessionReader:
        scorer = TextScorer(self._facts) if self._facts.strip() or mapping.facts else None
        return SessionReader(
            mapping,
            stem=self._stem,
            report=self._report,
            scorer=scorer,
            text_needed=self._text_needed,
        )

    def _ticking(self, rows: Iterator[T]) -> Iterator[T]:
        if self._progress is None:
            return rows
        return _told(rows, self._progress)


def _told(rows: Iterator[T], progress: Progress) -> Iterator[T]:
    """Yield the rows, and tell now and then how many there were."""
    for number, row in enumerate(rows, start=1):
        if number % _ROWS_A_TICK == 0:
            progress(number)
        yield row


def _values(file: BinaryIO, *, takes_nan: bool = False) -> Rows:
    """Return the objects of a file: one a line, or those of a document of many lines."""
    file.seek(0)
    if _has_lines(file):
        return read_objects(file, takes_nan=takes_nan)
    return iter(_document(file, takes_nan=takes_nan))


def _table_rows(file: BinaryIO) -> Rows:
    """Return the rows of a table of others, whose blank cells may be ``NaN``."""
    rows = _values(file, takes_nan=True)
    first = list(islice(rows, 2))
    table = table_of_object(first[0][1]) if len(first) == 1 else None
    return chain(first, rows) if table is None else enumerate(table, start=1)


def _has_lines(file: BinaryIO) -> bool:
    """Tell whether a line of the file is an object, and the file no document."""
    first = file.readline(MAX_LINE_BYTES + 1).removeprefix(_BOM)
    has_lines = first.startswith(b"{")
    if has_lines and len(first) > MAX_LINE_BYTES:
        # An object of any length is a document if the file ends with it, as a table of pandas does.
        has_ended = len(file.readline(MAX_UPLOAD_BYTES)) < MAX_UPLOAD_BYTES
        has_lines = not has_ended or bool(file.read(MAX_LINE_BYTES).strip())
    elif has_lines:
        has_lines = first.rstrip().endswith(b"}")
    file.seek(0)
    return has_lines


def _document(file: BinaryIO, *, takes_nan: bool) -> list[tuple[int, Row]]:
    document = file.read(MAX_UPLOAD_BYTES + 1)
    at_most("a document", len(document), MAX_UPLOAD_BYTES)
    value = parse(text_of(document.removeprefix(_BOM)), takes_nan=takes_nan)
    entries = value if isinstance(value, list) else [value]
    for place, entry in enumerate(entries):
        if not isinstance(entry, dict):
            raise InvalidRecordError(f"[{place}] must be an object, got {entry!r:.80}")
    return list(enumerate(entries, start=1))


def _keys(file: BinaryIO) -> tuple[str, ...]:
    """Return the keys of all objects of a file: a label may stand in a few, far down, alone."""
    file.seek(0)
    keys: dict[str, None] = {}
    values: Iterable[Row]
    if _has_lines(file):
        lines = (_object_of(line) for _, line in read_lines(file))
        first = list(islice(lines, 2))
        table = table_of_object(first[0]) if len(first) == 1 else None
        values = chain(first, lines) if table is None else table
    else:
        values = (row for _, row in _table_rows(file) if not isinstance(row, Problem))
    for value in values:
        keys |= dict.fromkeys(value)
        at_most("a table", len(keys), MAX_COLUMNS, "columns")
    file.seek(0)
    return tuple(keys)


def _object_of(line: bytes) -> Row:
    """Return the object of a line, none where it is damaged, which is said when it is read."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _each(
    rows: Rows, read: Callable[[int, Any], Iterator[tuple[int, T]]]
) -> Iterator[tuple[int, T | Problem]]:
    for line, value in rows:
        if isinstance(value, Problem):
            yield line, value
        else:
            yield from read(line, value)


def _is_ours(value: Row) -> bool:
    """Tell a line of ours, which may leave out its schema, from a row of a table."""
    keys = value.keys()
    # Of a table of pandas the schema is an object.
    return not isinstance(value.get("schema", {}), dict) or (
        keys <= _OURS
        and not keys.isdisjoint(_RECORD_ONLY)
        # Of a table they are text.
        and isinstance(value.get("facts"), dict | None)
        # Ours are words.
        and value.get("label") in (None, *get_args(Label))
    )
