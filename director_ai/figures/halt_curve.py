"""The coherence curve, the floors under it, and the point where it meets them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from director_ai.figures.halt_curve_data import HaltCurveData
from director_ai.figures.halt_marks import lines, notes, token_axis
from director_ai.figures.json_numbers import json_numbers
from director_ai.figures.theme import (
    COHERENCE_WIDTH,
    DASH,
    MUTED_WIDTH,
    RULE_NAME,
    RULE_OF_MECHANISM,
    RULE_WIDTH,
    RULES,
    Palette,
    rgba,
)

MOST_MARKERS = 200


def halt_curve_figure(
    data: HaltCurveData, palette: Palette, *, uirevision: str, font_size: int = 12
) -> dict[str, Any]:
    """Return the picture as a Plotly figure of plain values.

    Parameters
    ----------
    data
        From :func:`director_ai.figures.halt_curve_data.halt_curve_data`.
    palette
        Colours of the page's theme.
    uirevision
        While it stays the same, the reader's zoom and hidden traces are kept.
    font_size
        In pixels; 18 for a projector.
    """
    traces = [_floor_trace(data, row, palette) for row in range(3)]
    traces.append(_mean_trace(data, palette))
    traces.extend(_cursor_trace(name, ends, palette) for name, ends in data.cursor_lines.items())
    traces.extend(_score_traces(data, palette))
    if data.judgement.trigger is not None:
        traces.append(_halt_trace(data, palette))
    return {
        "data": traces,
        "layout": {
            "uirevision": uirevision,
            "font": {"size": font_size},
            "hovermode": "x unified",
            "showlegend": True,
            "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
            "margin": {"t": 3 * font_size, "r": 16, "b": 3.4 * font_size, "l": 4.4 * font_size},
            "xaxis": token_axis(data),
            "yaxis": {
                "title": {"text": "coherence"},
                "range": [0, 1.05],
                "fixedrange": True,
                "zeroline": False,
            },
            "shapes": lines(data, palette),
            "annotations": notes(data, palette, font_size),
        },
    }


def _floor_trace(data: HaltCurveData, row: int, palette: Palette) -> dict[str, Any]:
    rule = RULES[row]
    colour = palette.rule(rule)
    trace: dict[str, Any] = {
        "type": "scatter",
        "mode": "lines",
        "name": "Hard limit" if rule == "hard" else f"{RULE_NAME[rule].capitalize()} floor",
        "x": data.token.tolist(),
        "y": json_numbers(data.floors[row]),
        "line": {"color": colour, "width": RULE_WIDTH, "dash": DASH[rule]},
        "hovertemplate": "%{y:.3f}",
    }
    if rule != "hard":
        # The band under a floor: a score in it halts.
        trace |= {"fill": "tozeroy", "fillcolor": rgba(colour, 0.10)}
    return trace


def _mean_trace(data: HaltCurveData, palette: Palette) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "Rolling mean",
        "x": data.token.tolist(),
        "y": json_numbers(data.mean),
        "line": {"color": rgba(palette.window, 0.75), "width": 1.25},
        "hovertemplate": "%{y:.3f}",
    }


def _cursor_trace(
    rule: str, ends: tuple[list[float], list[float]], palette: Palette
) -> dict[str, Any]:
    colour = palette.window if rule == "window" else palette.trend
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": f"{rule} at cursor",
        "showlegend": False,
        "hoverinfo": "skip",
        "x": ends[0],
        "y": ends[1],
        "line": {"color": colour, "width": 4},
        "marker": {"symbol": "line-ns-open", "size": 11, "color": colour, "line": {"width": 2}},
    }


def _score_traces(data: HaltCurveData, palette: Palette) -> list[dict[str, Any]]:
    stop = data.judgement.stop
    before = np.ones(len(data.token), bool) if stop is None else data.token <= stop
    traces = [_score_trace(data, before, "Coherence", palette, after=False)]
    if stop is not None and not before.all():
        # From the stop on, so that the two lines join.
        after = data.token >= stop
        traces.append(_score_trace(data, after, "After the halt", palette, after=True))
    return traces


def _score_trace(
    data: HaltCurveData, part: NDArray[np.bool_], name: str, palette: Palette, *, after: bool
) -> dict[str, Any]:
    colour = palette.muted if after else palette.coherence
    marked = int(part.sum()) <= MOST_MARKERS
    hollow = data.held[part] | after
    return {
        "type": "scatter",
        "mode": "lines+markers" if marked else "lines",
        "name": name,
        "x": data.token[part].tolist(),
        "y": json_numbers(data.scores[part]),
        "text": [label for label, drawn in zip(data.labels, part, strict=True) if drawn],
        "line": {
            "color": colour,
            "width": MUTED_WIDTH if after else COHERENCE_WIDTH,
            "dash": "dot" if after else "solid",
        },
        "marker": {
            "size": 5,
            "color": [palette.page if open_ else colour for open_ in hollow],
            "line": {"color": colour, "width": 1.25},
        },
        "hovertemplate": "%{y:.3f} · %{text}",
    }


def _halt_trace(data: HaltCurveData, palette: Palette) -> dict[str, Any]:
    alarm = data.judgement.alarms[0]
    drawn = np.flatnonzero(data.token == alarm.index)
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "Halt",
        "x": data.token[drawn].tolist(),
        "y": json_numbers(data.scores[drawn]),
        "marker": {
            "symbol": "x",
            "size": 15,
            "color": palette.rule(RULE_OF_MECHANISM[alarm.mechanism]),
            "line": {"color": palette.page, "width": 2},
        },
        "hovertemplate": f"{RULE_NAME[RULE_OF_MECHANISM[alarm.mechanism]]}",
    }
