"""Rules and Floor pictures of the offline replay: the figures' traces, their colours by name."""

from collections.abc import Iterable
from typing import Any, Final

from director_ai.figures.curve_data import HaltCurveData
from director_ai.figures.floor_curve import floor_traces
from director_ai.figures.halt_curve import (
    CURVE,
    STRIP,
    drop_range,
    limit_names,
    rule_traces,
    trend_is_on,
)
from director_ai.figures.theme import LIGHT, Palette, rgba

_COLOUR: Final = {
    rgba(getattr(LIGHT, name), 1)[5:-3]: name
    for name in ("ink", "muted", "grid", "hard", "window", "trend", "alarm")
}
_FONT_SIZE: Final = 12


def colour_variables(palette: Palette) -> dict[str, str]:
    """Return the colours that the pictures name, by name."""
    return {name: getattr(palette, name) for name in _COLOUR.values()}


def pictures(curve: HaltCurveData) -> dict[str, Any]:
    """Return both pictures without the curve itself, which the page draws as it is played.

    A colour is the name of one in :class:`director_ai.figures.theme.Palette` and an opacity, so
    that the page follows its reader's theme.

    Parameters
    ----------
    curve
        Of :func:`director_ai.figures.curve_data.halt_curve_data`.

    Returns
    -------
    dict
        ``rules`` and ``floor``: their ``traces``; of the rules also the ``names`` of the limits
        and the ``strip`` below the curve. ``windows``: tokens and limit of the two rules that look
        back, ``None`` for one that is off.
    """
    policy = curve.policy
    still = curve._replace(windows=())
    strip = {"curve": CURVE, "domain": STRIP, "range": drop_range(policy)}
    is_window_on = policy.window_threshold > 0
    return {
        "rules": {
            "traces": [_trace(trace) for trace in rule_traces(still, LIGHT)],
            "names": [_name(each) for each in limit_names(still, LIGHT, _FONT_SIZE)],
            "strip": strip | {"tick": policy.trend_threshold} if trend_is_on(policy) else None,
        },
        "floor": {
            "traces": [_trace(trace) for trace in floor_traces(still, LIGHT)],
            "names": [],
            "strip": None,
        },
        "windows": {
            "window": [policy.window_size, policy.window_threshold] if is_window_on else None,
            "trend": [policy.trend_window, policy.trend_threshold] if trend_is_on(policy) else None,
        },
    }


def _trace(trace: dict[str, Any]) -> dict[str, Any]:
    line = trace.get("line")
    return {
        "name": trace["name"],
        "legend": trace.get("showlegend", True),
        "axis": trace.get("yaxis", "y"),
        "x": _rounded(trace["x"]),
        "y": _rounded(trace["y"]),
        "fill": _paint(trace["fillcolor"]) if "fill" in trace else None,
        "toZero": trace.get("fill") == "tozeroy",
        "line": _paint(line["color"]) if line else None,
        "width": line["width"] if line else 0,
        "dash": line.get("dash", "solid") if line else "solid",
    }


def _name(annotation: dict[str, Any]) -> dict[str, Any]:
    return {
        "text": annotation["text"],
        "axis": annotation["yref"],
        "y": annotation["y"],
        "above": annotation["yanchor"] == "bottom",
        "colour": _paint(annotation["font"]["color"])[0],
    }


def _rounded(values: Iterable[float | None]) -> list[float | None]:
    return [value if value is None else round(value, 4) for value in values]


def _paint(colour: str) -> tuple[str, float]:
    """Return the name and the opacity of a colour of the light theme.

    >>> _paint("#1D4ED8"), _paint("rgba(29,78,216,0.1)")
    (('window', 1.0), ('window', 0.1))
    """
    channels = colour if colour.startswith("rgba") else rgba(colour, 1)
    rgb, opacity = channels[5:-1].rsplit(",", 1)
    return _COLOUR[rgb], float(opacity)
