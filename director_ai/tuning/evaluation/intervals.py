"""Intervals of counted rates: Wilson's score interval, also for sessions in groups."""

import math
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.special import stdtrit

from director_ai.replay.curves import FloatArray, IntArray
from director_ai.tuning.evaluation.group_sums import GroupSums

Z_95 = 1.959963984540054
"""Quantile of the standard normal that leaves 2.5 % on either side."""


class Interval(NamedTuple):
    """A range of rates, each in [0, 1].

    Attributes
    ----------
    low, high
        Its ends; nan where nothing was counted.
    """

    low: float
    high: float


def wilson(k: float, n: float, z: float = Z_95) -> Interval:
    """Return Wilson's score interval of a rate, for display.

    Unlike the rate plus or minus its standard error it keeps its coverage where the rate is
    near 0 or 1, and never leaves [0, 1]. For a guarantee take a one-sided exact bound instead: this
    one covers on average, not always.

    Parameters
    ----------
    k, n
        Cases counted, of how many; of sessions in groups see :func:`effective_n`.
    z
        Normal quantile of the confidence, two-sided; 95 % by default.

    Returns
    -------
    Interval
        ``(nan, nan)`` if ``n`` is 0.

    Raises
    ------
    ValueError
        If ``k`` is not in [0, n], or ``z`` is not positive.

    References
    ----------
    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22
    (1927) 209-212; recommended by Brown, Cai and DasGupta, Statistical Science 16 (2001) 101-133.

    Examples
    --------
    >>> [round(end, 4) for end in wilson(6, 135)]
    [0.0205, 0.0936]
    >>> [round(end, 4) for end in wilson(0, 10)]
    [0.0, 0.2775]
    """
    if not 0 <= k <= n:
        raise ValueError(f"k must be in [0, n], got {k!r} of {n!r}")
    if not (z > 0 and math.isfinite(z)):
        raise ValueError(f"z must be positive, got {z!r}")
    if n == 0:
        return Interval(math.nan, math.nan)
    rate, square = k / n, z * z
    centre = (rate + square / (2 * n)) / (1 + square / n)
    half = z / (1 + square / n) * math.sqrt(rate * (1 - rate) / n + square / (4 * n * n))
    # At either end the exact bound is the end itself, which rounding misses by a hair.
    low = 0.0 if k == 0 else max(0.0, centre - half)
    high = 1.0 if k == n else min(1.0, centre + half)
    return Interval(low, high)


def effective_n(
    cases: IntArray | FloatArray, sizes: IntArray | FloatArray, alike: IntArray | int = 1
) -> float:
    """Return the effective sample size of grouped sessions for a rate.

    Sessions of one group are alike, so that a hundred of ten groups may tell hardly more than
    ten. Where every session is a group of its own this is their number.

    Parameters
    ----------
    cases, sizes
        Cases counted in each group, of how many sessions, at least 1; shape (n_groups,).
    alike
        Groups that each entry stands for; shape (n_groups,).

    Notes
    -----
    The number of sessions, divided by the design effect: the variance of the rate from group to
    group over that of independent sessions. The variance is taken with half a group more of
    either kind, for a few cases do not show how alike the sessions of a group are; without them
    an interval at 2 % of 40 groups of ten covers 87 % of the time, with them 97 % or more. A
    quantile of Student's t stands in for the normal one, as the variance rests on few groups.

    References
    ----------
    J. N. K. Rao, A. J. Scott, "A simple method for the analysis of clustered binary data",
    Biometrics 48 (1992) 577-585; E. L. Korn, B. I. Graubard, "Confidence intervals for
    proportions with small expected number of positive counts estimated from survey data", Survey
    Methodology 24 (1998) 193-201, for the effective sample size with Student's t.

    Examples
    --------
    >>> effective_n(np.array([1, 0, 0]), np.array([1, 1, 1]))
    3.0
    >>> round(effective_n(np.array([10, 0, 0, 0] * 10), np.full(40, 10)))
    38
    """
    return _effective_n(_Groups.of(sizes, alike), _Cases.of(cases, sizes, alike))


def grouped_wilson(
    cases: IntArray | FloatArray,
    sizes: IntArray | FloatArray,
    z: float = Z_95,
    *,
    alike: IntArray | int = 1,
) -> Interval:
    """Return Wilson's interval of a rate counted in groups: that of as many independent sessions.

    Parameters
    ----------
    cases, sizes, alike
        See :func:`effective_n`; groups of no session are left out.
    z
        See :func:`wilson`.

    Examples
    --------
    >>> grouped_wilson(np.array([1, 0]), np.array([1, 1])) == wilson(1, 2)
    True
    >>> [round(end, 3) for end in grouped_wilson(np.array([10, 0, 0, 0] * 10), np.full(40, 10))]
    [0.139, 0.407]
    """
    alike = alike * (sizes > 0)
    return _wilson(_Groups.of(sizes, alike), _Cases.of(cases, sizes, alike), z)


