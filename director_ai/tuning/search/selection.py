"""Selection of the best thresholds of a grid under a budget of false halts."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import product
from typing import Final, Literal, NamedTuple, get_args

import numpy as np

from director_ai.core.halting.policy import HaltPolicy
from director_ai.errors import InvalidRequestError
from director_ai.replay.curves import BoolArray, FloatArray
from director_ai.replay.engine import Replay
from director_ai.tuning.evaluation import metrics
from director_ai.tuning.evaluation.metrics import Counts
from director_ai.tuning.evaluation.sweep import Grid, sweep
from director_ai.tuning.evaluation.weighted_sweep import Cell, counts_at, pessimistic, unjustified
from director_ai.tuning.labelled import LabelledCurves
from director_ai.tuning.thresholds import with_thresholds

Objective = Literal["catch", "F1", "balanced accuracy", "MCC", "cost"]
"""Objective of a selection; a cost is minimised, all others are maximised."""

WINDOW_SIZES: Final = (5, 10, 20, 40)
TREND_WINDOWS: Final = (5, 10, 20)
"""Sizes tried beside those in use where windows are searched too, in tokens."""

_SAME = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Goal:
    """Objective and budget of a selection.

    Attributes
    ----------
    budget
        Largest share of good sessions that may be halted, in [0, 1]; 1 for no budget.
    objective
        What is best among those.
    false_halts_per_miss
        Of the objective ``"cost"``: how many false halts are as bad as one miss.

    Raises
    ------
    InvalidRequestError
        If the budget or the cost is out of its range, or there is no such objective.

    Examples
    --------
    >>> Goal(budget=0.02).objective
    'catch'
    """

    budget: float = 1.0
    objective: Objective = "catch"
    false_halts_per_miss: float = 1.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.budget <= 1.0:
            raise InvalidRequestError(f"budget must be in [0, 1], got {self.budget!r}")
        if self.objective not in get_args(Objective):
            allowed = ", ".join(get_args(Objective))
            raise InvalidRequestError(
                f"objective must be one of {allowed}, got {self.objective!r:.80}"
            )
        if not self.false_halts_per_miss > 0.0:
            raise InvalidRequestError(
                f"false_halts_per_miss must be positive, got {self.false_halts_per_miss!r}"
            )

    def value(self, counts: Counts) -> FloatArray:
        """Return the objective, the larger the better; nan where it is undefined.

        Unknown sessions count against the policy.
        """
        counts = pessimistic(counts)
        if self.objective == "cost":
            return -metrics.cost(counts, false_halts_per_miss=self.false_halts_per_miss)
        return _VALUES[self.objective](counts)

    def allows(self, counts: Counts) -> BoolArray:
        """Return a mask of the combinations within the budget, unknown good sessions all halted."""
        spent = counts.false + counts.good_unknown
        # A product such as 0.07 * 100 misses its whole number by a hair.
        return np.asarray(spent <= self.budget * counts.n_good + 1e-9)


_VALUES = {
    "catch": metrics.catch_rate,
    "F1": metrics.f_score,
    "balanced accuracy": metrics.balanced_accuracy,
    "MCC": metrics.matthews,
}


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
        """Return the policy's own windows, with the default sizes beside them if ``windows``.

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


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """The best combination there is.

    Attributes
    ----------
    policy
        Its limits.
    cell
        Its place in the grid.
    value
        The objective; a cost comes as minus itself.
    counts
        What becomes of the sessions, as numbers; unknown ones are still apart.
    grid
        The thresholds tried.
    tried
        Window sizes tried, as pairs of ``window_size`` and ``trend_window``.
    """

    policy: HaltPolicy
    cell: Cell
    value: float
    counts: Counts
    grid: Grid
    tried: tuple[tuple[int, int], ...]


