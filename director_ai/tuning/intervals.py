"""How far a rate that was counted may lie from the true one."""

import math
from typing import NamedTuple

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


def wilson(k: int, n: int, z: float = Z_95) -> Interval:
    """Return Wilson's score interval of a rate, for display.

    Unlike the rate plus or minus its standard error it keeps its coverage where the rate is
    near 0 or 1, and never leaves [0, 1]. For a promise about a rate a one-sided exact bound is
    wanted instead: this one covers on average, not always.

    Parameters
    ----------
    k, n
        Cases counted, of how many.
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
