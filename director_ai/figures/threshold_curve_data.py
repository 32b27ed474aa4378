"""Every value of one threshold, the others held: exact steps, no grid."""

from typing import Final, NamedTuple

import numpy as np

from director_ai.core.halting.policy import HaltPolicy
from director_ai.replay.crossings import NEVER
from director_ai.replay.curves import FloatArray
from director_ai.replay.engine import HARD, TREND, WINDOW, Replay
from director_ai.tuning.evaluation import metrics
from director_ai.tuning.evaluation.metrics import Counts
from director_ai.tuning.evaluation.rate_bands import rate_bands
from director_ai.tuning.evaluation.sweep import Grid
from director_ai.tuning.evaluation.weighted_sweep import Cells
from director_ai.tuning.labelled import LabelledCurves
from director_ai.tuning.search.cautions import FEWEST_SESSIONS
from director_ai.tuning.thresholds import threshold

MOST_STEPS: Final = 400
"""Steps drawn: more than a chart has columns of pixels to tell apart."""

WIDE: Final = 0.01
"""Plateaus at least this wide are shaded."""

AXIS: Final = {HARD: "hard limit", WINDOW: "window limit", TREND: "max drop"}
BANDS: Final = ("catch rate", "false-halt rate")
"""The rates that are drawn with an interval."""


class ThresholdCurveData(NamedTuple):
    """What the picture shows.

    Attributes
    ----------
    rule
        Whose threshold runs along the axis: ``HARD``, ``WINDOW`` or ``TREND``.
    edges
        Where steps begin and the last one ends, from lenient to strict; shape (n_steps + 1,).
    values
        By name the value on each step, nan where it cannot be told; unknown
        sessions are left out. Shape (n_steps,) each.
    bands
        By name of ``BANDS`` the 95 % interval on each step, by groups of sessions, unknown ones
        counted both ways; shape (2, n_steps) each.
    plateaus
        Intervals at least ``WIDE`` in which no session is halted that was not, or let go.
    n_breakpoints
        Values at which any session changes, before thinning.
    worst_false_halts
        False-halt rate on each step with every unknown session halted: what a budget is held
        against. Shape (n_steps,).
    n_fewest
        Good or bad sessions, whichever are fewer.
    """

    rule: int
    edges: FloatArray
    values: dict[str, FloatArray]
    bands: dict[str, FloatArray]
    plateaus: list[tuple[float, float]]
    n_breakpoints: int
    worst_false_halts: FloatArray
    n_fewest: int


class Star(NamedTuple):
    """The best value of one threshold under a budget: where it is, and its catch rate."""

    threshold: float
    catch_rate: float


def best_under(data: ThresholdCurveData, budget: float) -> Star | None:
    """Return the best value of the threshold, None where no step keeps to the budget.

    The middle of the most lenient of the steps that catch most. Of fewer than
    ``FEWEST_SESSIONS`` good or bad sessions none is called the best.

    Examples
    --------
    >>> scores, labels = [[0.9], [0.7]] * 10 + [[0.3]] * 20, [0] * 20 + [1] * 20
    >>> sessions = LabelledCurves.from_scores(scores, labels=labels)
    >>> replay = Replay(sessions.curves, window_size=9, trend_window=9)
    >>> policy = HaltPolicy(window_size=9, trend_window=9)
    >>> best_under(threshold_curve_data(sessions, replay, policy, HARD), 0.1)
    Star(threshold=0.5, catch_rate=1.0)
    """
    if data.n_fewest < FEWEST_SESSIONS:
        return None
    caught = np.where(data.worst_false_halts <= budget, data.values["catch rate"], np.nan)
    if np.isnan(caught).all():
        return None
    step = int(np.nanargmax(caught))
    return Star(float(data.edges[step : step + 2].mean()), float(caught[step]))


