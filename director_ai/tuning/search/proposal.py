"""The best limits under a budget of false halts, with what can be promised of them."""

from collections.abc import Callable
from itertools import product
from typing import Final, NamedTuple

import numpy as np

from director_ai.core.halting.policy import HaltPolicy
from director_ai.replay.engine import Replay
from director_ai.tuning.evaluation.evaluation import limits_text
from director_ai.tuning.evaluation.sweep import Grid
from director_ai.tuning.guarantee.bounds import N_RULES, least_good_tuned, uniform_upper
from director_ai.tuning.search.cautions import Caution, choosable, inside
from director_ai.tuning.search.plateaus import tidied
from director_ai.tuning.search.selection import Goal, propose_windows
from director_ai.tuning.study import TuneData

WINDOW_SIZES: Final = (5, 10, 20, 40)
TREND_WINDOWS: Final = (5, 10, 20)
"""Sizes tried beside those in use where windows are searched too, in tokens."""


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


USUAL: Final = Wish(0.05, 0.05)
"""What is asked of limits where nothing else is said."""


class Search(NamedTuple):
    """Window sizes a proposal is sought among, in tokens, those in use first.

    Attributes
    ----------
    window_sizes, trend_windows
        Every pair of them may be tried.
    """

    window_sizes: tuple[int, ...]
    trend_windows: tuple[int, ...]

    @classmethod
    def of(cls, policy: HaltPolicy, *, windows: bool) -> "Search":
        """Return the policy's own windows, with the usual ones beside them if ``windows``.

        >>> Search.of(HaltPolicy(window_size=12), windows=True)
        Search(window_sizes=(12, 5, 10, 20, 40), trend_windows=(5, 10, 20))
        """
        sizes, lengths = [policy.window_size], [policy.trend_window]
        if windows:
            sizes += WINDOW_SIZES
            lengths += TREND_WINDOWS
        return cls(tuple(dict.fromkeys(sizes)), tuple(dict.fromkeys(lengths)))

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """Every pair of window size and trend window."""
        return tuple(product(self.window_sizes, self.trend_windows))


class Offer(NamedTuple):
    """What came of a search.

    Attributes
    ----------
    policy
        The best limits within the budget, or none.
    said
        What to say of it.
    edge
        Said beside it where the best lies on the edge of what was tried.
    """

    policy: HaltPolicy | None
    said: str
    edge: Caution | None = None


ReplayAt = Callable[[int, int], Replay]
"""Gives the replay under a window size and a trend window."""


def most_false_halts(n_good: int, asked: Wish, *, n_families: int = 1) -> int:
    """Return how many good sessions tuned limits may halt, -1 if even none is too many.

    The bound holds for every choice of the three thresholds, so also for the best.

    Parameters
    ----------
    n_good, asked
        Good sessions tuned on, one a group, and the wish.
    n_families
        Pairs of window sizes searched.

    Examples
    --------
    >>> most_false_halts(600, Wish(0.05, 0.1)), most_false_halts(40, Wish(0.05, 0.1))
    (12, -1)
    """
    low, high = -1, n_good
    while low < high:
        middle = (low + high + 1) // 2
        if _bound(middle, n_good, asked, n_families) <= asked.alpha:
            low = middle
        else:
            high = middle - 1
    return low


def fewest_good(asked: Wish, *, n_families: int = 1) -> int:
    """Return how many good sessions a proposal needs at the least.

    >>> fewest_good(Wish(0.05, 0.1)), fewest_good(Wish(0.05, 0.1), n_families=15)
    (105, 175)
    """
    return least_good_tuned(alpha=asked.alpha, delta=asked.delta, n_families=n_families)


