"""Problems of a file, line by line."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from director_ai.cli.output import note
from director_ai.storage.transfer.problem import Problem


def name_problems(file: str, problems: Sequence[Problem], *, n_more: int = 0) -> None:
    """Name every problem on a line of its own; ``n_more`` are not listed."""
    for problem in problems:
        place = f"{file}, line {problem.line}" if problem.line else file
        kind = "warning: " if problem.severity == "warning" else ""
        note(f"{place}: {kind}{problem.message}")
    if n_more:
        note(f"{file}: {n_more:,} more, not listed")


def problem_values(problems: Sequence[Problem]) -> list[dict[str, Any]]:
    """Return the problems as plain values."""
    return [asdict(problem) for problem in problems]
