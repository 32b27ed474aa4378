"""Thresholds with a guarantee, by statistically equivalent blocks of good sessions.

Start with every rule off and tighten one rule until it touches the next unspent good session, which
is thereby spent. After m steps the true false-halt rate is distributed as Beta(m, n - m + 1),
whatever rule was chosen at each step, as long as the choice looked at no unspent good session. So m
steps are allowed where that law lies below alpha with probability 1 - delta, which is P(Bin(n,
alpha) <= m - 1) <= delta.

References
----------
S. S. Wilks, "Order statistics", Bulletin of the American Mathematical Society 54 (1948) 6-50,
sections 8c to 8e; J. W. Tukey, "Non-parametric estimation II. Statistically equivalent blocks and
tolerance regions - the continuous case", Annals of Mathematical Statistics 18 (1947) 529-539.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from director_ai.replay.crossings import NEVER
from director_ai.replay.curves import BoolArray, FloatArray, IntArray
from director_ai.replay.engine import HARD, TREND, WINDOW, Replay
from director_ai.tuning.labelled import LabelledCurves

DEFAULT_ORDER = (WINDOW, HARD, TREND)
"""Rules in the order in which few spends are spread over them."""

_LARGEST_LEVELS = np.array([1.0, 1.0, 0.0])
"""No score and no mean is above 1, and no drop of interest below 0."""

_LAST_CUTS = 6
_LOOK_AHEAD = (1, 2, 4)
_FIRST_GAP = 0.02


class Step(NamedTuple):
    """One tightening step, which spends one good session.

    Attributes
    ----------
    rule
        Which rule was tightened.
    session
        Good session that was spent, by its row.
    levels
        What score, mean and minus the drop must not fall below from then on, shape (3,).
    n_detected
        Bad sessions detected then.
    """

    rule: int
    session: int
    levels: FloatArray
    n_detected: int


class BadSessions(NamedTuple):
    """Extremes of the bad sessions, which the choice of rules may use freely.

    Attributes
    ----------
    whole, before
        Lowest score, lowest mean and minus the largest drop, over the whole session and before
        its onset (``inf`` where it has none, or where the onset is not known); shape
        (3, n_sessions).
    """

    whole: FloatArray
    before: FloatArray

    def detected(self, levels: FloatArray) -> BoolArray:
        """Return a mask of the sessions halted at or after their onset, shape (n_sessions,)."""
        bound = levels[:, None]
        halted = (self.whole < bound).any(axis=0)
        return np.asarray(halted & ~(self.before < bound).any(axis=0))

    @classmethod
    def of(cls, data: LabelledCurves, replay: Replay, *, tolerance: int = 0) -> "BadSessions":
        """Return the extremes of the sessions labelled bad; ``replay`` is of ``data.curves``."""
        known = data.onsets != NEVER
        # Nothing lies before token 0.
        ends = np.where(known, np.where(known, data.onsets, 0) - tolerance, 0)
        return cls(replay.extremes()[:, data.bad], replay.lowest_before(ends)[:, data.bad])


def good_extremes(data: LabelledCurves, replay: Replay) -> FloatArray:
    """Return the extremes of the sessions labelled good, those of cut recordings at the worst.

    What a cut session would have done later is not known, and leaving it out would promise
    something of the others only. At ``-inf`` it counts as halted: it costs one spend.

    Returns
    -------
    FloatArray of shape (3, n_good)
    """
    extremes = np.where(data.curves.complete, replay.extremes(), -np.inf)
    return np.asarray(extremes[:, data.good])


def tighten(
    good: FloatArray,
    bad: BadSessions,
    *,
    n_steps: int,
    seed: int,
    order: Sequence[int] = DEFAULT_ORDER,
    choose: Callable[[list[Step], BadSessions, Sequence[int]], int] | None = None,
) -> list[Step]:
    """Return ``n_steps`` spends; every prefix of them, and all more lenient, has the guarantee.

    Parameters
    ----------
    good
        Extremes of the sealed good sessions, shape (3, n_good), independent of each other.
    bad
        Extremes of the bad sessions.
    n_steps
        At most :func:`director_ai.tuning.guarantee.bounds.allowed_steps`.
    seed
        Breaks ties between good sessions.
    order
        Rules that may be used, the most promising first.
    choose
        The next rule, given the steps so far, the bad sessions and the rules; by default the one
        with the largest predicted gain. It must not see ``good``.

    Examples
    --------
    >>> good = np.array([[0.4, 0.5, 0.6], [0.6, 0.6, 0.7], [-0.1, -0.1, -0.1]])
    >>> bad = BadSessions(np.array([[0.45], [0.5], [-0.3]]), np.full((3, 1), np.inf))
    >>> [step.levels.tolist() for step in tighten(good, bad, n_steps=1, seed=0)]
    [[-inf, 0.6, -inf]]
    """
    random = np.random.default_rng(seed)
    # A random order first, so that the least of several equal ones is any of them.
    rows = random.permutation(good.shape[1])
    unspent = np.ones(len(rows), bool)
    levels = np.full(3, -np.inf)
    usable = _explored(order, n_steps)
    pick = choose or _most_promising
    steps: list[Step] = []
    for _ in range(min(n_steps, len(rows))):
        rule = pick(steps, bad, usable)
        place = int(np.flatnonzero(unspent)[good[rule, rows[unspent]].argmin()])
        unspent[place] = False
        cut = min(float(good[rule, rows[place]]), float(_LARGEST_LEVELS[rule]))
        levels = levels.copy()
        # Never looser than before: an earlier spend of this rule stands below.
        levels[rule] = max(levels[rule], cut)
        steps.append(Step(rule, int(rows[place]), levels, int(bad.detected(levels).sum())))
    return steps


def best_prefix(steps: Sequence[Step]) -> Step:
    """Return the step after which most bad sessions are detected, the first of several."""
    return max(steps, key=lambda step: step.n_detected)


def _explored(order: Sequence[int], n_steps: int) -> tuple[int, ...]:
    """Return the rules to use: with few spends, few of them."""
    return tuple(order[:1] if n_steps <= 2 else order[:2] if n_steps <= 4 else order)


def _most_promising(steps: list[Step], bad: BadSessions, rules: Sequence[int]) -> int:
    """Return the rule whose next spends promise most detections each."""
    used = {step.rule for step in steps}
    for rule in rules:
        if rule not in used:
            return rule
    levels = steps[-1].levels
    n_detected = steps[-1].n_detected

    def gain(rule: int) -> float:
        # A cut recording is spent at -inf, which says nothing of the distance to the next.
        cuts = [
            step.levels[rule] for step in steps if step.rule == rule and step.levels[rule] > -np.inf
        ][-_LAST_CUTS:]
        gap = (cuts[-1] - cuts[0]) / (len(cuts) - 1) if len(cuts) > 1 else _FIRST_GAP
        best = -np.inf
        for ahead in _LOOK_AHEAD:
            tighter = levels.copy()
            tighter[rule] += ahead * gap
            best = max(best, (float(bad.detected(tighter).sum()) - n_detected) / ahead)
        return best

    return max(rules, key=gain)


def draw_one_per_group(groups: IntArray, *, seed: int) -> IntArray:
    """Return one session of each group, at random: only those are independent.

    >>> sorted(draw_one_per_group(np.array([7, 8, 7]), seed=0).tolist()) in ([0, 1], [1, 2])
    True
    """
    rows = np.random.default_rng(seed).permutation(len(groups))
    _, first = np.unique(groups[rows], return_index=True)
    return np.sort(rows[first])
