"""Plan of an import: counts, problems and sessions, before anything is changed."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from director_ai.core.records.record import SessionRecord
from director_ai.storage.first_values import FirstValues
from director_ai.storage.transfer.column_mapping import ColumnMapping
from director_ai.storage.transfer.limits import MAX_PROBLEMS, MAX_SESSIONS, MAX_TOKENS, at_most
from director_ai.storage.transfer.problem import Problem, ReadItem, RowProblem
from director_ai.storage.transfer.read_report import ReadReport

FileFormat = Literal["jsonl", "parquet", "csv", "original", "otlp"]


@dataclass(frozen=True, slots=True)
class Counts:
    """Counts of a file.

    Attributes
    ----------
    n_sessions, n_tokens
        Of the sessions that can be read.
    n_good, n_bad
        Sessions labelled so.
    n_enforced
        Sessions recorded under limits that stopped them.
    n_out_of_range
        Scores that are missing or outside [0, 1].
    n_errors, n_warnings
        Problems, those that are not listed included.
    """

    n_sessions: int = 0
    n_tokens: int = 0
    n_good: int = 0
    n_bad: int = 0
    n_enforced: int = 0
    n_out_of_range: int = 0
    n_errors: int = 0
    n_warnings: int = 0


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """A file as it was read; nothing has been imported yet.

    Attributes
    ----------
    name, format
        Name of the file, and the format of its content.
    columns
        Columns of the file, for a mapping to choose from; none in a file of ours.
    mapping
        The mapping used; ``None`` where none was needed.
    records
        The sessions that can be read.
    problems
        The first thousand errors and the first thousand warnings, in order.
    counts
        Counts of the whole file.
    report
        Notes on how the file was understood, columns not used, and other ways to read it.
    """

    name: str
    format: FileFormat
    columns: tuple[str, ...]
    mapping: ColumnMapping | None
    records: Collection[SessionRecord]
    problems: tuple[Problem, ...]
    counts: Counts
    report: ReadReport = field(default_factory=ReadReport)

    @property
    def ok(self) -> bool:
        """Whether it can be imported: all of it, or else nothing is."""
        return self.counts.n_errors == 0 and self.counts.n_sessions > 0

    @property
    def can_skip(self) -> bool:
        """Whether the sessions without an error may be imported alone.

        Not where the error is the whole file's: what else it spoiled is unknown.
        """
        errors = (problem for problem in self.problems if problem.severity == "error")
        return (
            self.counts.n_sessions > 0
            and self.counts.n_errors > 0
            and all(problem.line for problem in errors)
        )

    @property
    def skipped(self) -> tuple[Problem, ...]:
        """Errors, each of a session or a line that is left out if the rest is imported."""
        return tuple(problem for problem in self.problems if problem.severity == "error")

    @property
    def n_problems_not_listed(self) -> int:
        """Problems beyond those listed."""
        return self.counts.n_errors + self.counts.n_warnings - len(self.problems)

    @property
    def summary(self) -> str:
        """One sentence on what the file holds.

        >>> counts = Counts(n_sessions=2, n_tokens=1_500, n_bad=1, n_enforced=1)
        >>> ImportPlan("a.csv", "csv", (), None, (), (), counts).summary
        '2 sessions, 1.5k tokens, 1 labelled bad, 0 good; 1 was recorded while enforcing.'
        """
        counts = self.counts
        text = (
            f"{_counted(counts.n_sessions, 'session')}, {_counted(counts.n_tokens, 'token')}, "
            f"{counts.n_bad:,} labelled bad, {counts.n_good:,} good"
        )
        if counts.n_enforced == 1:
            text += "; 1 was recorded while enforcing"
        elif counts.n_enforced:
            text += (
                f"; {counts.n_enforced:,} were recorded while enforcing (a halt ends them early)"
            )
        return f"{text}."


class Tally:
    """Counter of items while they pass; keeps the problems.

    Raises
    ------
    ImportRefusedError
        While counting: if there are too many sessions or tokens.
    """

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self._n: Counter[str] = Counter()
        self._lines = FirstValues[int]()

    def records(self, items: Iterable[ReadItem]) -> Iterator[SessionRecord]:
        """Yield the sessions, each id once."""
        for line, entry in items:
            if isinstance(entry, Problem):
                self.note(entry)
            elif (first := self._lines.first(entry.id, line)) is not None:
                message = f"id must be unique, got {entry.id!r:.80} of line {first} again"
                self.note(Problem(line, message, entry.id[:80], "id", entry.id[:80]))
            else:
                self._count(entry)
                yield entry

    def note(self, problem: Problem) -> None:
        """Keep a problem, or its number where there are too many of its kind."""
        if isinstance(problem, RowProblem):
            problem = problem.without_cells()
        kind = "n_errors" if problem.severity == "error" else "n_warnings"
        self._n[kind] += 1
        self._n["n_out_of_range"] += problem.n_out_of_range
        # Each kind has its own: warnings must not hide what keeps the file out.
        # The whole file's is never left out: with one of those, no part of it may be imported.
        if self._n[kind] <= MAX_PROBLEMS or problem.line == 0:
            self.problems.append(problem)

    def _count(self, record: SessionRecord) -> None:
        self._n["n_sessions"] += 1
        self._n["n_tokens"] += record.n_tokens
        self._n["n_enforced"] += record.enforced
        if record.label in ("good", "bad"):
            self._n[f"n_{record.label}"] += 1
        at_most("a file", self._n["n_sessions"], MAX_SESSIONS, "sessions")
        at_most("a file", self._n["n_tokens"], MAX_TOKENS, "tokens")

    @property
    def counts(self) -> Counts:
        """The counts so far."""
        values: dict[str, Any] = dict(self._n)
        return Counts(**values)


def _counted(number: int, noun: str) -> str:
    shown = _thousands(number) if noun == "token" else f"{number:,}"
    return f"{shown} {noun}" if number == 1 else f"{shown} {noun}s"


def _thousands(number: int) -> str:
    """Return a number as one says it.

    >>> _thousands(596_312), _thousands(1_500), _thousands(2_000_000), _thousands(40)
    ('596k', '1.5k', '2M', '40')
    """
    for least, unit, letter in ((999_500, 1_000_000, "M"), (1_000, 1_000, "k")):
        if number >= least:
            return f"{number / unit:.3g}{letter}"
    return str(number)
