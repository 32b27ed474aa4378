"""Error rates along one threshold: data, figure, alternative text."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from director_ai.core.halting.policy import HaltPolicy
from director_ai.figures.base_layout import base_layout, mark_colour, share_axis, vertical_line
from director_ai.figures.json_numbers import json_numbers
from director_ai.figures.theme import Dash, Palette, rgba
from director_ai.replay.crossings import NEVER
from director_ai.replay.curves import FloatArray
from director_ai.replay.engine import HARD, TREND, WINDOW, Replay
from director_ai.tuning.evaluation import metrics
from director_ai.tuning.evaluation.metrics import Counts
from director_ai.tuning.evaluation.population import Population
from director_ai.tuning.evaluation.rate_bands import rate_bands
from director_ai.tuning.evaluation.sweep import Grid
from director_ai.tuning.evaluation.weighted_sweep import Cells
from director_ai.tuning.labelled import LabelledCurves
from director_ai.tuning.search.cautions import FEWEST_SESSIONS
from director_ai.tuning.search.plateaus import lows_along
from director_ai.tuning.thresholds import threshold

MOST_STEPS: Final = 400
"""Steps drawn: more than a chart has columns of pixels to tell apart."""

WIDE: Final = 0.01
"""Plateaus at least this wide are shaded."""

AXIS: Final = {HARD: "hard limit", WINDOW: "window limit", TREND: "max drop"}
BANDS: Final = ("catch rate", "false-halt rate")
"""The rates that are drawn with an interval."""


class ThresholdCurveData(NamedTuple):
    """Data of the figure.

    Attributes
    ----------
    rule
        Whose threshold runs along the axis: ``HARD``, ``WINDOW`` or ``TREND``.
    edges
        Where steps begin and the last one ends, from lenient to strict; shape (n_steps + 1,).
    values
        By name the value on each step, nan where it is undefined; unknown
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
    least_caught
        Catch rate on each step with every unknown session let through: what the best is told by.
        Shape (n_steps,).
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
    least_caught: FloatArray
    n_fewest: int


class Star(NamedTuple):
    """The best value of one threshold under a budget: where it is, and what it surely catches."""

    threshold: float
    catch_rate: float


def best_under(data: ThresholdCurveData, budget: float) -> Star | None:
    """Return the best value of the threshold, None where no step keeps to the budget.

    The middle of the most lenient of the steps that surely catch most: a bad session that is
    unknown counts as missed, so that no step is the best by not being known. Of fewer than
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
    caught = np.where(data.worst_false_halts <= budget, data.least_caught, np.nan)
    if np.isnan(caught).all():
        return None
    step = int(np.nanargmax(caught))
    return Star(float(data.edges[step : step + 2].mean()), float(caught[step]))


def threshold_curve_data(
    data: LabelledCurves,
    replay: Replay,
    policy: HaltPolicy,
    rule: int,
    population: Population | None = None,
    *,
    elsewhere: FloatArray | None = None,
) -> ThresholdCurveData:
    """Return the data of the figure.

    Parameters
    ----------
    data, replay
        The sessions; ``replay`` is of their curves under the policy's windows.
    policy, rule
        The threshold of ``rule`` moves, all else is the policy's.
    population
        Mixture of sessions that precision, F1 and halt rate are of; by default that of ``data``.
    elsewhere
        Lows along the threshold of further sessions without a label, ascending; see
        :func:`director_ai.tuning.search.plateaus.lows_along`.

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
    elsewhere = np.empty(0) if elsewhere is None else elsewhere
    places = _breakpoints(data, replay, policy, rule, elsewhere)
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
    population = population or Population.of(data)
    weighted = counts.weighted(population)
    values = {
        "catch rate": metrics.catch_rate(counts),
        "false-halt rate": metrics.false_halt_rate(counts),
        "precision": metrics.precision(weighted),
        "F1": metrics.f_score(weighted),
        "halt rate": _halt_rate(
            data, lows_along(replay, policy, rule), elsewhere, middles, population
        ),
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
        metrics.catch_rate(counts.settled(unknown_halt=False)),
        min(data.n_good, data.n_bad),
    )


def merged_line(data: ThresholdCurveData) -> str:
    """Return a note on steps that are not drawn one by one; empty where all are."""
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
    rates = [
        f"{name} {100 * float(values[step]):.1f} %"
        for name, values in data.values.items()
        if not np.isnan(values[step])
    ]
    return (
        f"Rates at every {AXIS[data.rule]}, {data.n_breakpoints:,} breakpoints; "
        f"at {here:g}: {', '.join(rates)}."
    )


