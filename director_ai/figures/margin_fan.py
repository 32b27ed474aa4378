"""Margin fan: quantiles of the closest calls of each day."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from director_ai.figures.base_layout import base_layout
from director_ai.figures.theme import Palette
from director_ai.monitoring.timeline import QUANTILES, MarginDay


class MarginFanData(NamedTuple):
    """Closest calls by day, as they are drawn.

    Attributes
    ----------
    days
        ISO dates, UTC.
    quantiles
        A line for each of :data:`director_ai.monitoring.timeline.QUANTILES`, a value a day.
    median_low, median_high
        Band of each day's median; None while there are too few sessions.
    """

    days: list[str]
    quantiles: list[list[float]]
    median_low: list[float | None]
    median_high: list[float | None]


def margin_fan_data(days: Sequence[MarginDay]) -> MarginFanData:
    """Return what is drawn of the closest calls of a report."""
    return MarginFanData(
        [day.day for day in days],
        [[day.quantiles[place] for day in days] for place in range(len(QUANTILES))],
        [day.median_low for day in days],
        [day.median_high for day in days],
    )


def margin_fan_figure(data: MarginFanData, palette: Palette) -> dict[str, Any]:
    """Return the fan: two bands around the median, above the line at which a halt is."""
    traces = []
    for place, (share, values) in enumerate(zip(QUANTILES, data.quantiles, strict=True)):
        is_median = share == 0.5
        trace = {
            "type": "scatter",
            "mode": "lines+markers" if is_median else "lines",
            "name": "median" if is_median else f"{share:.0%}",
            "x": data.days,
            "y": values,
            "line": {
                "width": 2 if is_median else 1,
                "color": palette.coherence,
                "dash": "solid" if is_median or place in (1, 3) else "dot",
            },
            "hovertemplate": "%{y:.3f}",
        }
        if is_median:
            trace["error_y"] = _error_bars(data, values, palette)
        traces.append(trace)
    halt = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "yref": "y", "y0": 0, "y1": 0}
    return {
        "data": traces,
        "layout": base_layout(
            margin={"t": 30, "r": 12, "b": 26, "l": 52},
            xaxis={"type": "date", "fixedrange": True, "showgrid": False},
            yaxis={"title": {"text": "closest call"}, "fixedrange": True, "zeroline": False},
            shapes=[{**halt, "line": {"color": palette.alarm, "width": 2, "dash": "dash"}}],
        ),
    }


def _error_bars(data: MarginFanData, medians: list[float], palette: Palette) -> dict[str, Any]:
    """Return the bands of the medians; none where a band is open."""
    rows = list(zip(medians, data.median_low, data.median_high, strict=True))
    return {
        "type": "data",
        "symmetric": False,
        "array": [0.0 if high is None else max(0.0, high - at) for at, _, high in rows],
        "arrayminus": [0.0 if low is None else max(0.0, at - low) for at, low, _ in rows],
        "color": palette.ink,
        "thickness": 1,
    }


def margin_fan_alt(data: MarginFanData) -> str:
    """Return the finding of the picture in one sentence.

    >>> margin_fan_alt(MarginFanData([], [[]] * 5, [], []))
    'No closest call to show yet.'
    """
    if not data.days:
        return "No closest call to show yet."
    medians = data.quantiles[QUANTILES.index(0.5)]
    return (
        f"Closest calls by day from {data.days[0]} to {data.days[-1]}: the median between "
        f"{min(medians):.3f} and {max(medians):.3f}; below 0 is a halt."
    )
