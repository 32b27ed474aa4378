"""Base layout of every figure: margins, legend, hover, share axes and upright lines."""

from typing import Any, Final

from director_ai.figures.theme import MUTED_WIDTH, Dash, Palette

_LEGEND: Final = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}
_MARGIN: Final = {"t": 44, "r": 16, "b": 44, "l": 56}


def base_layout(
    *,
    legend: dict[str, Any] | None = None,
    margin: dict[str, float] | None = None,
    **parts: Any,
) -> dict[str, Any]:
    """Return a Plotly layout: the legend above the picture, one hover label for all lines.

    Parameters
    ----------
    legend, margin
        Fields that differ from those of the other figures.
    **parts
        Any other part of the layout; it replaces the base's.

    Examples
    --------
    >>> layout = base_layout(margin={"r": 40}, xaxis={"title": {"text": "tokens"}})
    >>> layout["margin"], layout["hovermode"]
    ({'t': 44, 'r': 40, 'b': 44, 'l': 56}, 'x unified')
    """
    return {
        "hovermode": "x unified",
        "legend": {**_LEGEND, **(legend or {})},
        "margin": {**_MARGIN, **(margin or {})},
        **parts,
    }


def share_axis(title: str) -> dict[str, Any]:
    """Return an axis of shares from 0 to 1, in percent; it does not zoom."""
    return {
        "title": {"text": title},
        "range": [0, 1.05],
        "tickformat": ".0%",
        "fixedrange": True,
    }


def score_axis() -> dict[str, Any]:
    """Return an axis of coherence from 0 to 1; it does not zoom."""
    return {
        "title": {"text": "coherence"},
        "range": [0, 1.05],
        "fixedrange": True,
        "zeroline": False,
    }


def mark_colour(dash: Dash, palette: Palette) -> str:
    """Return the colour of a mark: ink for the limits in use, muted for all others."""
    return palette.ink if dash == "solid" else palette.muted


def vertical_line(x: float, dash: Dash, palette: Palette) -> dict[str, Any]:
    """Return an upright line through the whole picture, solid for the limits in use."""
    line = {"color": mark_colour(dash, palette), "width": MUTED_WIDTH, "dash": dash}
    return {"type": "line", "x0": x, "x1": x, "yref": "paper", "y0": 0, "y1": 1, "line": line}