def wilson_of_kinds(kinds: Iterable[tuple[int, int, int]]) -> Interval:
    """Return the interval of :func:`grouped_wilson` for groups counted by kind.

    Parameters
    ----------
    kinds
        Sessions of a group, cases among them, and how many groups are like it.

    Examples
    --------
    >>> wilson_of_kinds([(1, 1, 6), (1, 0, 129)]) == wilson(6, 135)
    True
    """
    rows = np.array(list(kinds), np.int64).reshape(-1, 3)
    return grouped_wilson(rows[:, 1], rows[:, 0], alike=rows[:, 2])


def grouped_wilson_along(
    groups: IntArray,
    steps: IntArray,
    changes: FloatArray,
    sizes: IntArray,
    *,
    n_steps: int,
) -> tuple[FloatArray, FloatArray]:
    """Return the ends of the 95 % interval of a rate whose cases change step by step.

    At every step the same as :func:`grouped_wilson`; O(n_changes + n_steps) for all of them.

    Parameters
    ----------
    groups, steps, changes
        Whose cases change, at which step, and by how many; shape (n_changes,).
    sizes
        Sessions of each group, at least 1; shape (n_groups,).
    n_steps
        Steps to tell of.

    Returns
    -------
    tuple of arrays
        Lower and upper ends, of shape (n_steps,) each.

    Examples
    --------
    >>> ones = np.array([1.0, 1.0])
    >>> low, high = grouped_wilson_along(
    ...     np.array([0, 0]), np.array([0, 1]), ones, np.array([2, 3]), n_steps=2
    ... )
    >>> (low[1], high[1]) == grouped_wilson(np.array([2, 0]), np.array([2, 3]))
    True
    """
    path, known = GroupSums(groups, steps, n_steps), _Groups.of(sizes)
    n_cases = path.total(changes)
    if known.n == known.n_sessions:
        # Each its own group: nothing else is needed.
        sums = np.stack([n_cases, n_cases, n_cases], axis=1)
    else:
        by_size = path.total(changes * sizes[groups])
        sums = np.stack([n_cases, path.products(changes, changes), by_size], axis=1)
    # Few counts recur on many steps.
    distinct, which = np.unique(sums, axis=0, return_inverse=True)
    ends = np.array([_wilson(known, _Cases(*row), Z_95) for row in distinct.tolist()])
    ends_by_step = ends.reshape(-1, 2)[which.reshape(-1)]
    return ends_by_step[:, 0], ends_by_step[:, 1]


class _Groups(NamedTuple):
    """Number of groups and of sessions, and the sum of the squares of the groups' sizes."""

    n: int
    n_sessions: float
    squares: float

    @classmethod
    def of(cls, sizes: IntArray | FloatArray, alike: IntArray | int = 1) -> "_Groups":
        whole, numbers = np.asarray(sizes, np.float64), np.broadcast_to(alike, sizes.shape)
        return cls(
            int(numbers.sum()), float((numbers * whole).sum()), float((numbers * whole**2).sum())
        )


class _Cases(NamedTuple):
    """Number of cases; over groups, the sums of their squares and of their products with size."""

    n: float
    squares: float
    by_size: float

    @classmethod
    def of(
        cls, cases: IntArray | FloatArray, sizes: IntArray | FloatArray, alike: IntArray | int
    ) -> "_Cases":
        whole = np.asarray(cases, np.float64)
        counted = alike * whole
        return cls(
            float(counted.sum()), float((counted * whole).sum()), float((counted * sizes).sum())
        )


def _effective_n(groups: _Groups, cases: _Cases) -> float:
    if groups.n == groups.n_sessions:
        return groups.n_sessions
    if groups.n == 1:
        return 1.0
    n, typical = groups.n_sessions, groups.squares / groups.n_sessions
    rate = (cases.n + typical / 2) / (n + typical)
    within = cases.squares - 2 * rate * cases.by_size + rate**2 * groups.squares
    added = typical**2 * ((1 - rate) ** 2 + rate**2) / 2
    effect = max(1.0, (within + added) / (n + typical) / (rate * (1 - rate)))
    return n / effect * (Z_95 / student_quantile(groups.n - 1)) ** 2


def _wilson(groups: _Groups, cases: _Cases, z: float) -> Interval:
    if not groups.n:
        return Interval(math.nan, math.nan)
    if groups.n == groups.n_sessions:
        return wilson(cases.n, groups.n_sessions, z)
    effective = _effective_n(groups, cases)
    return wilson(effective * (cases.n / groups.n_sessions), effective, z)


@lru_cache(maxsize=256)
def student_quantile(degrees: int) -> float:
    """Return the quantile of Student's t that leaves 2.5 % on either side.

    >>> round(student_quantile(10), 3)
    2.228
    """
    # The distribution's own inverse, without the time that importing all distributions takes.
    return float(stdtrit(degrees, 0.975))
