"""JSON lines: one session each, lossless, and readable without a library."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, BinaryIO

from director_ai.core.records.record import SessionRecord
from director_ai.core.records.record_json import SCHEMA_VERSION, to_line
from director_ai.core.records.shared_facts import TextsAgain, with_texts_once
from director_ai.core.records.strict_json import parse
from director_ai.errors import InvalidRecordError
from director_ai.storage.transfer.limits import MAX_DECODED_BYTES, MAX_LINE_BYTES, at_most
from director_ai.storage.transfer.parquet_columns import filters
from director_ai.storage.transfer.problem import Problem, ReadItem
from director_ai.storage.transfer.record_parsing import record_of

_BOM = b"\xef\xbb\xbf"


def write_jsonl(records: Iterable[SessionRecord], file: BinaryIO) -> None:
    """Write one line a session; facts that make a line too long are named by their digest alone.

    Raises
    ------
    InvalidRecordError
        If a session is too long for a line that could be read again.
    """
    for record in with_texts_once(records):
        line = _line_of(record)
        if len(line) > MAX_LINE_BYTES and record.facts is not None:
            line = _line_of(replace(record, facts=record.facts.without_texts()))
        file.write(line_that_fits(line, record.id))


def _line_of(record: SessionRecord) -> bytes:
    derived = json.dumps(filters(record)).removeprefix("{")
    return f"{to_line(record).removesuffix('}')}, {derived}\n".encode()


def line_that_fits(line: bytes, id: str) -> bytes:
    """Return a line of a file; one that no reader of ours would take is refused."""
    if len(line) > MAX_LINE_BYTES:
        raise InvalidRecordError(
            f"a session must fit a line of {MAX_LINE_BYTES:,} bytes, got {len(line):,} for "
            f"{id!r:.80}; export it as Parquet"
        )
    return line


def read_lines(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Yield number and bytes of every line; only line feeds end one.

    Raises
    ------
    ImportRefusedError
        If a line, or all of them, are too long.
    """
    number = n_bytes = 0
    while line := file.readline(MAX_LINE_BYTES + 1):
        number += 1
        n_bytes += len(line)
        if len(line) > MAX_LINE_BYTES:
            at_most(f"line {number}", len(line), MAX_LINE_BYTES)
        at_most("all lines", n_bytes, MAX_DECODED_BYTES)
        yield number, line.removeprefix(_BOM) if number == 1 else line


def read_objects(
    file: BinaryIO, *, takes_nan: bool = False
) -> Iterator[tuple[int, dict[str, Any] | Problem]]:
    """Yield number and object of every line that is not blank, or its problem."""
    for number, line in read_lines(file):
        if not line.strip():
            continue
        try:
            value = parse(text_of(line), takes_nan=takes_nan)
            if not isinstance(value, dict):
                raise InvalidRecordError(f"a line must be an object, got {type(value).__name__}")
        except InvalidRecordError as error:
            yield number, Problem.of_session(number, error, {})
        else:
            yield number, value


def text_of(line: bytes, what: str = "text") -> str:
    """Return a line as text; ``what`` names it where it is none."""
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        wrong = line[error.start : error.start + 1]
        raise InvalidRecordError(
            f"{what} must be UTF-8, got {wrong!r} after {line[: error.start].decode()[-20:]!r}; "
            "save it as UTF-8 (in a spreadsheet: CSV UTF-8)"
        ) from None


class LineReader:
    """Reader of the sessions of one file of ours, line by line in their order."""

    def __init__(self) -> None:
        self._with_texts = TextsAgain()

    def items(self, number: int, values: dict[str, Any]) -> Iterator[ReadItem]:
        """Yield the session of a line, or its problem."""
        values = dict(values)
        schema = values.pop("schema", SCHEMA_VERSION)
        try:
            if schema != SCHEMA_VERSION:
                raise InvalidRecordError(f"schema must be {SCHEMA_VERSION}, got {schema!r:.80}")
            yield number, self._with_texts(record_of(values))
        except InvalidRecordError as error:
            yield number, Problem.of_session(number, error, values)
