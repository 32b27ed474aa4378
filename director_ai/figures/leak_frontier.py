"""Leak frontier: tokens shown after an answer went wrong, over the tokens held back."""

from typing import Any, NamedTuple

import numpy as np

from director_ai.figures.base_layout import base_layout, vertical_line
from director_ai.figures.theme import MUTED_WIDTH, RULE_WIDTH, Palette
from director_ai.replay.curves import FloatArray, IntArray
from director_ai.tuning.release_analysis import ReleaseAnalysis


class LeakFrontierData(NamedTuple):
    """Two ways of holding back, at every length.

    Attributes
    ----------
    holds
        Tokens held back, ascending.
    always, warned
        Mean tokens leaked, held always and only when warned; same shape.
    floor
        Part of the mean that no hold takes away: that of the missed sessions.
    wait_s
        Median wait for the first text, always held; seconds, same shape.
    hold_back, leaked
        The hold in use, and the mean it leaks.
    nothing, nothing_without
        Shares of the sessions of which nothing leaks, at the hold in use and without one.
    n
        Bad sessions whose onset and end are known.
    """

    holds: IntArray
    always: FloatArray
    warned: FloatArray
    floor: float
    wait_s: FloatArray
    hold_back: int
    leaked: float
    nothing: float
    nothing_without: float
    n: int


def leak_frontier_data(
    in_use: ReleaseAnalysis, always: ReleaseAnalysis, warned: ReleaseAnalysis
) -> LeakFrontierData:
    """Return the data of the figure: the release in use, and both ways with its unit."""
    frontier, hold = in_use.frontier, in_use.release.hold_back
    return LeakFrontierData(
        frontier.holds,
        always.frontier.mean,
        warned.frontier.mean,
        frontier.floor,
        always.waits.quantile(0.5),
        hold,
        float(frontier.mean[hold]),
        float(frontier.nothing[hold]),
        float(frontier.nothing[0]),
        frontier.n_sessions,
    )


def leak_frontier_figure(data: LeakFrontierData, palette: Palette) -> dict[str, Any]:
    """Return both curves over their floor, the hold in use marked; waits below the axis."""
    ticks = [hold for hold in data.holds.tolist() if hold % 8 == 0]
    lines = (
        ("held always", data.always, "solid", palette.ink, RULE_WIDTH),
        ("only when warned", data.warned, "dot", palette.trend, RULE_WIDTH),
        (
            "missed answers",
            np.full(len(data.holds), data.floor),
            "dash",
            palette.muted,
            MUTED_WIDTH,
        ),
    )
    traces: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "mode": "lines",
            "name": name,
            "x": data.holds.tolist(),
            "y": np.round(values, 2).tolist(),
            "line": {"color": colour, "width": width, "dash": dash},
            "hovertemplate": "%{y:.1f}",
        }
        for name, values, dash, colour, width in lines
    ]
    traces.append(
        {
            "type": "scatter",
            "mode": "markers",
            "name": "in use",
            "x": [data.hold_back],
            "y": [round(data.leaked, 2)],
            "marker": {"color": palette.ink, "size": 11},
            "hovertemplate": "%{y:.1f}",
        }
    )
    return {
        "data": traces,
        "layout": base_layout(
            uirevision="leak",
            legend={"traceorder": "normal"},
            margin={"b": 60},
            xaxis={
                "title": {"text": "tokens held back, and the median wait if always held"},
                "range": [-1, int(data.holds[-1]) + 1],
                "tickvals": ticks,
                "ticktext": [f"{hold}<br>{wait_text(float(data.wait_s[hold]))}" for hold in ticks],
            },
            yaxis={
                "title": {"text": "mean tokens after it went wrong"},
                "rangemode": "tozero",
                "fixedrange": True,
            },
            shapes=[vertical_line(data.hold_back, "solid", palette)],
        ),
    }


def leak_frontier_alt(data: LeakFrontierData) -> str:
    """Return the finding of the picture in one sentence."""
    if not data.n:
        return "No bad session has a known onset and a known end, so no leak can be told."
    return (
        f"Held back by {data.hold_back} token{'s' * (data.hold_back != 1)}, "
        f"{data.n:,} bad answers show {data.leaked:.1f} tokens on average after they went wrong, "
        f"and {100 * data.nothing:.0f} % of them nothing ({100 * data.nothing_without:.0f} % "
        f"without holding back); {data.floor:.1f} are of missed answers, which no hold helps."
    )


def wait_text(seconds: float) -> str:
    """Return a wait in words.

    >>> wait_text(0.32), wait_text(1.604), wait_text(float("nan"))
    ('+320 ms', '+1.6 s', '–')
    """
    if np.isnan(seconds):
        return "–"
    return f"+{1000 * seconds:.0f} ms" if seconds < 0.9995 else f"+{seconds:.1f} s"