def _breakpoints(
    data: LabelledCurves, replay: Replay, policy: HaltPolicy, rule: int, elsewhere: FloatArray
) -> FloatArray:
    """Return the levels of a rule at which a session that no other rule halts changes, ascending.

    A level is the threshold itself but for the kernel's tolerance, which no picture shows.
    """
    crossings = replay.crossings(policy)
    crossings[rule] = NEVER
    first = crossings.min(axis=0)
    minima = replay.minima[rule]
    whole = minima.lowest()[first == NEVER]
    known = data.onsets != NEVER
    # Whether a halt is early can change even where another rule halts later.
    before = minima.lowest_before(np.where(known, data.onsets, 0))[known & (first >= data.onsets)]
    places = np.concatenate([whole, before, elsewhere])
    return np.unique(places[np.isfinite(places)].round(9))


def _thinned(edges: FloatArray) -> FloatArray:
    """Return at most about ``MOST_STEPS`` edges, the ends among them."""
    if len(edges) <= MOST_STEPS:
        return edges
    column = ((edges - edges[0]) / (edges[-1] - edges[0]) * (MOST_STEPS - 1)).astype(np.int64)
    shown = np.diff(column, prepend=-1) > 0
    shown[-1] = True
    thinned: FloatArray = edges[shown]
    return thinned


def _grid(policy: HaltPolicy, rule: int, middles: FloatArray) -> Grid:
    axes = [np.array([threshold(policy, other)]) for other in (HARD, WINDOW, TREND)]
    axes[rule] = -middles if rule == TREND else middles
    return Grid(*axes)


def _flat(counts: Counts) -> Counts:
    return Counts(
        *(np.asarray(getattr(counts, name)).ravel() for name in Counts.__dataclass_fields__)
    )


def _halt_rate(
    data: LabelledCurves,
    lows: FloatArray,
    elsewhere: FloatArray,
    middles: FloatArray,
    population: Population,
) -> FloatArray:
    """Return the share of all sessions, labelled or not, halted on each step.

    Good, bad and unlabelled ones are each weighted to their number in the population.
    """
    unlabelled = lows[~(data.good | data.bad)]
    own = (lows[data.good], lows[data.bad], np.concatenate([unlabelled, elsewhere]))
    halted, total = np.zeros(len(middles)), 0.0
    for number, some in zip(population[:3], own, strict=True):
        if not number:
            continue
        if not len(some):
            return np.full(len(middles), np.nan)
        halted += number * np.searchsorted(np.sort(some, kind="stable"), middles) / len(some)
        total += number
    return halted / (total or 1.0)


LINES: Final[dict[str, tuple[str, Dash, float]]] = {
    "catch rate": ("window", "solid", 2.5),
    "false-halt rate": ("hard", "solid", 2.5),
    "precision": ("muted", "dash", 1.5),
    "F1": ("trend", "dot", 2.0),
    "halt rate": ("ink", "dashdot", 1.5),
}
"""Each line's colour in the palette, dash and width: distinct without the colour."""


GRIP_PX: Final = 12
"""Height that the grip of a limit's line takes at the top of the picture."""


def threshold_curve_figure(
    data: ThresholdCurveData,
    palette: Palette,
    *,
    marks: Sequence[tuple[str, HaltPolicy, Dash]],
    budget: float | None = None,
) -> dict[str, Any]:
    """Return the steps, their bands, plateaus, and a vertical line for each policy of ``marks``.

    Parameters
    ----------
    data, palette
        What to show, in the page's colours.
    marks
        Name, policy and dash of each line: a solid one is in ink, all others comment and are muted.
    budget
        Largest false-halt rate accepted, drawn across; a star is the best value that keeps to it.
    """
    x = json_numbers(data.edges, 5)
    traces: list[dict[str, Any]] = []
    for name in BANDS:
        colour = getattr(palette, LINES[name][0])
        traces += _band(x, data.bands[name], colour, in_legend=name == BANDS[0])
    for name, (colour, dash, width) in LINES.items():
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": name,
                "x": x,
                "y": _stepped(data.values[name]),
                "line": {
                    "color": getattr(palette, colour),
                    "dash": dash,
                    "width": width,
                    "shape": "hv",
                },
                "hovertemplate": "%{y:.1%}",
            }
        )
    if budget is not None:
        traces += _star(best_under(data, budget), palette)
    ends = sorted((float(data.edges[0]), float(data.edges[-1])))
    return {
        "data": traces,
        "layout": base_layout(
            uirevision=f"curve-{data.rule}",
            legend={"traceorder": "normal"},
            xaxis={
                "title": {"text": f"{AXIS[data.rule]} (stricter →)"},
                "range": ends[::-1] if data.rule == TREND else ends,
                "hoverformat": ".4f",
            },
            yaxis=share_axis("share of sessions"),
            shapes=[
                *_plateaus(data, palette),
                *(_over(data, budget, palette) if budget is not None else []),
                *(vertical_line(threshold(p, data.rule), dash, palette) for _, p, dash in marks),
                *([_horizontal(budget, palette)] if budget is not None else []),
            ],
            annotations=[
                _note(name, threshold(policy, data.rule), row, dash, palette)
                for row, (name, policy, dash) in enumerate(marks)
            ]
            + ([_target_note(budget, palette)] if budget is not None else []),
        ),
    }


