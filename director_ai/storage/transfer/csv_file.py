"""Sessions as CSV: a row a token, or a row a session."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, BinaryIO

from director_ai.core.records.record import SessionRecord
from director_ai.errors import InvalidRecordError
from director_ai.storage.transfer.column_mapping import is_known
from director_ai.storage.transfer.csv_cells import array, guard, moment, unguard_row
from director_ai.storage.transfer.jsonl import read_lines, text_of
from director_ai.storage.transfer.limits import MAX_LINE_BYTES
from director_ai.storage.transfer.parquet_columns import derived, filters
from director_ai.storage.transfer.problem import Problem, RowProblem

_DELIMITERS = ",;\t|"
_SEPARATOR_LINE = re.compile(r"sep=([,;\t|])\r?\n?")
"""First line by which Excel says what separates columns."""
_NUMBER = re.compile(r"\s*[-+]?[0-9.,]+(?:[eE][-+]?[0-9]+)?\s*%?\s*")

_SESSION = (
    *("started", "ended", "source", "model", "group", "tags", "label", "onset", "author"),
    *("ended_by", "enforced", "n_tokens", "halt_index", "rules", "halt_reason"),
)
_FILTERS = ("shadow_index", "margin", "margin_rule")
_LATER = (*_FILTERS, "scorer")
_FIRST_LONG = ("id", "index", "token", "score", "held", "time_us", *_SESSION)
_FIRST_WIDE = ("id", *_SESSION, "prompt", "policy", "tokens", "scores", "held", "times_us")
"""Columns that every file of ours has had from the first one on."""

DERIVED = ("n_tokens", "rules", *_FILTERS)
"""Columns that follow from others and are not read."""

LONG = (*_FIRST_LONG, *_LATER, "prompt")
"""A row a token. A session without tokens has no row."""

WIDE = (*_FIRST_WIDE, *_LATER)
"""A row a session; lists and the policy are JSON."""


def write_long(records: Iterable[SessionRecord], file: BinaryIO) -> None:
    """Write one row a token, with the session's fields on each."""
    _write(file, LONG, _long_rows(records))


def write_wide(records: Iterable[SessionRecord], file: BinaryIO) -> None:
    """Write one row a session."""
    _write(file, WIDE, map(_wide_row, records))


def _long_rows(records: Iterable[SessionRecord]) -> Iterator[list[str]]:
    for record in records:
        session = [*_session_cells(record), *_later_cells(record), guard(record.prompt)]
        name, n_scores = guard(record.id), len(record.scores)
        for index, token in enumerate(record.tokens):
            scored = index < n_scores
            yield [
                name,
                str(index),
                guard(token),
                repr(record.scores[index]) if scored else "",
                _bool(scored and record.held[index]),
                str(record.times_us[index]) if record.times_us else "",
                *session,
            ]


def _wide_row(record: SessionRecord) -> list[str]:
    return [
        guard(record.id),
        *_session_cells(record),
        guard(record.prompt),
        array(record.policy.to_dict()),
        array(record.tokens),
        array(record.scores),
        array([index for index, held in enumerate(record.held) if held]),
        array(record.times_us),
        *_later_cells(record),
    ]


def _session_cells(record: SessionRecord) -> list[str]:
    values: dict[str, Any] = {
        **derived(record),
        "started": moment(record.started_us),
        "ended": moment(record.ended_us),
        "source": record.source,
        "model": record.model,
        "group": record.group,
        "ended_by": record.ended_by,
        "enforced": _bool(record.enforced),
    }
    values |= {"tags": array(record.tags), "rules": array(values["rules"])}
    cells = {name: "" if value is None else str(value) for name, value in values.items()}
    return [guard(cells[name]) for name in _SESSION]


def _later_cells(record: SessionRecord) -> list[str]:
    values = filters(record)
    cells = ["" if values[name] is None else str(values[name]) for name in _FILTERS]
    return [*cells, guard(str(record.scorer))]


def _bool(value: object) -> str:
    return "true" if value else "false"


def _write(file: BinaryIO, columns: Iterable[str], rows: Iterable[list[str]]) -> None:
    text = io.TextIOWrapper(file, encoding="utf-8", newline="")
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows(rows)
    # The file is the caller's, who may go on with it.
    text.detach()


CsvRows = Iterator[tuple[int, dict[str, str] | Problem]]


def read_csv(file: BinaryIO) -> tuple[tuple[str, ...], CsvRows]:
    """Return the columns that the first line names, and line and cells of every row.

    Columns are separated by commas, semicolons, tabs or bars, whichever the first line suggests.

    Raises
    ------
    InvalidRecordError
        If the text is no CSV, also while the rows are read.
    """
    # Of the whole process, and too small for a session's list by default.
    csv.field_size_limit(MAX_LINE_BYTES)
    taken: list[str] = []
    lines = _lines(file, taken)
    n_before = 0
    first = next(lines, "")
    while first.isspace():
        n_before, first = n_before + 1, next(lines, "")
    separator = _SEPARATOR_LINE.fullmatch(first)
    if separator:
        n_before, first = n_before + 1, next(lines, "")
    if "\r" in first.rstrip("\r\n"):
        raise InvalidRecordError("lines must end with a line feed, got carriage returns alone")
    delimiter = separator[1] if separator else delimiter_of(first)
    reader = csv.reader(chain([first], lines), strict=True, delimiter=delimiter)
    try:
        columns = next(reader, [])
    except csv.Error as error:
        raise InvalidRecordError(f"line {n_before + 1} must be CSV, got {error}") from None
    _check_separated(columns)
    columns = _named(columns)
    check_names(columns)
    taken.clear()
    return tuple(columns), _rows(reader, columns, n_before, taken, delimiter)


