"""Threshold row: small maps of two thresholds, one for each value of the third."""

from typing import Any, Final, NamedTuple

import numpy as np

from director_ai.core.halting.policy import HaltPolicy
from director_ai.figures.base_layout import base_layout
from director_ai.figures.json_numbers import json_rows
from director_ai.figures.theme import Palette
from director_ai.figures.threshold_curve import AXIS
from director_ai.figures.threshold_map import ThresholdMapData, threshold_map_data
from director_ai.replay.engine import HARD, TREND, WINDOW, Replay
from director_ai.tuning.evaluation.population import Population
from director_ai.tuning.labelled import LabelledCurves
from director_ai.tuning.thresholds import OFF, moved, threshold

N_MAPS: Final = 5
CELLS: Final = 21
"""Of each map along an axis: as many as a small one has room for."""

_REACH: Final = {HARD: 0.9, WINDOW: 0.9, TREND: 0.1}
_GAP: Final = 0.015
_LINE: Final = "#FFFFFF"


class ThresholdRowData(NamedTuple):
    """Data of the figure.

    Attributes
    ----------
    rule
        Whose threshold changes from map to map, from lenient to strict.
    values
        Its value on each map, the policy's among them; shape (n_maps,).
    maps
        The map of each.
    """

    rule: int
    values: list[float]
    maps: list[ThresholdMapData]


def threshold_row_data(
    data: LabelledCurves,
    replay: Replay,
    policy: HaltPolicy,
    *,
    rules: tuple[int, int],
    metric: str,
    population: Population | None = None,
) -> ThresholdRowData:
    """Return the data of the row; ``rules`` run along x and y.

    Examples
    --------
    >>> data = LabelledCurves.from_scores([[0.9], [0.3]], labels=[0, 1])
    >>> replay = Replay(data.curves, window_size=1, trend_window=2)
    >>> policy = HaltPolicy(window_size=1, trend_window=2, trend_threshold=0.4)
    >>> found = threshold_row_data(data, replay, policy, rules=(HARD, WINDOW), metric="F1")
    >>> found.values
    [1.5, 1.15, 0.8, 0.4, 0.1]
    """
    rule = next(rule for rule in (HARD, WINDOW, TREND) if rule not in rules)
    values = _around(rule, threshold(policy, rule))
    return ThresholdRowData(
        rule,
        values,
        [
            threshold_map_data(
                data,
                replay,
                moved(policy, rule, value),
                rules=rules,
                metric=metric,
                n_cells=CELLS,
                population=population,
            )
            for value in values
        ],
    )


def threshold_row_figure(
    data: ThresholdRowData, palette: Palette, *, policy: HaltPolicy, budget: float
) -> dict[str, Any]:
    """Return the row; the number of a clicked trace is the place of its map.

    Parameters
    ----------
    data, palette
        What to show, in the page's colours.
    policy
        The limits in use, marked where they lie.
    budget
        Largest false-halt rate accepted: the white lines.
    """
    width = (1 - _GAP * (N_MAPS - 1)) / N_MAPS
    heat: list[dict[str, Any]] = []
    over: list[dict[str, Any]] = []
    layout = base_layout(
        uirevision=f"row-{data.rule}",
        hovermode="closest",
        showlegend=False,
        margin={"t": 30},
        annotations=[],
        font={"color": palette.ink},
    )
    for place, (value, small) in enumerate(zip(data.values, data.maps, strict=True)):
        number = "" if not place else str(place + 1)
        axes = {"xaxis": f"x{number}", "yaxis": f"y{number}"}
        start = place * (width + _GAP)
        x, y = small.x.round(4).tolist(), small.y.round(4).tolist()
        heat.append(_heat(small, x, y, last=place == N_MAPS - 1) | axes)
        if small.n_good:
            over.append(_budget(small, x, y, budget) | axes)
        if value == threshold(policy, data.rule):
            over.append(_mark(small, policy) | axes)
        layout[f"xaxis{number}"] = _axis(small.rules[0], small.x) | {
            "domain": [start, start + width],
            "anchor": f"y{number}",
        }
        layout[f"yaxis{number}"] = _axis(small.rules[1], small.y, named=not place) | {
            "anchor": f"x{number}",
            "showticklabels": not place,
        }
        layout["annotations"].append(
            {
                "text": f"{AXIS[data.rule]} "
                + ("off" if value == OFF[data.rule] else f"{value:g}"),
                "xref": "paper",
                "yref": "paper",
                "x": start + width / 2,
                "y": 1.0,
                "xanchor": "center",
                "yanchor": "bottom",
                "showarrow": False,
                "font": {"color": palette.ink, "size": 12},
            }
        )
    return {"data": heat + over, "layout": layout}


def threshold_row_alt(data: ThresholdRowData) -> str:
    """Return the row's content in one sentence."""
    first, second = (AXIS[rule] for rule in data.maps[0].rules)
    values = ", ".join(f"{value:g}" for value in data.values)
    return (
        f"{data.maps[0].metric} by {first} and {second} for {AXIS[data.rule]} at {values}, "
        "from lenient to strict."
    )


def _around(rule: int, value: float) -> list[float]:
    """Return five values of a threshold from off to strict, one of them the value itself."""
    values: list[float] = np.linspace(OFF[rule], _REACH[rule], N_MAPS).round(2).tolist()
    if value not in values:
        # In the place of the nearest, but never of off.
        nearest = min(range(1, N_MAPS), key=lambda place: abs(values[place] - value))
        values[nearest] = value
    return values


def _heat(small: ThresholdMapData, x: list[float], y: list[float], *, last: bool) -> dict[str, Any]:
    name_x, name_y = (AXIS[rule] for rule in small.rules)
    return {
        "type": "heatmap",
        "name": small.metric,
        "x": x,
        "y": y,
        "z": json_rows(small.values),
        "zmin": 0,
        "zmax": 1,
        "colorscale": "Viridis",
        "showscale": last,
        "colorbar": {"title": {"text": small.metric, "side": "right"}, "thickness": 12},
        "hovertemplate": f"{name_x} %{{x:.3f}}<br>{name_y} %{{y:.3f}}<br>"
        f"{small.metric} %{{z:.3f}}<extra></extra>",
    }


def _budget(
    small: ThresholdMapData, x: list[float], y: list[float], budget: float
) -> dict[str, Any]:
    return {
        "type": "contour",
        "x": x,
        "y": y,
        "z": json_rows(small.worst_false_halts),
        "contours": {"coloring": "none", "start": budget, "end": budget, "size": 1},
        "line": {"color": _LINE, "width": 2, "smoothing": 0},
        "showscale": False,
        "hoverinfo": "skip",
    }


def _mark(small: ThresholdMapData, policy: HaltPolicy) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [threshold(policy, small.rules[0])],
        "y": [threshold(policy, small.rules[1])],
        "marker": {
            "symbol": "cross",
            "size": 11,
            "color": _LINE,
            "line": {"color": "#000000", "width": 1},
        },
        "hoverinfo": "skip",
    }


def _axis(rule: int, values: "np.ndarray[Any, Any]", *, named: bool = True) -> dict[str, Any]:
    low, high = float(values.min()), float(values.max())
    return {
        "title": {"text": AXIS[rule] if named else ""},
        "range": [high, low] if rule == TREND else [low, high],
        "showgrid": False,
        "showspikes": False,
        "nticks": 4,
    }
