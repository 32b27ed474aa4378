"""Rate bands: intervals of the rates along one threshold, by groups of sessions."""

from typing import NamedTuple

import numpy as np

from director_ai.replay.curves import BoolArray, FloatArray, IntArray
from director_ai.tuning.evaluation.intervals import grouped_wilson_along
from director_ai.tuning.evaluation.weighted_sweep import Cells
from director_ai.tuning.labelled import LabelledCurves


class RateBands(NamedTuple):
    """The 95 % intervals of two rates, unknown sessions counted both ways.

    Attributes
    ----------
    catch, false
        Lower and upper ends of the catch rate and of the false-halt rate on each step; nan
        where no session has the label. Shape (2, n_steps) each.
    """

    catch: FloatArray
    false: FloatArray


def rate_bands(data: LabelledCurves, cells: Cells, rule: int) -> RateBands:
    """Return the intervals of the rates at every threshold of one rule.

    Parameters
    ----------
    data, cells
        The sessions, and where each starts to be halted in a grid in which the other rules have
        one threshold each.
    rule
        Whose thresholds are the steps.

    Examples
    --------
    >>> from director_ai.replay.engine import HARD, Replay
    >>> from director_ai.tuning.evaluation.sweep import Grid
    >>> data = LabelledCurves.from_scores([[0.9]] * 9 + [[0.3]], labels=[0] * 10)
    >>> replay = Replay(data.curves, window_size=1, trend_window=2)
    >>> grid = Grid(np.array([0.1, 0.5]), np.array([0.0]), np.array([1.5]))
    >>> rate_bands(data, Cells.of(data, replay, grid), HARD).false.round(3).tolist()
    [[0.0, 0.018], [0.278, 0.404]]
    """
    n_steps = cells.grid.shape[rule]
    halted, early = (_first_step(of, rule, n_steps) for of in (cells.whole, cells.before))
    # A cut session may be halted at any step: at most, it is from the first.
    halted_at_most = np.where(data.curves.complete, halted, 0)
    never = np.full(data.n_sessions, n_steps)

    def band(among: BoolArray, ends: IntArray) -> FloatArray:
        low, _ = _ends(data, among, halted, ends, n_steps)
        _, high = _ends(data, among, halted_at_most, ends, n_steps)
        return np.stack([low, high])

    return RateBands(catch=band(data.bad, early), false=band(data.good, never))


def _first_step(cells: IntArray, rule: int, n_steps: int) -> IntArray:
    """Return the first step at which each session is halted; ``n_steps`` if at none."""
    others = np.delete(cells, rule, axis=1)
    return np.where((others == 0).any(axis=1), 0, np.minimum(cells[:, rule], n_steps))


def _ends(
    data: LabelledCurves, among: BoolArray, starts: IntArray, ends: IntArray, n_steps: int
) -> tuple[FloatArray, FloatArray]:
    """Return the interval's ends where sessions are cases from one step on, up to another."""
    names, groups = np.unique(data.groups[among], return_inverse=True)
    ones = np.ones(len(groups))
    return grouped_wilson_along(
        np.concatenate([groups, groups]),
        np.concatenate([starts[among], ends[among]]),
        np.concatenate([ones, -ones]),
        np.bincount(groups, minlength=len(names)),
        n_steps=n_steps,
    )
