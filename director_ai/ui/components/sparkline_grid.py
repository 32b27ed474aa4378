"""Sparkline grid: streams side by side, each a small curve over its halt floor, to be clicked."""

from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple

import streamlit as st

from director_ai.figures.small_multiples import SHOWN_TOKENS, Multiple
from director_ai.figures.theme import DARK, LIGHT, Palette
from director_ai.ui.components.escaping import visible

TILE_HEIGHT: Final = 88
"""Of one row of tiles, its gap included, in pixels."""

_MOST_KNOWN: Final = 1_000
"""Tiles whose click is still understood after others took their place."""

_HERE: Final = Path(__file__)


class Tile(NamedTuple):
    """One tile.

    Attributes
    ----------
    id
        What a click on it reports.
    name, state, title
        Its heading, the line under its curve, and what the pointer shows; any text.
    multiple
        Its curve.
    focused
        Whether it is the one on show.
    """

    id: str
    name: str
    state: str
    title: str
    multiple: Multiple
    focused: bool


def _variables(colours: Palette) -> str:
    values = {
        "page": colours.page,
        "ink": colours.ink,
        "muted": colours.muted,
        "grid": colours.grid,
        "hard-rule": colours.hard,
        "window-rule": colours.window,
        "trend-rule": colours.trend,
    }
    return "".join(f"--{name}:{value};" for name, value in values.items())


_component = st.components.v2.component(
    "director_ai_sparkline_grid",
    html='<div class="sparklines" role="group"></div>',
    css=f".sparklines{{{_variables(LIGHT)}}}\n"
    f".sparklines[data-theme=dark]{{{_variables(DARK)}}}\n"
    + _HERE.with_suffix(".css").read_text(encoding="utf-8"),
    js=_HERE.with_suffix(".js").read_text(encoding="utf-8"),
)


def sparkline_grid(
    streams: Sequence[Tile],
    *,
    key: str,
    label: str,
    height: int,
    on_pick: Callable[[str], None],
) -> None:
    """Draw the tiles, or bring those of the same ``key`` up to date.

    Parameters
    ----------
    streams
        The tiles in order.
    key
        Streamlit key.
    label
        Accessible name.
    height
        In pixels.
    on_pick
        Called with the id of the tile clicked, before the script runs again.
    """
    # Not by its place: the tiles may have changed theirs since the browser drew them. Not by its
    # id: that may be text the browser cannot be sent.
    marked = {_mark(stream.id): stream for stream in streams}
    data = {
        "label": visible(label),
        "slots": SHOWN_TOKENS,
        "streams": [
            {
                "mark": mark,
                "name": visible(stream.name),
                "state": visible(stream.state),
                "title": visible(stream.title),
                "focused": stream.focused,
                "rule": stream.multiple.rule,
                "scores": [round(score, 3) for score in stream.multiple.scores],
                "floor": [round(floor, 3) for floor in stream.multiple.floor],
            }
            for mark, stream in marked.items()
        ],
    }

    # A click on a tile may come when its stream is among those drawn no longer.
    known: dict[str, str] = st.session_state.setdefault(f"{key}_marks", {})
    for mark, stream in marked.items():
        known[mark] = stream.id
    while len(known) > _MOST_KNOWN:
        known.pop(next(iter(known)))

    def picked() -> None:
        # The browser may send anything.
        stream_id = known.get(str(st.session_state[key].get("picked")))
        if stream_id is not None:
            on_pick(stream_id)

    _component(key=key, data=data, height=height, on_picked_change=picked)


def _mark(id: str) -> str:
    return sha256(id.encode("utf-8", "surrogatepass")).hexdigest()[:16]
