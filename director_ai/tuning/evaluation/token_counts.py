"""Token counts over sessions: median, mean and 90th percentile, each with its interval."""

import math
from typing import Final, NamedTuple

import numpy as np
from scipy.special import bdtr, bdtrc

from director_ai.replay.curves import IntArray
from director_ai.tuning.evaluation.intervals import (
    Interval,
    effective_n,
    student_quantile,
)

_NOWHERE = Interval(math.nan, math.nan)
_RISK: Final = 0.05


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
        '39–60'
        """
        if math.isnan(self.low):
            return "–"
        low, high = f"{self.low:,.0f}", f"{self.high:,.0f}"
        return low if low == high else f"{low}–{high}"


def quantile_interval(values: IntArray, groups: IntArray, share: float) -> Interval:
    """Return the 95 % interval of a quantile of tokens, by groups of sessions.

    The tokens of two ranks: of as many independent sessions as these tell as much as, the number
    below the true quantile is binomial and lies between them. The interval is exact, needs no
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
        In tokens; ``(nan, nan)`` where even the fewest and the most tokens leave out the true
        quantile too often: of fewer than 6 sessions for a median, 29 for a 90th percentile.

    References
    ----------
    W. R. Thompson, "On confidence ranges for the median and other expectation distributions for
    populations of unknown distribution form", Annals of Mathematical Statistics 7 (1936) 122-128;
    R. S. Woodruff, "Confidence intervals for medians and other position measures", JASA 47 (1952)
    635-646, for samples that are not of independent sessions.

    Examples
    --------
    >>> quantile_interval(np.arange(100), np.arange(100), 0.5)
    Interval(low=39.0, high=60.0)
    >>> quantile_interval(np.arange(100), np.arange(100) // 10, 0.5)
    Interval(low=14.0, high=85.0)
    >>> quantile_interval(np.arange(5), np.arange(5), 0.5)
    Interval(low=nan, high=nan)
    """
    names, of = np.unique(groups, return_inverse=True)
    if len(names) < 2:
        return _NOWHERE
    sizes = np.bincount(of)
    below = np.bincount(of[values <= np.quantile(values, share)], minlength=len(sizes))
    n, n_effective = len(values), int(effective_n(below, sizes))
    ranks = _ranks(n_effective, share)
    if ranks is None:
        return _NOWHERE
    ascending = np.sort(values, kind="stable")
    # The first token count that so large a share is not above, and the first that it is below.
    first = -(-ranks[0] * n // n_effective) - 1
    last = (ranks[1] - 1) * n // n_effective
    return Interval(float(ascending[first]), float(ascending[last]))


def _ranks(n: int, share: float) -> tuple[int, int] | None:
    """Return the ranks from 1 to ``n`` that a quantile lies between with 95 % probability.

    Half the risk is on either side, unless a side has no rank that keeps to it.

    >>> _ranks(6, 0.5), _ranks(5, 0.5), _ranks(29, 0.9), _ranks(28, 0.9)
    ((1, 6), None, (21, 29), None)
    """
    none_below, all_below = (1.0 - share) ** n, share**n
    if none_below + all_below > _RISK:
        return None
    counts = np.arange(n)
    risk_below = min(_RISK / 2, _RISK - all_below)
    risk_above = min(_RISK / 2, _RISK - none_below)
    low = int((bdtr(counts, n, share) <= risk_below).sum())
    high = n - int((bdtrc(counts, n, share) <= risk_above).sum()) + 1
    return max(1, low), min(n, high)


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
