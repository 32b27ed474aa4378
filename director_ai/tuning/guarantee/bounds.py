"""Bounds of the true false-halt rate from counted false halts: exact, without a model.

Throughout, ``alpha`` is the largest false-halt rate that is accepted and ``delta`` the risk of
being wrong about it, both in (0, 1) and both fixed before the counts are seen.
"""

import math
from bisect import bisect_right
from collections.abc import Callable
from typing import Final, NamedTuple

from scipy.special import betaincc, betainccinv

from director_ai.errors import InvalidRequestError

N_RULES: Final = 3
"""Rules there are, each with one threshold."""


class RiskTarget(NamedTuple):
    """Largest false-halt rate that is accepted, and the risk of being wrong about it.

    Attributes
    ----------
    alpha
        Largest false-halt rate, in (0, 1).
    delta
        Accepted risk that the true rate is larger, in (0, 1).
    """

    alpha: float
    delta: float


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

    So limits may be tuned by hand on the very sessions they are then bounded by, if the number of
    them that may be halted was fixed beforehand; :func:`searched_upper` does without that.

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
    # The upper tail: one minus a tiny risk would round to one. The same bits as the distribution's
    # inverse survival function, without the time that importing all distributions takes.
    return float(betainccinv(k + n_rules, n - k - n_rules + 1, delta / ways))


def searched_upper(k: int, n: int, *, n_rules: int, delta: float, n_families: int = 1) -> float:
    """Return an upper bound that holds whatever limits were looked at before these were picked.

    As :func:`uniform_upper`, but neither ``k`` nor the set of rules that are on has to be fixed
    beforehand: a union bound spreads the risk over all outcomes, ``1 / ((k + 1) (k + 2))`` of it
    for each ``k``, half of that for all three rules and a twelfth for each smaller set of them.

    Parameters
    ----------
    k, n
        Good sessions halted, of how many.
    n_rules
        Rules that are on, in [0, 3].
    delta, n_families
        See :func:`uniform_upper`.

    Examples
    --------
    >>> [round(searched_upper(2, 300, n_rules=n, delta=0.1), 3) for n in (0, 1, 3)]
    [0.0, 0.038, 0.05]
    """
    if not 0 <= n_rules <= N_RULES:
        raise InvalidRequestError(f"n_rules must be in [0, {N_RULES}], got {n_rules!r}")
    _check_counts(k, n)
    _check_share("delta", delta)
    if n_rules == 0:
        return 0.0
    part = delta / ((k + 1) * (k + 2))
    # All three bounds hold at once, so that the smaller of two does too.
    whole = uniform_upper(k, n, n_rules=N_RULES, delta=part / 2, n_families=n_families)
    if n_rules == N_RULES:
        return whole
    n_smaller = 2**N_RULES - 2
    own = part / 2 / n_smaller
    return min(whole, uniform_upper(k, n, n_rules=n_rules, delta=own, n_families=n_families))


def allowed_steps(n: int, *, alpha: float, delta: float) -> int:
    """Return the number of tightening steps that ``n`` good sessions allow.

    The largest m with P(Bin(n, alpha) <= m - 1) <= delta; 0 if not even one may be.

    References
    ----------
    X. Tong, Y. Feng, J. J. Li, "Neyman-Pearson classification algorithms and NP receiver operating
    characteristics", Science Advances 4 (2018) eaao1659: the same bound for one threshold; for
    several see :mod:`director_ai.tuning.guarantee.equivalent_blocks`.

    Examples
    --------
    >>> allowed_steps(600, alpha=0.02, delta=0.1), allowed_steps(113, alpha=0.02, delta=0.1)
    (8, 0)
    """
    _check_shares(alpha, delta)
    return bisect_right(range(n), delta, key=lambda count: at_most_probability(count, n, alpha))


