"""Bands of shares and quantiles that hold at every look, and two periods compared.

References
----------
H. Robbins, "Statistical methods related to the law of the iterated logarithm", Annals of
Mathematical Statistics 41 (1970) 1397-1409: the mixture; here the beta-binomial one with
Beta(1/2, 1/2).
"""

import numpy as np
from scipy.special import betaln, xlogy

from director_ai.errors import InvalidRequestError
from director_ai.replay.curves import BoolArray, FloatArray, IntArray

_N_HALVINGS = 60


def rate_band(k: IntArray, n: IntArray, *, delta: float) -> FloatArray:
    """Return the band of a share after k of n, valid at every n, shape (2, ...).

    Parameters
    ----------
    k, n
        Counts, of one shape, 0 <= k <= n.
    delta
        Risk that the share was ever outside its band, in (0, 1).

    Raises
    ------
    InvalidRequestError
        If a count is more than its number, or delta is no risk.

    Examples
    --------
    >>> rate_band(np.array([0, 12]), np.array([0, 100]), delta=0.05).round(3)
    array([[0.   , 0.04 ],
           [1.   , 0.254]])
    """
    if not 0.0 < delta < 1.0:
        raise InvalidRequestError(f"delta must be in (0, 1), got {delta!r}")
    hits, total = np.asarray(k, np.float64), np.asarray(n, np.float64)
    if (hits < 0).any() or (hits > total).any():
        raise InvalidRequestError("k must be in 0..n")
    share = np.divide(hits, total, out=np.full_like(total, 0.5), where=total > 0)

    def rejects(p: FloatArray) -> BoolArray:
        rejected: BoolArray = _evidence(hits, total - hits, p) >= -np.log(delta)
        return rejected

    def edge(outer: float) -> FloatArray:
        # The evidence grows with the distance from the share: halve what lies between.
        inside, outside = share.copy(), np.full_like(share, outer)
        reaches_end = np.logical_not(rejects(outside))
        for _ in range(_N_HALVINGS):
            middle = (inside + outside) / 2.0
            out = rejects(middle)
            outside = np.where(out, middle, outside)
            inside = np.where(out, inside, middle)
        return np.where(reaches_end, outer, outside)

    return np.stack([edge(0.0), edge(1.0)])


def _evidence(k: FloatArray, rest: FloatArray, p: FloatArray) -> FloatArray:
    """Return the logarithm of the mixture's evidence against shares, by counts in and out of it."""
    mixture = betaln(0.5 + k, 0.5 + rest) - betaln(0.5, 0.5)
    evidence: FloatArray = mixture - xlogy(k, p) - xlogy(rest, 1.0 - p)
    return evidence


def quantile_band(values: FloatArray, q: float, *, delta: float) -> tuple[float, float]:
    """Return the values between which the q-quantile lies, valid at every number of values.

    Parameters
    ----------
    values
        Shape (n,), in any order.
    q
        In (0, 1).
    delta
        Risk that the quantile was ever outside.

    Returns
    -------
    low, high
        ``(-inf, inf)`` while there are too few.

    Examples
    --------
    >>> quantile_band(np.arange(1_000) / 1_000, 0.5, delta=0.05)
    (0.442, 0.557)
    """
    ordered = np.sort(values)
    n = len(ordered)
    at = np.arange(n + 1, dtype=np.float64)
    # F(v) may be q where the band of "k of n are at most v" holds q.
    (inside,) = np.nonzero(_evidence(at, n - at, np.full(n + 1, q)) < -np.log(delta))
    low = ordered[inside[0] - 1] if inside[0] > 0 else -np.inf
    high = ordered[inside[-1]] if inside[-1] < n else np.inf
    return float(low), float(high)


def difference_band(
    first: tuple[int, int], second: tuple[int, int], *, delta: float
) -> tuple[float, float]:
    """Return the band of the second period's share minus the first's.

    Parameters
    ----------
    first, second
        ``(k, n)`` of each period.
    delta
        Risk that the difference was ever outside, in (0, 1); each period has half of it.

    Examples
    --------
    >>> low, high = difference_band((875, 7_000), (1_150, 7_000), delta=0.05)
    >>> round(low, 3), round(high, 3)
    (0.005, 0.073)
    """
    (low_a, low_b), (high_a, high_b) = rate_band(
        np.array([first[0], second[0]]), np.array([first[1], second[1]]), delta=delta / 2.0
    )
    return float(low_b - high_a), float(high_b - low_a)
