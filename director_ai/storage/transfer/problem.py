"""Problem of a file: an error or a warning, with its line."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from director_ai.core.records.record import SessionRecord

Severity = Literal["error", "warning"]

_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Problem:
    """Error or warning about a file, shown before it is imported.

    Attributes
    ----------
    line
        Line or row it stands in, from 1; 0 for the whole file.
    message
        The constraint, and the value that breaks it.
    session_id
        The session, where its id could be read.
    field, value
        Field and value of the message, shortened, to sort and filter by.
    severity
        An error keeps the whole file from being imported; a warning does not.
    n_out_of_range
        Scores of the session that are missing or outside [0, 1].
    """

    line: int
    message: str
    session_id: str = ""
    field: str = ""
    value: str = ""
    severity: Severity = "error"
    n_out_of_range: int = 0

    @classmethod
    def of_session(cls, line: int, error: Exception, values: Mapping[str, Any]) -> "Problem":
        """Return the problem of a refused session; ``values`` are those that could be read.

        >>> from director_ai.errors import InvalidRecordError
        >>> error = InvalidRecordError("scores[0] must be a number in [0, 1], got 1.5")
        >>> Problem.of_session(3, error, {"id": "a", "scores": [1.5]}).value
        '1.5'
        """
        message = str(error)
        # For display only: every message of ours reads "<field> must be ..., got <value>".
        field, says, rest = message.partition(" must ")
        _, _, value = rest.rpartition(", got ")
        name = values.get("id")
        return cls(
            line,
            message,
            session_id=name[:_SHOWN] if isinstance(name, str) else "",
            field=field if says else "",
            value=value,
            n_out_of_range=_n_out_of_range(values.get("scores")),
        )


@dataclass(frozen=True, slots=True)
class RowProblem(Problem):
    """Problem of a row whose cells do not fit the columns.

    Attributes
    ----------
    cells
        Cells by column, as far as they go.
    """

    cells: Mapping[str, str] = field(default_factory=dict)

    def without_cells(self) -> Problem:
        """Return the problem alone."""
        return Problem(self.line, self.message, field=self.field, value=self.value)


ReadItem = tuple[int, SessionRecord | Problem]
"""Item of a reader: a line, and the session there or its problem."""


def _n_out_of_range(scores: object) -> int:
    if not isinstance(scores, (list, tuple)):
        return 0
    return sum(
        isinstance(score, bool) or not isinstance(score, (int, float)) or not 0 <= score <= 1
        for score in scores
    )