def at_most_probability(count: int, n: int, rate: float) -> float:
    """Return the probability P(Bin(n, rate) <= count), for ``count`` in [0, n).

    >>> at_most_probability(0, 2, 0.25)
    0.5625
    """
    # As a beta function: scipy.stats, which has it by name, takes 46 MB and seconds to import.
    return float(betaincc(count + 1, n - count, rate))


def least_good_sessions(*, alpha: float, delta: float) -> int:
    """Return the smallest number of good sessions that any certificate needs.

    Examples
    --------
    >>> [least_good_sessions(alpha=share, delta=0.1) for share in (0.01, 0.02, 0.05, 0.1)]
    [230, 114, 45, 22]
    """
    _check_shares(alpha, delta)
    return math.ceil(math.log(delta) / math.log1p(-alpha))


def least_good_tuned(
    *, alpha: float, delta: float, n_families: int = 1, n_rules: int = N_RULES
) -> int:
    """Return the smallest number of good sessions for :func:`uniform_upper` to reach ``alpha``.

    >>> [least_good_tuned(alpha=share, delta=0.1) for share in (0.02, 0.05, 0.1)]
    [265, 105, 52]
    """
    _check_shares(alpha, delta)
    return least_number(
        lambda n: uniform_upper(0, n, n_rules=n_rules, delta=delta, n_families=n_families) <= alpha
    )


def least_number(is_enough: Callable[[int], bool]) -> int:
    """Return the smallest number that is enough, where every larger one is enough too.

    Parameters
    ----------
    is_enough
        Of a number of at least 1; true from some number on.

    Examples
    --------
    >>> least_number(lambda n: n * n > 60)
    8
    """
    too_few, enough = 0, 1
    while not is_enough(enough):
        too_few, enough = enough, 2 * enough
    while enough - too_few > 1:
        middle = (too_few + enough) // 2
        too_few, enough = (too_few, middle) if is_enough(middle) else (middle, enough)
    return enough


def most_false_halts(
    n: int, target: RiskTarget, *, n_families: int = 1, n_rules: int = N_RULES
) -> int:
    """Return the most of ``n`` good sessions that may be halted for a rate within a target.

    The bound of :func:`uniform_upper` then holds for all thresholds at once. The number does not
    hang on what is counted, so that one archive may judge any number of policies.

    Parameters
    ----------
    n
        Good sessions, independent of each other.
    target
        Largest rate, and the risk of being wrong about it.
    n_families, n_rules
        As for :func:`uniform_upper`.

    Returns
    -------
    int
        -1 where not even none is enough.

    Examples
    --------
    >>> target = RiskTarget(0.05, 0.05)
    >>> [most_false_halts(n, target) for n in (123, 124, 1190)]
    [-1, 0, 31]
    """
    enough, too_many = -1, n + 1
    # The bound grows with the count.
    while too_many - enough > 1:
        k = (enough + too_many) // 2
        upper = uniform_upper(k, n, n_rules=n_rules, delta=target.delta, n_families=n_families)
        enough, too_many = (k, too_many) if upper <= target.alpha else (enough, k)
    return enough


def smallest_alpha(n: int, *, delta: float) -> float:
    """Return the smallest false-halt rate that ``n`` good sessions can certify, rounded up.

    To a tenth of a percent; 1 if there are none.

    Examples
    --------
    >>> smallest_alpha(114, delta=0.1), smallest_alpha(38, delta=0.05)
    (0.02, 0.076)
    """
    _check_share("delta", delta)
    if n < 1:
        return 1.0
    return math.ceil(-math.expm1(math.log(delta) / n) * 1000) / 1000


def _check_shares(alpha: float, delta: float) -> None:
    _check_share("alpha", alpha)
    _check_share("delta", delta)


def _check_share(name: str, value: float) -> None:
    if not 0.0 < value < 1.0:
        raise InvalidRequestError(f"{name} must be between 0 and 1, got {value!r}")


def _check_counts(k: int, n: int) -> None:
    if not 0 <= k <= n:
        raise InvalidRequestError(f"k must be in [0, n], got {k!r} of {n!r}")
