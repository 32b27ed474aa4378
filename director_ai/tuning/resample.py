"""How much of a tuned policy's numbers is the tuning itself: optimism, and noise."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from director_ai.errors import InvalidRequestError
from director_ai.replay.curves import BoolArray, FloatArray, IntArray
from director_ai.replay.engine import Replay
from director_ai.replay.staircase import NEVER
from director_ai.tuning.labelled import BAD, UNLABELLED, LabelledCurves
from director_ai.tuning.metrics import METRICS, Counts
from director_ai.tuning.selection import Goal, best_cell
from director_ai.tuning.sweep import Grid
from director_ai.tuning.tables import Cell, Cells, early_cells, one, pessimistic

OBJECTIVE = "objective"
"""Name of the goal's own value among those of the metrics."""

Progress = Callable[[int], None]
"""Told after each replicate how many are done."""


class Honest(NamedTuple):
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
        """How much better the number looks than it is, if large numbers are good."""
        return self.displayed - self.mean


@dataclass(frozen=True, slots=True, eq=False)
class OutOfBag:
    """What tuning once more on resampled sessions says of a tuning.

    Attributes
    ----------
    cell
        The combination chosen on all sessions.
    metrics
        Every metric by name, and the goal's own value as ``OBJECTIVE``.
    n_replicates, n_failed
        Replicates that chose a combination, and those in which none was within the budget.
    chosen
        How many replicates chose each combination; shape of the grid.
    near_best
        Combinations within the budget and one standard error of the best; shape of the grid.
    standard_error
        Of the objective at ``cell``, over the replicates.
    """

    cell: Cell
    metrics: dict[str, Honest]
    n_replicates: int
    n_failed: int
    chosen: IntArray
    near_best: BoolArray
    standard_error: float

    @property
    def stability(self) -> float:
        """Share of replicates that chose the combination chosen most often."""
        return float(self.chosen.max() / max(1, self.n_replicates))

    @property
    def near_share(self) -> float:
        """Share of replicates that chose a combination within one standard error of the best."""
        return float(self.chosen[self.near_best].sum() / max(1, self.n_replicates))


def out_of_bag(
    data: LabelledCurves,
    replay: Replay,
    grid: Grid,
    goal: Goal,
    *,
    seed: int,
    n_replicates: int = 200,
    tolerance: int = 0,
    progress: Progress | None = None,
) -> OutOfBag | None:
    """Return an honest estimate of the tuned policy: the whole selection, bootstrapped.

    In each replicate groups are drawn with replacement, within those of good sessions, of bad
    ones and of both; limits are chosen on them and judged on the sessions of the groups left out.

    Parameters
    ----------
    data, replay, grid, goal, tolerance
        What was tuned; see :func:`director_ai.tuning.selection.propose`.
    seed
        Of the draws.
    n_replicates
        How often, at least 1. Each costs O(n_sessions + 3 n_cells).
    progress
        Told after each replicate how many are done.

    Returns
    -------
    OutOfBag or None
        None where no combination is within the budget.
    """
    if n_replicates < 1:
        raise InvalidRequestError(f"n_replicates must be at least 1, got {n_replicates!r}")
    random = np.random.default_rng(seed)
    cells = Cells.of(data, replay, grid, tolerance=tolerance)
    table = cells.weighted(np.ones(data.n_sessions))
    cell = best_cell(table, goal)
    if cell is None:
        return None
    draw = _group_weights(data)
    chosen = np.zeros(grid.shape, np.int64)
    honest: list[dict[str, float]] = []
    at_cell = []
    for done in range(1, n_replicates + 1):
        weights = draw(random)
        picked = best_cell(cells.weighted(weights), goal)
        at_cell.append(float(goal.value(cells.at(cell, weights))))
        if picked is not None:
            chosen[picked] += 1
            honest.append(_judged(cells.at(picked, (weights == 0).astype(np.float64)), goal))
        if progress is not None:
            progress(done)
    error = float(np.std(_told(at_cell), ddof=1)) if len(_told(at_cell)) > 1 else np.nan
    value = goal.value(table)
    near = goal.allows(table) & (value >= value[cell] - (0.0 if np.isnan(error) else error))
    displayed = _judged(one(table, cell), goal)
    return OutOfBag(
        cell=cell,
        metrics={
            name: _honest(shown, [values[name] for values in honest])
            for name, shown in displayed.items()
        },
        n_replicates=len(honest),
        n_failed=n_replicates - len(honest),
        chosen=chosen,
        near_best=near,
        standard_error=error,
    )


