"""How often a stream is halted without reason, by token: what carries over to other lengths."""

from typing import NamedTuple

import numpy as np
from scipy.stats import chi2

from director_ai.errors import InvalidRequestError
from director_ai.replay.curves import BoolArray, FloatArray, IntArray
from director_ai.replay.engine import Outcomes
from director_ai.replay.staircase import NEVER
from director_ai.tuning.labelled import LabelledCurves

DEFAULT_LENGTHS = (100, 200, 400)


class Hazard(NamedTuple):
    """Unjustified halts per thousand tokens at risk.

    Attributes
    ----------
    per_1000
        The rate; nan where no token was at risk.
    low, high
        Its interval.
    n_halts, n_tokens
        Halts of good sessions and of bad ones before their onset, and tokens before any of them.
    """

    per_1000: float
    low: float
    high: float
    n_halts: int
    n_tokens: int


class Survival(NamedTuple):
    """How many streams are still going after some tokens, with nothing wrong in them yet.

    Attributes
    ----------
    lengths
        Tokens, as asked for; shape (n_lengths,).
    shares
        Probability that no unjustified halt comes within as many; nan where no session is that
        long. Shape (n_lengths,).
    at_risk
        Sessions seen for as many tokens; shape (n_lengths,).
    """

    lengths: IntArray
    shares: FloatArray
    at_risk: IntArray


def hazard(
    data: LabelledCurves, outcomes: Outcomes, *, tolerance: int = 0, confidence: float = 0.95
) -> Hazard:
    """Return the rate of unjustified halts, with Garwood's exact interval of a Poisson count.

    The token a stream is halted at is at risk too. Sessions without a label, and bad ones without
    a known onset, tell nothing.

    Parameters
    ----------
    data, outcomes
        The sessions, and what a policy makes of them.
    tolerance
        Tokens before an onset at which a halt is not early any more.
    confidence
        Of the interval, two-sided.

    Examples
    --------
    >>> from director_ai.core.halting.policy import HaltPolicy
    >>> from director_ai.tuning.classes import replayed
    >>> data = LabelledCurves.from_scores([[0.9] * 4 + [0.2], [0.9] * 5], labels=[0, 0])
    >>> found = hazard(data, replayed(data, HaltPolicy(trend_threshold=1.5)))
    >>> found.per_1000, found.n_halts, found.n_tokens
    (100.0, 1, 10)
    """
    if not 0.0 < confidence < 1.0:
        raise InvalidRequestError(f"confidence must be between 0 and 1, got {confidence!r}")
    times, halted = _times(data, outcomes, tolerance)
    k, n_tokens = int(halted.sum()), int(times.sum())
    if n_tokens == 0:
        return Hazard(np.nan, np.nan, np.nan, 0, 0)
    tail, unit = (1.0 - confidence) / 2.0, 1000.0 / n_tokens
    low = float(chi2.ppf(tail, 2 * k)) / 2.0 if k else 0.0
    high = float(chi2.ppf(1.0 - tail, 2 * k + 2)) / 2.0
    return Hazard(k * unit, low * unit, high * unit, k, n_tokens)


def survival(
    data: LabelledCurves,
    outcomes: Outcomes,
    *,
    lengths: tuple[int, ...] = DEFAULT_LENGTHS,
    tolerance: int = 0,
) -> Survival:
    """Return the Kaplan-Meier estimate of getting through some tokens unhalted.

    A session is followed up to its onset or its end, whichever is first.

    Parameters
    ----------
    data, outcomes, tolerance
        See :func:`hazard`.
    lengths
        Tokens to get through, at least 1 each.

    Examples
    --------
    >>> from director_ai.core.halting.policy import HaltPolicy
    >>> from director_ai.tuning.classes import replayed
    >>> data = LabelledCurves.from_scores([[0.9, 0.2], [0.9], [0.9] * 3], labels=[0, 0, 0])
    >>> found = survival(data, replayed(data, HaltPolicy()), lengths=(1, 2, 9))
    >>> found.shares.tolist(), found.at_risk.tolist()
    ([1.0, 0.5, nan], [3, 2, 0])
    """
    times, halted = _times(data, outcomes, tolerance)
    longest = int(times.max(initial=0))
    events = np.bincount(times[halted], minlength=longest + 1)
    at_risk = np.bincount(times, minlength=longest + 1)[::-1].cumsum()[::-1]
    # Every length up to the longest has someone at risk.
    shares = np.cumprod(1.0 - events / np.maximum(at_risk, 1))
    asked = np.asarray(lengths, np.int64)
    if (asked < 1).any():
        raise InvalidRequestError(f"lengths must be at least 1, got {int(asked.min())!r}")
    inside = asked <= longest
    place = np.where(inside, asked, 0)
    return Survival(
        asked,
        np.where(inside, shares[place], np.nan),
        np.where(inside, at_risk[place], 0),
    )


def _times(data: LabelledCurves, outcomes: Outcomes, tolerance: int) -> tuple[IntArray, BoolArray]:
    """Return the tokens at risk of every session that tells, and whether a halt ended them."""
    known = data.bad & (data.onsets != NEVER)
    tells = data.good | known
    clean = np.where(known, np.minimum(data.onsets, data.curves.lengths), data.curves.lengths)
    latest = np.where(known, np.where(known, data.onsets, 0) - tolerance, NEVER)
    halted = outcomes.halts & (outcomes.trigger < latest)
    times = np.where(halted, np.where(halted, outcomes.trigger, 0) + 1, clean)
    return times[tells], halted[tells]
