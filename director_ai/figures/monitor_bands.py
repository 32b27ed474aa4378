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


class BandsData(NamedTuple):
    """Days of a deployment, as they are drawn.

    Attributes
    ----------
    days
        ISO dates, UTC.
    halted
        Share of counted sessions halted on each day; None without any.
    low, high
        Band of the share since the deployment, at every look; None while it is too wide to tell.
    rules
        Halts by rule that came first, the day's share of counted sessions.
    evidence
        Change statistic of the promise, as a share of what makes an alarm, by its logarithm:
        1 and more is an alarm; None before the first session.
    changed_on
        Day of the change, if there is one.
    """

    days: list[str]
    halted: list[float | None]
    low: list[float | None]
    high: list[float | None]
    rules: dict[str, list[float | None]]
    evidence: list[float | None]
    changed_on: str | None


def bands_data(days: Sequence[DayRow], *, c_days: float, changed_on: str | None) -> BandsData:
    """Return what is drawn of the days of a deployment.

    Parameters
    ----------
    days
        Of the report.
    c_days
        Change statistic that makes an alarm.
    changed_on
        ISO date of the change, or None.
    """

    def share(n: int, day: DayRow) -> float | None:
        return n / day.n_counted if day.n_counted else None

    bar = math.log(c_days)
    return BandsData(
        [day.day for day in days],
        [share(day.n_halted, day) for day in days],
        [day.halted_low for day in days],
        [day.halted_high for day in days],
        {
            rule: [
                share(
                    sum(n for name, n in day.rules.items() if RULE_OF_MECHANISM.get(name) == rule),
                    day,
                )
                for day in days
            ]
            for rule in RULES
        },
        [
            None if day.log_change is None else max(_LOWEST_LOG, day.log_change) / bar
            for day in days
        ],
        changed_on,
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
        "x": data.days,
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
            margin={"t": 30, "r": 12, "b": 26, "l": 52},
            xaxis={"type": "date", "fixedrange": True, "showgrid": False},
            yaxis={
                "title": {"text": "halted"},
                "tickformat": ".0%",
                "rangemode": "tozero",
                "fixedrange": True,
                "domain": [0.36, 1],
            },
            yaxis2={
                "title": {"text": "of an alarm"},
                "tickformat": ".0%",
                "fixedrange": True,
                "domain": [0, 0.28],
            },
            shapes=[alarm, *_change(data, palette)],
        ),
    }


def bands_alt(data: BandsData) -> str:
    """Return the finding of the picture in one sentence.

    >>> bands_alt(BandsData([], [], [], [], {}, [], None))
    'No day to show yet.'
    """
    shares = [share for share in data.halted if share is not None]
    if not shares:
        return "No day to show yet."
    text = (
        f"Halted by day from {data.days[0]} to {data.days[-1]}: between {100 * min(shares):.1f} "
        f"and {100 * max(shares):.1f} % of counted sessions"
    )
    return f"{text}; a change about {data.changed_on}." if data.changed_on else f"{text}."


def _change(data: BandsData, palette: Palette) -> list[dict[str, Any]]:
    if data.changed_on is None:
        return []
    line = {"color": palette.alarm, "width": 2, "dash": "dashdot"}
    place = {"x0": data.changed_on, "x1": data.changed_on, "yref": "paper", "y0": 0, "y1": 1}
    return [{"type": "line", **place, "line": line}]
