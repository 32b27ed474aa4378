"""Anytime-valid evidence on the false-halt rate of good sessions, from audited counts.

With G a good answer and H a halt by the policy, the false-halt rate R = E[GH] / E[G] is at most
``alpha`` exactly if E[G(H - alpha)] <= 0. Each counted session of a plan falls into one of six
cells, and has a value Z with E[Z] = E[G(H - alpha)]: a pass that is not drawn counts as good, and a
drawn bad one takes that back, weighted by its probability (a difference estimator).

=============  ===========================
cell           Z
=============  ===========================
pass, undrawn  -alpha
pass, good     -alpha
pass, bad      alpha (1 / p_pass - 1)
halt, undrawn  0
halt, good     (1 - alpha) / p_halt
halt, bad      0
=============  ===========================

Bets are fixed beforehand, so that a label that is not there yet may take its worst value: the
evidence stays below its true path at any time, whatever comes late.

References
----------
I. Waudby-Smith, A. Ramdas, "Estimating means of bounded random variables by betting", JRSS B 86
(2024) 1-27; A. Podkopaev, A. Ramdas, "Tracking the risk of a deployed model", ICLR 2022; S.
Shekhar, Z. Xu, Z. Lipton, P. Liang, A. Ramdas, "Risk-limiting financial audits via weighted
sampling without replacement", UAI 2023; J. Ville, "Étude critique de la notion de collectif"
(1939): a non-negative supermartingale that starts at 1 reaches 1 / delta with probability at most
delta.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from director_ai.errors import InvalidRequestError
from director_ai.monitoring.plan import Plan, check_alpha
from director_ai.replay.curves import BoolArray, FloatArray, IntArray

CELLS = ("pass undrawn", "pass good", "pass bad", "halt undrawn", "halt good", "halt bad")
"""The columns of a table of counts, in their order."""

PASS_UNDRAWN, PASS_GOOD, PASS_BAD, HALT_UNDRAWN, HALT_GOOD, HALT_BAD = range(6)

Side = Literal["above", "below"]

BETS: dict[Side, tuple[float, ...]] = {
    "above": (0.25, 0.5, 1.0, 2.0, 4.0),
    "below": (0.25, 0.5, 0.75, 0.9),
}
"""Fixed bets; the evidence is the mean of their wealth."""

_RATES = np.geomspace(1e-5, 0.99, 3_000)
"""Rates at which an interval is tried, in (0, 1)."""


class RateInterval(NamedTuple):
    """Rates that the evidence does not reject."""

    low: float
    high: float


def settle(counts: IntArray, waiting: IntArray, side: Side) -> IntArray:
    """Return counts in which every label that is missing has its worst value for a side.

    Parameters
    ----------
    counts
        Sessions by plan and cell, shape (..., 6), those that wait for a label left out.
    waiting
        Drawn sessions without a settled label (waiting, unsure, disputed, deleted): passes and
        halts, shape (..., 2).
    side
        ``above``: a halt is bad and a pass good; ``below``: a halt is good and a pass bad.

    Examples
    --------
    >>> settle(np.array([90, 5, 1, 2, 1, 1]), np.array([3, 4]), "above")
    array([90,  8,  1,  2,  1,  5])
    """
    settled = np.array(counts)
    settled[..., PASS_GOOD if side == "above" else PASS_BAD] += waiting[..., 0]
    settled[..., HALT_BAD if side == "above" else HALT_GOOD] += waiting[..., 1]
    return settled


def log_evidence(counts: IntArray, plans: Sequence[Plan], *, alpha: float, side: Side) -> float:
    """Return the natural logarithm of the evidence that R is above, or below, ``alpha``.

    If the average rate since the start, weighted by each plan's ``p_halt``, is at most ``alpha``
    (at least, for ``below``), the evidence ever reaches 1 / delta with probability at most delta.

    Parameters
    ----------
    counts
        Sessions by plan and cell, shape (n_plans, 6); see :data:`CELLS` and :func:`settle`.
    plans
        The probabilities of each row.
    alpha
        The rate, in (0, 0.2).
    side
        The alternative.

    Raises
    ------
    InvalidRequestError
        If a bet could lose more than it has.

    Examples
    --------
    >>> plan = Plan(0.2, 0.008)
    >>> counts = np.array([[9_000, 70, 8, 800, 12, 190]])
    >>> round(log_evidence(counts, [plan], alpha=0.02, side="above"), 1)
    -7.2
    >>> round(log_evidence(counts, [plan], alpha=0.001, side="above"), 1)
    11.3
    """
    check_alpha(alpha)
    logs = _log_factors(plans, np.array([alpha]), side)[0]
    if not np.isfinite(logs).all():
        raise InvalidRequestError(
            f"alpha is too large for these plans, a bet could lose more than it has: {alpha!r}"
        )
    return _log_mean(_log_wealth(counts, logs))


def evidence_path(day_counts: IntArray, plans: Sequence[Plan], *, alpha: float) -> FloatArray:
    """Return the evidence that R is above ``alpha`` since the first day, after each, (n_days,).

    Parameters
    ----------
    day_counts
        Settled counts, shape (n_days, n_plans, 6).
    plans, alpha
        As for :func:`log_evidence`, whose value of the days so far each number is.

    Examples
    --------
    >>> quiet, loud = [[970, 7, 1, 20, 0, 2]], [[950, 7, 1, 30, 9, 3]]
    >>> evidence_path(np.array([quiet, loud, quiet]), [Plan(0.2, 0.008)], alpha=0.02).round(1)
    array([-2.1, -0.5, -1.9])
    """
    wealth = np.cumsum(_log_day_wealth(day_counts, plans, alpha), axis=0)
    path: FloatArray = np.logaddexp.reduce(wealth, axis=1) - np.log(wealth.shape[1])
    return path


def detector(day_counts: IntArray, plans: Sequence[Plan], *, alpha: float) -> FloatArray:
    """Return the logarithm of the Shiryaev-Roberts change statistic after each day, (n_days,).

    While R stays at most ``alpha``, it is c or more within d days with probability at most d / c,
    and the mean time until it is, is at least c days.

    Parameters
    ----------
    day_counts
        Settled counts, shape (n_days, n_plans, 6).
    plans, alpha
        As for :func:`log_evidence`.

    References
    ----------
    J. Shin, A. Ramdas, A. Rinaldo, "E-detectors: a nonparametric framework for sequential change
    detection", New England Journal of Statistics in Data Science 2 (2024) 229-260.

    Examples
    --------
    >>> quiet, loud = [[970, 7, 1, 20, 0, 2]], [[950, 7, 1, 30, 9, 3]]
    >>> detector(np.array([quiet, quiet, loud]), [Plan(0.2, 0.008)], alpha=0.02).round(1)
    array([-2.1, -1.8,  2.2])
    """
    return _shiryaev_roberts(_log_day_wealth(day_counts, plans, alpha))


def share_detector(n_events: IntArray, n_sessions: IntArray, *, share: float) -> FloatArray:
    """Return the logarithm of the change statistic of a plain share after each day, (n_days,).

    As :func:`detector`, where every session is seen: of faults, for example.

    Parameters
    ----------
    n_events, n_sessions
        Of each day, shape (n_days,); events are among the sessions.
    share
        Largest usual share, in (0, 0.2).

    Examples
    --------
    >>> share_detector(np.array([0, 1, 60]), np.array([200, 200, 200]), share=0.01).round(1)
    array([-1.5, -0.8, 89.2])
    """
    check_alpha(share)
    bets = np.array(BETS["above"])
    lost = np.log1p(-bets * share / (1.0 - share))
    days = n_events[:, None] * np.log1p(bets) + (n_sessions - n_events)[:, None] * lost
    return _shiryaev_roberts(days)


class ChangeDay(NamedTuple):
    """Estimated first day of a change; the bracket has no coverage.

    Attributes
    ----------
    day
        Index of the start day with the most evidence.
    first, last
        Start days whose evidence is within a factor of 10 of it.
    """

    day: int
    first: int
    last: int


def change_day(day_counts: IntArray, plans: Sequence[Plan], *, alpha: float) -> ChangeDay:
    """Return the start day since which the evidence that R is above ``alpha`` is largest.

    Examples
    --------
    >>> quiet, loud = [[970, 7, 1, 20, 0, 2]], [[950, 7, 1, 30, 9, 3]]
    >>> change_day(np.array([quiet, quiet, loud, loud]), [Plan(0.2, 0.008)], alpha=0.02)
    ChangeDay(day=2, first=2, last=2)
    """
    logs = _log_day_wealth(day_counts, plans, alpha)
    since = np.flip(np.cumsum(np.flip(logs, 0), 0), 0)
    evidence = np.logaddexp.reduce(since, axis=1)
    day = int(np.argmax(evidence))
    near = np.flatnonzero(evidence >= evidence[day] - np.log(10.0))
    return ChangeDay(day, int(near[0]), int(near[-1]))


def rate_interval(
    counts: IntArray, waiting: IntArray, plans: Sequence[Plan], *, delta: float
) -> RateInterval:
    """Return the rates R that neither side rejects, valid at every look with 1 - delta confidence.

    Parameters
    ----------
    counts, waiting
        As for :func:`settle`, shapes (n_plans, 6) and (n_plans, 2); R is constant within them.
    plans
        The probabilities of each row.
    delta
        Risk that R was ever outside, in (0, 1).

    Returns
    -------
    RateInterval
        ``(0, 1)`` where no label tells anything.

    Examples
    --------
    >>> counts, waiting = np.array([[9_000, 70, 8, 800, 12, 190]]), np.array([[0, 0]])
    >>> low, high = rate_interval(counts, waiting, [Plan(0.2, 0.008)], delta=0.1)
    >>> round(low, 4), round(high, 4)
    (0.0029, 0.0154)
    """
    if not 0.0 < delta < 1.0:
        raise InvalidRequestError(f"delta must be in (0, 1), got {delta!r}")
    # Whoever rejects a rate rejects all beyond it: with R larger, Z is larger on average.
    above, below = (_rejected(counts, waiting, plans, delta / 2.0, side) for side in BETS)
    low = float(above.max(initial=0.0))
    high = float(below.min(initial=1.0))
    # Both reject all of them: R was not constant.
    return RateInterval(low, high) if low <= high else RateInterval(0.0, 1.0)


def _rejected(
    counts: IntArray, waiting: IntArray, plans: Sequence[Plan], delta: float, side: Side
) -> FloatArray:
    """Return the rates that one side rejects."""
    wealth = _log_wealth(settle(counts, waiting, side), _log_factors(plans, _RATES, side))
    evidence: FloatArray = np.logaddexp.reduce(wealth, axis=-1) - np.log(wealth.shape[-1])
    rejected: FloatArray = _RATES[evidence >= -np.log(delta)]
    return rejected


def estimated_rate(counts: IntArray, plans: Sequence[Plan]) -> float:
    """Return the estimate of R from settled labels; nan without good sessions.

    Good halts, each weighted by 1 / ``p_halt``, over good sessions: passes count as good but for
    drawn bad ones, weighted by 1 / ``p_pass``.

    Examples
    --------
    >>> counts = np.array([[9_000, 70, 8, 800, 12, 190]])
    >>> round(estimated_rate(counts, [Plan(0.2, 0.008)]), 4)
    0.0074
    """
    p_halt, p_pass = _probabilities(plans)
    halted = (counts[:, HALT_GOOD] / p_halt).sum()
    bad = np.divide(
        counts[:, PASS_BAD], p_pass, out=np.zeros(len(counts)), where=p_pass > 0.0
    ).sum()
    passed = counts[:, : PASS_BAD + 1].sum() - bad
    n_good = halted + max(0.0, float(passed))
    return float(halted / n_good) if n_good > 0.0 else float("nan")


def _probabilities(plans: Sequence[Plan]) -> tuple[FloatArray, FloatArray]:
    return (
        np.array([plan.p_halt for plan in plans], np.float64),
        np.array([plan.p_pass for plan in plans], np.float64),
    )


def _log_factors(plans: Sequence[Plan], alphas: FloatArray, side: Side) -> FloatArray:
    """Return the log factor of a session by rate, plan, cell and bet.

    A bet that could lose more than it has is never made: all its factors are ``-inf``.
    """
    p_halt, p_pass = _probabilities(plans)
    alpha = alphas[:, None]
    values = np.zeros((len(alphas), len(plans), len(CELLS)))
    values[:, :, PASS_UNDRAWN] = values[:, :, PASS_GOOD] = -alpha
    # Without audits of passes nobody is in this cell.
    inverse = np.divide(1.0, p_pass, out=np.ones(len(plans)), where=p_pass > 0.0)
    values[:, :, PASS_BAD] = alpha * (inverse - 1.0)
    values[:, :, HALT_GOOD] = (1.0 - alpha) / p_halt
    stakes = p_halt[:, None] * values / (1.0 - alpha)[:, :, None]
    bets = np.array(BETS[side]) * (1.0 if side == "above" else -1.0)
    factors = 1.0 + stakes[..., None] * bets
    is_sound: BoolArray = np.all(factors > 0.0, axis=(1, 2), keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(factors)
    return np.where(is_sound, logs, -np.inf)


def _log_wealth(counts: IntArray, logs: FloatArray) -> FloatArray:
    """Return log wealth by bet, over the plans and cells of ``counts``; ``-inf`` if never made."""
    used = np.isfinite(logs).all(axis=(-3, -2))
    finite = np.where(np.isfinite(logs), logs, 0.0)
    wealth = np.einsum("pc,...pck->...k", counts.astype(np.float64), finite)
    return np.where(used, wealth, -np.inf)


def _log_day_wealth(day_counts: IntArray, plans: Sequence[Plan], alpha: float) -> FloatArray:
    check_alpha(alpha)
    logs = _log_factors(plans, np.array([alpha]), "above")[0]
    wealth: FloatArray = np.einsum("dpc,pck->dk", day_counts.astype(np.float64), logs)
    return wealth


def _log_mean(logs: FloatArray) -> float:
    return float(np.logaddexp.reduce(logs) - np.log(len(logs)))


def _shiryaev_roberts(logs: FloatArray) -> FloatArray:
    """Return the log statistic after each day, of log factors by day and bet."""
    statistic = np.full(logs.shape[1], -np.inf)
    path = np.empty(len(logs))
    for day, log in enumerate(logs):
        # A day without a session is no start: else silence alone would come to an alarm.
        if log.any():
            statistic = np.logaddexp(statistic, 0.0) + log
        path[day] = _log_mean(statistic)
    return path