def threshold_curve_data(
    data: LabelledCurves, replay: Replay, policy: HaltPolicy, rule: int
) -> ThresholdCurveData:
    """Return what the picture shows.

    Parameters
    ----------
    data, replay
        The sessions; ``replay`` is of their curves under the policy's windows.
    policy, rule
        The threshold of ``rule`` moves, all else is the policy's.

    Examples
    --------
    >>> data = LabelledCurves.from_scores([[0.9], [0.7], [0.3]], labels=[0, 0, 1])
    >>> replay = Replay(data.curves, window_size=9, trend_window=9)
    >>> policy = HaltPolicy(window_size=9, trend_window=9)
    >>> found = threshold_curve_data(data, replay, policy, HARD)
    >>> found.edges.tolist(), found.values["catch rate"].tolist()
    ([0.0, 0.3, 0.7, 0.9, 1.0], [0.0, 1.0, 1.0, 1.0])
    """
    far = 1.0
    places = _breakpoints(data, replay, policy, rule)
    # A drop is drawn backwards: minus the threshold ascends from lenient to strict.
    low, high = (-far, 0.0) if rule == TREND else (0.0, far)
    inside = places[(places > low) & (places < high)]
    exact = np.concatenate([[low], inside, [high]])
    edges = _thinned(exact)
    # Between two breakpoints nothing changes, so the middle of a step stands for all of it.
    middles = (edges[:-1] + edges[1:]) / 2
    grid = _grid(policy, rule, middles)
    cells = Cells.of(data, replay, grid)
    counts = _flat(cells.weighted(np.ones(data.n_sessions)))
    values = {
        "catch rate": metrics.catch_rate(counts),
        "false-halt rate": metrics.false_halt_rate(counts),
        "precision": metrics.precision(counts),
        "F1": metrics.f_score(counts),
        "halt rate": _halt_rate(replay, policy, rule, middles),
    }
    bands = rate_bands(data, cells, rule)
    gaps = np.flatnonzero(np.diff(exact) >= WIDE)
    sign = -1.0 if rule == TREND else 1.0
    return ThresholdCurveData(
        rule,
        sign * edges,
        values,
        {"catch rate": bands.catch, "false-halt rate": bands.false},
        [(sign * float(exact[gap]), sign * float(exact[gap + 1])) for gap in gaps],
        len(inside),
        metrics.false_halt_rate(counts.settled(unknown_halt=True)),
        min(data.n_good, data.n_bad),
    )


def merged_line(data: ThresholdCurveData) -> str:
    """Return what is said where not every step is drawn; empty where all are."""
    drawn, exact = len(data.edges) - 1, data.n_breakpoints + 1
    if drawn >= exact:
        return ""
    return f"Showing {drawn:,} of {exact:,} steps; the card is exact."


def threshold_curve_alt(data: ThresholdCurveData, policy: HaltPolicy) -> str:
    """Return the finding of the picture in one sentence."""
    here = threshold(policy, data.rule)
    sign = -1.0 if data.rule == TREND else 1.0
    step = int(np.searchsorted(sign * data.edges, sign * here, side="left")) - 1
    step = min(max(0, step), len(data.edges) - 2)
    said = [
        f"{name} {100 * float(values[step]):.1f} %"
        for name, values in data.values.items()
        if not np.isnan(values[step])
    ]
    return (
        f"Rates at every {AXIS[data.rule]}, {data.n_breakpoints:,} breakpoints; "
        f"at {here:g}: {', '.join(said)}."
    )


def _breakpoints(data: LabelledCurves, replay: Replay, policy: HaltPolicy, rule: int) -> FloatArray:
    """Return the levels of a rule at which a session that no other rule halts changes, ascending.

    A level is the threshold itself but for the kernel's tolerance, which no picture shows.
    """
    crossings = replay.crossings(policy)
    crossings[rule] = NEVER
    first = crossings.min(axis=0)
    stairs = replay.stairs[rule]
    whole = stairs.lowest()[first == NEVER]
    known = data.onsets != NEVER
    # Whether a halt is early can change even where another rule halts later.
    before = stairs.lowest_before(np.where(known, data.onsets, 0))[known & (first >= data.onsets)]
    places = np.concatenate([whole, before])
    return np.unique(places[np.isfinite(places)].round(9))


def _thinned(edges: FloatArray) -> FloatArray:
    """Return at most about ``MOST_STEPS`` edges, the ends among them."""
    if len(edges) <= MOST_STEPS:
        return edges
    column = ((edges - edges[0]) / (edges[-1] - edges[0]) * (MOST_STEPS - 1)).astype(np.int64)
    kept = np.diff(column, prepend=-1) > 0
    kept[-1] = True
    found: FloatArray = edges[kept]
    return found


def _grid(policy: HaltPolicy, rule: int, middles: FloatArray) -> Grid:
    axes = [np.array([threshold(policy, other)]) for other in (HARD, WINDOW, TREND)]
    axes[rule] = -middles if rule == TREND else middles
    return Grid(*axes)


def _flat(counts: Counts) -> Counts:
    return Counts(
        *(np.asarray(getattr(counts, name)).ravel() for name in Counts.__dataclass_fields__)
    )


def _halt_rate(replay: Replay, policy: HaltPolicy, rule: int, middles: FloatArray) -> FloatArray:
    """Return the share of all sessions, labelled or not, that are halted on each step."""
    crossings = replay.crossings(policy)
    crossings[rule] = NEVER
    others = crossings.min(axis=0) != NEVER
    lows = np.sort(replay.stairs[rule].lowest()[~others])
    n_sessions = max(1, len(others))
    return np.asarray((others.sum() + np.searchsorted(lows, middles)) / n_sessions)
