"""The downward trend: the fitted line falls too far over its window."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, Final, TypeVar

NAME: Final = "downward_trend"

TOLERANCE = 1e-9
"""A drop this close above its threshold counts as a tie, and ties never halt."""

LARGEST_DROP = 1.5
"""No window of scores in [0, 1] drops by more, so this threshold turns the rule off."""

Term = TypeVar("Term")


@lru_cache(maxsize=256)
def coefficients(n: int) -> tuple[float, ...]:
    """Return the weights that turn ``n`` scores, oldest first, into their fitted drop.

    The ordinary-least-squares slope over x = 0, 1, ..., n - 1, times ``-(n - 1)``, is a
    weighted sum of the scores with weights ``6 (n - 1 - 2k) / (n (n + 1))``.

    >>> coefficients(3)
    (1.0, 0.0, -1.0)
    """
    return tuple(6 * (n - 1 - 2 * k) / (n * (n + 1)) for k in range(n))


def largest_drop(n: int) -> float:
    """Return the largest drop of ``n`` scores no two of which are further apart than 1.

    It is the sum of the positive coefficients: the first half all 1, the last all 0.

    >>> largest_drop(3), statistic([1.0, 0.5, 0.0])
    (1.0, 1.0)
    """
    return 6 * (n * n // 4) / (n * (n + 1))


def statistic(window: Sequence[Term]) -> Term:
    """Return how far the least-squares line falls from the first to the last position.

    Parameters
    ----------
    window
        Scores, oldest first, at least one; floats, or arrays that hold one position of many
        windows (see :func:`director_ai.core.halting.window_average.statistic`).

    >>> round(statistic([0.9, 0.8, 0.7]), 6)
    0.2
    """
    weights = coefficients(len(window))
    terms: Iterator[Any] = iter(window)
    total = weights[0] * next(terms)
    for weight, score in zip(weights[1:], terms, strict=True):
        total = total + weight * score
    drop: Term = total
    return drop


def holds(drop: float, threshold: float) -> bool:
    """Return whether the drop exceeds the threshold by more than the tolerance.

    >>> holds(0.23, 0.15), holds(0.2 + 1e-12, 0.2)
    (True, False)
    """
    return drop > threshold + TOLERANCE