def goal_of(data: TuneData, asked: Wish, search: Search) -> Goal | str:
    """Return what is best within a wish, or why nothing can be."""
    labelled = data.labelled
    few = choosable(n_good=labelled.n_good, n_bad=labelled.n_bad)
    if few is not None:
        return few.sentence
    n_families = len(search.pairs)
    most = most_false_halts(labelled.n_good_groups, asked, n_families=n_families)
    if most < 0:
        needed = fewest_good(asked, n_families=n_families)
        families = (
            f" of {labelled.n_good_groups:,} prompt families, one a family"
            if _is_grouped(data)
            else ""
        )
        return (
            f"Infeasible: {_wanted(asked)} confidence needs at least {needed:,} good "
            f"sessions, there are {labelled.n_good:,}{families}."
        )
    # So many sessions are of no more groups than that.
    return Goal(budget=most / labelled.n_good)


def proposed(
    data: TuneData, replay: Replay, base: HaltPolicy, asked: Wish
) -> tuple[HaltPolicy | None, str]:
    """Return the best limits within the budget under one pair of windows, or none, and why."""
    found = offered(data, lambda *_: replay, base, asked)
    return found.policy, found.said


def offered(
    data: TuneData,
    replay_at: ReplayAt,
    base: HaltPolicy,
    asked: Wish,
    search: Search | None = None,
) -> Offer:
    """Return the best limits within the budget.

    Parameters
    ----------
    data
        The sessions.
    replay_at
        Gives their replays.
    base, asked
        Gives the fields that are not searched, and the budget.
    search
        Windows to try; those of ``base`` alone by default. Trying more leaves a smaller budget:
        what is promised holds for every one of them.
    """
    search = search or Search.of(base, windows=False)
    goal = goal_of(data, asked, search)
    if isinstance(goal, str):
        return Offer(None, goal)
    labelled, n_families = data.labelled, len(search.pairs)
    most = most_false_halts(labelled.n_good_groups, asked, n_families=n_families)
    found = propose_windows(
        labelled,
        GRID,
        window_sizes=search.window_sizes,
        trend_windows=search.trend_windows,
        replay_at=replay_at,
        budget=goal.budget,
        base=base,
    )
    if found is None:
        n_cut = int((labelled.good & ~labelled.curves.complete).sum())
        return Offer(
            None,
            f"Infeasible: {_wanted(asked)} confidence leaves at most {most:,} of "
            f"{labelled.n_good:,} good sessions to halt, and {n_cut:,} of them are recordings that "
            "end early, which count as halted where it is not known.",
        )
    sizes = (found.policy.window_size, found.policy.trend_window)
    policy = tidied(replay_at(*sizes), found.policy)
    n_false = int(found.counts.false + found.counts.good_unknown)
    scope = "with these windows" if n_families == 1 else f"among {n_families} pairs of windows"
    families = f" of {labelled.n_good_groups:,} prompt families" if _is_grouped(data) else ""
    # What was asked beforehand is what holds; a bound at the number found would not.
    return Offer(
        policy,
        f"Proposed {limits_text(policy)}: {n_false:,} of at most {most:,} false halts{families}, "
        f"so {_wanted(asked)} confidence, whatever was tried {scope}.",
        inside(found.cell, GRID, sizes=sizes, tried=search),
    )


def _bound(n_false: int, n_good: int, asked: Wish, n_families: int) -> float:
    return uniform_upper(n_false, n_good, n_rules=N_RULES, delta=asked.delta, n_families=n_families)


def _is_grouped(data: TuneData) -> bool:
    return data.labelled.n_good_groups < data.labelled.n_good


def _wanted(asked: Wish) -> str:
    return f"≤ {100 * asked.alpha:g} % at {100 * (1 - asked.delta):g} %"


def _grid() -> Grid:
    unit = np.linspace(0.0, 1.0, 51)
    # Drops of interest are small; the first turns the rule off.
    return Grid(unit, unit, np.concatenate([[1.5], np.linspace(1.0, 0.0, 51)]))


GRID: Final = _grid()
"""Thresholds a proposal is sought among: each rule from off to as strict as can be."""
