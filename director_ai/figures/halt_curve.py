"""Coherence curve of one session with its limits and the halt point."""

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from director_ai.core.halting.downward_trend import LARGEST_DROP
from director_ai.core.halting.policy import HaltPolicy
from director_ai.figures.base_layout import base_layout, score_axis
from director_ai.figures.curve_data import HaltCurveData
from director_ai.figures.curve_marks import (
    halt_trace,
    lines,
    note,
    notes,
    score_traces,
    token_axis,
)
from director_ai.figures.decimals import distinct_decimals
from director_ai.figures.json_numbers import json_numbers
from director_ai.figures.theme import (
    DASH,
    RULE_WIDTH,
    Palette,
    Rule,
    rgba,
)
from director_ai.replay.floors import FloatArray

NEAR: Final = 0.1
"""Margin, in coherence, below which the room left by the window rule is shaded."""

NEAR_OPACITY: Final = 0.1
ALARM_OPACITY: Final = 0.45
"""Of the areas where a rule is near, and where it is broken."""

BEHIND_OPACITY: Final = 0.8
"""Of the page behind words that stand on lines."""

BESIDE_PX: Final = 10
"""From an upright line to words that must clear a mark on it."""

CURVE: Final = (0.22, 1.0)
STRIP: Final = (0.0, 0.15)
"""Shares of the picture's height that the curve and the strip of the drop below it take."""

WIDEST_DROP: Final = 0.4
"""Drop that the strip reaches, unless the limit is larger."""


def drop_range(policy: HaltPolicy) -> tuple[float, float]:
    """Return the range of the strip's axis.

    >>> drop_range(HaltPolicy()), drop_range(HaltPolicy(trend_threshold=0.8))
    ((0.0, 0.4), (0.0, 1.0))
    """
    return 0.0, max(WIDEST_DROP, 1.25 * policy.trend_threshold)


def trend_is_on(policy: HaltPolicy) -> bool:
    """Return whether the trend rule can halt."""
    return policy.trend_threshold < LARGEST_DROP


def halt_curve_figure(
    data: HaltCurveData, palette: Palette, *, uirevision: str, font_size: int = 12
) -> dict[str, Any]:
    """Return the picture of the three rules as a Plotly figure of plain values.

    The hard limit is a line; the window rule a line with the rolling mean, and the area between
    them where the mean is below or close; the trend rule a strip below the curve, with the fitted
    line and its allowed fall at the places looked at.

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
    policy = data.policy
    traces = [
        *rule_traces(data, palette),
        *score_traces(data, palette),
        *_brackets(data, palette),
    ]
    if data.judgement.trigger is not None:
        traces.append(halt_trace(data, palette))
    layout = base_layout(
        uirevision=uirevision,
        font={"size": font_size},
        showlegend=True,
        hoversubplots="axis",
        margin={"t": 3.4 * font_size, "b": 3.4 * font_size, "l": 4.4 * font_size, "r": 48},
        xaxis=token_axis(data),
        yaxis=score_axis(),
        shapes=lines(data, palette),
        annotations=[
            *notes(data, palette, font_size),
            *limit_names(data, palette, font_size),
            *_statistics(data, palette, font_size),
        ],
    )
    if trend_is_on(policy):
        layout["yaxis"]["domain"] = list(CURVE)
        layout["xaxis"]["anchor"] = "y2"
        layout["yaxis2"] = {
            "domain": list(STRIP),
            "range": list(drop_range(policy)),
            "tickvals": [policy.trend_threshold],
            "fixedrange": True,
            "zeroline": False,
        }
    return {"data": traces, "layout": layout}


def rule_traces(data: HaltCurveData, palette: Palette) -> list[dict[str, Any]]:
    """Return the limits, the rolling mean with its areas, and the strip of the fitted drop."""
    return [
        *_level_traces(data, palette),
        *_window_traces(data, palette),
        *(_trend_traces(data, palette) if trend_is_on(data.policy) else []),
    ]


class _Level(NamedTuple):
    """Limit that is a level of coherence, and its look."""

    name: str
    value: float
    line: dict[str, Any]
    in_legend: bool = False
    """Named in the legend, where the curve runs along its line, and not at the line's end."""