def _band(
    x: list[float | None], band: FloatArray, colour: str, *, in_legend: bool
) -> list[dict[str, Any]]:
    shared = {
        "type": "scatter",
        "mode": "lines",
        "x": x,
        "line": {"width": 0, "color": colour, "shape": "hv"},
        "hoverinfo": "skip",
        "showlegend": False,
    }
    filled = {
        "fill": "tonexty",
        "fillcolor": rgba(colour, 0.15),
        "name": "95 % interval",
        "legendgroup": "interval",
        "showlegend": in_legend,
    }
    return [
        {**shared, "y": _stepped(band[0])},
        {**shared, **filled, "y": _stepped(band[1])},
    ]


def _plateaus(data: ThresholdCurveData, palette: Palette) -> list[dict[str, Any]]:
    return [
        {
            "type": "rect",
            "layer": "below",
            "xref": "x",
            "yref": "paper",
            "x0": start,
            "x1": end,
            "y0": 0,
            "y1": 1,
            "line": {"width": 0},
            "fillcolor": rgba(palette.muted, 0.12),
            "name": "same sessions halted",
            "showlegend": place == 0,
        }
        for place, (start, end) in enumerate(data.plateaus)
    ]


def _over(data: ThresholdCurveData, budget: float, palette: Palette) -> list[dict[str, Any]]:
    """Return the side on which the budget is, or may be, exceeded; stricter never halts less."""
    over = np.flatnonzero(data.worst_false_halts > budget)
    if not len(over):
        return []
    return [
        {
            "type": "rect",
            "name": "over the target",
            "showlegend": True,
            "layer": "below",
            "xref": "x",
            "yref": "paper",
            "x0": float(data.edges[over[0]]),
            "x1": float(data.edges[-1]),
            "y0": 0,
            "y1": 1,
            "line": {"width": 0},
            "fillcolor": rgba(palette.hard, 0.06),
        }
    ]


def _star(best: Star | None, palette: Palette) -> list[dict[str, Any]]:
    if best is None:
        return []
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "name": "best observed",
            "x": [round(best.threshold, 5)],
            "y": [round(best.catch_rate, 4)],
            "marker": {
                "symbol": "star",
                "size": 15,
                "color": palette.ink,
                "line": {"color": palette.page, "width": 1.5},
            },
            "hovertemplate": "%{x:.4f}: %{y:.1%}",
        }
    ]


def _horizontal(y: float, palette: Palette) -> dict[str, Any]:
    line = {"color": palette.hard, "width": 1, "dash": "dot"}
    return {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": y, "y1": y, "line": line}


def _target_note(y: float, palette: Palette) -> dict[str, Any]:
    return {
        "text": f"target {y:.3g}",
        "xref": "paper",
        "x": 1,
        "y": y,
        "xanchor": "right",
        "yanchor": "bottom",
        "showarrow": False,
        "font": {"color": palette.hard, "size": 10},
        # Curves that end here would strike it through.
        "bgcolor": rgba(palette.page, 0.8),
        "borderpad": 0,
    }


def _note(name: str, x: float, row: int, dash: Dash, palette: Palette) -> dict[str, Any]:
    return {
        "text": name,
        "x": x,
        "yref": "paper",
        "y": 1 - 0.07 * row,
        "xanchor": "left",
        "yanchor": "top",
        # Below the grip by which the line is dragged.
        "yshift": -GRIP_PX,
        "showarrow": False,
        "font": {"color": mark_colour(dash, palette), "size": 11},
        "bgcolor": rgba(palette.page, 0.7),
    }


def _stepped(values: FloatArray) -> list[float | None]:
    """Return a value an edge: a step's goes on to its end, and nan is a gap."""
    return json_numbers(np.append(values, values[-1:]))
