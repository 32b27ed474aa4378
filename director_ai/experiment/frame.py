"""Columns of any table: pandas, polars, Arrow, data sets, columns by name and lists of rows."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import pyarrow as pa

from director_ai.errors import InvalidRecordError
from director_ai.storage.transfer.csv_file import check_names

Cells: TypeAlias = "pa.Array | list[Any]"
"""One column: an Arrow array, or plain values where Arrow has no one type for them."""

_UNCONVERTIBLE = (pa.ArrowException, TypeError, ValueError, OverflowError)
_MISSING = ("NAType", "NaTType")
_ALLOWED = (
    "a DataFrame, an Arrow table, a list of dictionaries, a dictionary of columns, a path or glob, "
    "or a store"
)


class FrameColumns(NamedTuple):
    """A table as columns.

    Attributes
    ----------
    cells
        Values of each column; a missing one, NaN among them, is null.
    n_rows
        Rows of each.
    names
        Name of each row, where the table numbers its rows other than from 0.
    """

    cells: dict[str, Cells]
    n_rows: int
    names: list[str] | None = None

    @classmethod
    def of(cls, data: object) -> "FrameColumns":
        """Return the columns of a table of any library.

        Raises
        ------
        InvalidRecordError
            If it is no table, or one with two columns of one name.

        Examples
        --------
        >>> found = FrameColumns.of([{"id": "a", "score": 0.9}, {"id": "a"}])
        >>> found.n_rows, found.cells["score"].to_pylist()
        (2, [0.9, None])
        """
        if isinstance(data, pa.RecordBatch):
            data = pa.Table.from_batches([data])
        if isinstance(data, pa.Table):
            return _of_arrow(data)
        if hasattr(data, "iloc") and hasattr(data, "columns"):
            return _of_pandas(data)
        if hasattr(data, "collect") and hasattr(data, "lazy"):
            # A query of polars that has not been run.
            return cls.of(data.collect())
        for method in ("to_arrow", "to_pandas"):
            if hasattr(data, method):
                return cls.of(getattr(data, method)())
        if isinstance(data, Mapping):
            return _of_columns(data)
        if isinstance(data, Sequence) and not isinstance(data, str | bytes):
            return _of_rows(data)
        raise InvalidRecordError(f"data must be {_ALLOWED}, got {type(data).__name__}")

    def rows(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield the number of each row, from 1, and its values; times are microseconds."""
        columns = [_plain_values(cells) for cells in self.cells.values()]
        names = tuple(self.cells)
        for number, values in enumerate(zip(*columns, strict=True), start=1):
            yield number, dict(zip(names, values, strict=True))


def _of_arrow(table: pa.Table) -> FrameColumns:
    check_names(table.column_names)
    cells: dict[str, Cells] = {
        name: _decoded(column.combine_chunks())
        for name, column in zip(table.column_names, table.columns, strict=True)
    }
    return FrameColumns(cells, table.num_rows)


def _of_pandas(frame: Any) -> FrameColumns:
    if any(name is not None for name in frame.index.names):
        # Levels of an index are columns somebody has put aside.
        levels = [name for name in frame.index.names if name is not None]
        frame = frame.reset_index(levels)
    names = [str(name) for name in frame.columns]
    check_names(names)
    cells = {name: _cells(frame.iloc[:, place]) for place, name in enumerate(names)}
    labels = frame.index.tolist()
    numbered = labels == list(range(len(labels)))
    is_unique = len(set(map(str, labels))) == len(labels)
    return FrameColumns(
        cells, len(frame), list(map(str, labels)) if is_unique and not numbered else None
    )


def _of_columns(columns: Mapping[Any, Any]) -> FrameColumns:
    if any(
        hasattr(values, "to_pandas") and hasattr(values, "column_names")
        for values in columns.values()
    ):
        parts = ", ".join(map(str, columns))
        raise InvalidRecordError(f"data must be one part of a data set, got the parts {parts}")
    lengths = {}
    for name, values in columns.items():
        if isinstance(values, str | bytes) or not hasattr(values, "__len__"):
            raise InvalidRecordError(
                f"column {name!r} must be a sequence of values, got {values!r:.80}"
            )
        lengths[str(name)] = len(values)
    if len(set(lengths.values())) > 1:
        counted = ", ".join(f"{name} {length:,}" for name, length in lengths.items())
        raise InvalidRecordError(f"columns must be of one length, got {counted:.200}")
    cells = {str(name): _cells(values) for name, values in columns.items()}
    return FrameColumns(cells, next(iter(lengths.values()), 0))


def _of_rows(rows: Sequence[Any]) -> FrameColumns:
    names: dict[str, None] = {}
    for place, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise InvalidRecordError(
                f"row {place} must be a dictionary of column and value, got {row!r:.80}"
            )
        names.update(dict.fromkeys(map(str, row)))
    return FrameColumns(
        {name: _cells([row.get(name) for row in rows]) for name in names}, len(rows)
    )


def _cells(values: Any) -> Cells:
    try:
        found = pa.array(values, from_pandas=True)
    except _UNCONVERTIBLE:
        return [_plain(value) for value in values]
    return _decoded(found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found)


def _decoded(array: Any) -> Any:
    """Return an array as it lies in memory: no dictionary, no chunks, no extension type."""
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def _plain_values(cells: Cells) -> list[Any]:
    if isinstance(cells, list):
        return cells
    if pa.types.is_timestamp(cells.type):
        # Python's own times end with the year 9999.
        cells = cells.cast(pa.timestamp("us", tz=cells.type.tz)).cast(pa.int64())
    return [
        None if isinstance(value, float) and math.isnan(value) else value
        for value in cells.to_pylist()
    ]


def _plain(value: Any) -> Any:
    """Return a value of an object column without NumPy's and pandas' own types."""
    if value is None or type(value).__name__ in _MISSING:
        return None
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, float) and math.isnan(value):
        return None
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value
