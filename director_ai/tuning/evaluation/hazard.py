"""Hazard and survival: unjustified halts by tokens at risk, which carry over to other lengths."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincinv

from director_ai.errors import InvalidRequestError
from director_ai.replay.crossings import NEVER
from director_ai.replay.curves import BoolArray, FloatArray, IntArray
from director_ai.replay.engine import Outcomes
from director_ai.tuning.evaluation.group_sums import GroupSums
from director_ai.tuning.evaluation.intervals import Z_95
from director_ai.tuning.labelled import LabelledCurves

DEFAULT_LENGTHS = (100, 200, 400)


class Hazard(NamedTuple):
    """Unjustified halts per thousand tokens at risk.

    Attributes
    ----------
    per_1000
        The rate; nan where no token was at risk.
    low, high
        Its interval, by groups of sessions.
    n_halts, n_tokens
        Halts of good sessions and of bad ones before their onset, and tokens before any of them.
    """

    per_1000: float
    low: float
    high: float
    n_halts: int
    n_tokens: int


class Survival(NamedTuple):
    """Kaplan-Meier estimate: share of good streams not halted within some tokens.

    Attributes
    ----------
    lengths
        Tokens; shape (n_lengths,).
    shares
        Probability that no unjustified halt comes within as many; nan where no session is that
        long. Shape (n_lengths,).
    at_risk
        Sessions seen for as many tokens; shape (n_lengths,).
    low, high
        Ends of the pointwise 95 % intervals of ``shares``, by groups of sessions; nan where these
        are, both the share itself where it is 0 or 1. Shape (n_lengths,).
    """

    lengths: IntArray
    shares: FloatArray
    at_risk: IntArray
    low: FloatArray
    high: FloatArray


def hazard(
    data: LabelledCurves, outcomes: Outcomes, *, tolerance: int = 0, confidence: float = 0.95
) -> Hazard:
    """Return the rate of unjustified halts, with Garwood's exact interval of a Poisson count.

    The token a stream is halted at is at risk too. Sessions without a label, and bad ones without
    a known onset, tell nothing. Where sessions are grouped, halts and tokens are divided by how
    much more the halts of groups vary than a Poisson count does.

    Parameters
    ----------
    data, outcomes
        The sessions, and what a policy makes of them.
    tolerance
        Tokens before an onset at which a halt is not early any more.
    confidence
        Of the interval, two-sided.

    References
    ----------
    F. Garwood, "Fiducial limits for the Poisson distribution", Biometrika 28 (1936) 437-442; for
    groups J. N. K. Rao, A. J. Scott, "A simple method for the analysis of clustered binary data",
    Biometrics 48 (1992) 577-585.

    Examples
    --------
    >>> from director_ai.core.halting.policy import HaltPolicy
    >>> from director_ai.tuning.evaluation.outcome_classes import outcomes_under
    >>> data = LabelledCurves.from_scores([[0.9] * 4 + [0.2], [0.9] * 5], labels=[0, 0])
    >>> found = hazard(data, outcomes_under(data, HaltPolicy(trend_threshold=1.5)))
    >>> found.per_1000, found.n_halts, found.n_tokens
    (100.0, 1, 10)
    """
    if not 0.0 < confidence < 1.0:
        raise InvalidRequestError(f"confidence must be between 0 and 1, got {confidence!r}")
    times, halted, groups = _times(data, outcomes, tolerance)
    k, n_tokens = int(halted.sum()), int(times.sum())
    if n_tokens == 0:
        return Hazard(np.nan, np.nan, np.nan, 0, 0)
    effect = _overdispersion(
        np.bincount(groups, weights=halted), np.bincount(groups, weights=times), len(times)
    )
    tail, unit, effective_halts = (1.0 - confidence) / 2.0, 1000.0 / n_tokens, k / effect
    low = float(gammaincinv(effective_halts, tail)) if k else 0.0
    high = float(gammaincinv(effective_halts + 1, 1.0 - tail))
    return Hazard(k * unit, low * unit * effect, high * unit * effect, k, n_tokens)


def survival(
    data: LabelledCurves,
    outcomes: Outcomes,
    *,
    lengths: tuple[int, ...] = DEFAULT_LENGTHS,
    tolerance: int = 0,
) -> Survival:
    """Return the Kaplan-Meier estimate of getting through some tokens unhalted.

    A session is followed up to its onset or its end, whichever is first. The intervals are on the
    log-log scale, by the infinitesimal jackknife: the squares of what each group contributes to
    the logarithm of the share. Where each session is its own group that is close to Greenwood's.

    Parameters
    ----------
    data, outcomes, tolerance
        See :func:`hazard`.
    lengths
        Tokens to get through, at least 1 each.

    Examples
    --------
    >>> from director_ai.core.halting.policy import HaltPolicy
    >>> from director_ai.tuning.evaluation.outcome_classes import outcomes_under
    >>> data = LabelledCurves.from_scores([[0.9, 0.2], [0.9], [0.9] * 3], labels=[0, 0, 0])
    >>> found = survival(data, outcomes_under(data, HaltPolicy()), lengths=(1, 2, 9))
    >>> found.shares.tolist(), found.at_risk.tolist()
    ([1.0, 0.5, nan], [3, 2, 0])

    References
    ----------
    E. L. Kaplan, P. Meier, "Nonparametric estimation from incomplete observations", JASA 53 (1958)
    457-481; for groups R. L. Williams, "Product-limit survival functions with correlated survival
    times", Lifetime Data Analysis 1 (1995) 171-186.
    """
    times, halted, groups = _times(data, outcomes, tolerance)
    longest = int(times.max(initial=0))
    events = np.bincount(times[halted], minlength=longest + 1)
    at_risk = np.bincount(times, minlength=longest + 1)[::-1].cumsum()[::-1]
    # Every length up to the longest has someone at risk.
    shares = np.cumprod(1.0 - events / np.maximum(at_risk, 1))
    tokens = np.asarray(lengths, np.int64)
    if (tokens < 1).any():
        raise InvalidRequestError(f"lengths must be at least 1, got {int(tokens.min())!r}")
    inside = tokens <= longest
    place = np.where(inside, tokens, 0)
    error = _log_errors(times, halted, groups, events, at_risk)
    with np.errstate(divide="ignore", invalid="ignore"):
        reach = np.exp(Z_95 * error / np.abs(np.log(shares)))
        low, high = shares**reach, shares ** (1 / reach)
    certain = (shares == 0.0) | (shares == 1.0)
    low, high = np.where(certain, shares, low), np.where(certain, shares, high)
    return Survival(
        tokens,
        np.where(inside, shares[place], np.nan),
        np.where(inside, at_risk[place], 0),
        np.where(inside, low[place], np.nan),
        np.where(inside, high[place], np.nan),
    )


def _log_errors(
    times: IntArray, halted: BoolArray, groups: IntArray, events: IntArray, at_risk: IntArray
) -> FloatArray:
    """Return the standard error of the logarithm of every share, by what each group adds to it.

    A session adds one over those left where it is halted, and takes away what each halt up to its
    own end, or up to that length, took from those at risk with it.
    """
    # Where nobody is left the share is 0 and has no interval.
    left = np.maximum(at_risk - events, 1)
    paid = np.cumsum(events / (np.maximum(at_risk, 1).astype(np.float64) * left))
    sizes = np.bincount(groups).astype(np.float64)
    of_own_group = sizes[groups]
    path = GroupSums(groups, times, len(at_risk))
    settled = halted / left[times] - paid[times]
    # Of a group: what its ended sessions add, and -paid for each of the others.
    squares: FloatArray = (
        path.products(settled, settled)
        + 2 * paid * path.products(settled, 1.0)
        + paid**2 * path.products(1.0, 1.0)
        - 2 * paid * (path.total(settled * of_own_group) + paid * path.total(of_own_group))
        + paid**2 * (sizes**2).sum()
    )
    return np.asarray(np.sqrt(np.maximum(squares, 0.0)))


def _overdispersion(
    halts: NDArray[np.number[Any]], tokens: NDArray[np.number[Any]], n_sessions: int
) -> float:
    """Return the overdispersion of halts between groups over a Poisson count, at least 1.

    As in :func:`director_ai.tuning.evaluation.intervals.effective_n`, with half a group more all
    of whose sessions are halted: a few halts do not show how alike the sessions of a group are.
    """
    n_groups = len(halts)
    if n_groups == n_sessions:
        return 1.0
    typical, per_session = n_sessions / n_groups, tokens.sum() / n_sessions
    rate = (halts.sum() + typical / 2) / (tokens.sum() + per_session * typical / 2)
    squares = ((halts - rate * tokens) ** 2).sum() + ((typical * (1 - rate * per_session)) ** 2) / 2
    return max(1.0, float(squares / (halts.sum() + typical / 2)))


def _times(
    data: LabelledCurves, outcomes: Outcomes, tolerance: int
) -> tuple[IntArray, BoolArray, IntArray]:
    """Return tokens at risk of every session that tells, whether a halt ended them, its group."""
    known = data.bad & (data.onsets != NEVER)
    tells = data.good | known
    clean = np.where(known, np.minimum(data.onsets, data.curves.lengths), data.curves.lengths)
    latest = np.where(known, np.where(known, data.onsets, 0) - tolerance, NEVER)
    halted = outcomes.halts & (outcomes.trigger < latest)
    times = np.where(halted, np.where(halted, outcomes.trigger, 0) + 1, clean)
    _, groups = np.unique(data.groups[tells], return_inverse=True)
    return times[tells], halted[tells], groups
