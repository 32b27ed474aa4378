"""Monitor bands: share of sessions halted by day, its band, and the evidence on the promise."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from director_ai.figures.base_layout import base_layout
from director_ai.figures.theme import DASH, GLYPH, RULE_NAME, RULE_OF_MECHANISM, RULES, Palette
from director_ai.monitoring.deployment_report import DayRow

_PATTERN = {"hard": "", "window": "/", "trend": "."}
_LOWEST_LOG = -3.0
"""Evidence below e^-3 is drawn there: how little there is tells nothing."""


class Mark(NamedTuple):
    """A day to mark.

    Attributes
    ----------
    day
        ISO date or date and time, UTC.
    text
        A word or two, such as "deployment 2".
    is_alarm
        Whether a detector marks it; a deployment is none.
    """

    day: str
    text: str
    is_alarm: bool


class BandsData(NamedTuple):
    """Days of a deployment, or hours, as they are drawn.

    Attributes
    ----------
    days
        ISO dates, UTC; of hours with their time.
    halted
        Share of counted sessions halted on each day; None without any.
    low, high
        Band of the share since the deployment, at every look; None while it is too wide to tell.
    rules
        Halts by rule that came first, the day's share of counted sessions.
    evidence_days, evidence
        Change statistic of the promise after each day, as a share of what makes an alarm, by its
        logarithm: 1 and more is an alarm; None before the first session.
    marks
        Deployments, and changes that a detector has seen.
    """

    days: list[str]
    halted: list[float | None]
    low: list[float | None]
    high: list[float | None]
    rules: dict[str, list[float | None]]
    evidence_days: list[str]
    evidence: list[float | None]
    marks: list[Mark]


def bands_data(
    days: Sequence[DayRow],
    *,
    c_days: float,
    marks: Sequence[Mark] = (),
    hours: Sequence[DayRow] | None = None,
) -> BandsData:
    """Return what is drawn of the days of a deployment.

    Parameters
    ----------
    days
        Of the report.
    c_days
        Change statistic that makes an alarm.
    marks
        Those outside the days are left out.
    hours
        Steps of which the shares are drawn; the days by default.
    """
    steps = days if hours is None else hours

    def share(n: int, day: DayRow) -> float | None:
        return n / day.n_counted if day.n_counted else None

    bar = math.log(c_days)
    return BandsData(
        [day.day for day in steps],
        [share(day.n_halted, day) for day in steps],
        [day.halted_low for day in steps],
        [day.halted_high for day in steps],
        {
            rule: [
                share(
                    sum(n for name, n in day.rules.items() if RULE_OF_MECHANISM.get(name) == rule),
                    day,
                )
                for day in steps
            ]
            for rule in RULES
        },
        [day.day for day in days],
        [
            None if day.log_change is None else max(_LOWEST_LOG, day.log_change) / bar
            for day in days
        ],
        [mark for mark in marks if days and days[0].day <= mark.day[:10] <= days[-1].day],
    )


def bands_figure(data: BandsData, palette: Palette) -> dict[str, Any]:
    """Return halts by day and rule under their band, and below them the path of the evidence."""
    band = [
        {
            "type": "scatter",
            "mode": "lines",
            "x": data.days,
            "y": edge,
            "line": {"width": 1, "color": palette.coherence, "dash": "dot"},
            "showlegend": name != "",
            "name": name,
            "hovertemplate": "%{y:.1%}",
        }
        for name, edge in (("95 % band since the deployment", data.low), ("", data.high))
    ]
    bars = [
        {
            "type": "bar",
            "name": f"{GLYPH[rule]} {RULE_NAME[rule]}",
            "x": data.days,
            "y": data.rules[rule],
            "marker": {
                "color": palette.rule(rule),
                "pattern": {
                    "shape": _PATTERN[rule],
                    "fgcolor": palette.page,
                    "fillmode": "overlay",
                    "size": 5,
                    "solidity": 0.25,
                },
            },
            "hovertemplate": "%{y:.1%}",
        }
        for rule in RULES
    ]
    path = {
        "type": "scatter",
        "mode": "lines+markers",
        "name": "evidence of a change",
        "x": data.evidence_days,
        "y": data.evidence,
        "yaxis": "y2",
        "line": {"color": palette.ink, "width": 2},
        "hovertemplate": "%{y:.0%} of an alarm",
    }
    alarm = {
        "type": "line",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "yref": "y2",
        "y0": 1,
        "y1": 1,
        "line": {"color": palette.alarm, "width": 2, "dash": DASH["window"]},
    }
    return {
        "data": [*bars, *band, path],
        "layout": base_layout(
            barmode="stack",
            bargap=0.25,
            margin={"t": 30, "r": 12, "b": 40, "l": 52},
            xaxis={"type": "date", "fixedrange": True, "showgrid": False, "anchor": "y2"},
            yaxis={
                "title": {"text": "halted"},
                "tickformat": ".0%",
                "rangemode": "tozero",
                "fixedrange": True,
                "domain": [0.36, 1],
            },
            yaxis2={
                "title": {"text": "evidence"},
                "tickformat": ".0%",
                "fixedrange": True,
                "domain": [0, 0.28],
            },
            shapes=[alarm, *(_line(mark, palette) for mark in data.marks)],
            annotations=[_caption(mark, row, palette) for row, mark in enumerate(data.marks)],
        ),
    }


def bands_alt(data: BandsData) -> str:
    """Return the finding of the picture in one sentence.

    >>> bands_alt(BandsData([], [], [], [], {}, [], [], []))
    'No day to show yet.'
    """
    shares = [share for share in data.halted if share is not None]
    if not shares:
        return "No day to show yet."
    step = "hour" if "T" in data.days[0] else "day"
    text = (
        f"Halted by {step} from {data.days[0]} to {data.days[-1]}: between {100 * min(shares):.1f} "
        f"and {100 * max(shares):.1f} % of counted sessions"
    )
    marks = "".join(f"; {mark.text} {mark.day[:10]}" for mark in data.marks)
    return f"{text}{marks}."


def _line(mark: Mark, palette: Palette) -> dict[str, Any]:
    colour, dash = (palette.alarm, "dashdot") if mark.is_alarm else (palette.muted, "dot")
    place = {"x0": mark.day, "x1": mark.day, "yref": "paper", "y0": 0, "y1": 1}
    return {"type": "line", **place, "line": {"color": colour, "width": 2, "dash": dash}}


def _caption(mark: Mark, row: int, palette: Palette) -> dict[str, Any]:
    """Return the words beside a line; on a phone lines are too near for words in one row."""
    return {
        "x": mark.day,
        "y": 1,
        "yref": "paper",
        "yanchor": "top",
        "xanchor": "left",
        "xshift": 3,
        "yshift": -18 * (row % 3),
        "text": f"▲ {mark.text}" if mark.is_alarm else f"┊ {mark.text}",
        "showarrow": False,
        "font": {"color": palette.ink, "size": 12},
        "bgcolor": palette.page,
        "opacity": 0.85,
    }
