"""Sessions as Parquet: lossless to the last bit, with a checksum on every page."""

import io
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from director_ai.core.records.record import SessionRecord
from director_ai.core.records.shared_facts import TextsAgain, with_texts_once
from director_ai.errors import ImportRefusedError, InvalidRecordError
from director_ai.storage.transfer.limits import (
    MAX_DECODED_BYTES,
    MAX_EXPANSION,
    MAX_FILE_BYTES,
    at_most,
)
from director_ai.storage.transfer.parquet_columns import (
    EDITIONS,
    NAMES,
    READ,
    SCHEMA,
    columns_read,
    record_of_row,
    row_of,
)
from director_ai.storage.transfer.problem import Problem, ReadItem

FILE_VERSION = 1
_KEY = b"director_ai"

_DAMAGE = (pa.ArrowException, OSError, ValueError)

_TOKENS_A_GROUP = 200_000
_SESSIONS_A_GROUP = 1_000
_CHARS_A_GROUP = 2**24
_SESSIONS_A_BATCH = 16
"""Few, because one session may have a million tokens."""
_ENTRIES_OF_EXCERPT = 50
_BUFFER_BYTES = 2**16


def write_parquet(
    records: Iterable[SessionRecord], file: BinaryIO, header: Mapping[str, Any] | None = None
) -> None:
    """Write one row a session; ``header`` is kept in the file's metadata.

    Examples
    --------
    >>> import io
    >>> file = io.BytesIO()
    >>> write_parquet([], file, {"model": "gpt"})
    >>> read_header(file)
    {'model': 'gpt'}
    """
    about = json.dumps({"version": FILE_VERSION, "header": dict(header or {})})
    with pq.ParquetWriter(
        file, SCHEMA, compression="zstd", write_page_checksum=True, store_schema=False
    ) as writer:
        writer.add_key_value_metadata({_KEY: about})
        for rows in _groups(with_texts_once(records)):
            # Column by column: rows as dicts cost Arrow twice the time.
            columns = [
                pa.array([row[name] for row in rows], SCHEMA.field(name).type) for name in NAMES
            ]
            writer.write_table(pa.Table.from_arrays(columns, schema=SCHEMA))


def _groups(records: Iterable[SessionRecord]) -> Iterator[list[dict[str, Any]]]:
    rows: list[dict[str, Any]] = []
    n_tokens = n_chars = 0
    for record in records:
        rows.append(row_of(record))
        n_tokens += record.n_tokens
        n_chars += len(record.prompt) + sum(map(len, record.tokens))
        n_chars += 0 if record.facts is None else record.facts.n_chars
        if (
            n_tokens >= _TOKENS_A_GROUP
            or n_chars >= _CHARS_A_GROUP
            or len(rows) >= _SESSIONS_A_GROUP
        ):
            yield rows
            rows, n_tokens, n_chars = [], 0, 0
    if rows:
        yield rows


def open_parquet(file: BinaryIO) -> pq.ParquetFile:
    """Return the file opened so that every page is verified.

    Raises
    ------
    InvalidRecordError
        If it is no Parquet file, or a damaged one.
    """
    try:
        # One that lies in memory already is not read into it once more.
        source = pa.BufferReader(file.getvalue()) if isinstance(file, io.BytesIO) else file
        return pq.ParquetFile(
            source,
            page_checksum_verification=True,
            # Some pages at a time; by default all columns that are asked for are read at once.
            pre_buffer=False,
            buffer_size=_BUFFER_BYTES,
        )
    except _DAMAGE as error:
        raise _damaged(error) from None


def is_ours(file: pq.ParquetFile) -> bool:
    """Tell a file of ours, damaged or not, from the tables of others."""
    schema = file.schema_arrow
    # Either will do: whichever is damaged, the file must not pass for somebody else's.
    return _KEY in (schema.metadata or {}) or set(schema.names) >= set(READ)


def read_header(file: BinaryIO) -> dict[str, Any]:
    """Return the header of an export."""
    metadata = open_parquet(file).schema_arrow.metadata or {}
    try:
        header = json.loads(metadata[_KEY])["header"]
    except (KeyError, TypeError, ValueError):
        raise InvalidRecordError("the file must be an export of Director") from None
    assert isinstance(header, dict)
    return header


