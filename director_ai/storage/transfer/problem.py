"""What is wrong with one session of a file."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from director_ai.core.records.record import SessionRecord

Severity = Literal["error", "warning"]

_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing a person should know before a file is imported.

    Attributes
    ----------
    line
        Line or row it stands in, from 1; 0 for the whole file.
    message
        What must be, and what is.
    session_id
        The session, where its id could be read.
    field, value
        What the message says of which field, shortened, to sort and filter by.
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
        """Return why a session was refused; ``values`` are what could be read of it.

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


Found = tuple[int, SessionRecord | Problem]
"""What a reader yields: a line, and the session there or what is wrong with it."""


def _n_out_of_range(scores: object) -> int:
    if not isinstance(scores, (list, tuple)):
        return 0
    return sum(
        isinstance(score, bool) or not isinstance(score, (int, float)) or not 0 <= score <= 1
        for score in scores
    )
