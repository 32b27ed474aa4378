"""Range of a file's scores: scores on another scale are recognised and converted."""

import math
from typing import Any

from director_ai.errors import InvalidRecordError
from director_ai.storage.transfer.column_mapping import ScoreScale
from director_ai.storage.transfer.problem import Problem, ReadItem
from director_ai.storage.transfer.read_report import ImportOffer, ReadReport

_LEAST_PERCENT = 10
"""Largest score below which numbers beyond 1 are no percent, but another scale or a slip."""


class ScoreRange:
    """Range of the scores that were refused, and how many sessions were not.

    Parameters
    ----------
    scale
        Scale of the scores; ``None`` where they are in [0, 1].

    Attributes
    ----------
    n_read
        Sessions that were read.
    has_percent_signs
        Whether any score bears a percent sign.
    """

    def __init__(self, scale: ScoreScale | None) -> None:
        self._scale = scale
        self.n_read = 0
        self.has_percent_signs = False
        self._refused: list[Problem] = []
        self._least, self._most = math.inf, -math.inf

    def scaled(self, name: str, score: Any) -> Any:
        """Return a score in [0, 1] of one on the file's scale.

        Raises
        ------
        InvalidRecordError
            If it is not on that scale.
        """
        if self._scale is None:
            return score
        number = _float(score)
        if self._scale == "percent":
            if number is not None and 0 <= number <= 100:
                return number / 100
            raise InvalidRecordError(f"{name} must be percent, 0 to 100, got {score!r:.80}")
        if number is not None and number <= 0:
            return math.exp(number)
        raise InvalidRecordError(f"{name} must be a log-probability, 0 or less, got {score!r:.80}")

    def refused(self, scores: object, problem: Problem) -> bool:
        """Take in a session refused for its scores; return whether it was.

        Its problem comes with the others of :meth:`problems`.
        """
        if not problem.n_out_of_range or not isinstance(scores, list):
            return False
        numbers = [number for number in map(_float, scores) if number is not None]
        if len(numbers) < len(scores) or any(map(math.isnan, numbers)):
            return False
        self._least = min(self._least, *numbers)
        self._most = max(self._most, *numbers)
        self._refused.append(problem)
        return True

    def problems(self, column: str, report: ReadReport) -> list[ReadItem]:
        """Return the problems of the refused sessions; one for all, if a scale explains them."""
        kind = self._kind()
        if kind is None:
            if self.has_percent_signs and self._scale is None:
                report.offer(ImportOffer("percent", column))
            return [(problem.line, problem) for problem in self._refused]
        report.offer(ImportOffer("percent" if kind == "percent" else "logprob", column))
        looks = "percent: 0 to 100" if kind == "percent" else "log-probabilities: 0 or less"
        sessions = "1 session" if len(self._refused) == 1 else f"{len(self._refused):,} sessions"
        message = (
            f"{column} must be numbers in [0, 1], got {self._least:g} to {self._most:g} in "
            f"{sessions}; scores look like {looks}"
        )
        n_out = sum(problem.n_out_of_range for problem in self._refused)
        return [(0, Problem(0, message, field=column, n_out_of_range=n_out))]

    def _kind(self) -> ScoreScale | None:
        if self._scale is not None or len(self._refused) < max(1, self.n_read):
            return None
        if self._least >= 0 and _LEAST_PERCENT < self._most <= 100:
            return "percent"
        return "logprob" if self._least < 0 and self._most <= 0 else None


def _float(score: object) -> float | None:
    """Return a number as a float; ``None`` of anything else, and of one beyond the float range."""
    if isinstance(score, bool) or not isinstance(score, (int, float)):
        return None
    try:
        return float(score)
    except OverflowError:
        return None