def _levels(policy: HaltPolicy, palette: Palette) -> list[_Level]:
    """Return the levels of the rules that are on, the lowest first."""
    hard = {"color": palette.hard, "width": RULE_WIDTH, "dash": DASH["hard"]}
    window = {"color": palette.window, "width": RULE_WIDTH, "dash": DASH["window"]}
    soft = {"color": palette.muted, "width": 1, "dash": "dot"}
    levels = []
    if policy.hard_limit > 0:
        levels.append(_Level("hard limit", policy.hard_limit, hard))
    if policy.window_threshold > 0:
        levels.append(_Level("window limit", policy.window_threshold, window))
    if policy.soft_limit > policy.hard_limit:
        name = f"Soft limit {policy.soft_limit:g}, warns"
        levels.append(_Level(name, policy.soft_limit, soft, in_legend=True))
    return sorted(levels, key=lambda level: level.value)


def _level_traces(data: HaltCurveData, palette: Palette) -> list[dict[str, Any]]:
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "name": level.name,
            "showlegend": level.in_legend,
            "x": token_axis(data)["range"],
            "y": [level.value, level.value],
            "line": level.line,
            "hoverinfo": "skip",
        }
        for level in _levels(data.policy, palette)
    ]


def limit_names(data: HaltCurveData, palette: Palette, font_size: int) -> list[dict[str, Any]]:
    """Return the limits' names and values at the left end of their lines."""
    policy = data.policy
    named = [
        (f"{level.name} {level.value:g}", "y", level.value, level.line["color"])
        for level in _levels(policy, palette)
        if not level.in_legend
    ]
    if trend_is_on(policy):
        said = f"fall over {policy.trend_window} tokens, limit {policy.trend_threshold:g}"
        named.append((said, "y2", policy.trend_threshold, palette.trend))
    return [
        {
            "text": text,
            "xref": "paper",
            "x": 0.01,
            "xanchor": "left",
            "yref": axis,
            "y": value,
            # Room below is only under the lowest of them.
            "yanchor": "top" if place == 0 and axis == "y" else "bottom",
            "showarrow": False,
            # The curve or another limit's line may run through it.
            "bgcolor": rgba(palette.page, BEHIND_OPACITY),
            "borderpad": 0,
            "font": {"color": colour, "size": font_size - 1},
        }
        for place, (text, axis, value, colour) in enumerate(named)
    ]


def _window_traces(data: HaltCurveData, palette: Palette) -> list[dict[str, Any]]:
    policy = data.policy
    if policy.window_threshold <= 0:
        return []
    limit = policy.window_threshold
    return [
        _area(
            "Mean close to its limit",
            data.token,
            data.mean,
            limit,
            rgba(palette.window, NEAR_OPACITY),
            reach=(0.0, NEAR),
        ),
        _area(
            "Mean below its limit",
            data.token,
            data.mean,
            limit,
            rgba(palette.alarm, ALARM_OPACITY),
            reach=(-np.inf, 0.0),
        ),
        {
            "type": "scatter",
            "mode": "lines",
            "name": f"Mean of the last {policy.window_size}",
            "x": data.token.tolist(),
            "y": json_numbers(data.mean),
            "line": {"color": rgba(palette.window, 0.85), "width": 1.5},
            "hovertemplate": "%{y:.3f}",
        },
    ]


def _trend_traces(data: HaltCurveData, palette: Palette) -> list[dict[str, Any]]:
    policy = data.policy
    allowed = policy.trend_threshold
    strip = {"yaxis": "y2"}
    traces = [
        _area(
            "Fall above its limit",
            data.token,
            data.drop,
            allowed,
            rgba(palette.alarm, ALARM_OPACITY),
            reach=(0.0, np.inf),
        )
        | strip,
        {
            "type": "scatter",
            "mode": "lines",
            "name": f"Fall over {policy.trend_window}",
            "showlegend": False,
            "x": data.token.tolist(),
            "y": json_numbers(np.maximum(data.drop, 0.0)),
            "line": {"color": palette.trend, "width": 1.5},
            "hovertemplate": "%{y:.3f}",
        }
        | strip,
        {
            "type": "scatter",
            "mode": "lines",
            "name": "Largest fall allowed",
            "showlegend": False,
            "x": token_axis(data)["range"],
            "y": [allowed, allowed],
            "line": {"color": palette.trend, "width": RULE_WIDTH, "dash": DASH["trend"]},
            "hoverinfo": "skip",
        }
        | strip,
    ]
    for at in data.windows:
        if np.isnan(at.drop):
            continue
        ends = [at.token - policy.trend_window + 1, at.token]
        start, end = at.fit
        lowest = start - allowed
        traces.append(
            _polygon("Fall allowed", [*ends, ends[1]], [start, start, lowest], palette.trend, 0.16)
        )
        if end < lowest:
            over = [start, lowest, end]
            traces.append(
                _polygon(
                    "Fall beyond it",
                    [ends[0], ends[1], ends[1]],
                    over,
                    palette.alarm,
                    ALARM_OPACITY,
                )
            )
    return traces


