"""The rates at every value of one threshold, as steps with their intervals and plateaus."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from director_ai.core.halting.policy import HaltPolicy
from director_ai.figures.json_numbers import json_numbers
from director_ai.figures.theme import MUTED_WIDTH, Dash, Palette, rgba
from director_ai.figures.threshold_curve_data import (
    AXIS,
    BANDS,
    Star,
    ThresholdCurveData,
    best_under,
)
from director_ai.replay.curves import FloatArray
from director_ai.replay.engine import TREND
from director_ai.tuning.thresholds import threshold

LINES: Final[dict[str, tuple[str, Dash, float]]] = {
    "catch rate": ("window", "solid", 2.5),
    "false-halt rate": ("hard", "solid", 2.5),
    "precision": ("muted", "dash", 1.5),
    "F1": ("trend", "dot", 2.0),
    "halt rate": ("ink", "dashdot", 1.5),
}
"""Each line's colour in the palette, dash and width: told apart without the colour."""


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
        Largest false-halt rate wanted, drawn across; a star is the best value that keeps to it.
    """
    x = json_numbers(data.edges, 5)
    traces: list[dict[str, Any]] = []
    for name in BANDS:
        traces += _band(x, data.bands[name], getattr(palette, LINES[name][0]))
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
        "layout": {
            "uirevision": f"curve-{data.rule}",
            "hovermode": "x unified",
            "legend": {
                "orientation": "h",
                "y": 1.02,
                "yanchor": "bottom",
                "x": 0,
                "traceorder": "normal",
            },
            "margin": {"t": 44, "r": 16, "b": 44, "l": 56},
            "xaxis": {
                "title": {"text": f"{AXIS[data.rule]} (stricter →)"},
                "range": ends[::-1] if data.rule == TREND else ends,
                "hoverformat": ".4f",
            },
            "yaxis": {
                "title": {"text": "share of sessions"},
                "range": [0, 1.05],
                "fixedrange": True,
                "tickformat": ".0%",
            },
            "shapes": [
                *_plateaus(data, palette),
                *(_over(data, budget, palette) if budget is not None else []),
                *(_vertical(threshold(p, data.rule), dash, palette) for _, p, dash in marks),
                *([_horizontal(budget, palette)] if budget is not None else []),
            ],
            "annotations": [
                _note(name, threshold(policy, data.rule), row, dash, palette)
                for row, (name, policy, dash) in enumerate(marks)
            ],
        },
    }


def _band(x: list[float | None], band: FloatArray, colour: str) -> list[dict[str, Any]]:
    shared = {
        "type": "scatter",
        "mode": "lines",
        "x": x,
        "line": {"width": 0, "color": colour, "shape": "hv"},
        "hoverinfo": "skip",
        "showlegend": False,
    }
    filled = {"fill": "tonexty", "fillcolor": rgba(colour, 0.15)}
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
        }
        for start, end in data.plateaus
    ]


def _over(data: ThresholdCurveData, budget: float, palette: Palette) -> list[dict[str, Any]]:
    """Return the side on which the budget is, or may be, exceeded; stricter never halts less."""
    over = np.flatnonzero(data.worst_false_halts > budget)
    if not len(over):
        return []
    return [
        {
            "type": "rect",
            "name": "over the budget",
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


def _vertical(x: float, dash: Dash, palette: Palette) -> dict[str, Any]:
    line = {"color": _ink(dash, palette), "width": MUTED_WIDTH, "dash": dash}
    return {"type": "line", "x0": x, "x1": x, "yref": "paper", "y0": 0, "y1": 1, "line": line}


def _ink(dash: Dash, palette: Palette) -> str:
    return palette.ink if dash == "solid" else palette.muted


def _star(best: Star | None, palette: Palette) -> list[dict[str, Any]]:
    if best is None:
        return []
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "name": "best under the budget",
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


def _note(name: str, x: float, row: int, dash: Dash, palette: Palette) -> dict[str, Any]:
    return {
        "text": name,
        "x": x,
        "yref": "paper",
        "y": 1 - 0.07 * row,
        "xanchor": "left",
        "yanchor": "top",
        "showarrow": False,
        "font": {"color": _ink(dash, palette), "size": 11},
        "bgcolor": rgba(palette.page, 0.7),
    }


def _stepped(values: FloatArray) -> list[float | None]:
    """Return a value an edge: a step's goes on to its end, and nan is a gap."""
    return json_numbers(np.append(values, values[-1:]))
