"""Out-of-bag bootstrap of threshold selection: the optimism of a tuned policy's metrics."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from director_ai.errors import InvalidRequestError
from director_ai.replay.curves import BoolArray, FloatArray, IntArray
from director_ai.replay.engine import Replay
from director_ai.tuning.evaluation.metrics import METRICS, Counts
from director_ai.tuning.evaluation.sweep import Grid
from director_ai.tuning.evaluation.weighted_sweep import (
    Cell,
    Cells,
    counts_at,
    pessimistic,
    unjustified,
)
from director_ai.tuning.labelled import UNLABELLED, LabelledCurves
from director_ai.tuning.search.selection import Goal, best_cell

OBJECTIVE = "objective"
"""Name of the goal's own value among those of the metrics."""

Progress = Callable[[int], None]
"""A function that is called after each replicate with the number done."""


class OptimismEstimate(NamedTuple):
    """One number of the tuned policy, as displayed and as it would be on new sessions.

    Attributes
    ----------
    displayed
        On the sessions it was tuned on, unknown ones held against it.
    mean
        On sessions it was not tuned on, on average; a little pessimistic.
    low, high
        Quantiles over the replicates, 5 % and 95 %.
    """

    displayed: float
    mean: float
    low: float
    high: float

    @property
    def optimism(self) -> float:
        """Displayed value minus the out-of-bag mean."""
        return self.displayed - self.mean


@dataclass(frozen=True, slots=True, eq=False)
class OutOfBag:
    """Out-of-bag estimate of a selection.

    Attributes
    ----------
    cell, family
        The combination chosen on all sessions, and the place of its window sizes among those
        searched.
    metrics
        Every metric by name, and the goal's own value as ``OBJECTIVE``.
    n_replicates, n_failed
        Replicates that chose a combination, and those in which none was within the budget.
    selection_counts
        How many replicates chose each combination; shape (n_families, *the grid's).
    near_best
        Combinations within the budget and one standard error of the best; of the same shape.
    standard_error
        Of the objective at ``cell``, over the replicates.
    """

    cell: Cell
    family: int
    metrics: dict[str, OptimismEstimate]
    n_replicates: int
    n_failed: int
    selection_counts: IntArray
    near_best: BoolArray
    standard_error: float

    @property
    def stability(self) -> float:
        """Share of replicates that chose the combination chosen most often."""
        return float(self.selection_counts.max() / max(1, self.n_replicates))

    @property
    def near_share(self) -> float:
        """Share of replicates that chose a combination within one standard error of the best."""
        return float(self.selection_counts[self.near_best].sum() / max(1, self.n_replicates))


def out_of_bag(
    data: LabelledCurves,
    replays: Replay | Sequence[Replay],
    grid: Grid,
    goal: Goal,
    *,
    seed: int,
    n_replicates: int = 200,
    tolerance: int = 0,
    progress: Progress | None = None,
) -> OutOfBag | None:
    """Return the out-of-bag estimate of the tuned policy: the whole selection, bootstrapped.

    In each replicate groups are drawn with replacement, within those of good sessions, of bad
    ones and of both; limits are chosen on them and judged on the sessions of the groups left out.

    Parameters
    ----------
    data, grid, goal, tolerance
        What was tuned; see :func:`director_ai.tuning.search.selection.select_thresholds`.
    replays
        Of ``data.curves``, under every pair of window sizes that was searched.
    seed
        Of the draws.
    n_replicates
        How often, at least 1. Each costs O(n_sessions + 3 n_cells) a replay.
    progress
        Called after each replicate with the number done.

    Returns
    -------
    OutOfBag or None
        None where no combination is within the budget.

    References
    ----------
    B. Efron, R. Tibshirani, "Improvements on cross-validation: the .632+ bootstrap method", JASA 92
    (1997) 548-560: the leave-one-out bootstrap, here by group and over the whole selection.

    Examples
    --------
    >>> data = LabelledCurves.from_scores([[0.9]] * 30 + [[0.3]] * 30, labels=[0] * 30 + [1] * 30)
    >>> replay = Replay(data.curves, window_size=1, trend_window=2)
    >>> found = out_of_bag(data, replay, Grid.even(5), Goal(budget=0.1), seed=1, n_replicates=9)
    >>> found.metrics["catch rate"].displayed, found.metrics["catch rate"].mean
    (1.0, 1.0)
    """
    if n_replicates < 1:
        raise InvalidRequestError(f"n_replicates must be at least 1, got {n_replicates!r}")
    random = np.random.default_rng(seed)
    searched = window_cells(data, replays, grid, tolerance=tolerance)
    everyone = np.ones(data.n_sessions)
    best = best_of(searched, everyone, goal)
    if best is None:
        return None
    draw = _group_weights(data)
    selection_counts = np.zeros((len(searched), *grid.shape), np.int64)
    left_out_values: list[dict[str, float]] = []
    at_cell = []
    for done in range(1, n_replicates + 1):
        weights = draw(random)
        selection = best_of(searched, weights, goal)
        at_cell.append(float(goal.value(searched[best.family].at(best.cell, weights))))
        if selection is not None:
            selection_counts[(selection.family, *selection.cell)] += 1
            left_out = (weights == 0).astype(np.float64)
            left_out_values.append(
                _metric_values(searched[selection.family].at(selection.cell, left_out), goal)
            )
        if progress is not None:
            progress(done)
    error = float(np.std(_defined(at_cell), ddof=1)) if len(_defined(at_cell)) > 1 else np.nan
    least = best.value - (0.0 if np.isnan(error) else error)
    tables = (cells.weighted(everyone) for cells in searched)
    near = np.stack([goal.allows(table) & (goal.value(table) >= least) for table in tables])
    displayed = _metric_values(best.counts, goal)
    return OutOfBag(
        cell=best.cell,
        family=best.family,
        metrics={
            name: _estimate(shown, [values[name] for values in left_out_values])
            for name, shown in displayed.items()
        },
        n_replicates=len(left_out_values),
        n_failed=n_replicates - len(left_out_values),
        selection_counts=selection_counts,
        near_best=near,
        standard_error=error,
    )


