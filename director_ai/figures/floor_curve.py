"""Halt floors of one session: the lowest score that each token could have had and passed."""

from typing import Any, Final

import numpy as np

from director_ai.figures.base_layout import base_layout, score_axis
from director_ai.figures.curve_data import HaltCurveData
from director_ai.figures.curve_marks import halt_trace, lines, notes, score_traces, token_axis
from director_ai.figures.json_numbers import json_numbers
from director_ai.figures.theme import DASH, RULE_WIDTH, RULES, Palette, Rule, rgba

_NAMES: Final[dict[Rule, str]] = {
    "hard": "The hard limit halts below",
    "window": "The window rule halts below",
    "trend": "The trend rule halts below",
}


def floor_curve_figure(
    data: HaltCurveData, palette: Palette, *, uirevision: str, font_size: int = 12
) -> dict[str, Any]:
    """Return the curve over its halt floors as a Plotly figure of plain values.

    All three rules on one axis: a token is halted at where its score goes under the highest floor.

    Parameters
    ----------
    data
        From :func:`director_ai.figures.curve_data.halt_curve_data`.
    palette
        Colours of the page's theme.
    uirevision
        While it stays the same, the reader's zoom and hidden traces are kept.
    font_size
        In pixels; 18 for a projector.
    """
    traces = [*floor_traces(data, palette), *score_traces(data, palette)]
    if data.judgement.trigger is not None:
        traces.append(halt_trace(data, palette))
    return {
        "data": traces,
        "layout": base_layout(
            uirevision=uirevision,
            font={"size": font_size},
            showlegend=True,
            margin={"t": 3.4 * font_size, "b": 3.4 * font_size, "l": 4.4 * font_size, "r": 48},
            xaxis=token_axis(data),
            yaxis=score_axis(),
            shapes=lines(data, palette),
            annotations=notes(data, palette, font_size),
        ),
    }


def floor_traces(data: HaltCurveData, palette: Palette) -> list[dict[str, Any]]:
    """Return the floor of each rule, in the order of ``RULES``."""
    return [_floor_trace(data, row, palette) for row in range(len(RULES))]


def _floor_trace(data: HaltCurveData, row: int, palette: Palette) -> dict[str, Any]:
    rule = RULES[row]
    colour = palette.rule(rule)
    floor = np.where(data.floors[row] < 0, np.nan, data.floors[row])
    trace: dict[str, Any] = {
        "type": "scatter",
        "mode": "lines",
        "name": _NAMES[rule],
        "x": data.token.tolist(),
        "y": json_numbers(floor),
        "line": {"color": colour, "width": RULE_WIDTH, "dash": DASH[rule]},
        "hovertemplate": "%{y:.3f}",
    }
    if rule != "hard":
        trace |= {"fill": "tozeroy", "fillcolor": rgba(colour, 0.10)}
    return trace
