"""Label table: CSV that any spreadsheet can edit, read and written."""

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, get_args

from director_ai.core.records.record import Annotation, Label
from director_ai.errors import InvalidRecordError
from director_ai.storage.transfer.cell_parsing import parse_int, parse_time
from director_ai.storage.transfer.csv_cells import guard, moment, unguard
from director_ai.storage.transfer.limits import at_most
from director_ai.storage.transfer.problem import Problem

COLUMNS = ("id", "label", "onset", "note", "author", "at")
"""Only ``id`` and ``label`` must be there."""

_LABELS: dict[str, Label] = {label: label for label in get_args(Label)}

MAX_BYTES = 16 * 2**20
MAX_NAMED = 200
"""Bad lines that are named one by one."""


@dataclass(frozen=True, slots=True)
class LabelRow:
    """One person's label of one session.

    Attributes
    ----------
    id
        The session.
    annotation
        The label; ``at_us`` is 0 where the table gives no time.
    """

    id: str
    annotation: Annotation


class InvalidLabelsError(InvalidRecordError):
    """A table of labels has bad lines.

    Attributes
    ----------
    problems
        One a bad line, in order; at most ``MAX_NAMED``.
    n_problems
        How many there are.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        every = list(problems)
        self.problems = tuple(every[:MAX_NAMED])
        self.n_problems = len(every)
        named = "; ".join(f"line {problem.line}: {problem.message}" for problem in self.problems)
        more = self.n_problems - len(self.problems)
        super().__init__(f"{named}; and {more:,} more" if more else named)


def read_labels(text: str) -> list[LabelRow]:
    r"""Return the labels of a CSV table, in order; one bad line refuses them all.

    Parameters
    ----------
    text
        A header with ``id`` and ``label``, and perhaps ``onset`` (token), ``note``, ``author`` and
        ``at`` (ISO 8601, UTC without a zone); then a line a label.

    Raises
    ------
    InvalidLabelsError
        Naming every bad line.
    ImportRefusedError
        If it is too large.

    Examples
    --------
    >>> read_labels("id,label,onset\na,bad,7\n")[0].annotation.onset
    7
    >>> read_labels("id,label\n,bad\n")
    Traceback (most recent call last):
    director_ai.storage.label_table.InvalidLabelsError: line 2: id must be a session's, got ''
    """
    at_most("a table of labels", len(text.encode("utf-8", "surrogatepass")), MAX_BYTES)
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    rows: list[LabelRow] = []
    problems: list[Problem] = []
    seen: dict[LabelRow, int] = {}
    names: list[str] | None = None
    start = 1
    try:
        for cells in reader:
            line, start = start, reader.line_num + 1
            if not any(cells):
                continue
            if names is None:
                names = _header(cells)
                continue
            values = {name: unguard(cell) for name, cell in zip(names, cells, strict=False)}
            try:
                row = _row(values, n_cells=len(cells), n_columns=len(names))
                if row in seen:
                    raise InvalidRecordError(f"line {line} must be new, got line {seen[row]} again")
            except InvalidRecordError as error:
                problems.append(Problem.of_session(line, error, values))
            else:
                seen[row] = line
                rows.append(row)
    except csv.Error as error:
        problems.append(Problem(start, f"the table must be valid CSV: {error}"))
    except InvalidRecordError as error:
        problems.append(Problem.of_session(start - 1, error, {}))
    if names is None and not problems:
        problems.append(Problem(1, f"the first line must be {','.join(COLUMNS)}, got none"))
    if problems:
        raise InvalidLabelsError(problems)
    return rows


def write_labels(rows: Iterable[LabelRow]) -> str:
    r"""Return labels as CSV that :func:`read_labels` reads back as they were.

    No cell is a formula to a spreadsheet.

    >>> write_labels([LabelRow("a", Annotation("bad", 7, note="=1+1"))])
    "id,label,onset,note,author,at\r\na,bad,7,'=1+1,,\r\n"
    """
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(COLUMNS)
    for row in rows:
        annotation = row.annotation
        writer.writerow(
            [
                guard(row.id),
                annotation.label,
                "" if annotation.onset is None else annotation.onset,
                guard(annotation.note),
                guard(annotation.author),
                moment(annotation.at_us) if annotation.at_us else "",
            ]
        )
    return table.getvalue()


class Agreement(NamedTuple):
    """Agreement of several people's labels.

    Attributes
    ----------
    n_shared
        Sessions labelled by two people or more.
    n_agreed
        Those of them that all gave the same label, each person's last one counting.
    """

    n_shared: int
    n_agreed: int


def agreement(rows: Iterable[LabelRow]) -> Agreement:
    """Return how often several people label a session alike; labels without a name do not count.

    >>> rows = [("a", "good", "Ann"), ("a", "bad", "Bo"), ("a", "good", "Bo"), ("b", "bad", "Bo")]
    >>> agreement(LabelRow(id, Annotation(label, author=author)) for id, label, author in rows)
    Agreement(n_shared=1, n_agreed=1)
    """
    last: dict[str, dict[str, Label]] = defaultdict(dict)
    for row in rows:
        if row.annotation.author:
            last[row.id][row.annotation.author] = row.annotation.label
    shared = [set(labels.values()) for labels in last.values() if len(labels) > 1]
    return Agreement(len(shared), sum(len(labels) == 1 for labels in shared))


def _header(cells: list[str]) -> list[str]:
    names = [cell.strip().lower() for cell in cells]
    for name in ("id", "label"):
        if name not in names:
            raise InvalidRecordError(
                f"the first line must name {name}, got {', '.join(names)!r:.80}"
            )
    for place, name in enumerate(names):
        if name not in COLUMNS or name in names[:place]:
            raise InvalidRecordError(
                f"a column must be one of {', '.join(COLUMNS)}, each once, got {name!r:.80}"
            )
    return names


def _row(values: Mapping[str, str], *, n_cells: int, n_columns: int) -> LabelRow:
    if n_cells != n_columns:
        raise InvalidRecordError(f"cells must be {n_columns}, one a column, got {n_cells}")
    if not values["id"]:
        raise InvalidRecordError("id must be a session's, got ''")
    onset = parse_int("onset", values.get("onset", ""))
    if onset is not None and onset < 0:
        raise InvalidRecordError(f"onset must be a token, 0 or later, got {onset}")
    return LabelRow(
        values["id"],
        Annotation(
            _label(values["label"]),
            onset,
            author=values.get("author", ""),
            at_us=parse_time("at", values.get("at", "").strip()),
            note=values.get("note", ""),
        ),
    )


def _label(cell: str) -> Label:
    label = _LABELS.get(cell.strip().lower())
    if label is None:
        raise InvalidRecordError(f"label must be one of {', '.join(_LABELS)}, got {cell!r:.80}")
    return label
