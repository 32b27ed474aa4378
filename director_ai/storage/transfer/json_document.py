"""Table that one JSON object holds, as pandas writes a DataFrame."""

from typing import Any

from director_ai.storage.transfer.column_mapping import is_known, known_columns
from director_ai.storage.transfer.csv_file import check_names


def table_of_object(value: Any) -> list[Any] | None:
    """Return the rows of a table that one object holds; ``None`` where it is a row itself.

    It may be by column or by row, split or with its schema, or the one list of the object, whose
    rows have an id where something else stands beside it.

    >>> table_of_object({"id": {"0": "a", "1": "b"}, "label": {"0": 0, "1": 1}})
    [{'id': 'a', 'label': 0}, {'id': 'b', 'label': 1}]
    >>> table_of_object({"scores": {"a": [0.9], "b": [0.2]}})
    [{'id': 'a', 'scores': [0.9]}, {'id': 'b', 'scores': [0.2]}]
    >>> table_of_object({"columns": ["id", "label"], "data": [["a", 0]]})
    [{'id': 'a', 'label': 0}]
    >>> table_of_object({"sessions": [{"id": "a"}]})
    [{'id': 'a'}]

    Raises
    ------
    InvalidRecordError
        If two columns of it have one name.
    """
    if not isinstance(value, dict) or not value:
        return None
    if value.keys() in ({"columns", "data"}, {"columns", "index", "data"}):
        columns, data = value["columns"], value["data"]
        is_split = isinstance(columns, list) and _all_of(list, data)
        if is_split and all(len(cells) == len(columns) for cells in data):
            names = list(map(str, columns))
            check_names(names)
            rows = [dict(zip(names, cells, strict=True)) for cells in data]
            return _named(rows, value.get("index", []))
    if value.keys() == {"schema", "data"} and _all_of(dict, value["data"]):
        return list(value["data"])
    parts = list(value.values())
    # A row has one id: a list of them makes lists columns.
    are_columns = known_columns("id", value) and _all_of(list, parts)
    if are_columns and all(len(part) == len(parts[0]) for part in parts):
        return [dict(zip(value, cells, strict=True)) for cells in zip(*parts, strict=True)]
    if len(parts) == 1 and _all_of(dict, parts[0]) and not any(map(is_known, value)):
        return list(parts[0])
    return _with_header(value) or (_by_column_or_row(value) if _all_of(dict, parts) else None)


def _with_header(value: dict[str, Any]) -> list[Any] | None:
    """Return the rows of the one list of an object, each with what the object says of them all."""
    lists = {name: part for name, part in value.items() if isinstance(part, list)}
    header = {name: part for name, part in value.items() if name not in lists}
    rows = next(iter(lists.values()), None)
    are_sessions = (
        len(lists) == 1
        and _all_of(dict, rows)
        and not any(isinstance(part, dict) for part in header.values())
        and not any(known_columns(field, value) for field in ("id", "tokens", "scores"))
        and all(known_columns("id", row) for row in rows or ())
    )
    return [{**header, **row} for row in rows or ()] if are_sessions else None


def _by_column_or_row(table: dict[str, dict[str, Any]]) -> list[Any] | None:
    """Return the rows of a table by column, or by row, whichever has the names we know."""
    first, *others = table.values()
    if not first or any(part.keys() != first.keys() for part in others):
        return None
    if sum(map(is_known, table)) < sum(map(is_known, first)):
        return [{"id": name, **part} for name, part in table.items()]
    rows = [{name: part[key] for name, part in table.items()} for key in first]
    return _named(rows, list(first))


def _named(rows: list[dict[str, Any]], index: Any) -> list[Any]:
    """Return the rows with the names that pandas has for them, if they are sessions without one.

    A number of the row is no name, and rows of tokens have none of their session's.
    """
    is_index = isinstance(index, list) and len(index) == len(rows)
    if not is_index or list(map(str, index)) == list(map(str, range(len(rows)))):
        return rows
    are_sessions = any(isinstance(cell, list) for row in rows for cell in row.values())
    if not are_sessions or known_columns("id", rows[0]):
        return rows
    return [{"id": name, **row} for name, row in zip(index, rows, strict=True)]


def _all_of(kind: type, values: Any) -> bool:
    return isinstance(values, list) and bool(values) and all(isinstance(v, kind) for v in values)
