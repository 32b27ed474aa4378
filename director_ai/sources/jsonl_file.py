"""Reader of recorded sessions from a file of one JSON object a line."""

from collections.abc import Iterable
from pathlib import Path

from director_ai.core.records.record import SessionRecord
from director_ai.core.records.record_json import from_line
from director_ai.core.records.shared_facts import TextsAgain
from director_ai.errors import InvalidRecordError


def read_records(lines: Iterable[str], *, name: str = "input") -> list[SessionRecord]:
    """Return the sessions of a JSON Lines text; blank lines are skipped.

    Raises
    ------
    InvalidRecordError
        Naming the file, the line and the field; or two lines with the same id.

    Examples
    --------
    >>> line = '{"id": "a", "tokens": ["Hello", " world"], "scores": [0.9, 0.8]}'
    >>> [record.id for record in read_records([line])]
    ['a']
    """
    records: list[SessionRecord] = []
    seen: dict[str, int] = {}
    with_texts = TextsAgain()
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            record = with_texts(from_line(line))
        except InvalidRecordError as error:
            raise InvalidRecordError(f"{name}, line {number}: {error}") from None
        if record.id in seen:
            raise InvalidRecordError(
                f"{name}, line {number}: id must be unique, got {record.id!r} "
                f"of line {seen[record.id]} again"
            )
        seen[record.id] = number
        records.append(record)
    return records


def read_file(path: Path) -> list[SessionRecord]:
    """Return the sessions of a JSON Lines file; errors as in :func:`read_records`."""
    # Line feeds only: a token may hold any other line break.
    with path.open(encoding="utf-8-sig", newline="\n") as lines:
        try:
            return read_records(lines, name=path.name)
        except UnicodeDecodeError as error:
            raise InvalidRecordError(f"{path.name} must be UTF-8 text, got {error}") from None
