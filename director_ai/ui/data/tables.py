"""Tables of the Data page; foreign text is made visible in all of them."""

import csv
import io
from collections import Counter
from collections.abc import Iterable
from itertools import islice
from typing import Any

import pandas as pd

from director_ai.core.records.record import SessionRecord
from director_ai.figures.timestamps import moment
from director_ai.storage.label_table import LabelRow
from director_ai.storage.sparkline import curve, sparkline
from director_ai.storage.transfer.column_mapping import COLUMN_FIELDS
from director_ai.storage.transfer.csv_cells import guard
from director_ai.storage.transfer.problem import Problem
from director_ai.storage.transfer.read_report import SampleRow
from director_ai.ui.components.escaping import visible

N_PREVIEWED = 20
_EXCERPT = 80

NO_NAME = "no name"
"""Stands for the author of labels that nobody has signed."""

FIELD_NAMES = {
    "id": "Session id",
    "tokens": "Tokens or text",
    "scores": "Scores",
    "label": "Label",
    "onset": "Onset",
    "prompt": "Prompt",
    "model": "Model",
    "index": "Token number",
    "score_kind": "Kind of score",
    "held": "Held scores",
    "times": "Token times (µs)",
    "spans": "Bad spans",
    "author": "Labelled by",
    "source": "Source",
    "group": "Group",
    "tags": "Tags",
    "started": "Started",
    "ended": "Ended",
    "policy": "Limits",
    "enforced": "Enforced",
    "ended_by": "How it ended",
    "complete": "Ended by itself",
    "halt_index": "Halt at token",
    "halt_reason": "Halt reason",
    "scorer": "Scorer",
    "facts": "Facts to score by",
}
"""Names of a mapping's fields on the page, those needed most often first."""

assert set(FIELD_NAMES) == set(COLUMN_FIELDS)


def session_preview(records: Iterable[SessionRecord]) -> pd.DataFrame:
    """Return the first sessions of a file, a row each."""
    return pd.DataFrame([_session(record) for record in islice(records, N_PREVIEWED)])


def problem_table(problems: Iterable[Problem]) -> pd.DataFrame:
    """Return the problems of a file, a row each; no line stands for the whole file.

    >>> problem_table([Problem(3, "id must be new, got 'a'", "a", "id", "a")]).loc[0, "severity"]
    'error'
    """
    return pd.DataFrame(
        [
            {
                "line": problem.line or None,
                "session": visible(problem.session_id),
                "field": visible(problem.field),
                "value": visible(problem.value),
                "message": visible(problem.message),
                "severity": problem.severity,
            }
            for problem in problems
        ]
    ).astype({"line": "Int64"})


def problem_csv(problems: Iterable[Problem]) -> str:
    r"""Return the problems of a file as CSV; no cell is a formula to a spreadsheet.

    >>> print(problem_csv([Problem(3, "id must be new", "=a", "id", "a")]).splitlines()[1])
    3,'=a,id,a,id must be new,error
    """
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(["line", "session", "field", "value", "message", "severity"])
    for problem in problems:
        texts = [problem.session_id, problem.field, problem.value, problem.message]
        writer.writerow([problem.line or "", *map(guard, texts), problem.severity])
    return table.getvalue()


def raw_rows(sample: Iterable[SampleRow]) -> pd.DataFrame:
    """Return the first rows of a file as they stand in it."""
    return pd.DataFrame(
        [
            {"line": row.line} | {visible(name): visible(text) for name, text in row.cells.items()}
            for row in sample
        ]
    )


def label_preview(rows: Iterable[LabelRow]) -> pd.DataFrame:
    """Return the first labels of a table, a row each."""
    return pd.DataFrame(
        [
            {
                "session": visible(row.id),
                "label": row.annotation.label,
                "onset": row.annotation.onset,
                "note": visible(row.annotation.note),
                "author": visible(row.annotation.author),
                "at": time_text(row.annotation.at_us) if row.annotation.at_us else "now",
            }
            for row in islice(rows, N_PREVIEWED)
        ]
    ).astype({"onset": "Int64"})


def label_counts(rows: Iterable[LabelRow]) -> pd.DataFrame:
    """Return how many labels of each kind each person gave, the most diligent first.

    >>> from director_ai.core.records.record import Annotation
    >>> label_counts([LabelRow("a", Annotation("bad", author="Ann"))]).to_dict("records")
    [{'author': 'Ann', 'good': 0, 'bad': 1, 'unsure': 0, 'sessions': 1}]
    """
    counts: dict[str, Counter[str]] = {}
    named: dict[str, set[str]] = {}
    for row in rows:
        author = row.annotation.author or NO_NAME
        counts.setdefault(author, Counter())[row.annotation.label] += 1
        named.setdefault(author, set()).add(row.id)
    return pd.DataFrame(
        [
            {
                "author": visible(author),
                **{label: counts[author][label] for label in ("good", "bad", "unsure")},
                "sessions": len(named[author]),
            }
            for author in sorted(counts, key=lambda name: (-counts[name].total(), name))
        ]
    )


def size_text(n_bytes: int) -> str:
    """Return a size in three digits and its unit.

    >>> size_text(512), size_text(999_900), size_text(1_234_567_890)
    ('512 bytes', '1 MB', '1.23 GB')
    """
    size: float = n_bytes
    for unit in ("bytes", "kB", "MB"):
        # From here on three digits would say a thousand of it.
        if size < 999.5:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} GB" if size < 999.5 else f"{size:,.0f} GB"


def time_text(us: int) -> str:
    """Return a time to the minute.

    >>> time_text(1_762_336_800_000_000)
    '2025-11-05 10:00 UTC'
    """
    return f"{moment(us):%Y-%m-%d %H:%M} UTC"


def counted(number: int, noun: str) -> str:
    """Return a number of things.

    >>> counted(1, "session"), counted(2_000, "session")
    ('1 session', '2,000 sessions')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _session(record: SessionRecord) -> dict[str, Any]:
    return {
        "session": visible(record.id[:_EXCERPT]),
        "text": visible("".join(record.tokens[:_EXCERPT])[:_EXCERPT]),
        "coherence": curve(sparkline(record.scores)),
        "lowest": min(record.scores, default=None),
        "tokens": record.n_tokens,
        "label": record.label or "",
        "onset": "" if record.onset is None else str(record.onset),
        "ended": record.ended_by.replace("_", " "),
        "recorded": "enforcing" if record.enforced else "observing",
        "started": time_text(record.started_us) if record.started_us else "",
        "model": visible(record.model[:_EXCERPT]),
        "prompt": visible(record.prompt[:_EXCERPT]),
    }
