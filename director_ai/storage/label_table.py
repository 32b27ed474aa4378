"""Label table: CSV that any spreadsheet can edit, read and written."""

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from director_ai.core.records.record import Annotation, Label
from director_ai.errors import InvalidRecordError
from director_ai.storage.transfer.cell_parsing import parse_int, parse_time
from director_ai.storage.transfer.column_mapping import ColumnMapping, known_direction
from director_ai.storage.transfer.csv_cells import guard, moment, unguard
from director_ai.storage.transfer.csv_file import delimiter_of
from director_ai.storage.transfer.label_parsing import LabelCoding, LabelParser
from director_ai.storage.transfer.limits import at_most
from director_ai.storage.transfer.problem import Problem

COLUMNS = ("id", "label", "onset", "note", "author", "at")
"""Only ``id`` and ``label`` must be there."""

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


class LabelTable(NamedTuple):
    """Labels of a table, and how it was understood.

    Attributes
    ----------
    rows
        The labels, in order.
    notes
        Sentences on values read, columns not used and rows without a label.
    """

    rows: list[LabelRow]
    notes: list[str]


def read_labels(text: str) -> list[LabelRow]:
    r"""Return the labels of a CSV table; as :func:`read_label_table`, without its notes.

    >>> read_labels("id,label,onset\na,bad,7\n")[0].annotation.onset
    7
    """
    return read_label_table(text).rows


def read_label_table(
    text: str, *, column: str | None = None, coding: LabelCoding | None = None
) -> LabelTable:
    r"""Return the labels of a CSV table, in order; one bad line refuses them all.

    Parameters
    ----------
    text
        A header with ``id`` and ``label``, and perhaps ``onset`` (token), ``note``, ``author`` and
        ``at`` (ISO 8601, UTC without a zone); then a line a label. Commas, semicolons, tabs or bars
        separate columns. A row without a label is passed over.
    column
        Column of labels, if it is another than ``label``; then columns of other names are no
        mistake.
    coding
        Meaning of its values; by default 1 is bad in ``label``, and what a known name says.

    Raises
    ------
    InvalidLabelsError
        Naming every bad line.
    ImportRefusedError
        If it is too large.

    Examples
    --------
    >>> read_label_table("id,label\na,1\nb,0.0\n").notes
    ["label: '0' is good, '1' is bad"]
    >>> read_labels("id,label\n,bad\n")
    Traceback (most recent call last):
    director_ai.storage.label_table.InvalidLabelsError: line 2: id must be a session's, got ''
    """
    at_most("a table of labels", len(text.encode("utf-8", "surrogatepass")), MAX_BYTES)
    text = text.removeprefix("\ufeff")
    header = next((line for line in text.splitlines() if line.strip()), "")
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=delimiter_of(header))
    rows: list[LabelRow] = []
    problems: list[Problem] = []
    seen: dict[LabelRow, int] = {}
    names: list[str] | None = None
    labels, title, n_blank = LabelParser(), "label", 0
    unused: list[str] = []
    start = 1
    try:
        for cells in reader:
            line, start = start, reader.line_num + 1
            if not any(cells):
                continue
            if names is None:
                names, title = _header(cells, column)
                unused = [name for name in names if name not in COLUMNS]
                labels = LabelParser(coding or LabelCoding(known_direction(title)))
                continue
            values = {name: unguard(cell) for name, cell in zip(names, cells, strict=False)}
            try:
                row = _row(values, title, labels, n_cells=len(cells), n_columns=len(names))
                if row in seen:
                    raise InvalidRecordError(f"line {line} must be new, got line {seen[row]} again")
            except InvalidRecordError as error:
                problems.append(Problem.of_session(line, error, values))
                continue
            if row is None:
                n_blank += 1
                continue
            seen[row] = line
            rows.append(row)
    except csv.Error as error:
        problems.append(Problem(start, f"the table must be valid CSV: {error}"))
    except InvalidRecordError as error:
        problems.append(Problem.of_session(start - 1, error, {}))
    if names is None and not problems:
        problems.append(Problem(1, f"the first line must be {','.join(COLUMNS)}, got none"))
    if labels.undirected and not problems:
        met = " and ".join(sorted(labels.undirected))
        message = f"{title} must say whether 1 is good or bad, got {met}"
        problems.append(Problem(1, message, field=title, value=met))
    if problems:
        raise InvalidLabelsError(problems)
    return LabelTable(rows, _notes(title, labels, unused, n_blank))


def _notes(title: str, labels: LabelParser, unused: list[str], n_blank: int) -> list[str]:
    notes = []
    # Words of ours need no explanation.
    if any(value != label for value, label in labels.meanings.items()):
        notes.append(f"{title}: {labels.spelled_out()}")
    if unused:
        notes.append(f"columns not used: {', '.join(name or '(no name)' for name in unused)}")
    if n_blank:
        rows = "1 row" if n_blank == 1 else f"{n_blank:,} rows"
        notes.append(f"{rows} without a label passed over")
    return notes


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


def _header(cells: list[str], column: str | None) -> tuple[list[str], str]:
    """Return the names of the columns as ours, and the column of labels by its own name."""
    own = [cell.strip().lower() for cell in cells]
    guess = ColumnMapping.guess(own)
    title = guess.label if column is None else column.strip().lower()
    for name, known in (("id", guess.id), (column or "label", title)):
        if known not in own:
            raise InvalidRecordError(f"the first line must name {name}, got {', '.join(own)!r:.80}")
    ours = {guess.id: "id", title: "label"}
    # A label beside the column that was chosen is another one.
    names = [ours.get(cell, f"other {cell}" if cell == "label" else cell) for cell in own]
    for place, name in enumerate(names):
        if (name not in COLUMNS and column is None) or name in names[:place]:
            raise InvalidRecordError(
                f"a column must be one of {', '.join(COLUMNS)}, each once, got {name!r:.80}"
            )
    return names, title or "label"


def _row(
    values: Mapping[str, str], title: str, labels: LabelParser, *, n_cells: int, n_columns: int
) -> LabelRow | None:
    """Return the label of a row; ``None`` where it has none."""
    if n_cells != n_columns:
        raise InvalidRecordError(f"cells must be {n_columns}, one a column, got {n_cells}")
    if not values["id"]:
        raise InvalidRecordError("id must be a session's, got ''")
    onset = parse_int("onset", values.get("onset", ""))
    if onset is not None and onset < 0:
        raise InvalidRecordError(f"onset must be a token, 0 or later, got {onset}")
    label = labels.parse(title, values["label"].strip().replace(",", "."))
    if label is None:
        return None
    return LabelRow(
        values["id"],
        Annotation(
            label,
            onset,
            author=values.get("author", ""),
            at_us=parse_time("at", values.get("at", "").strip()),
            note=values.get("note", ""),
        ),
    )
