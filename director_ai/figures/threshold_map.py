"""Threshold map: one metric over two thresholds, the budget as a line, the best as steps."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from director_ai.core.halting.policy import HaltPolicy
from director_ai.figures.base_layout import base_layout
from director_ai.figures.json_numbers import json_rows
from director_ai.figures.theme import Palette
from director_ai.figures.threshold_curve import AXIS
from director_ai.replay.curves import FloatArray
from director_ai.replay.engine import HARD, TREND, WINDOW, Replay
from director_ai.tuning.evaluation import metrics
from director_ai.tuning.evaluation.metrics import METRICS, Counts
from director_ai.tuning.evaluation.population import Population
from director_ai.tuning.evaluation.sweep import Grid, sweep
from director_ai.tuning.labelled import LabelledCurves
from director_ai.tuning.search.cautions import FEWEST_SESSIONS
from director_ai.tuning.search.pareto import front
from director_ai.tuning.thresholds import threshold

PAIRS: Final[dict[str, tuple[int, int]]] = {
    "hard × window": (HARD, WINDOW),
    "hard × max drop": (HARD, TREND),
    "window × max drop": (WINDOW, TREND),
}
"""Which threshold runs along x and which along y."""

CELLS: Final = 41
_SCALE: Final = "Viridis"
_LINE: Final = "#FFFFFF"
"""On the colour scale, which is the same in both themes, white is seen everywhere."""


class ThresholdMapData(NamedTuple):
    """Data of the figure.

    Attributes
    ----------
    rules
        Whose thresholds run along x and y.
    x, y
        Thresholds from lenient to strict, shape (n_cells,).
    metric
        Name of the metric, of ``METRICS``.
    values
        The metric, shape (n_y, n_x), nan where it is undefined.
    false_halt_rate, catch_rate
        Of every cell, unknown sessions left out; shape (n_y, n_x).
    worst_false_halts
        False-halt rate of every cell with every unknown session halted: what a budget is held
        against. Shape (n_y, n_x).
    least_caught
        Catch rate of every cell with every unknown session let through: what the best is told by.
        Shape (n_y, n_x).
    front
        Thresholds (x, y) of the combinations that no other beats, from lenient to strict.
    n_good, n_bad
        Sessions of each label.
    """

    rules: tuple[int, int]
    x: FloatArray
    y: FloatArray
    metric: str
    values: FloatArray
    false_halt_rate: FloatArray
    catch_rate: FloatArray
    worst_false_halts: FloatArray
    least_caught: FloatArray
    front: list[tuple[float, float]]
    n_good: int
    n_bad: int


def threshold_map_data(
    data: LabelledCurves,
    replay: Replay,
    policy: HaltPolicy,
    *,
    rules: tuple[int, int],
    metric: str,
    n_cells: int = CELLS,
    population: Population | None = None,
) -> ThresholdMapData:
    """Return the data of the map, the third threshold held at the policy's.

    ``population`` is the mixture of sessions that precision, F1 and MCC are of.

    Examples
    --------
    >>> data = LabelledCurves.from_scores([[0.9], [0.3]], labels=[0, 1])
    >>> replay = Replay(data.curves, window_size=1, trend_window=2)
    >>> policy = HaltPolicy(window_size=1, trend_window=2)
    >>> found = threshold_map_data(
    ...     data, replay, policy, rules=(HARD, WINDOW), metric="catch rate", n_cells=3
    ... )
    >>> found.values.tolist()
    [[0.0, 1.0, 1.0], [1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]
    """
    axes = [np.array([threshold(policy, rule)]) for rule in (HARD, WINDOW, TREND)]
    for rule in rules:
        axes[rule] = _axis(rule, n_cells)
    grid = Grid(*axes)
    swept = sweep(data, replay, grid)
    counts = Counts.of(swept)
    held = next(rule for rule in (HARD, WINDOW, TREND) if rule not in rules)
    first, second = rules

    def plane(values: FloatArray) -> FloatArray:
        flat = np.asarray(values).squeeze(axis=held)
        # Rows are y; the remaining axes keep the order of the rules.
        return flat.T if first < second else flat

    best = [
        (float(axes[first][cell[first]]), float(axes[second][cell[second]]))
        for cell in front(swept).cells.tolist()
    ]
    return ThresholdMapData(
        rules,
        axes[first],
        axes[second],
        metric,
        plane(METRICS[metric](counts.weighted(population or Population.of(data)))),
        plane(metrics.false_halt_rate(counts)),
        plane(metrics.catch_rate(counts)),
        plane(metrics.false_halt_rate(counts.settled(unknown_halt=True))),
        plane(metrics.catch_rate(counts.settled(unknown_halt=False))),
        best if swept.n_good and swept.n_bad else [],
        swept.n_good,
        swept.n_bad,
    )


def threshold_map_figure(
    data: ThresholdMapData,
    palette: Palette,
    *,
    marks: Sequence[tuple[str, HaltPolicy, str]],
    budget: float,
) -> dict[str, Any]:
    """Return the map; a click on a cell has its thresholds as x and y.

    Parameters
    ----------
    data, palette
        What to show, in the page's colours.
    marks
        Name, policy and Plotly symbol of each point.
    budget
        Largest false-halt rate accepted: the white line; what it allows lies on its lenient side.
    """
    x, y = data.x.round(4).tolist(), data.y.round(4).tolist()
    name_x, name_y = (AXIS[rule] for rule in data.rules)
    percent = [
        [[_percent(caught), _percent(false)] for caught, false in zip(row, other, strict=True)]
        for row, other in zip(data.catch_rate, data.false_halt_rate, strict=True)
    ]
    traces: list[dict[str, Any]] = [
        {
            "type": "heatmap",
            "name": data.metric,
            "x": x,
            "y": y,
            "z": json_rows(data.values),
            "zmin": 0,
            "zmax": 1,
            "colorscale": _SCALE,
            # Beside the grip of the upper limit's line.
            "colorbar": {
                "title": {"text": data.metric, "side": "right"},
                "thickness": 14,
                "x": 1.08,
            },
            "customdata": percent,
            "hovertemplate": f"{name_x} %{{x:.3f}}<br>{name_y} %{{y:.3f}}<br>"
            f"{data.metric} %{{z:.3f}}<br>catch %{{customdata[0]}} of {data.n_bad:,} bad<br>"
            f"false halts %{{customdata[1]}} of {data.n_good:,} good<extra></extra>",
        }
    ]
    if data.n_good:
        traces.append(
            {
                "type": "contour",
                "name": f"observed FPR {100 * budget:g} %",
                "x": x,
                "y": y,
                "z": json_rows(data.worst_false_halts),
                "contours": {
                    "coloring": "none",
                    "start": budget,
                    "end": budget,
                    "size": 1,
                    "showlabels": False,
                },
                "line": {"color": _LINE, "width": 2.5, "smoothing": 0},
                "showscale": False,
                "showlegend": True,
                "hoverinfo": "skip",
            }
        )
    if data.front:
        traces.append(_front(data.front))
    traces += [
        {
            "type": "scatter",
            "mode": "markers",
            "name": name,
            "x": [threshold(policy, data.rules[0])],
            "y": [threshold(policy, data.rules[1])],
            "marker": {
                "symbol": symbol,
                "size": 15,
                "color": _LINE,
                "line": {"color": "#000000", "width": 1.5},
            },
            "hoverinfo": "skip",
        }
        for name, policy, symbol in marks
    ]
    return {
        "data": traces,
        "layout": base_layout(
            uirevision="-".join(map(str, data.rules)),
            hovermode="closest",
            # White and hollow marks would not be seen on a white page.
            legend={"bgcolor": "#4B5563", "font": {"color": _LINE}},
            xaxis=_axis_of(data.rules[0], data.x),
            yaxis=_axis_of(data.rules[1], data.y),
            font={"color": palette.ink},
        ),
    }


def threshold_map_alt(data: ThresholdMapData, budget: float) -> str:
    """Return the finding of the map in one sentence."""
    name_x, name_y = (AXIS[rule] for rule in data.rules)
    start = f"{data.metric} for {len(data.x)} × {len(data.y)} pairs of {name_x} and {name_y}; "
    allowed = data.worst_false_halts <= budget
    fewest = min(data.n_good, data.n_bad)
    if 0 < fewest < FEWEST_SESSIONS:
        return f"{start}with only {fewest} sessions of a kind none is called the best."
    if not fewest or not allowed.any():
        return f"{start}no pair is known to keep the observed FPR to {100 * budget:g} %."
    caught = np.where(allowed, data.least_caught, -1.0)
    row, column = np.unravel_index(int(caught.argmax()), caught.shape)
    return (
        f"{start}with an observed FPR of at most {100 * budget:g} % the best catches "
        f"{_percent(float(caught[row, column]))}, at {data.x[column]:.3f} and {data.y[row]:.3f}."
    )


def _axis(rule: int, n_cells: int) -> FloatArray:
    # Drops above 1 are rare to the point of being off.
    return np.linspace(1.0, 0.0, n_cells) if rule == TREND else np.linspace(0.0, 1.0, n_cells)


def _axis_of(rule: int, values: FloatArray) -> dict[str, Any]:
    half = abs(float(values[1] - values[0])) / 2
    low, high = float(values.min()) - half, float(values.max()) + half
    return {
        "title": {"text": f"{AXIS[rule]} (stricter →)"},
        "range": [high, low] if rule == TREND else [low, high],
        "showgrid": False,
        "showspikes": False,
        "constrain": "domain",
    }


def _front(best: list[tuple[float, float]]) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "no other is better in both",
        "x": [round(point[0], 4) for point in best],
        "y": [round(point[1], 4) for point in best],
        "marker": {"symbol": "circle-open", "size": 6, "color": _LINE, "line": {"width": 1.5}},
        "hoverinfo": "skip",
    }


def _percent(share: float) -> str:
    return "–" if np.isnan(share) else f"{100 * share:.1f} %"
