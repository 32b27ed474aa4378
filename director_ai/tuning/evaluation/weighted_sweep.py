"""Weighted sweep: counts of every combination of thresholds with a weight for each session."""

from dataclasses import dataclass

import numpy as np

from director_ai.replay.crossings import NEVER
from director_ai.replay.curves import BoolArray, FloatArray, IntArray
from director_ai.replay.engine import Replay
from director_ai.tuning.evaluation.metrics import Counts
from director_ai.tuning.evaluation.sweep import Grid, halting_cells
from director_ai.tuning.labelled import LabelledCurves

Cell = tuple[int, int, int]
"""Place of a combination in a grid: hard limit, window threshold, trend threshold."""


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """First threshold of each rule in a grid that halts each session.

    Attributes
    ----------
    grid
        The thresholds.
    whole, before
        First halting threshold of each rule, as of :func:`halting_cells`, over the whole session
        and before its onset; shape (n_sessions, 3). A session without a known onset is never
        halted before it.
    good, bad, complete
        Of each session; shape (n_sessions,).
    """

    grid: Grid
    whole: IntArray
    before: IntArray
    good: BoolArray
    bad: BoolArray
    complete: BoolArray

    @classmethod
    def of(cls, data: LabelledCurves, replay: Replay, grid: Grid, *, tolerance: int = 0) -> "Cells":
        """Return the cells of labelled sessions; ``replay`` must be of ``data.curves``."""
        return cls(
            grid,
            halting_cells(replay, grid),
            early_cells(replay, grid, data.onsets, tolerance=tolerance),
            data.good,
            data.bad,
            data.curves.complete,
        )

    def weighted(self, weights: FloatArray) -> Counts:
        """Return the counts of every combination, each session counted by its weight.

        One histogram and a running sum along each axis, O(n_sessions + 3 n_cells), exact for
        whole weights.

        Parameters
        ----------
        weights
            Not negative; shape (n_sessions,).

        Returns
        -------
        Counts
            Arrays of the grid's shape.
        """
        cut = ~self.complete
        n_good, n_bad = weights[self.good].sum(), weights[self.bad].sum()
        good_passing = self._passing(self.whole, self.good, weights)
        bad_passing = self._passing(self.whole, self.bad, weights)
        early = n_bad - self._passing(self.before, self.bad, weights)
        good_unknown = self._passing(self.whole, self.good & cut, weights)
        bad_unknown = self._passing(self.whole, self.bad & cut, weights)
        return Counts(
            false=n_good - good_passing,
            passed=good_passing - good_unknown,
            early=early,
            detected=n_bad - bad_passing - early,
            missed=bad_passing - bad_unknown,
            good_unknown=good_unknown,
            bad_unknown=bad_unknown,
        )

    def at(self, cell: Cell, weights: FloatArray) -> Counts:
        """Return the counts of one combination alone, as numbers; O(n_sessions)."""
        passes = (np.asarray(cell) < self.whole).all(axis=1)
        early = self.bad & ~(np.asarray(cell) < self.before).all(axis=1)
        good, bad, complete = self.good, self.bad, self.complete
        parts = (
            good & ~passes,
            good & passes & complete,
            early,
            bad & ~passes & ~early,
            bad & passes & complete,
            good & passes & ~complete,
            bad & passes & ~complete,
        )
        return Counts(*(np.asarray(weights[part].sum(), np.float64) for part in parts))

    def _passing(self, cells: IntArray, mask: BoolArray, weights: FloatArray) -> FloatArray:
        return passing(self.grid, cells[mask], weights[mask])


def passing(grid: Grid, cells: IntArray, weights: FloatArray) -> FloatArray:
    """Return the weight of what passes each combination; shape of the grid.

    Parameters
    ----------
    grid
        The thresholds.
    cells
        First halting threshold of each rule, as of :func:`halting_cells`; shape (n, 3).
    weights
        Not negative; shape (n,).
    """
    shape = grid.shape
    if not len(cells):
        return np.zeros(shape)
    # Counted from the strict end, so that the running sums need not be turned round; sessions
    # that the most lenient threshold of a rule halts pass nothing.
    place = np.asarray(shape) - cells
    passes_something = (place < shape).all(axis=1)
    flat = np.ravel_multi_index(tuple(place[passes_something].T), shape)
    size = shape[0] * shape[1] * shape[2]
    histogram = np.bincount(flat, weights=weights[passes_something], minlength=size)
    counts = np.asarray(histogram, np.float64).reshape(shape)
    # Plane by plane: half the time of a running sum along an axis, and the same bits.
    for planes in (counts, counts.swapaxes(0, 1), counts.swapaxes(0, 2)):
        for plane in range(1, len(planes)):
            planes[plane] += planes[plane - 1]
    return counts[::-1, ::-1, ::-1]


def early_cells(replay: Replay, grid: Grid, onsets: IntArray, *, tolerance: int = 0) -> IntArray:
    """Return the first threshold of each rule that halts a session before its onset.

    Shape (n_sessions, 3); the length of the axis where none does, or no onset is known.
    """
    known = onsets != NEVER
    if not known.any():
        return np.broadcast_to(np.array(grid.shape), (len(onsets), 3))
    # Nothing lies before token 0: a session without a known onset is not halted early.
    ends = np.where(known, np.where(known, onsets, 0) - tolerance, 0)
    columns = [
        np.searchsorted(axis, lowest, side="right")
        for lowest, axis in zip(replay.lowest_before(ends), grid.axes(), strict=True)
    ]
    return np.stack(columns, axis=1)


def unjustified(counts: Counts) -> FloatArray:
    """Return the number of unjustified halts, unknown good sessions among them."""
    return counts.false + counts.good_unknown + counts.early


def pessimistic(counts: Counts) -> Counts:
    """Return the counts with every unknown session held against the policy."""
    nothing = np.zeros_like(counts.false)
    return Counts(
        counts.false + counts.good_unknown,
        counts.passed,
        counts.early,
        counts.detected,
        counts.missed + counts.bad_unknown,
        nothing,
        nothing,
    )


def counts_at(counts: Counts, cell: Cell) -> Counts:
    """Return the counts of one combination of a table."""
    return Counts(
        *(np.asarray(getattr(counts, name)[cell]) for name in Counts.__dataclass_fields__)
    )
