"""The sliding window: the mean of the last scores falls below its threshold."""

from collections.abc import Iterator, Sequence
from typing import Any, Final, TypeVar

NAME: Final = "window_avg"

TOLERANCE = 1e-9
"""A mean this close under its threshold counts as a tie, and ties never halt."""

Term = TypeVar("Term")


def statistic(window: Sequence[Term]) -> Term:
    """Return the mean of the window.

    Parameters
    ----------
    window
        Scores, oldest first, at least one. Each term is a float, or an array holding the
        same position of many windows: the additions happen in the same order, so kernel and
        replay get the same bits.

    >>> round(statistic([0.9, 0.8, 0.7]), 6)
    0.8
    """
    # A plain left-to-right sum: sum() is compensated from Python 3.12 on, numpy's is pairwise.
    terms: Iterator[Any] = iter(window)
    total = next(terms)
    for score in terms:
        total = total + score
    mean: Term = total / len(window)
    return mean


def holds(mean: float, threshold: float) -> bool:
    """Return whether the mean is below the threshold by more than the tolerance.

    >>> holds(0.54, 0.55), holds(0.55 - 1e-12, 0.55)
    (True, False)
    """
    return mean < threshold - TOLERANCE
