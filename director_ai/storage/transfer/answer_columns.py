"""Columns beside the id that tell answers apart: what changes within a session is several."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from director_ai.storage.transfer.cell_parsing import is_blank
from director_ai.storage.transfer.column_mapping import normalised
from director_ai.storage.transfer.problem import Problem

_ALONE = (
    "session|answer|response|completion|generation|request|conversation|sample|example|question"
    "|run|seed|trial|turn|attempt|repeat|repetition|replicate|rater|annotator|grader|reviewer"
    "|evaluator|labeler|labeller"
)
_NUMBERED = (
    "conv|dialogue|dialog|thread|chat|message|msg|item|doc|document|case|candidate|variant|gen"
    "|output|prompt|query|text|task|record|entry|instance|experiment|judge|worker|coder"
)
_TELLING = re.compile(
    rf"(?:.*_)?(?:(?:{_ALONE})|(?:{_ALONE}|{_NUMBERED})_?(?:id|idx|index|no|nr|num|number))"
    r"|(?:uu|gu|u)?id"
)


def tells_apart(column: str) -> bool:
    """Tell whether a column names answers, their runs or raters, and nothing within an answer.

    >>> [tells_apart(name) for name in ("runId", "rater", "question_no", "token_id", "paid")]
    [True, True, True, False, False]
    """
    return _TELLING.fullmatch(normalised(column)) is not None


@dataclass(slots=True)
class _Column:
    first: dict[str, Any] = field(default_factory=dict)
    last: tuple[str, Any] = ("", None)
    change: tuple[str, Any, Any] | None = None
    is_shared: bool = False


class AnswerColumns:
    """Watch on the columns without a field that tell answers apart.

    Rows of one session are several answers where such a column changes within it. One whose value
    is another on every row, such as a number of the row, tells nothing.

    Parameters
    ----------
    columns
        Columns of the table.
    taken
        Columns that have a field.

    Attributes
    ----------
    names
        Columns that are watched.
    """

    def __init__(self, columns: Iterable[str], taken: Collection[str]) -> None:
        self.names = tuple(name for name in columns if name not in taken and tells_apart(name))
        self._columns = {name: _Column() for name in self.names}

    def see(self, session: str, row: Mapping[str, Any]) -> None:
        """Take in a row of a session."""
        for name, column in self._columns.items():
            value = row.get(name)
            if is_blank(value):
                continue
            if session not in column.first:
                column.first[session] = value
            elif value == column.first[session]:
                column.is_shared = True
            else:
                column.change = column.change or (session, column.first[session], value)
                column.is_shared = column.is_shared or column.last == (session, value)
            column.last = session, value

    def problems(self) -> Iterable[tuple[int, Problem]]:
        """Yield the problem of each column that changes within a session."""
        for name, column in self._columns.items():
            if column.change is None or not column.is_shared:
                continue
            session, first, value = column.change
            message = (
                f"{name} must be the same on every row of a session, got {value!r:.80} after "
                f"{first!r:.80} in session {session!r:.80}, whose rows are several answers; choose "
                f"a column for id that names each answer, or leave {name} out of the file"
            )
            yield 0, Problem(0, message, session[:80], name, str(value)[:80])
