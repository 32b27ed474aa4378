"""Replay under a policy's cadence, and the sessions on which it is not exact."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple, Protocol

import numpy as np

from director_ai.core.halting.policy import HaltPolicy
from director_ai.replay.cadence import held
from director_ai.replay.curves import BoolArray, Curves, IntArray
from director_ai.replay.engine import Replay
from director_ai.tuning.labelled import LabelledCurves
from director_ai.tuning.policy_order import is_other_adaptive, is_other_cadence


class Recorded(Protocol):
    """Sessions, and the limits they were recorded under."""

    @property
    def labelled(self) -> LabelledCurves:
        """Their curves."""

    @property
    def policies(self) -> Sequence[HaltPolicy]:
        """The distinct limits."""

    @property
    def policy_of(self) -> IntArray:
        """Place in ``policies`` of each session."""


class Inexact(NamedTuple):
    """Sessions whose scores a policy would have taken at other tokens; masks of (n_sessions,).

    Attributes
    ----------
    adaptive
        Those recorded under another adaptive cadence than the policy's.
    other
        Those whose recorded cadence does not divide the policy's, and those whose finished text
        the policy scores but the recording did not.
    """

    adaptive: BoolArray
    other: BoolArray

    @property
    def either(self) -> BoolArray:
        """Both kinds together."""
        return self.adaptive | self.other


def replay_under(curves: Curves, policy: HaltPolicy) -> Replay:
    """Return the curves as a policy's cadence would have held them, ready for any thresholds.

    Examples
    --------
    >>> curves = Curves.from_scores([[0.9, 0.2, 0.8, 0.7]])
    >>> policy = HaltPolicy(score_every_n=2)
    >>> bool(replay_under(curves, policy).outcomes(policy).halts[0])
    False
    """
    seen = held(curves, policy)
    replay = Replay(seen, window_size=policy.window_size, trend_window=policy.trend_window)
    # Only the lows are asked from here on: what was held need not be kept.
    replay.curves = replace(curves, final_scores=seen.final_scores)
    return replay


def inexact(data: Recorded, policy: HaltPolicy) -> Inexact:
    """Return the sessions that a policy's cadence cannot be replayed on exactly.

    A recorded cadence that divides the policy's holds every score the policy asks for; of adaptive
    ones see :func:`director_ai.tuning.policy_order.is_other_adaptive`.

    Examples
    --------
    >>> from director_ai.tuning.study import TuneData
    >>> inexact(TuneData.of([]), HaltPolicy()).either.tolist()
    []
    """
    adaptive = [is_other_adaptive(recorded, policy) for recorded in data.policies]
    other = [is_other_cadence(recorded, policy) for recorded in data.policies]
    return Inexact(
        np.array(adaptive, bool)[data.policy_of],
        np.array(other, bool)[data.policy_of] | _lacks_final(data, policy),
    )


def last_held(data: Recorded) -> BoolArray:
    """Return the finished streams whose last token may have held the score of another."""
    curves = data.labelled.curves
    steps = np.array([recorded.score_every_n for recorded in data.policies], np.int64)
    # Which tokens an adaptive cadence left out is not kept.
    adaptive = np.array([recorded.adaptive for recorded in data.policies], bool)
    held_back = adaptive[data.policy_of] | ((curves.lengths - 1) % steps[data.policy_of] > 0)
    return np.asarray(curves.complete & held_back)


def _lacks_final(data: Recorded, policy: HaltPolicy) -> BoolArray:
    """Return the finished streams whose last token was held while a policy scores it."""
    scored = np.array([recorded.score_final for recorded in data.policies], bool)
    if not policy.score_final or scored.all():
        return np.zeros(len(data.policy_of), bool)
    return np.asarray(last_held(data) & ~scored[data.policy_of])
