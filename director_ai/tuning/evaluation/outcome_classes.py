"""Outcome classes of labelled sessions under one policy."""

from typing import NamedTuple

import numpy as np

from director_ai.core.halting.policy import HaltPolicy
from director_ai.errors import InvalidRequestError
from director_ai.replay.crossings import NEVER
from director_ai.replay.curves import BoolArray, IntArray
from director_ai.replay.engine import Outcomes, Replay
from director_ai.tuning.labelled import LabelledCurves

DEFAULT_GRACE = 20
"""Tokens after its onset within which a halt is in time."""


class OutcomeClasses(NamedTuple):
    """One class for every session; each array is a mask of shape (n_sessions,).

    Good sessions are halted (``false``) or let through (``passed``). Bad ones are halted before
    their onset (``early``), in time (``timely``), after the grace (``late``), or not at all
    (``missed``); without a known onset a halt is ``caught``. ``unknown`` are labelled sessions
    whose recording ends before any rule holds.

    A halt before the onset is not justified, yet it is no false halt: the rate that is
    guaranteed counts good sessions alone, so that it does not hang on the bad ones.
    """

    false: BoolArray
    passed: BoolArray
    early: BoolArray
    timely: BoolArray
    late: BoolArray
    caught: BoolArray
    missed: BoolArray
    unknown: BoolArray

    @property
    def detected(self) -> BoolArray:
        """Bad sessions halted at or after their onset, or with none known."""
        return self.timely | self.late | self.caught


def classify(
    data: LabelledCurves, outcomes: Outcomes, *, grace: int = DEFAULT_GRACE, tolerance: int = 0
) -> OutcomeClasses:
    """Return the outcome class of every session.

    Parameters
    ----------
    data, outcomes
        The sessions, and what a policy makes of them.
    grace
        Tokens after the onset within which a halt is in time.
    tolerance
        Tokens before the onset at which a halt already counts as in time; 3 to 5 where onsets are
        known by sentence only.

    Raises
    ------
    InvalidRequestError
        If one of the two is below 0.
    """
    for name, value in (("grace", grace), ("tolerance", tolerance)):
        if value < 0:
            raise InvalidRequestError(f"{name} must be at least 0, got {value!r}")
    good, bad = data.good, data.bad
    known = bad & (data.onsets != NEVER)
    trigger, halts = outcomes.trigger, outcomes.halts
    early = known & halts & (trigger < data.onsets - tolerance)
    # NEVER plus anything would wrap around.
    latest = np.where(known, data.onsets, 0) + grace
    late = known & halts & (trigger > latest)
    return OutcomeClasses(
        false=good & halts,
        passed=good & outcomes.completes,
        early=early,
        timely=known & halts & ~early & ~late,
        late=late,
        caught=bad & ~known & halts,
        missed=bad & outcomes.completes,
        unknown=(good | bad) & outcomes.unknown,
    )


def may_be_early(data: LabelledCurves, classes: OutcomeClasses) -> BoolArray:
    """Return the unknown bad sessions that a halt past the end of their recording may stop early.

    A recording of n tokens ends before token n: what comes later may come before the onset.
    """
    past_end = (data.onsets != NEVER) & (data.onsets > data.curves.lengths)
    return np.asarray(classes.unknown & past_end)


def delays(data: LabelledCurves, outcomes: Outcomes, classes: OutcomeClasses) -> IntArray:
    """Return tokens from onset to halt of every session detected, ``NEVER`` for all others."""
    known = classes.timely | classes.late
    return np.where(known, outcomes.trigger - np.where(known, data.onsets, 0), NEVER)


def released(data: LabelledCurves, outcomes: Outcomes, policy: HaltPolicy) -> IntArray:
    """Return the number of tokens of every session that its reader gets; shape (n_sessions,).

    A hard halt withholds its token, a soft one passes the last of its sentence, and a policy that
    only observes withholds nothing. Of an unfinished stream these are the tokens recorded.
    """
    if policy.halt_mode == "observe":
        return data.curves.lengths
    softly = (policy.halt_mode == "soft") & (outcomes.mechanism > 0)
    stopped = np.where(outcomes.halts, outcomes.stop, 0) + softly
    return np.where(outcomes.halts, stopped, data.curves.lengths)


def outcomes_under(data: LabelledCurves, policy: HaltPolicy) -> Outcomes:
    """Return the outcomes under one policy; build a ``Replay`` for several policies."""
    replay = Replay(data.curves, window_size=policy.window_size, trend_window=policy.trend_window)
    return replay.outcomes(policy)
