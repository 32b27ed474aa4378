"""What counted false halts say of the true rate, with confidence: exact, without a model.

Throughout, ``alpha`` is the largest false-halt rate that is accepted and ``delta`` the risk of
being wrong about it, both in (0, 1) and both fixed before the counts are seen.
"""

import math

from scipy.stats import beta, binom

from director_ai.errors import InvalidRequestError


def exact_upper(k: int, n: int, *, delta: float) -> float:
    """Return the upper Clopper-Pearson bound of a rate, for one policy fixed beforehand.

    Parameters
    ----------
    k, n
        Events counted, of how many.
    delta
        One-sided risk.

    References
    ----------
    C. J. Clopper, E. S. Pearson, "The use of confidence or fiducial limits illustrated in the
    case of the binomial", Biometrika 26 (1934) 404-413.

    Examples
    --------
    >>> round(exact_upper(0, 59, delta=0.05), 4)
    0.0495
    """
    return uniform_upper(k, n, n_rules=1, delta=delta)


def uniform_upper(k: int, n: int, *, n_rules: int, delta: float, n_families: int = 1) -> float:
    """Return an upper bound that holds for every choice of thresholds at once.

    So limits may be tuned by hand on the very sessions they are then bounded by.

    Parameters
    ----------
    k, n
        Good sessions halted, of how many.
    n_rules
        Rules whose threshold was free, at least 1.
    delta
        One-sided risk.
    n_families
        Pairs of window sizes, cadences and the like that were tried.

    References
    ----------
    M. C. Campi, S. Garatti, "A sampling-and-discarding approach to chance-constrained
    optimization", Journal of Optimization Theory and Applications 148 (2011) 257-280:
    discarding ``k`` of ``n`` constraints under ``n_rules`` support constraints.

    Examples
    --------
    >>> round(uniform_upper(2, 300, n_rules=3, delta=0.1), 3)
    0.036
    """
    _check_counts(k, n)
    _check_share("delta", delta)
    for name, value in (("n_rules", n_rules), ("n_families", n_families)):
        if value < 1:
            raise InvalidRequestError(f"{name} must be at least 1, got {value!r}")
    if k + n_rules > n:
        return 1.0
    ways = math.comb(k + n_rules - 1, k) * n_families
    return float(beta.ppf(1.0 - delta / ways, k + n_rules, n - k - n_rules + 1))


def allowed_spends(n: int, *, alpha: float, delta: float) -> int:
    """Return how many of ``n`` good sessions may be spent on tightening limits.

    The largest m with P(Bin(n, alpha) <= m - 1) <= delta; 0 if not even one may be.

    Examples
    --------
    >>> allowed_spends(600, alpha=0.02, delta=0.1), allowed_spends(113, alpha=0.02, delta=0.1)
    (8, 0)
    """
    _check_shares(alpha, delta)
    if binom.cdf(0, n, alpha) > delta:
        return 0
    # The quantile is the first count whose probability reaches delta.
    count = int(binom.ppf(delta, n, alpha))
    while count >= 0 and binom.cdf(count, n, alpha) > delta:
        count -= 1
    return count + 1


def least_good_sessions(*, alpha: float, delta: float) -> int:
    """Return how many good sessions any certificate needs at the least.

    Examples
    --------
    >>> [least_good_sessions(alpha=share, delta=0.1) for share in (0.01, 0.02, 0.05, 0.1)]
    [230, 114, 45, 22]
    """
    _check_shares(alpha, delta)
    return math.ceil(math.log(delta) / math.log1p(-alpha))


def _check_shares(alpha: float, delta: float) -> None:
    _check_share("alpha", alpha)
    _check_share("delta", delta)


def _check_share(name: str, value: float) -> None:
    if not 0.0 < value < 1.0:
        raise InvalidRequestError(f"{name} must be between 0 and 1, got {value!r}")


def _check_counts(k: int, n: int) -> None:
    if not 0 <= k <= n:
        raise InvalidRequestError(f"k must be in [0, n], got {k!r} of {n!r}")