def select_thresholds(
    data: LabelledCurves,
    replay: Replay,
    grid: Grid,
    goal: Goal | None = None,
    *,
    base: HaltPolicy | None = None,
    tolerance: int = 0,
) -> Selection | None:
    """Return the best combination of a grid under a budget of false halts.

    A session whose recording ends before any rule holds counts against the policy: a good one as
    halted, a bad one as missed. Ties are broken by the fewest unjustified halts, then by
    :func:`best_cell`. The objective on the sessions it was selected on is optimistic: see
    :mod:`director_ai.tuning.validation.out_of_bag`.

    Parameters
    ----------
    data
        The sessions.
    replay
        Of ``data.curves``.
    grid
        Thresholds to try.
    goal
        Objective and budget; by default the most catches, without a budget.
    base
        Gives the fields that are not searched; the default policy by default.
    tolerance
        Tokens before an onset at which a halt is not early any more.

    Returns
    -------
    Selection or None
        None where no combination is within the budget, or nothing is labelled that the objective
        needs.

    Examples
    --------
    >>> data = LabelledCurves.from_scores([[0.92], [0.75], [0.33]], labels=[0, 0, 1])
    >>> replay = Replay(data.curves, window_size=1, trend_window=2)
    >>> found = select_thresholds(data, replay, Grid.even(11), Goal(budget=0.0))
    >>> found.policy.hard_limit, found.policy.window_threshold, found.value
    (0.0, 0.5, 1.0)
    """
    goal = goal or Goal()
    swept = Counts.of(sweep(data, replay, grid, tolerance=tolerance))
    cell = best_cell(swept, goal)
    if cell is None:
        return None
    counts = counts_at(swept, cell)
    return Selection(
        policy=policy_at(grid, cell, replay, base or HaltPolicy()),
        cell=cell,
        value=float(goal.value(counts)),
        counts=counts,
        grid=grid,
        tried=((replay.window_size, replay.trend_window),),
    )


def select_windows(
    data: LabelledCurves,
    grid: Grid,
    search: Search,
    goal: Goal | None = None,
    *,
    replay_at: Callable[[int, int], Replay] | None = None,
    base: HaltPolicy | None = None,
    tolerance: int = 0,
) -> Selection | None:
    """Return the best combination over every pair of several window sizes too.

    It is the choice that :func:`director_ai.tuning.validation.out_of_bag.out_of_bag` makes anew.
    Searching windows inflates what is promised more than a finer grid does, and ``tried`` counts
    the pairs for :func:`director_ai.tuning.guarantee.bounds.uniform_upper`.

    Parameters
    ----------
    data, grid, goal, base, tolerance
        See :func:`select_thresholds`. A grid must be in thresholds that serve every size.
    search
        Window sizes to try; of equally good pairs the first is taken.
    replay_at
        Gives the replay of the curves under a window size and a trend window.
    """
    selections = []
    for window_size, trend_window in search.pairs:
        replay = (
            replay_at(window_size, trend_window)
            if replay_at is not None
            else Replay(data.curves, window_size=window_size, trend_window=trend_window)
        )
        selection = select_thresholds(data, replay, grid, goal, base=base, tolerance=tolerance)
        if selection is not None:
            selections.append(replace(selection, tried=search.pairs))
    return max(selections, key=lambda p: (p.value, -float(unjustified(p.counts))), default=None)


def best_cell(counts: Counts, goal: Goal) -> Cell | None:
    """Return the best combination of a table, or None if none is within the budget.

    Ties are broken so that a hair's change of a score does not matter: the fewest unjustified
    halts, the most lenient of those, and from there the middle of the run of equals along each axis
    in turn. A rule that may as well be off, is.

    Parameters
    ----------
    counts
        Arrays of a grid's shape.
    goal
        What is best.
    """
    value = goal.value(counts)
    value = np.where(goal.allows(counts) & ~np.isnan(value), value, -np.inf)
    best = value.max()
    if best == -np.inf:
        return None
    tied = value >= best - _SAME
    wrong = unjustified(counts)
    tied &= wrong <= wrong[tied].min() + 1e-9
    return _settled(tied)


def policy_at(grid: Grid, cell: Cell, replay: Replay, base: HaltPolicy) -> HaltPolicy:
    """Return the policy of one combination, under the windows of a replay."""
    policy = replace(base, window_size=replay.window_size, trend_window=replay.trend_window)
    hard, window, trend = cell
    return with_thresholds(
        policy,
        (
            float(grid.hard_limits[hard]),
            float(grid.window_thresholds[window]),
            float(grid.trend_thresholds[trend]),
        ),
    )


def _settled(tied: BoolArray) -> Cell:
    """Return one of equally good combinations."""
    places = np.argwhere(tied)
    # Axes of different lengths are compared by how far along them a place is.
    strictness = (places / np.maximum(1, np.array(tied.shape) - 1)).sum(axis=1)
    cell = places[strictness.argmin()].tolist()
    for axis in range(3):
        line = tied[tuple(slice(None) if other == axis else cell[other] for other in range(3))]
        start = end = cell[axis]
        while start > 0 and line[start - 1]:
            start -= 1
        while end + 1 < len(line) and line[end + 1]:
            end += 1
        cell[axis] = 0 if start == 0 else (start + end) // 2
    return cell[0], cell[1], cell[2]
