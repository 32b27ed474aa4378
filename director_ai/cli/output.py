"""What a command prints: tables and sentences for people, one JSON document for programs."""

import json
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from director_ai.reports.visible_text import visible

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_GAP = "  "


def print_json(document: object) -> None:
    """Print one JSON document; ASCII, so that no text in it can steer a terminal."""
    print(json.dumps(document, indent=2, allow_nan=False))


def note(sentence: str) -> None:
    """Tell a person something that is no result."""
    print(one_line(sentence), file=sys.stderr)


def one_line(text: str) -> str:
    r"""Return text of others on one line, with nothing in it that a terminal would obey.

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
    """Return a time as it is shown; outside the years 1 to 9999 its microseconds.

    >>> moment(1_767_603_600_000_000)
    '2026-01-05 09:00:00'
    """
    try:
        return f"{_EPOCH + timedelta(microseconds=started_us):%Y-%m-%d %H:%M:%S}"
    except OverflowError:
        return f"{started_us} µs"


def counted(number: int, noun: str) -> str:
    """Return a number and its noun.

    >>> counted(1, "session"), counted(2_000, "session")
    ('1 session', '2,000 sessions')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def share(part: int, whole: int) -> str:
    """Return a part as a percentage, or a dash of nothing.

    >>> share(1, 3), share(0, 0)
    ('33.3 %', '–')
    """
    return f"{100 * part / whole:.1f} %" if whole else "–"


@contextmanager
def working(what: str, n_steps: int | None = None) -> Iterator[Callable[[], None]]:
    """Show on a terminal that work is going on; the block calls what it is given at each step.

    Parameters
    ----------
    what
        The work, in words of ours.
    n_steps
        How many steps there are; ``None`` if nobody can tell.
    """
    if not sys.stderr.isatty():
        yield _nothing
        return
    # A fifth of a second that only someone who is watching has to spend.
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    counts: list[Any] = [] if n_steps is None else [MofNCompleteColumn()]
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


def _nothing() -> None:
    pass
