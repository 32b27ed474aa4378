"""Preview of an import: raw rows of a file, and the sessions they become."""

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

from director_ai.cli.output import counted, one_line, print_table
from director_ai.core.records.record import SessionRecord
from director_ai.storage.transfer.import_plan import ImportPlan

_MOST_ROWS = 5
_MOST_TOKENS = 6
_EXCERPT = 60


def print_preview(plan: ImportPlan) -> None:
    """Print the first rows of a file as they stand in it, and the first sessions they become."""
    sample = plan.report.sample[:_MOST_ROWS]
    if sample:
        print(f"\nFirst {counted(len(sample), 'row')} of {one_line(plan.name)}:")
        columns = list(dict.fromkeys(name for row in sample for name in row.cells))
        rows = [[row.cells.get(name, "") for name in columns] for row in sample]
        lines = [str(row.line) for row in sample]
        print_table(
            ["line", *(one_line(name) or "(no name)" for name in columns)],
            [[line, *cells] for line, cells in zip(lines, rows, strict=True)],
        )
    sessions = list(preview_values(plan))
    if sessions:
        print(f"\nFirst {counted(len(sessions), 'session')} they become:")
        print_table(list(sessions[0]), [list(map(_cell, of.values())) for of in sessions])
        print()


def preview_values(plan: ImportPlan) -> Iterator[dict[str, Any]]:
    """Yield the first sessions of a file as plain values, their first tokens and scores."""
    for record in islice(plan.records, _MOST_ROWS):
        yield _values(record)


def _values(record: SessionRecord) -> dict[str, Any]:
    return {
        "id": record.id,
        "n_tokens": record.n_tokens,
        "label": record.label,
        "onset": record.onset,
        "tokens": list(record.tokens[:_MOST_TOKENS]),
        "scores": [round(score, 4) for score in record.scores[:_MOST_TOKENS]],
    }


def _cell(value: Any) -> str:
    if isinstance(value, list):
        value = json.dumps(value, ensure_ascii=False)
    return "" if value is None else str(value)[:_EXCERPT]
