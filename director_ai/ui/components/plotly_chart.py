"""Plotly chart updated in place: zoom survives, nothing flickers, clicks come back."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import streamlit as st
import streamlit.components.v1 as components_v1

from director_ai.figures.theme import DARK, LIGHT, Palette, Theme

_HTML: Final = (
    '<div class="director-chart" role="figure">'
    '<div class="graph"></div><div class="handles"></div>'
    '<p class="note">Drawing the chart …</p></div>'
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
.director-chart .handles { position: absolute; inset: 0; pointer-events: none; }
.director-chart .handle {
  position: absolute; translate: -50% -50%; padding: 0 5px; border-radius: 9px;
  font: 600 11px/17px var(--st-font); white-space: nowrap; pointer-events: auto; touch-action: none;
  color: var(--st-background-color); background: var(--colour);
}
.director-chart .handle.y { translate: 3px -50%; cursor: ns-resize; }
.director-chart .handle.x { translate: -50% -2px; cursor: ew-resize; }
.director-chart .handle:focus-visible { outline: 2px solid var(--st-text-color); }
.director-chart .guide { position: absolute; border: 0 solid var(--colour); visibility: hidden; }
.director-chart .guide.y { border-top-width: 2px; translate: 0 -50%; }
.director-chart .guide.x { border-left-width: 2px; translate: -50% 0; }
.director-chart :is(.handle:hover, .handle:focus, .handle.held) + .guide { visibility: visible; }
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
class Handle:
    """Value of a chart that is dragged along one of its axes, or moved by the arrow keys.

    Attributes
    ----------
    name
        What a move reports.
    label
        Accessible name.
    value
        Its place on the axis, in the axis's unit.
    lowest, highest, step
        Values that it may take.
    axis
        Axis as a trace names it: ``"x"``, ``"y"``, ``"y2"``.
    color
        Of the handle and its line: a colour of the page's palette.

    Raises
    ------
    ValueError
        If the values are no range, or the axis is none.
    """

    name: str
    label: str
    value: float
    lowest: float
    highest: float
    step: float
    axis: str
    color: str

    def __post_init__(self) -> None:
        if not self.lowest < self.highest:
            raise ValueError(f"lowest must be under highest, got {self.lowest!r}, {self.highest!r}")
        if not self.step > 0:
            raise ValueError(f"step must be above 0, got {self.step!r}")
        if not re.fullmatch(r"[xy]\d*", self.axis):
            raise ValueError(f"axis must be 'x', 'y' or one with a number, got {self.axis!r}")


@dataclass(frozen=True, slots=True)
class ChartEvent:
    """Event on a chart since the last run.

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
    handles: Sequence[Handle] = (),
    on_handle: Callable[[str, float], None] | None = None,
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
    handles
        Values that may be moved on the chart. The browser moves them at once; it keeps what was
        reported until the script sends the same value.
    on_handle
        Called with name and value while a handle is moved, some ten times a second, before the
        script runs again. In a fragment no more than that runs again.

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
        "handles": [asdict(handle) for handle in handles],
    }

    def clicked() -> None:
        click = _click(st.session_state[key].get("clicked"))
        if on_click is not None and click is not None:
            on_click(click)

    def moved() -> None:
        move = _move(st.session_state[key].get("moved"), handles)
        if on_handle is not None and move is not None:
            on_handle(*move)

    result = _component(
        key=key, data=data, height=height, on_clicked_change=clicked, on_moved_change=moved
    )
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


def _move(value: object, handles: Sequence[Handle]) -> tuple[str, float] | None:
    # The browser may send anything.
    if not isinstance(value, dict):
        return None
    place = value.get("value")
    if isinstance(place, bool) or not isinstance(place, int | float):
        return None
    for handle in handles:
        if handle.name == value.get("name") and handle.lowest <= place <= handle.highest:
            return handle.name, float(place)
    return None


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