def _lines(file: BinaryIO, taken: list[str]) -> Iterator[str]:
    """Yield the lines of a file as text, and keep them until somebody clears what was taken."""
    for number, line in read_lines(file):
        text = text_of(line, f"text of line {number}")
        taken.append(text)
        yield text


def _rows(
    reader: Any, columns: list[str], n_before: int, taken: list[str], delimiter: str
) -> CsvRows:
    """Yield line and cells of every row; a row is named by the line it starts on."""
    is_ours = is_export(columns)
    start = reader.line_num + n_before + 1
    try:
        for cells in reader:
            line, start = start, reader.line_num + n_before + 1
            if len(taken) > 1 and not is_ours and _are_rows(taken, cells, delimiter):
                raise InvalidRecordError(
                    f"lines {line} to {start - 1} must be one row or several, got "
                    f"{taken[0].rstrip()!r:.80}, from where they can be read as either; "
                    "write a quote mark within a cell twice"
                )
            taken.clear()
            if not any(cells):
                # A line without a value, which spreadsheets write as separators alone.
                continue
            if len(cells) == len(columns):
                texts = unguard_row(cells) if is_ours else cells
                yield line, dict(zip(columns, texts, strict=True))
                continue
            message = f"cells must be one a column ({len(columns)}), got {len(cells)}"
            named = dict(zip(columns, cells, strict=False))
            yield line, RowProblem(line, message, field="cells", value=str(len(cells)), cells=named)
    except csv.Error as error:
        raise InvalidRecordError(f"line {start} must be CSV, got {error}") from None


def _are_rows(lines: list[str], cells: list[str], delimiter: str) -> bool:
    r"""Tell whether the lines of one row may be a row each, of which two hold a lone quote mark.

    Each has as many cells as the row, and a number or nothing wherever the row has one; some cell
    of all of them is a number. Blank lines count for neither.

    >>> _are_rows(['A,"so,0.9\n', 'A,what",0.8\n'], ["A", "so,0.9\nA,what", "0.8"], ",")
    True
    >>> _are_rows(['A,"so,\n', 'what",0.8\n'], ["A", "so,\nwhat", "0.8"], ",")
    False
    """
    rows = [line.rstrip("\r\n").split(delimiter) for line in lines if line.strip()]
    if len(rows) < 2 or any(len(row) != len(cells) for row in rows):
        return False
    numeric = [
        all(not row[place].strip() or _NUMBER.fullmatch(row[place]) for row in rows)
        for place in range(len(cells))
    ]
    are_numbers_kept = all(
        numeric[place] for place, cell in enumerate(cells) if _NUMBER.fullmatch(cell)
    )
    has_numbers = any(
        numeric[place] and any(row[place].strip() for row in rows) for place in range(len(cells))
    )
    return are_numbers_kept and has_numbers


def _named(columns: list[str]) -> list[str]:
    """Return the names of columns; of several without one, the later ones by their place.

    >>> _named(["", "id", "", ""])
    ['', 'id', 'Unnamed: 2', 'Unnamed: 3']
    """
    first = columns.index("") if "" in columns else 0
    return [
        name or (name if place == first else f"Unnamed: {place}")
        for place, name in enumerate(columns)
    ]


def check_names(columns: Iterable[str]) -> None:
    """Refuse a table of which two columns have one name.

    Raises
    ------
    InvalidRecordError
        Naming it.
    """
    twice = next((name for name, n in Counter(columns).items() if n > 1), None)
    if twice is not None:
        raise InvalidRecordError(f"columns must have different names, got {twice!r:.80} twice")


def _check_separated(columns: list[str]) -> None:
    """Refuse a header that something else separates: it names several columns in one."""
    names = re.split(r"[^\w-]+", columns[0]) if len(columns) == 1 else []
    if sum(map(is_known, names)) > 1:
        raise InvalidRecordError(
            f"columns must be separated by commas, semicolons, tabs or bars, got {columns[0]!r:.80}"
        )


def is_export(columns: Iterable[str]) -> bool:
    """Tell a table of ours by its columns."""
    return set(columns) >= set(_FIRST_LONG) or set(columns) >= set(_FIRST_WIDE)


def delimiter_of(header: str) -> str:
    r"""Return the delimiter of a first line: the one that makes most names we know of it.

    >>> delimiter_of("session_id;token;score"), delimiter_of("id\ttoken, raw\tscore")
    (';', '\t')
    """

    def fitness(delimiter: str) -> tuple[int, int]:
        try:
            cells = next(csv.reader([header], delimiter=delimiter, strict=True), [])
        except csv.Error:
            return 0, 0
        return sum(map(is_known, cells)), len(cells)

    # The first of equals, so that a comma is the default.
    return max(_DELIMITERS, key=fitness)
