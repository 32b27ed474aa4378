"""Delay sweep: delays and leaked tokens of every combination of thresholds."""

from typing import NamedTuple

import numpy as np

from director_ai.errors import InvalidRequestError
from director_ai.replay.crossings import NEVER
from director_ai.replay.curves import FloatArray, IntArray
from director_ai.replay.engine import Replay
from director_ai.tuning.evaluation.outcome_classes import DEFAULT_GRACE
from director_ai.tuning.evaluation.sweep import Grid
from director_ai.tuning.evaluation.weighted_sweep import early_cells, passing
from director_ai.tuning.labelled import LabelledCurves


class DelaySweep(NamedTuple):
    """Bad sessions with a known onset under every combination, in hard mode; the grid's shape.

    Attributes
    ----------
    early, timely, late
        Sessions halted before the onset, within the grace after it, and later.
    leaked
        Tokens from the onset on that readers get, in all; without the sessions that are not
        known to be halted or to complete.
    n_known
        Sessions that ``leaked`` is of.
    delay
        Mean tokens from onset to halt of those timely or late, at least 0 each; nan of none.
    """

    early: FloatArray
    timely: FloatArray
    late: FloatArray
    leaked: FloatArray
    n_known: FloatArray
    delay: FloatArray


def sweep_delays(
    data: LabelledCurves,
    replay: Replay,
    grid: Grid,
    *,
    grace: int = DEFAULT_GRACE,
    tolerance: int = 0,
    hold_back: int = 0,
) -> DelaySweep:
    """Return delays and leaked tokens of every combination.

    A token leaks where the extremes up to and with it pass all three thresholds. They only change
    at a new low, so that every stretch between two lows is one entry of a histogram, weighing its
    tokens: O(n_lows + n_cells) for all combinations, exactly.

    Parameters
    ----------
    data, replay, grid, tolerance
        See :func:`director_ai.tuning.evaluation.sweep.sweep`.
    grace
        Tokens after the onset within which a halt is in time.
    hold_back
        Tokens that must pass after a token before readers get it, at least 0, always; ``leaked``
        alone hangs on it.

    Raises
    ------
    InvalidRequestError
        If ``hold_back`` is negative.

    Examples
    --------
    >>> data = LabelledCurves.from_scores([[0.9, 0.9, 0.6, 0.3]], labels=[1], onsets=[1])
    >>> replay = Replay(data.curves, window_size=9, trend_window=9)
    >>> found = sweep_delays(data, replay, Grid.even(3), grace=1)
    >>> found.leaked[:, 0, 0].tolist(), found.timely[:, 0, 0].tolist()
    ([3.0, 2.0, 0.0], [0.0, 0.0, 0.0])
    >>> sweep_delays(data, replay, Grid.even(3), hold_back=1).leaked[:, 0, 0].tolist()
    [3.0, 1.0, 0.0]
    """
    if hold_back < 0:
        raise InvalidRequestError(f"hold_back must be at least 0, got {hold_back!r}")
    rows = np.flatnonzero(data.bad & (data.onsets != NEVER))
    onsets, ones = data.onsets, np.ones(len(rows))
    never = np.full(data.n_sessions, NEVER)

    def halted_before(ends: IntArray) -> FloatArray:
        cells = early_cells(replay, grid, ends)[rows]
        return len(rows) - passing(grid, cells, ones)

    def shifted(tokens: int) -> IntArray:
        ends = never.copy()
        ends[rows] = np.maximum(0, onsets[rows] + tokens)
        return ends

    early = halted_before(shifted(-tolerance))
    in_time = halted_before(shifted(grace + 1))
    # Nothing of a recording lies behind the largest token index there is.
    whole = never.copy()
    whole[rows] = NEVER - 1
    cells = early_cells(replay, grid, whole)[rows]
    lengths = data.curves.lengths[rows]
    beyond = np.maximum(0, lengths - onsets[rows])
    cut = ~data.curves.complete[rows]
    passed = _passed(data, replay, grid, rows, 0)
    leaked = passed
    if hold_back:
        # The last tokens held come out where the whole session passes.
        rest = np.minimum(hold_back, beyond).astype(np.float64)
        leaked = _passed(data, replay, grid, rows, hold_back) + passing(grid, cells, rest)
    unhalted = passing(grid, cells, beyond.astype(np.float64))
    unknown = passing(grid, cells[cut], ones[cut])
    halted = len(rows) - passing(grid, cells, ones)
    return DelaySweep(
        early=early,
        timely=in_time - early,
        late=halted - in_time,
        leaked=leaked - passing(grid, cells[cut], beyond[cut].astype(np.float64)),
        n_known=len(rows) - unknown,
        delay=_ratio(passed - unhalted, halted - early),
    )


def _passed(
    data: LabelledCurves, replay: Replay, grid: Grid, rows: IntArray, after: int
) -> FloatArray:
    """Return the tokens that pass each combination, of all sessions together.

    Counted are those at least ``after`` tokens behind the onset.
    """
    lengths = data.curves.lengths
    inside = rows[data.onsets[rows] + after < lengths[rows]]
    # One number for a token of a session, ascending by session, then by token.
    unit = int(lengths.max(initial=0)) + 1
    starts = inside * unit + data.onsets[inside] + after
    keys, stretches = [], [starts]
    is_inside = np.zeros(data.n_sessions, bool)
    is_inside[inside] = True
    for minima in replay.minima:
        of = np.repeat(np.arange(data.n_sessions), np.diff(minima.offsets))
        # The finished text is judged with the last token.
        key = of * unit + np.minimum(minima.positions, lengths[of] - 1)
        keys.append(key)
        later = np.zeros(len(of), bool)
        own = is_inside[of]
        later[own] = minima.positions[own] > data.onsets[of[own]] + after
        stretches.append(key[later])
    at = np.unique(np.concatenate(stretches))
    session = at // unit
    ends = np.append(at[1:], 0)
    last = np.append(session[1:] != session[:-1], True)[: len(at)]
    ends[: len(at)][last] = (session * unit + lengths[session])[last]
    cells = []
    for minima, key, axis in zip(replay.minima, keys, grid.axes(), strict=True):
        place = np.searchsorted(key, at, side="right") - 1
        has = place >= minima.offsets[session]
        cell = np.full(len(at), len(axis))
        cell[has] = np.searchsorted(axis, minima.values[place[has]], side="right")
        cells.append(cell)
    weights = (ends[: len(at)] - at).astype(np.float64)
    return passing(grid, np.stack(cells, axis=1), weights)


def _ratio(part: FloatArray, whole: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(whole > 0, part / whole, np.nan)
