"""Output of commands: tables and sentences for people, one JSON document for programs."""

import json
import math
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from director_ai.reports.visible_text import visible

if TYPE_CHECKING:
    from director_ai.storage.transfer.problem import Problem

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_GAP = "  "


def print_json(document: object, *, indent: int | None = 2) -> None:
    """Print one JSON document; ASCII, so that no text in it can steer a terminal.

    Without ``indent`` it is one line.
    """
    print(json.dumps(document, indent=indent, allow_nan=False))


def plain(value: Any) -> Any:
    """Return figures as JSON has them: named tuples as objects, nan as null.

    >>> plain((0.5, float("nan")))
    [0.5, None]
    """
    if hasattr(value, "_asdict"):
        return {name: plain(each) for name, each in value._asdict().items()}
    if isinstance(value, tuple):
        return [plain(each) for each in value]
    if isinstance(value, float) and math.isnan(value):
        return None
    return value


def note(sentence: str) -> None:
    """Print a sentence that is no result to the standard error."""
    print(one_line(sentence), file=sys.stderr)


def one_line(text: str) -> str:
    r"""Return untrusted text on one line, without control sequences of a terminal.

    >>> one_line("a\tb\n\x1b[31mred")
    'a b ⟨U+001B⟩[31mred'
    """
    return visible(" ".join(text.split()))


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print aligned columns; on a terminal the last is cut where its line ends."""
    lines = [list(head), *([one_line(cell) for cell in row] for row in rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(head))]
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for line in lines:
        cells = [cell.ljust(size) for cell, size in zip(line, widths, strict=True)]
        print(_GAP.join(cells)[:width].rstrip())


def moment(started_us: int) -> str:
    """Format a time in UTC; outside the years 1 to 9999 as microseconds.

    >>> moment(1_767_603_600_000_000)
    '2026-01-05 09:00:00'
    """
    try:
        return f"{_EPOCH + timedelta(microseconds=started_us):%Y-%m-%d %H:%M:%S}"
    except OverflowError:
        return f"{started_us} µs"


def counted(number: int, noun: str) -> str:
    """Format a number with its noun.

    >>> counted(1, "session"), counted(2_000, "session")
    ('1 session', '2,000 sessions')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def share(part: int, whole: int) -> str:
    """Format a part as a percentage; a dash if the whole is zero.

    >>> share(1, 3), share(0, 0)
    ('33.3 %', '–')
    """
    return f"{100 * part / whole:.1f} %" if whole else "–"


def name_problems(file: str, problems: "Sequence[Problem]", *, n_more: int = 0) -> None:
    """Note every problem of a file on a line of its own; ``n_more`` are not listed."""
    for problem in problems:
        place = f"{file}, line {problem.line}" if problem.line else file
        kind = "warning: " if problem.severity == "warning" else ""
        note(f"{place}: {kind}{problem.message}")
    if n_more:
        note(f"{file}: {n_more:,} more, not listed")


def problem_values(problems: "Sequence[Problem]") -> list[dict[str, Any]]:
    """Return the problems as plain values."""
    return [asdict(problem) for problem in problems]


@contextmanager
def working(what: str, n_steps: int | None = None) -> Iterator[Callable[[], None]]:
    """Show progress on a terminal; the block calls the yielded function at each step.

    Parameters
    ----------
    what
        Description of the work.
    n_steps
        Number of steps; ``None`` if unknown.
    """
    if not sys.stderr.isatty():
        yield _nothing
        return
    # A fifth of a second that only someone who is watching has to spend.
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    counts: list[Any] = [] if n_steps is None else [MofNCompleteColumn(), _rate_column()]
    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        *counts,
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with bar:
        task = bar.add_task(what, total=n_steps)
        yield lambda: bar.advance(task)


def _rate_column() -> Any:
    from rich.progress import ProgressColumn, Task
    from rich.text import Text

    class RateColumn(ProgressColumn):
        """Steps a second."""

        def render(self, task: Task) -> Text:
            return Text("" if task.speed is None else f"{task.speed:,.0f}/s")

    return RateColumn()


@contextmanager
def rows_read(what: str) -> Iterator[Callable[[int], None]]:
    """Show on a terminal how many rows of a file are read, and how many a second.

    The block calls what it is given with the number so far.
    """
    if not sys.stderr.isatty():
        yield _nothing
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    bar = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        TextColumn("{task.completed:,} rows"),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with bar:
        task = bar.add_task(what, total=None, rate="")

        def show(n_rows: int) -> None:
            elapsed_s = bar.tasks[0].elapsed or 0
            rate = f"{n_rows / elapsed_s:,.0f} rows/s" if elapsed_s else ""
            bar.update(task, completed=n_rows, rate=rate)

        yield show


def _nothing(*_: object) -> None:
    pass
