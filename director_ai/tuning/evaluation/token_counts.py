"""Token counts over sessions: median, mean and 90th percentile, each with its interval."""

import math
from typing import NamedTuple

import numpy as np

from director_ai.replay.curves import IntArray
from director_ai.tuning.evaluation.intervals import (
    Interval,
    effective_n,
    student_quantile,
    wilson,
)

_NOWHERE = Interval(math.nan, math.nan)


class TokenCounts(NamedTuple):
    """Tokens over some sessions.

    Attributes
    ----------
    median, p90
        nan of none.
    n
        Sessions counted.
    low, high
        Ends of the 95 % interval of the median, see :func:`quantile_interval`.
    mean
        nan of none.
    mean_interval, p90_interval
        Their 95 % intervals.
    """

    median: float
    p90: float
    n: int
    low: float
    high: float
    mean: float = math.nan
    mean_interval: Interval = _NOWHERE
    p90_interval: Interval = _NOWHERE

    @classmethod
    def of(cls, values: IntArray, groups: IntArray) -> "TokenCounts":
        """Return median, mean and 90th percentile of tokens; ``groups`` as of the interval."""
        if not len(values):
            return cls(math.nan, math.nan, 0, math.nan, math.nan)
        median, p90 = np.percentile(values, [50, 90])
        return cls(
            float(median),
            float(p90),
            len(values),
            *quantile_interval(values, groups, 0.5),
            float(np.mean(values)),
            mean_interval(values, groups),
            quantile_interval(values, groups, 0.9),
        )

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


def quantile_interval(values: IntArray, groups: IntArray, share: float) -> Interval:
    """Return the 95 % interval of a quantile of tokens, by groups of sessions.

    The quantiles between whose ranks the share of sessions below the true one lies: the Wilson
    interval of that share, of as many independent sessions as these tell as much as. It needs no
    assumption on how tokens are distributed, and draws nothing at random.

    Parameters
    ----------
    values, groups
        Tokens of each session and the number of its group; shape (n,).
    share
        Of the quantile, in (0, 1); one half for the median.

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
    >>> quantile_interval(np.arange(100), np.arange(100), 0.5)
    Interval(low=40.0, high=59.0)
    >>> quantile_interval(np.arange(100), np.arange(100) // 10, 0.5)
    Interval(low=20.0, high=79.0)
    """
    names, of = np.unique(groups, return_inverse=True)
    if len(names) < 2:
        return _NOWHERE
    sizes = np.bincount(of)
    below = np.bincount(of[values <= np.quantile(values, share)], minlength=len(sizes))
    n_effective = effective_n(below, sizes)
    shares = wilson(n_effective * share, n_effective)
    low, high = np.quantile(values, [shares.low, shares.high], method="inverted_cdf")
    return Interval(float(low), float(high))


def mean_interval(values: IntArray, groups: IntArray) -> Interval:
    """Return the 95 % interval of the mean of tokens, by groups of sessions; none below 0.

    Student's t on the groups' residual sums, as the mean is one total over another.

    Parameters
    ----------
    values, groups
        As of :func:`quantile_interval`.

    References
    ----------
    W. G. Cochran, "Sampling Techniques", third edition, Wiley, 1977, section 9A.5: a mean of
    clusters of different sizes.

    Examples
    --------
    >>> low, high = mean_interval(np.array([1, 2, 3, 4]), np.arange(4))
    >>> round(low, 2), round(high, 2)
    (0.45, 4.55)
    """
    names, of = np.unique(groups, return_inverse=True)
    n_groups = len(names)
    if n_groups < 2:
        return _NOWHERE
    mean = float(np.mean(values))
    residuals = np.bincount(of, weights=values - mean)
    error = math.sqrt(float((residuals**2).sum()) * n_groups / (n_groups - 1)) / len(values)
    half = student_quantile(n_groups - 1) * error
    return Interval(max(0.0, mean - half), mean + half)
