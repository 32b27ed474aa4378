"""Sweep of all combinations of three thresholds, by one histogram and three running sums."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from director_ai.core.halting import downward_trend, window_average
from director_ai.core.halting.policy import HaltPolicy
from director_ai.replay.crossings import NEVER
from director_ai.replay.curves import BoolArray, FloatArray, IntArray
from director_ai.replay.engine import Replay
from director_ai.tuning.labelled import LabelledCurves


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Thresholds to try, each axis from lenient to strict.

    Attributes
    ----------
    hard_limits, window_thresholds
        Ascending; shape (n,) each.
    trend_thresholds
        Descending: the smaller the stricter.

    Raises
    ------
    ValueError
        If an axis is empty or not in its order.
    """

    hard_limits: FloatArray
    window_thresholds: FloatArray
    trend_thresholds: FloatArray

    def __post_init__(self) -> None:
        for name, sign in (("hard_limits", 1), ("window_thresholds", 1), ("trend_thresholds", -1)):
            axis = sign * np.asarray(getattr(self, name))
            if axis.ndim != 1 or not len(axis) or not (np.diff(axis) > 0).all():
                order = "ascending" if sign > 0 else "descending"
                raise ValueError(f"{name} must be a non-empty {order} array")

    @classmethod
    def at(cls, policy: HaltPolicy) -> "Grid":
        """Return the grid of a policy's thresholds alone."""
        values = (policy.hard_limit, policy.window_threshold, policy.trend_threshold)
        return cls(*(np.array([value]) for value in values))

    @classmethod
    def even(cls, n: int) -> "Grid":
        """Return ``n`` thresholds a rule, evenly from off to as strict as can be.

        >>> Grid.even(3).trend_thresholds.tolist()
        [1.5, 0.75, 0.0]
        """
        # Without the last bits that only a computer would type.
        unit = np.round(np.linspace(0.0, 1.0, n), 10)
        return cls(unit, unit, np.round(np.linspace(downward_trend.LARGEST_DROP, 0.0, n), 10))

    @property
    def shape(self) -> tuple[int, int, int]:
        """Thresholds of each rule."""
        return len(self.hard_limits), len(self.window_thresholds), len(self.trend_thresholds)

    def axes(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return the levels of the kernel's comparisons, ascending, in the order of its rules."""
        return (
            np.asarray(self.hard_limits),
            np.asarray(self.window_thresholds) - window_average.TOLERANCE,
            -(np.asarray(self.trend_thresholds) + downward_trend.TOLERANCE),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Sweep:
    """Counts of sessions under every combination of a grid; arrays have the grid's shape.

    Attributes
    ----------
    grid
        The thresholds.
    false
        Good sessions halted.
    early
        Bad sessions with a known onset halted before it.
    detected
        Bad sessions halted otherwise.
    good_unknown, bad_unknown
        Sessions whose recording ends before any rule holds: what the kernel would have done with
        them is not known.
    n_good, n_bad
        Sessions of each label.
    """

    grid: Grid
    false: IntArray
    early: IntArray
    detected: IntArray
    good_unknown: IntArray
    bad_unknown: IntArray
    n_good: int
    n_bad: int

    @property
    def missed(self) -> IntArray:
        """Bad sessions let through to their end."""
        return self.n_bad - self.detected - self.early - self.bad_unknown

    @property
    def passed(self) -> IntArray:
        """Good sessions let through to their end."""
        return self.n_good - self.false - self.good_unknown


def sweep(data: LabelledCurves, replay: Replay, grid: Grid, *, tolerance: int = 0) -> Sweep:
    """Return the counts of every combination of thresholds.

    A session enters every decision through three numbers: its lowest score, its lowest mean and
    its largest drop. So the sessions that pass all three thresholds are counted by one
    three-dimensional histogram and a running sum along each axis, O(n_sessions + n_cells), exactly.

    Parameters
    ----------
    data
        The sessions.
    replay
        Of ``data.curves``, under one pair of window sizes.
    grid
        The thresholds.
    tolerance
        Tokens before an onset at which a halt is not early any more.

    Examples
    --------
    >>> data = LabelledCurves.from_scores([[0.9], [0.3]], labels=[0, 1])
    >>> replay = Replay(data.curves, window_size=1, trend_window=2)
    >>> sweep(data, replay, Grid.even(3)).detected[:, 0, 0].tolist()
    [0, 1, 1]
    """
    whole = halting_cells(replay, grid)
    good, bad = data.good, data.bad
    known = bad & (data.onsets != NEVER)
    before = np.where(known, data.onsets - tolerance, NEVER)
    early_cells = cells_of(replay.lowest_before(before), grid)
    cut = ~data.curves.complete
    bad_halted = data.n_bad - passing_counts(whole[bad], grid)
    early = int(known.sum()) - passing_counts(early_cells[known], grid)
    return Sweep(
        grid=grid,
        false=data.n_good - passing_counts(whole[good], grid),
        early=early,
        detected=bad_halted - early,
        good_unknown=passing_counts(whole[good & cut], grid),
        bad_unknown=passing_counts(whole[bad & cut], grid),
        n_good=data.n_good,
        n_bad=data.n_bad,
    )


def halting_cells(replay: Replay, grid: Grid) -> IntArray:
    """Return, for each session and rule, the first threshold of the grid that halts it.

    Shape (n_sessions, 3); the length of the axis where none does. A session passes a combination
    if and only if each of its thresholds stands before these.
    """
    return cells_of(replay.extremes(), grid)


def cells_of(extremes: FloatArray, grid: Grid) -> IntArray:
    """Return the cells of :func:`halting_cells` by the extremes of a replay.

    Parameters
    ----------
    extremes
        Shape (3, n_sessions); see :meth:`director_ai.replay.engine.Replay.extremes`.
    grid
        The thresholds.
    """
    # A statistic equal to the level passes it.
    columns = [
        np.searchsorted(axis, lowest, side="right")
        for lowest, axis in zip(extremes, grid.axes(), strict=True)
    ]
    return np.stack(columns, axis=1)


def passing_counts(cells: IntArray, grid: Grid) -> IntArray:
    """Return the number of sessions that pass each combination; shape of the grid."""
    shape = tuple(n + 1 for n in grid.shape)
    flat = np.ravel_multi_index((cells[:, 0], cells[:, 1], cells[:, 2]), shape)
    return passing(np.bincount(flat, minlength=math.prod(shape)).reshape(shape))


def passing(counts: IntArray) -> IntArray:
    """Return the number of sessions that pass each combination, by that of each cell.

    Parameters
    ----------
    counts
        Sessions of each cell, a cell more along each axis than the grid has thresholds.
    """
    for axis in range(3):
        counts = np.flip(np.flip(counts, axis).cumsum(axis), axis)
    # A session passes combination g if its first halting threshold stands behind g.
    return counts[1:, 1:, 1:]


@dataclass(frozen=True, slots=True, eq=False)
class SortedLows:
    """Extremes of sessions in order, so that a threshold is found among them, not they by it.

    Attributes
    ----------
    values
        Those of each rule, ascending; shape (3, n_sessions).
    sessions
        Whose they are; shape (3, n_sessions).
    cut
        Whose recording ends early; shape (n_sessions,).

    Examples
    --------
    >>> from director_ai.replay.curves import Curves
    >>> replay = Replay(Curves.from_scores([[0.9], [0.3]]), window_size=1, trend_window=2)
    >>> SortedLows.of(replay.extremes(), replay.curves.complete).values[0].tolist()
    [0.3, 0.9]
    """

    values: FloatArray
    sessions: NDArray[np.intp]
    cut: BoolArray

    @classmethod
    def of(cls, extremes: FloatArray, complete: BoolArray) -> "SortedLows":
        """Return those of a replay; see :meth:`director_ai.replay.engine.Replay.extremes`."""
        order = np.argsort(extremes, axis=1)
        return cls(np.take_along_axis(extremes, order, axis=1), order, ~complete)

    def cell_counts(self, grid: Grid) -> IntArray:
        """Return the sessions of each cell, those recorded whole first, then those cut.

        Returns
        -------
        IntArray of shape (2, n + 1, n + 1, n + 1)
            With as many thresholds along each axis as the grid has; see :func:`halting_cells`.
        """
        shape = (2, *(n + 1 for n in grid.shape))
        cell = self.cut.astype(np.min_scalar_type(math.prod(shape)))
        for axis, values, sessions in zip(grid.axes(), self.values, self.sessions, strict=True):
            # A statistic equal to the level passes it.
            ends = [0, *np.searchsorted(values, axis, side="left").tolist(), len(values)]
            sizes = np.diff(ends)
            # Most sessions stand in one cell of a few: only the others are placed one by one.
            most = int(sizes.argmax())
            numbers = np.arange(len(sizes), dtype=cell.dtype)
            own = np.full_like(cell, most)
            for first, last in ((0, most), (most + 1, len(sizes))):
                placed = sessions[ends[first] : ends[last]]
                own[placed] = np.repeat(numbers[first:last], sizes[first:last])
            cell = cell * cell.dtype.type(len(sizes)) + own
        return np.bincount(cell, minlength=math.prod(shape)).reshape(shape)