class Floor(NamedTuple):
    """What tuning shows where there is nothing to find.

    Attributes
    ----------
    level
        95 % quantile of the best objective over permuted labels; a displayed value below it
        cannot be told from noise. nan without any.
    values
        The best objective of each permutation, shape (n_permutations,).
    """

    level: float
    values: FloatArray


def permutation_floor(
    data: LabelledCurves,
    replay: Replay,
    grid: Grid,
    goal: Goal,
    *,
    seed: int,
    n_permutations: int = 100,
    tolerance: int = 0,
) -> Floor:
    """Return the objective that tuning reaches when labels have nothing to do with the scores.

    Labels are dealt anew, and with a bad label goes its onset, at the same share of the new
    session's length. A group whose sessions all have one label is dealt one, so that sessions
    that belong together stay so; if any group has both, sessions are dealt labels one by one.

    Parameters
    ----------
    data, replay, grid, goal, tolerance
        What was tuned; see :func:`director_ai.tuning.selection.propose`.
    seed
        Of the permutations.
    n_permutations
        How many.
    """
    random = np.random.default_rng(seed)
    cells = Cells.of(data, replay, grid, tolerance=tolerance)
    values = []
    for _ in range(n_permutations):
        labels, onsets = _dealt(data, random)
        dealt = replace(
            cells,
            good=labels == 0,
            bad=labels == BAD,
            before=early_cells(replay, grid, onsets, tolerance=tolerance),
        )
        table = dealt.weighted(np.ones(data.n_sessions))
        best = best_cell(table, goal)
        values.append(np.nan if best is None else float(goal.value(one(table, best))))
    told = _told(values)
    level = float(np.quantile(told, 0.95)) if len(told) else np.nan
    return Floor(level, np.array(values))


def _dealt(data: LabelledCurves, random: np.random.Generator) -> tuple[IntArray, IntArray]:
    """Return labels and onsets dealt anew among the labelled sessions."""
    rows = np.flatnonzero(data.labels != UNLABELLED)
    _, first, groups = np.unique(data.groups[rows], return_index=True, return_inverse=True)
    if (data.labels[rows] != data.labels[rows][first][groups]).any():
        first, groups = np.arange(len(rows)), np.arange(len(rows))
    source = rows[random.permutation(first)[groups]]
    labels = np.full(data.n_sessions, UNLABELLED)
    labels[rows] = data.labels[source]
    onsets = np.full(data.n_sessions, NEVER)
    known = data.onsets[source] != NEVER
    share = data.onsets[source][known] / np.maximum(1, data.curves.lengths[source][known])
    onsets[rows[known]] = (share * data.curves.lengths[rows[known]]).astype(np.int64)
    return labels, onsets


def _group_weights(data: LabelledCurves) -> Callable[[np.random.Generator], FloatArray]:
    """Return what draws the weight of every session; nan for one without a label."""
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


def _judged(counts: Counts, goal: Goal) -> dict[str, float]:
    settled = pessimistic(counts)
    values = {name: float(metric(settled)) for name, metric in METRICS.items()}
    return {**values, OBJECTIVE: float(goal.value(counts))}


def _honest(displayed: float, values: list[float]) -> Honest:
    told = _told(values)
    if not len(told):
        return Honest(displayed, np.nan, np.nan, np.nan)
    low, high = np.quantile(told, (0.05, 0.95))
    return Honest(displayed, float(told.mean()), float(low), float(high))


def _told(values: list[float]) -> FloatArray:
    found = np.asarray(values, np.float64)
    return found[~np.isnan(found)]
