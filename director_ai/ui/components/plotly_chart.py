"""Plotly chart updated in place: zoom survives, nothing flickers, clicks come back."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import streamlit as st
import streamlit.components.v1 as components_v1

from director_ai.figures.theme import DARK, LIGHT, Palette, Theme

_HTML: Final = (
    '<div class="director-chart" role="figure">'
    '<div class="graph"></div><p class="note">Drawing the chart …</p></div>'
)
# Streamlit puts the markup into two plain divs, which have to pass the height on.
_CSS: Final = """
div:has(> .director-chart), div:has(> div > .director-chart) { height: 100%; }
.director-chart { position: relative; width: 100%; height: 100%; overflow: hidden; }
.director-chart .graph { width: 100%; height: 100%; }
.director-chart .note {
  position: absolute; inset: 0; margin: 0; padding: 1rem; overflow: auto;
  display: flex; align-items: center; justify-content: center; text-align: center;
  color: var(--st-text-color); background: var(--st-secondary-background-color);
  border-radius: var(--st-base-radius); font-size: 0.875rem;
}
.director-chart .note[hidden] { display: none; }
"""

_component = st.components.v2.component(
    "director_ai_plotly_chart",
    html=_HTML,
    css=_CSS,
    js=Path(__file__).with_suffix(".js").read_text(encoding="utf-8"),
    # Plotly puts its style sheet into the document, where a shadow root would not see it.
    isolate_styles=False,
)


def _colours(colours: Palette) -> list[str]:
    """Return the colours of one palette, in an order that is the same for both."""
    values = (getattr(colours, each.name) for each in fields(colours))
    return [colour for value in values for colour in ([value] if type(value) is str else value)]


_PALETTES: Final = {"light": _colours(LIGHT), "dark": _colours(DARK)}


@dataclass(frozen=True, slots=True)
class ChartClick:
    """The point of a chart that was clicked, as the browser reported it.

    Attributes
    ----------
    curve
        Name of the trace, or ``""``.
    curve_number
        Its position in ``figure["data"]``.
    index
        Position of the point in the trace; ``(row, column)`` in a heat map.
    x, y, z
        Its coordinates; ``z`` is the value of a heat map's cell.
    customdata
        What the figure put there for this point: a JSON value.
    """

    curve: str
    curve_number: int
    index: int | tuple[int, int] | None
    x: float | str | None
    y: float | str | None
    z: float | None
    customdata: Any


@dataclass(frozen=True, slots=True)
class ChartEvent:
    """What happened on a chart since the last run.

    Attributes
    ----------
    clicked
        The point clicked, in the one run that the click started.
    """

    clicked: ChartClick | None


def plotly_chart(
    figure: Mapping[str, Any],
    *,
    key: str,
    alt: str,
    height: int = 420,
    filename: str = "chart",
    config: Mapping[str, Any] | None = None,
    on_click: Callable[[ChartClick], None] | None = None,
) -> ChartEvent:
    """Draw ``figure``, or bring the chart of the same ``key`` up to date.

    Background, text, axis and grid colours come from the page's theme. Trace, shape and annotation
    colours are the figure's, from ``palette(page_theme())``; should the reader change the theme,
    which runs no script, the browser exchanges them for those of the other palette. Zoom and
    hidden traces are kept until ``layout.uirevision`` changes, which it does only if the figure
    sets it.

    Parameters
    ----------
    figure
        ``{"data": [...], "layout": {...}}`` of JSON values, without NaN. Text from elsewhere must
        have gone through `director_ai.ui.components.escaping.escape_label`.
    key
        Streamlit key.
    alt
        One sentence with the finding: the chart's accessible name.
    height
        In pixels, from the first paint on; it wins over ``layout.height``.
    filename
        Name of the PNG file, without extension.
    config
        Plotly configuration in addition to ours.
    on_click
        Called with the point before the script runs again, when widgets may still be set.

    Raises
    ------
    ValueError
        If a number of ``figure`` is NaN or infinite.
    """
    data = {
        # A string: Streamlit encodes other values twice, and would let NaN through to a
        # browser that cannot read it.
        "figure": json.dumps(figure, allow_nan=False, separators=(",", ":")),
        "plotly_url": _plotly_url(),
        "filename": filename,
        "config": dict(config or {}),
        "alt": alt,
        "theme": page_theme(),
        "palettes": _PALETTES,
    }

    def clicked() -> None:
        click = _click(st.session_state[key].get("clicked"))
        if on_click is not None and click is not None:
            on_click(click)

    result = _component(key=key, data=data, height=height, on_clicked_change=clicked)
    return ChartEvent(_click(result.get("clicked")))


def page_theme() -> Theme:
    """Return the theme that the reader's browser reported with this run."""
    return "dark" if st.context.theme.type == "dark" else "light"


@cache
def _plotly_url() -> str:
    """Serve the plotly.js of the installed plotly package; return where."""
    spec = find_spec("plotly")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("plotly is not installed; install director-workbench anew")
    assets = components_v1.declare_component(
        "plotlyjs", path=Path(spec.origin).with_name("package_data")
    )
    # Relative, so that it also holds under server.baseUrlPath.
    return f"component/{assets.name}/plotly.min.js"


def _click(value: object) -> ChartClick | None:
    # The browser may send anything.
    if not isinstance(value, dict):
        return None
    curve, number = value.get("curve"), value.get("curve_number")
    if not isinstance(curve, str) or type(number) is not int:
        return None
    z = _coordinate(value.get("z"))
    return ChartClick(
        curve=curve,
        curve_number=number,
        index=_point_index(value.get("index")),
        x=_coordinate(value.get("x")),
        y=_coordinate(value.get("y")),
        z=None if isinstance(z, str) else z,
        customdata=value.get("customdata"),
    )


def _coordinate(value: object) -> float | str | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    return value


def _point_index(value: object) -> int | tuple[int, int] | None:
    match value:
        case bool():
            return None
        case int():
            return value
        case [int() as row, int() as column]:
            return row, column
        case _:
            return None
