"""The best limits under a budget of false halts, with what can be promised of them."""

from typing import Final, NamedTuple

import numpy as np

from director_ai.core.halting.policy import HaltPolicy
from director_ai.replay.engine import Replay
from director_ai.tuning.bounds import uniform_upper
from director_ai.tuning.cautions import choosable
from director_ai.tuning.plateaus import tidied
from director_ai.tuning.result import limits_text
from director_ai.tuning.selection import propose
from director_ai.tuning.study import TuneData
from director_ai.tuning.sweep import Grid

N_RULES: Final = 3
"""Thresholds that are free while tuning: a bound has to hold for every choice of them."""


class Wish(NamedTuple):
    """What is asked of the limits.

    Attributes
    ----------
    alpha
        Largest false-halt rate, in (0, 1).
    delta
        Accepted risk of being wrong about it.
    """

    alpha: float
    delta: float


def most_false_halts(n_good: int, asked: Wish) -> int:
    """Return how many good sessions tuned limits may halt, -1 if even none is too many.

    The bound holds for every choice of the three thresholds, so also for the best.

    Examples
    --------
    >>> most_false_halts(600, Wish(0.05, 0.1)), most_false_halts(40, Wish(0.05, 0.1))
    (12, -1)
    """
    low, high = -1, n_good
    while low < high:
        middle = (low + high + 1) // 2
        if uniform_upper(middle, n_good, n_rules=N_RULES, delta=asked.delta) <= asked.alpha:
            low = middle
        else:
            high = middle - 1
    return low


def fewest_good(asked: Wish) -> int:
    """Return how many good sessions a proposal needs at the least.

    >>> fewest_good(Wish(0.05, 0.1))
    105
    """
    n_good = N_RULES + 1
    while uniform_upper(0, n_good, n_rules=N_RULES, delta=asked.delta) > asked.alpha:
        n_good += 1
    return n_good


def proposed(
    data: TuneData, replay: Replay, base: HaltPolicy, asked: Wish
) -> tuple[HaltPolicy | None, str]:
    """Return the best limits within the budget, or none, and what to say of it."""
    labelled = data.labelled
    few = choosable(n_good=labelled.n_good, n_bad=labelled.n_bad)
    if few is not None:
        return None, few.sentence
    wanted = f"≤ {100 * asked.alpha:g} % at {100 * (1 - asked.delta):g} %"
    most = most_false_halts(labelled.n_good, asked)
    if most < 0:
        return None, (
            f"Infeasible: {wanted} confidence needs at least {fewest_good(asked):,} good "
            f"sessions, there are {labelled.n_good:,}."
        )
    found = propose(labelled, replay, _grid(), budget=most / labelled.n_good, base=base)
    if found is None:
        n_cut = int((labelled.good & ~labelled.curves.complete).sum())
        return None, (
            f"Infeasible: {wanted} confidence leaves at most {most:,} of {labelled.n_good:,} good "
            f"sessions to halt, and {n_cut:,} of them are recordings that end early, which count "
            "as halted where it is not known."
        )
    policy = tidied(replay, found.policy)
    n_false = int(found.counts.false + found.counts.good_unknown)
    bound = uniform_upper(n_false, labelled.n_good, n_rules=N_RULES, delta=asked.delta)
    return policy, (
        f"Proposed {limits_text(policy)}: {n_false:,} of at most {most:,} false halts, so "
        f"≤ {100 * bound:.1f} % at {100 * (1 - asked.delta):g} % confidence, whatever was tried "
        "with these windows."
    )


def _grid() -> Grid:
    unit = np.linspace(0.0, 1.0, 51)
    # Drops of interest are small; the first turns the rule off.
    return Grid(unit, unit, np.concatenate([[1.5], np.linspace(1.0, 0.0, 51)]))
