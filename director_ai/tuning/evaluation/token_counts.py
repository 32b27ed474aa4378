"""Token counts over sessions: median with its interval, and 90th percentile."""

import math
from typing import NamedTuple

import numpy as np

from director_ai.replay.curves import IntArray
from director_ai.tuning.evaluation.intervals import Interval, effective_n, wilson


class TokenCounts(NamedTuple):
    """Tokens over some sessions.

    Attributes
    ----------
    median, p90
        nan of none.
    n
        Sessions counted.
    low, high
        Ends of the 95 % interval of the median, see :func:`median_interval`.
    """

    median: float
    p90: float
    n: int
    low: float
    high: float

    @classmethod
    def of(cls, values: IntArray, groups: IntArray) -> "TokenCounts":
        """Return the median and the 90th percentile of tokens; ``groups`` as of the interval."""
        if not len(values):
            return cls(math.nan, math.nan, 0, math.nan, math.nan)
        median, p90 = np.percentile(values, [50, 90])
        return cls(float(median), float(p90), len(values), *median_interval(values, groups))

    @property
    def text(self) -> str:
        """The median.

        >>> TokenCounts.of(np.array([2, 4]), np.array([0, 1])).text
        '3'
        >>> TokenCounts.of(np.array([], int), np.array([], int)).text
        '–'
        """
        return f"{self.median:,.0f}" if self.n else "–"

    @property
    def interval(self) -> str:
        """The interval of the median, one number where its ends read alike; a dash if none.

        >>> TokenCounts.of(np.arange(100), np.arange(100)).interval
        '40–59'
        """
        if math.isnan(self.low):
            return "–"
        low, high = f"{self.low:,.0f}", f"{self.high:,.0f}"
        return low if low == high else f"{low}–{high}"


def median_interval(values: IntArray, groups: IntArray) -> Interval:
    """Return the 95 % interval of the median of tokens, by groups of sessions.

    The quantiles between whose ranks the share of sessions below the true median lies: the Wilson
    interval of one half, of as many independent sessions as these tell as much as. It needs no
    assumption on how tokens are distributed, and draws nothing at random.

    Parameters
    ----------
    values, groups
        Tokens of each session and the number of its group; shape (n,).

    Returns
    -------
    Interval
        In tokens; ``(nan, nan)`` of fewer than two groups.

    References
    ----------
    R. S. Woodruff, "Confidence intervals for medians and other position measures", JASA 47 (1952)
    635-646.

    Examples
    --------
    >>> median_interval(np.arange(100), np.arange(100))
    Interval(low=40.0, high=59.0)
    >>> median_interval(np.arange(100), np.arange(100) // 10)
    Interval(low=20.0, high=79.0)
    """
    names, of = np.unique(groups, return_inverse=True)
    if len(names) < 2:
        return Interval(math.nan, math.nan)
    sizes = np.bincount(of)
    below = np.bincount(of[values <= np.median(values)], minlength=len(sizes))
    n_effective = effective_n(below, sizes)
    shares = wilson(n_effective / 2, n_effective)
    low, high = np.quantile(values, [shares.low, shares.high], method="inverted_cdf")
    return Interval(float(low), float(high))
