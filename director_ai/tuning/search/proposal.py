"""Proposal of limits: the highest catch rate whose simultaneous bound is within a target."""

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np

from director_ai.core.halting.policy import HaltPolicy
from director_ai.replay.engine import Replay
from director_ai.tuning.evaluation.evaluation import limits_text
from director_ai.tuning.evaluation.sweep import Grid
from director_ai.tuning.guarantee.bounds import N_RULES, RiskTarget, least_good_tuned, uniform_upper
from director_ai.tuning.search.cautions import Caution, grid_edge_caution, sample_size_caution
from director_ai.tuning.search.plateaus import tidied
from director_ai.tuning.search.selection import Goal, Search, select_windows
from director_ai.tuning.study import TuneData

DEFAULT_TARGET: Final = RiskTarget(0.05, 0.05)
"""Target of the Tune page and of the command by default."""


class Proposal(NamedTuple):
    """Result of a search for limits within a risk target.

    Attributes
    ----------
    policy
        The best limits within the target, ``None`` where there are none.
    reason
        One sentence: the limits and what holds for them, or why there are none.
    edge
        A caution where the best limits lie on the edge of the range searched.
    """

    policy: HaltPolicy | None
    reason: str
    edge: Caution | None = None


ReplayAt = Callable[[int, int], Replay]
"""A function that gives the replay under a window size and a trend window."""


def allowed_false_halts(n_good: int, target: RiskTarget, *, n_families: int = 1) -> int:
    """Return the largest number of good sessions that tuned limits may halt, -1 if not even 0.

    The bound holds for every choice of the three thresholds, so also for the best.

    Parameters
    ----------
    n_good, target
        Good sessions tuned on, one a group, and the target.
    n_families
        Pairs of window sizes searched.

    Examples
    --------
    >>> [allowed_false_halts(n_good, RiskTarget(0.05, 0.1)) for n_good in (600, 40)]
    [12, -1]
    """
    low, high = -1, n_good
    while low < high:
        middle = (low + high + 1) // 2
        if _bound(middle, n_good, target, n_families) <= target.alpha:
            low = middle
        else:
            high = middle - 1
    return low


def least_good(target: RiskTarget, *, n_families: int = 1) -> int:
    """Return the smallest number of good sessions that a proposal needs.

    >>> least_good(RiskTarget(0.05, 0.1)), least_good(RiskTarget(0.05, 0.1), n_families=15)
    (105, 175)
    """
    return least_good_tuned(alpha=target.alpha, delta=target.delta, n_families=n_families)


def goal_for(data: TuneData, target: RiskTarget, search: Search) -> Goal | str:
    """Return the goal of a search within a target, or the reason why none can be reached."""
    labelled = data.labelled
    few = sample_size_caution(n_good=labelled.n_good, n_bad=labelled.n_bad)
    if few is not None:
        return few.sentence
    n_families = len(search.pairs)
    most = allowed_false_halts(labelled.n_good_groups, target, n_families=n_families)
    if most < 0:
        needed = least_good(target, n_families=n_families)
        families = f" of {labelled.n_good_groups:,} groups, one each" if _is_grouped(data) else ""
        return (
            f"Infeasible: {_target_text(target)} confidence needs at least {needed:,} good "
            f"sessions, there are {labelled.n_good:,}{families}."
        )
    # So many sessions are of no more groups than that.
    return Goal(budget=most / labelled.n_good)


def propose(
    data: TuneData,
    replays: Replay | ReplayAt,
    base: HaltPolicy,
    target: RiskTarget,
    search: Search | None = None,
) -> Proposal:
    """Return the best limits within a target, or the reason why there are none.

    Parameters
    ----------
    data
        The sessions.
    replays
        Their replay under the windows of ``base``, or a function that gives it for any pair.
    base, target
        The policy whose other fields are kept, and the largest false-halt rate.
    search
        Windows to try; those of ``base`` alone by default. Trying more leaves a smaller budget:
        what is promised holds for every one of them.
    """
    search = search or Search.of(base, windows=False)

    def replay_at(window_size: int, trend_window: int) -> Replay:
        return replays if isinstance(replays, Replay) else replays(window_size, trend_window)

    goal = goal_for(data, target, search)
    if isinstance(goal, str):
        return Proposal(None, goal)
    labelled, n_families = data.labelled, len(search.pairs)
    most = allowed_false_halts(labelled.n_good_groups, target, n_families=n_families)
    selection = select_windows(
        labelled,
        GRID,
        search,
        goal,
        replay_at=replay_at,
        base=base,
    )
    if selection is None:
        n_cut = int((labelled.good & ~labelled.curves.complete).sum())
        return Proposal(
            None,
            f"Infeasible: {_target_text(target)} confidence leaves at most {most:,} of "
            f"{labelled.n_good:,} good sessions to halt, and {n_cut:,} of them are recordings that "
            "end early, which count as halted where it is not known.",
        )
    sizes = (selection.policy.window_size, selection.policy.trend_window)
    policy = tidied(replay_at(*sizes), selection.policy)
    n_false = int(selection.counts.false + selection.counts.good_unknown)
    scope = "with these windows" if n_families == 1 else f"among {n_families} pairs of windows"
    families = f" of {labelled.n_good_groups:,} groups" if _is_grouped(data) else ""
    # The target fixed beforehand is what holds; a bound at the number counted would not.
    return Proposal(
        policy,
        f"Proposed {limits_text(policy)}: {n_false:,} of at most {most:,} false halts{families}, "
        f"so {_target_text(target)} confidence, whatever was tried {scope}.",
        grid_edge_caution(selection.cell, GRID, sizes=sizes, tried=search),
    )


def _bound(n_false: int, n_good: int, target: RiskTarget, n_families: int) -> float:
    return uniform_upper(
        n_false, n_good, n_rules=N_RULES, delta=target.delta, n_families=n_families
    )


def _is_grouped(data: TuneData) -> bool:
    return data.labelled.n_good_groups < data.labelled.n_good


def _target_text(target: RiskTarget) -> str:
    return f"≤ {100 * target.alpha:g} % at {100 * (1 - target.delta):g} %"


def _grid() -> Grid:
    unit = np.linspace(0.0, 1.0, 51)
    # Drops of interest are small; the first turns the rule off.
    return Grid(unit, unit, np.concatenate([[1.5], np.linspace(1.0, 0.0, 51)]))


GRID: Final = _grid()
"""Thresholds a proposal is sought among: each rule from off to as strict as can be."""