class Best(NamedTuple):
    """The best combination of all families.

    Attributes
    ----------
    family, cell
        Place of its window sizes among those searched, and its place in the grid.
    counts, value
        What becomes of the sessions by their weights, and the objective.
    """

    family: int
    cell: Cell
    counts: Counts
    value: float


def window_cells(
    data: LabelledCurves, replays: Replay | Sequence[Replay], grid: Grid, *, tolerance: int = 0
) -> list[Cells]:
    """Return the halting cells of each session under every pair of window sizes."""
    each = [replays] if isinstance(replays, Replay) else replays
    return [Cells.of(data, replay, grid, tolerance=tolerance) for replay in each]


def best_of(searched: Sequence[Cells], weights: FloatArray, goal: Goal) -> Best | None:
    """Return the best combination of all families, None if none is within the budget.

    Of equally good ones that with the fewest unjustified halts, then the first.
    """
    candidates = []
    for family, cells in enumerate(searched):
        table = cells.weighted(weights)
        cell = best_cell(table, goal)
        if cell is not None:
            counts = counts_at(table, cell)
            candidates.append(Best(family, cell, counts, float(goal.value(counts))))
    return max(candidates, key=lambda b: (b.value, -float(unjustified(b.counts))), default=None)


def _group_weights(data: LabelledCurves) -> Callable[[np.random.Generator], FloatArray]:
    """Return a function that draws the weight of every session; nan for one without a label."""
    labelled = data.labels != UNLABELLED
    _, groups = np.unique(data.groups[labelled], return_inverse=True)
    n_groups = int(groups.max(initial=-1)) + 1
    bad = data.bad[labelled]
    # 1: good sessions only, 2: bad ones only, 3: both.
    kind = (np.bincount(groups[~bad], minlength=n_groups) > 0) + 2 * (
        np.bincount(groups[bad], minlength=n_groups) > 0
    )
    strata = [np.flatnonzero(kind == one_kind) for one_kind in (1, 2, 3)]

    def draw(random: np.random.Generator) -> FloatArray:
        counts = np.zeros(n_groups)
        for members in strata:
            if len(members):
                picks = random.integers(0, len(members), len(members))
                counts[members] = np.bincount(picks, minlength=len(members))
        weights = np.full(data.n_sessions, np.nan)
        weights[labelled] = counts[groups]
        return weights

    return draw


def _metric_values(counts: Counts, goal: Goal) -> dict[str, float]:
    settled = pessimistic(counts)
    values = {name: float(metric(settled)) for name, metric in METRICS.items()}
    return {**values, OBJECTIVE: float(goal.value(counts))}


def _estimate(displayed: float, values: list[float]) -> OptimismEstimate:
    defined = _defined(values)
    if not len(defined):
        return OptimismEstimate(displayed, np.nan, np.nan, np.nan)
    low, high = np.quantile(defined, (0.05, 0.95))
    return OptimismEstimate(displayed, float(defined.mean()), float(low), float(high))


def _defined(values: list[float]) -> FloatArray:
    numbers = np.asarray(values, np.float64)
    return numbers[~np.isnan(numbers)]
