"""Label table: read from what an import takes, written as CSV that any spreadsheet can edit."""

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from director_ai.core.records.record import Annotation, Label
from director_ai.errors import InvalidRecordError
from director_ai.storage.transfer.cell_parsing import parse_int, parse_name, parse_text, parse_time
from director_ai.storage.transfer.column_mapping import ColumnMapping, known_direction, normalised
from director_ai.storage.transfer.csv_cells import guard, moment, unguard
from director_ai.storage.transfer.file_reader import Table, open_table, open_upload
from director_ai.storage.transfer.label_parsing import LabelCoding, LabelParser
from director_ai.storage.transfer.limits import at_most
from director_ai.storage.transfer.list_parsing import is_list_text, parse_list
from director_ai.storage.transfer.problem import Problem, RowProblem
from director_ai.storage.transfer.read_report import ReadReport
from director_ai.storage.transfer.rows import sample_of
from director_ai.storage.transfer.sample_mapping import Sample, token_index
from director_ai.storage.transfer.token_rows import Rows, SessionLabel, TokenRows

COLUMNS = ("id", "label", "onset", "note", "author", "at")
"""Only ``id`` and ``label`` must be there."""

_TOKEN_COLUMNS = ("token", "token_text", "word")

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
    n_tokens
        Tokens that the table labels one by one; ``None`` where it labels the whole.
    """

    id: str
    annotation: Annotation
    n_tokens: int | None = field(default=None, compare=False)


class InvalidLabelsError(InvalidRecordError):
    """A table of labels has bad lines.

    Attributes
    ----------
    problems
        One a bad line, in order; at most ``MAX_NAMED``.
    n_problems
        How many there are.
    """

    def __init__(self, problems: Iterable[Problem], n_problems: int | None = None) -> None:
        every = [
            problem.without_cells() if isinstance(problem, RowProblem) else problem
            for problem in problems
        ]
        self.problems = tuple(every[:MAX_NAMED])
        self.n_problems = len(every) if n_problems is None else n_problems
        named = "; ".join(map(_in_line, self.problems))
        more = self.n_problems - len(self.problems)
        super().__init__(f"{named}; and {more:,} more" if more else named)


def _in_line(problem: Problem) -> str:
    return f"line {problem.line}: {problem.message}" if problem.line else problem.message


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
    return read_label_table(text.encode()).rows


def read_label_table(
    upload: Path | bytes, *, column: str | None = None, coding: LabelCoding | None = None
) -> LabelTable:
    r"""Return the labels of a table, in order; one bad row refuses them all.

    The file is read in this process; what comes from elsewhere belongs into
    :func:`director_ai.storage.transfer.sandbox.read_labels_safely`.

    Parameters
    ----------
    upload
        The file or its bytes: CSV, whatever separates its columns, JSON, JSONL or Parquet, as an
        import takes them. It has ``id`` and ``label``, by the names an import knows them by, and
        perhaps ``onset`` (token), ``note``, ``author`` and ``at`` (ISO 8601, UTC without a zone). A
        row is a label, or a token with its own; a cell may hold the labels of all tokens. A row
        without a label is passed over.
    column
        Column of labels, if it is another than ``label``.
    coding
        Meaning of its values; by default 1 is bad in ``label``, and what a known name says.

    Raises
    ------
    InvalidLabelsError
        Naming every bad row.
    ImportRefusedError
        If it is too large.

    Examples
    --------
    >>> read_label_table(b"id,label\na,1\nb,0.0\n").notes
    ["label: '0' is good, '1' is bad"]
    >>> read_label_table(b'{"id": "a", "is_correct": [true, false]}').rows[0].annotation.onset
    1
    >>> read_labels("id,label\n,bad\n")
    Traceback (most recent call last):
    director_ai.storage.label_table.InvalidLabelsError: line 2: id must be a session's, got ''
    """
    size = len(upload) if isinstance(upload, bytes) else upload.stat().st_size
    at_most("a table of labels", size, MAX_BYTES)
    with closing(open_upload(upload)) as file:
        try:
            table = open_table(file)
            return _TableReader(table, column, coding).read()
        except InvalidLabelsError:
            raise
        except InvalidRecordError as error:
            raise InvalidLabelsError([Problem.of_session(0, error, {})]) from None


class _TableReader:
    """Reader of one table: the columns it found, and what it met."""

    def __init__(self, table: Table, column: str | None, coding: LabelCoding | None) -> None:
        self._format = table.format
        sample, self._rows = sample_of(table.rows)
        self._at = _columns(table.columns, column, sample)
        title = self._at["label"]
        self._labels = LabelParser(coding or LabelCoding(known_direction(title)))
        self._unused = [name for name in table.columns if name not in self._at.values()]
        self._report = ReadReport()
        self._counts_from_one = False
        self._n_rows = 0

    def read(self) -> LabelTable:
        rows: list[LabelRow] = []
        problems: list[Problem] = []
        seen: dict[LabelRow, int] = {}
        first_of: dict[tuple[str, str], tuple[int, Annotation]] = {}
        n_blank = 0
        for line, values in (
            self._gathered() if {"tokens", "index"} & self._at.keys() else self._rows
        ):
            if isinstance(values, Problem):
                problems.append(values)
                continue
            try:
                row = self._row(values)
                if row in seen:
                    raise InvalidRecordError(f"line {line} must be new, got line {seen[row]} again")
            except InvalidRecordError as error:
                name = values.get(self._at["id"])
                problems.append(Problem.of_session(line, error, {"id": name}))
                continue
            if row is None:
                n_blank += 1
                continue
            contradiction = self._contradiction(line, row, first_of)
            if contradiction is not None:
                problems.append(contradiction)
                continue
            seen[row] = line
            rows.append(row)
        if self._labels.undirected and not problems:
            met = " and ".join(sorted(self._labels.undirected))
            title = self._at["label"]
            message = f"{title} must say whether 1 is good or bad, got {met}"
            problems.append(Problem(0, message, field=title, value=met))
        if problems:
            raise InvalidLabelsError(problems)
        notes = _notes(self._at["label"], self._labels, self._unused, n_blank)
        return LabelTable(rows, [*self._report.notes, *notes])

    def _contradiction(
        self, line: int, row: LabelRow, first_of: dict[tuple[str, str], tuple[int, Annotation]]
    ) -> Problem | None:
        """Return the problem of a second label of one session where nothing says which is newer."""
        annotation = row.annotation
        if "at" in self._at:
            return None
        first, known = first_of.setdefault((row.id, annotation.author), (line, annotation))
        if (annotation.label, annotation.onset) == (known.label, known.onset):
            return None
        message = (
            f"{self._at['label']} must be one a session, got {annotation.label} after "
            f"{known.label} of line {first}; labels of tokens need an index or the tokens, newer "
            "ones a time in at"
        )
        return Problem.of_session(line, InvalidRecordError(message), {"id": row.id})

    def _gathered(self) -> Rows:
        gatherer = TokenRows(self._at, self._labels, self._report, self._unused)
        for item in gatherer.gathered(self._rows):
            self._counts_from_one, self._n_rows = gatherer.counts_from_one, len(gatherer.lines)
            yield item

    def _row(self, values: Mapping[str, Any]) -> LabelRow | None:
        """Return the label of a row; ``None`` where it has none."""
        of = {field: values.get(column) for field, column in self._at.items()}
        if self._format == "csv":
            of = {
                field: unguard(value) if isinstance(value, str) else value
                for field, value in of.items()
            }
        name = parse_name("id", of["id"])
        if not name:
            raise InvalidRecordError(f"id must be a session's, got {of['id'] or ''!r}")
        onset = parse_int("onset", of.get("onset"))
        if onset is not None and onset < 0:
            raise InvalidRecordError(f"onset must be a token, 0 or later, got {onset}")
        if onset is not None and self._counts_from_one:
            raise InvalidRecordError(f"onset must count from 0 as the index does, got {onset}")
        label, first_bad, n_tokens = self._label_of(of["label"])
        if isinstance(of["label"], SessionLabel):
            n_tokens = self._n_rows
        if label is None:
            if onset is None:
                return None
            # As an import reads it: an onset is of a bad answer.
            label = "bad"
        at = of.get("at")
        return LabelRow(
            name,
            Annotation(
                label,
                first_bad if onset is None else onset,
                author=parse_text(of.get("author")),
                at_us=parse_time("at", at.strip() if isinstance(at, str) else at),
                note=parse_text(of.get("note")),
            ),
            n_tokens,
        )

    def _label_of(self, cell: Any) -> tuple[Label | None, int | None, int | None]:
        """Return the label of a cell, its first bad token and its number of labels, if several."""
        name = self._at["label"]
        if isinstance(cell, list) or (isinstance(cell, str) and is_list_text(cell)):
            labels = [self._labels.parse(name, value) for value in parse_list(name, cell)]
            whole = SessionLabel.of_tokens(labels, has_onset=None not in labels)
            return whole.label, whole.onset, len(labels)
        if isinstance(cell, SessionLabel):
            return cell.label, cell.onset, None
        return self._labels.parse(name, cell), None, None


def _columns(columns: Sequence[str], column: str | None, sample: Sample) -> dict[str, str]:
    """Return the column of each field.

    Raises
    ------
    InvalidLabelsError
        If there is none for the session or its label.
    """
    guess = ColumnMapping.guess(columns)
    by_name = {normalised(name): name for name in reversed(columns)}
    wanted = guess.label
    if column is not None:
        wanted = column if column in columns else by_name.get(normalised(column))
    for name, known in (("id", guess.id), (column or "label", wanted)):
        if known is None:
            got = f"columns {', '.join(columns)!s:.400}" if columns else "no row"
            raise InvalidRecordError(f"a column must be named {name}, got {got}")
    fields = {
        "id": guess.id,
        "label": wanted,
        "onset": guess.onset,
        "author": guess.author,
        "note": by_name.get("note"),
        "at": by_name.get("at"),
        # Several rows of a session may be the labels of several authors.
        "index": guess.index or (None if guess.author else token_index(guess, sample)),
        # A whole answer may stand beside its label; one of these stands beside a token's.
        "tokens": next((by_name[name] for name in _TOKEN_COLUMNS if name in by_name), None),
    }
    return {field: name for field, name in fields.items() if name is not None}


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
