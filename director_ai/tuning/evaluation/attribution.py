"""Attribution of halts to rules, and flips from one policy to another."""

from typing import NamedTuple

import numpy as np

from director_ai.core.halting.policy import HaltPolicy
from director_ai.replay.crossings import NEVER
from director_ai.replay.curves import BoolArray, IntArray
from director_ai.replay.engine import HARD, TREND, WINDOW, Outcomes, Replay
from director_ai.tuning.evaluation.outcome_classes import classify
from director_ai.tuning.labelled import LabelledCurves


class Attribution(NamedTuple):
    """Halts by the rules that would each have caused them; every array has shape (8,).

    A combination's index is the sum of ``1 << rule`` over its rules: those that hold anywhere in
    the recorded session, not only the first of them. Index 0 is empty.

    Attributes
    ----------
    right, early, false
        Bad sessions halted at or after their onset, bad ones before it, and good ones.
    unlabelled
        Sessions without a label.
    """

    right: IntArray
    early: IntArray
    false: IntArray
    unlabelled: IntArray

    def only(self, rule: int) -> tuple[int, int, int]:
        """Return right, early and false halts that no other rule would have caused."""
        place = 1 << rule
        return int(self.right[place]), int(self.early[place]), int(self.false[place])


def attribute_halts(
    data: LabelledCurves, replay: Replay, policy: HaltPolicy, *, tolerance: int = 0
) -> Attribution:
    """Return the number of halts that each combination of rules causes.

    Examples
    --------
    >>> data = LabelledCurves.from_scores([[0.9, 0.2], [0.8, 0.55]], labels=[1, 0])
    >>> replay = Replay(data.curves, window_size=9, trend_window=2)
    >>> halts = attribute_halts(data, replay, HaltPolicy(window_size=9, trend_window=2))
    >>> halts.only(TREND), halts.right.tolist()
    ((0, 0, 1), [0, 0, 0, 0, 0, 1, 0, 0])
    """
    holds = replay.crossings(policy) != NEVER
    combination = sum((1 << rule) * holds[rule] for rule in (HARD, WINDOW, TREND))
    classes = classify(data, replay.outcomes(policy), tolerance=tolerance)

    def counted(mask: BoolArray) -> IntArray:
        return np.bincount(np.asarray(combination)[mask], minlength=8)

    return Attribution(
        right=counted(classes.detected),
        early=counted(classes.early),
        false=counted(classes.false),
        unlabelled=counted(holds.any(axis=0) & ~data.good & ~data.bad),
    )


class Flips(NamedTuple):
    """Sessions that end otherwise; masks of shape (n_sessions,).

    No session is in two of them, except a bad one that changes a right halt for an early one. A
    halt is gained or lost only where both ends are known.

    Attributes
    ----------
    right_gained, right_lost
        Bad sessions halted at or after their onset now, or not any more.
    early_gained, early_lost
        Bad sessions halted before their onset now, or not any more.
    false_gained, false_lost
        Good sessions halted now, or not any more.
    moved
        Sessions halted by both, in the same class, at another token.
    unlabelled
        Sessions without a label that are halted by one of the two.
    now_unknown
        Sessions of any label that were halted, and whose recording now ends before any rule holds.
    now_known
        Sessions of any label that are halted now, and were unknown before.
    """

    right_gained: BoolArray
    right_lost: BoolArray
    early_gained: BoolArray
    early_lost: BoolArray
    false_gained: BoolArray
    false_lost: BoolArray
    moved: BoolArray
    unlabelled: BoolArray
    now_unknown: BoolArray
    now_known: BoolArray


def flips(before: Outcomes, after: Outcomes, data: LabelledCurves, *, tolerance: int = 0) -> Flips:
    """Return the sessions that end otherwise under another policy.

    Examples
    --------
    >>> data = LabelledCurves.from_scores([[0.45], [0.45]], labels=[0, 1])
    >>> replay = Replay(data.curves, window_size=10, trend_window=5)
    >>> strict, lenient = HaltPolicy(), HaltPolicy(hard_limit=0.4)
    >>> found = flips(replay.outcomes(strict), replay.outcomes(lenient), data)
    >>> found.right_lost.tolist(), found.false_lost.tolist()
    ([False, True], [True, False])
    """
    was, now = (classify(data, outcomes, tolerance=tolerance) for outcomes in (before, after))
    unlabelled = ~data.good & ~data.bad
    now_unknown, now_known = before.halts & after.unknown, before.unknown & after.halts
    known = ~now_unknown & ~now_known
    gained_or_lost = (
        *_changed(was.detected, now.detected, known),
        *_changed(was.early, now.early, known),
        *_changed(was.false, now.false, known),
    )
    newly = unlabelled & (before.halts != after.halts) & known
    both = before.halts & after.halts & ~np.any(gained_or_lost, axis=0)
    return Flips(
        *gained_or_lost,
        moved=both & (before.trigger != after.trigger),
        unlabelled=newly,
        now_unknown=now_unknown,
        now_known=now_known,
    )


def _changed(was: BoolArray, now: BoolArray, known: BoolArray) -> tuple[BoolArray, BoolArray]:
    return now & ~was & known, was & ~now & known
