"""Pareto front of catch rate and false-halt rate over a sweep."""

from dataclasses import dataclass

import numpy as np

from director_ai.replay.curves import FloatArray, IntArray
from director_ai.tuning.evaluation.metrics import Counts
from director_ai.tuning.evaluation.sweep import Sweep
from director_ai.tuning.search.selection import Goal


@dataclass(frozen=True, slots=True, eq=False)
class Front:
    """Combinations from lenient to strict: each catches more than the one before it.

    It is drawn from the sessions it was found on, so that it is too good: draw it dashed.

    Attributes
    ----------
    cells
        Their places in the grid, shape (n_points, 3).
    false
        Good sessions halted, unknown ones among them, ascending; shape (n_points,).
    caught
        Bad sessions detected, ascending; shape (n_points,).
    false_halt_rates, catch_rates
        The same as shares of all good and all bad sessions; shape (n_points,).
    """

    cells: IntArray
    false: IntArray
    caught: IntArray
    false_halt_rates: FloatArray
    catch_rates: FloatArray


def front(swept: Sweep, *, budget: float = 1.0) -> Front:
    """Return the Pareto front of a sweep, exactly.

    Of several combinations with the same counts the most lenient one stands for all.

    Parameters
    ----------
    swept
        Counts of every combination.
    budget
        Largest share of good sessions that may be halted; unknown ones count as halted, and
        unknown bad ones as missed.

    Examples
    --------
    >>> from director_ai.replay.engine import Replay
    >>> from director_ai.tuning.labelled import LabelledCurves
    >>> from director_ai.tuning.evaluation.sweep import Grid, sweep
    >>> data = LabelledCurves.from_scores([[0.35], [0.9], [0.2], [0.6]], labels=[0, 0, 1, 1])
    >>> replay = Replay(data.curves, window_size=9, trend_window=9)
    >>> found = front(sweep(data, replay, Grid.even(11)))
    >>> found.false.tolist(), found.caught.tolist()
    ([0, 1], [1, 2])
    """
    false = (swept.false + swept.good_unknown).ravel()
    caught = swept.detected.ravel()
    allowed = np.flatnonzero(Goal(budget).allows(Counts.of(swept)).ravel())
    shape = swept.grid.shape
    strictness = sum(
        np.arange(n).reshape([-1 if axis == other else 1 for other in range(3)]) / max(1, n - 1)
        for axis, n in enumerate(shape)
    )
    # The fewest false halts first, of these the most caught, of these the most lenient.
    keys = (np.broadcast_to(strictness, shape).ravel()[allowed], -caught[allowed], false[allowed])
    order = allowed[np.lexsort(keys)]
    best = np.maximum.accumulate(caught[order])
    cells = order[np.diff(best, prepend=-1) > 0]
    return Front(
        cells=np.stack(np.unravel_index(cells, shape), axis=1),
        false=false[cells],
        caught=caught[cells],
        false_halt_rates=false[cells] / max(1, swept.n_good),
        catch_rates=caught[cells] / max(1, swept.n_bad),
    )