def _brackets(data: HaltCurveData, palette: Palette) -> list[dict[str, Any]]:
    """Return the windows of every place looked at, at their mean and along their fitted line."""
    policy = data.policy
    brackets = []
    for at in data.windows:
        if policy.window_threshold > 0 and not np.isnan(at.mean):
            ends = [at.token - policy.window_size + 1, at.token]
            brackets.append(_bracket("window", ends, [at.mean] * 2, palette))
        if trend_is_on(policy) and not np.isnan(at.drop):
            ends = [at.token - policy.trend_window + 1, at.token]
            brackets.append(_bracket("trend", ends, list(at.fit), palette))
    return brackets


def _area(
    name: str,
    token: NDArray[np.intp],
    statistic: FloatArray,
    limit: float,
    colour: str,
    *,
    reach: tuple[float, float],
) -> dict[str, Any]:
    """Return the area between a statistic and its limit, where it is within ``reach`` of it.

    ``reach`` is the least and the most that the statistic lies above the limit, of which one is 0:
    the area ends where the line crosses the limit, between two tokens.
    """
    above = statistic - limit
    x = token.astype(float)
    crossings = np.flatnonzero(above[:-1] * above[1:] < 0) + 1
    before, after = above[crossings - 1], above[crossings]
    share = before / (before - after)
    x = np.insert(x, crossings, x[crossings - 1] + share * (x[crossings] - x[crossings - 1]))
    above = np.insert(above, crossings, 0.0)
    within = (above >= reach[0]) & (above <= reach[1])
    xs: list[float | None] = []
    ys: list[float | None] = []
    for run in np.split(np.arange(len(x)), np.flatnonzero(np.diff(within)) + 1):
        if len(run) > 1 and within[run[0]] and above[run].any():
            xs += [*x[run].tolist(), *x[run[::-1]].tolist(), None]
            ys += [*(limit + above[run]).tolist(), *[limit] * len(run), None]
    return {
        "type": "scatter",
        "mode": "none",
        "name": name,
        "x": xs,
        "y": ys,
        "fill": "toself",
        "fillcolor": colour,
        "hoverinfo": "skip",
    }


def _polygon(
    name: str, x: list[int], y: list[float], colour: str, opacity: float
) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "none",
        "name": name,
        "showlegend": False,
        "x": x,
        "y": y,
        "fill": "toself",
        "fillcolor": rgba(colour, opacity),
        "hoverinfo": "skip",
    }


def _bracket(rule: Rule, x: list[int], y: list[float], palette: Palette) -> dict[str, Any]:
    """Return the tokens of a rule's window as a line with a tick at both ends."""
    colour = palette.rule(rule)
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": f"{rule} looked at",
        "showlegend": False,
        "hoverinfo": "skip",
        "x": x,
        "y": y,
        "line": {"color": colour, "width": 4},
        "marker": {"symbol": "line-ns-open", "size": 11, "color": colour, "line": {"width": 2}},
    }


def _statistics(data: HaltCurveData, palette: Palette, font_size: int) -> list[dict[str, Any]]:
    """Return the mean and the fall of every place looked at, in words."""
    policy = data.policy
    annotations = []
    for at in data.windows:
        if policy.window_threshold > 0 and not np.isnan(at.mean):
            mean = distinct_decimals(at.mean, policy.window_threshold)
            said = f"mean {mean}"
            first = at.token - policy.window_size + 1
            annotations.append(
                _statistic(data, first, said, at.mean, palette, palette.window, font_size)
            )
        if trend_is_on(policy) and at.drop > policy.trend_threshold:
            said = f"fell by {distinct_decimals(at.drop, policy.trend_threshold)}"
            annotations.append(
                _statistic(data, at.token, said, at.fit[1], palette, palette.trend, font_size)
            )
    return annotations


def _statistic(
    data: HaltCurveData,
    x: int,
    text: str,
    y: float,
    palette: Palette,
    colour: str,
    font_size: int,
) -> dict[str, Any]:
    words = note(data, x, text, colour, y)
    return words | {
        "yref": "y",
        "yshift": -6,
        "xshift": -BESIDE_PX if words["xanchor"] == "right" else BESIDE_PX,
        # A limit's line may run below it.
        "bgcolor": rgba(palette.page, BEHIND_OPACITY),
        "borderpad": 0,
        "font": {"color": colour, "size": font_size},
    }