def read_parquet(file: pq.ParquetFile) -> Iterator[ReadItem]:
    """Yield the sessions of a file of ours, each checked.

    Raises
    ------
    InvalidRecordError
        If the file is damaged.
    ImportRefusedError
        If it decodes to more than there is room for.
    """
    schema = file.schema_arrow.remove_metadata()
    if schema not in EDITIONS:
        raise InvalidRecordError(
            f"columns must be those of an export of Director, {', '.join(NAMES)}; "
            f"got {', '.join(schema.names)!s:.200}"
        )
    with_texts = TextsAgain()
    for number, row in read_rows(file, columns_read(schema)):
        try:
            yield number, with_texts(record_of_row(row))
        except InvalidRecordError as error:
            yield number, Problem.of_session(number, error, row)


def first_rows(file: pq.ParquetFile, n_rows: int) -> list[dict[str, Any]]:
    """Return the first rows of a foreign table, with the first entries of their lists.

    Errors as in :func:`read_parquet`.
    """
    names = file.schema_arrow.names
    try:
        batch = next(file.iter_batches(n_rows, use_threads=False), None)
        if batch is None:
            return []
        batch.validate(full=True)
        arrays = [_plain(batch.column(place)) for place in range(len(names))]
        return [
            {name: _excerpt(array[row]) for name, array in zip(names, arrays, strict=True)}
            for row in range(batch.num_rows)
        ]
    except (MemoryError, ImportRefusedError):
        raise
    except _DAMAGE as error:
        raise _damaged(error) from None


def is_scalar(file: pq.ParquetFile, column: str | None) -> bool:
    """Tell whether a column holds numbers or text, and no lists."""
    names = file.schema_arrow.names
    return column in names and not pa.types.is_nested(file.schema_arrow.field(column).type)


def read_rows(file: pq.ParquetFile, columns: Iterable[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield number and values of every row; times come as microseconds.

    Errors as in :func:`read_parquet`.
    """
    number = n_bytes = 0
    names = list(columns)
    groups = map(file.metadata.row_group, range(file.metadata.num_row_groups))
    size = sum(
        group.column(place).total_compressed_size
        for group in groups
        for place in range(group.num_columns)
    )
    # It goes through memory a little at a time, whatever it comes to.
    most = max(MAX_DECODED_BYTES, MAX_EXPANSION * min(size, MAX_FILE_BYTES))
    try:
        for batch in _batches(file, names):
            batch.validate(full=True)
            n_bytes += batch.nbytes
            at_most("the decoded file", n_bytes, most)
            arrays = [_plain(batch.column(name)) for name in names]
            for row in range(batch.num_rows):
                number += 1
                yield (
                    number,
                    {name: array[row].as_py() for name, array in zip(names, arrays, strict=True)},
                )
    except (MemoryError, ImportRefusedError):
        # The first is one of Arrow's own exceptions, too.
        raise
    except _DAMAGE as error:
        raise _damaged(error) from None
    if number != file.metadata.num_rows:
        raise InvalidRecordError(f"rows must be {file.metadata.num_rows}, got {number}")


def _batches(file: pq.ParquetFile, names: list[str]) -> Iterator[pa.RecordBatch]:
    """Yield all rows, some at a time; what Arrow keeps of a row group goes with the group."""
    for group in range(file.num_row_groups):
        yield from file.iter_batches(
            _SESSIONS_A_BATCH, row_groups=[group], columns=names, use_threads=False
        )


def _excerpt(scalar: Any) -> Any:
    if isinstance(scalar, pa.ListScalar) and scalar.is_valid:
        return scalar.values[:_ENTRIES_OF_EXCERPT].to_pylist()
    return scalar.as_py()


def _plain(array: Any) -> Any:
    """Return an array whose values are Python's numbers and texts.

    Timestamps come as the integers they are: Python's own end with the year 9999.
    """
    if pa.types.is_timestamp(array.type):
        return array.cast(pa.timestamp("us", tz=array.type.tz)).cast(pa.int64())
    kind = _plain_type(array.type)
    try:
        return array if kind == array.type else array.cast(kind)
    except pa.ArrowInvalid:
        # Bytes that are no text stay bytes, which no field takes.
        return array


def _plain_type(kind: pa.DataType) -> pa.DataType:
    """Return the type to read values as; some writers name no type of text."""
    if pa.types.is_decimal(kind):
        return pa.float64()
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return pa.large_string()
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return pa.large_list(_plain_type(kind.value_type))
    return kind


def _damaged(error: Exception) -> InvalidRecordError:
    return InvalidRecordError(f"the file must be whole Parquet, got {error!s:.200}")
