"""Halt floors: the lowest score each token could have had without being halted at.

All three rules are a bound on the newest score once the ones before it are known, so that one
axis and one unit serve them all: a stream halts where its curve goes under the highest floor.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from director_ai.core.halting import downward_trend, window_average
from director_ai.core.halting.policy import HaltPolicy

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Floors:
    """The floors of one stream, nan where a rule's window is not full yet.

    Attributes
    ----------
    hard, window, trend
        Lowest passing score of each token by each rule, shape (n_tokens + 1,). The last entry is
        of the token still to come. A floor may lie below 0: the rule cannot hold at that token.
    mean, drop
        The statistics themselves over full windows, shape (n_tokens,).
    """

    hard: FloatArray
    window: FloatArray
    trend: FloatArray
    mean: FloatArray
    drop: FloatArray

    def stacked(self) -> FloatArray:
        """Return the three floors as rows, shape (3, n_tokens + 1): hard, window, trend."""
        return np.stack([self.hard, self.window, self.trend])

    def highest(self) -> tuple[FloatArray, NDArray[np.intp]]:
        """Return the highest floor of every token and which row of ``stacked`` it is of."""
        armed = np.where(np.isnan(self.stacked()), -np.inf, self.stacked())
        return armed.max(axis=0), armed.argmax(axis=0)


def floors(scores: FloatArray, policy: HaltPolicy) -> Floors:
    """Return the floors of a stream under a policy.

    Parameters
    ----------
    scores
        Shape (n_tokens,), in [0, 1].
    policy
        Its limits and windows; a rule that is off (threshold 0, or 1.5 for the trend) is nan.

    Examples
    --------
    >>> policy = HaltPolicy(hard_limit=0.4, window_size=2, window_threshold=0.5, trend_window=2)
    >>> floors(np.array([0.9, 0.7]), policy).window.round(2).tolist()
    [nan, 0.1, 0.3]
    """
    n_tokens = len(scores)
    size, length = policy.window_size, policy.trend_window
    hard = np.full(n_tokens + 1, policy.hard_limit if policy.hard_limit > 0 else np.nan)
    window = np.full(n_tokens + 1, np.nan)
    trend = np.full(n_tokens + 1, np.nan)
    mean = np.full(n_tokens, np.nan)
    drop = np.full(n_tokens, np.nan)
    if n_tokens >= size:
        mean[size - 1 :] = window_average.statistic(_columns(scores, size))
    if n_tokens >= length:
        drop[length - 1 :] = downward_trend.statistic(_columns(scores, length))
    if policy.window_threshold > 0 and n_tokens + 1 >= size:
        # A tie never halts: the floor lies where the kernel's tolerance ends.
        total = (policy.window_threshold - window_average.TOLERANCE) * size
        # A window of one has no earlier scores: its floor is the threshold itself.
        earlier = (
            window_average.statistic(_columns(scores, size - 1)) * (size - 1) if size > 1 else 0
        )
        window[size - 1 :] = total - earlier
    if policy.trend_threshold < downward_trend.LARGEST_DROP and n_tokens + 1 >= length:
        weights = downward_trend.coefficients(length)
        earlier = sum(
            weight * column
            for weight, column in zip(weights[:-1], _columns(scores, length - 1), strict=True)
        )
        most = policy.trend_threshold + downward_trend.TOLERANCE
        trend[length - 1 :] = (earlier - most) / -weights[-1]
    return Floors(hard, window, trend, mean, drop)


def margin_units(policy: HaltPolicy) -> FloatArray:
    """Return how far each rule's statistic moves by a score that moves by one, shape (3,).

    A score moves the mean of its window by one ``window_size``-th of itself, and the fitted drop
    by the weight of the newest token.

    >>> margin_units(HaltPolicy(window_size=2, trend_window=2)).tolist()
    [1.0, 0.5, 1.0]
    """
    n = policy.trend_window
    # Minus the last of its coefficients, of which a wide window has many.
    newest = 6 * (n - 1) / (n * (n + 1))
    return np.array([1.0, 1.0 / policy.window_size, newest])


def statistic_margins(scores: FloatArray, limits: Floors, policy: HaltPolicy) -> FloatArray:
    """Return how far each rule's statistic lies on the safe side of its threshold.

    Parameters
    ----------
    scores
        Shape (n_tokens,), in [0, 1].
    limits
        Their floors.
    policy
        Limits that the floors are of.

    Returns
    -------
    FloatArray of shape (3, n_tokens)
        Score minus hard limit, mean minus window limit, largest allowed drop minus drop: below 0
        at exactly the tokens where the kernel halts. nan where a rule is off or its window is not
        full yet.

    Examples
    --------
    >>> policy = HaltPolicy(window_size=2, window_threshold=0.5, trend_window=2)
    >>> scores = np.array([0.9, 0.7])
    >>> statistic_margins(scores, floors(scores, policy), policy)[:, 1].round(2).tolist()
    [0.2, 0.3, -0.05]
    """
    # From the floors, which hold the kernel's tolerance: a tie stays above 0.
    room = scores - limits.stacked()[:, :-1]
    return np.asarray(room * margin_units(policy)[:, None])


def _columns(scores: FloatArray, n: int) -> list[FloatArray]:
    """Return the ``n`` positions of every window of ``n`` scores, oldest first."""
    n_windows = len(scores) - n + 1
    return [scores[start : start + n_windows] for start in range(n)]
