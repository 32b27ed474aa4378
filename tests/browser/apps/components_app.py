"""Both components on one page, with what a browser test needs to turn; also the screenshot page."""

import math
from typing import Any

import streamlit as st

from director_ai.figures.theme import RULES, heat_level, palette, rgba
from director_ai.ui.components.plotly_chart import (
    ChartClick,
    Handle,
    page_theme,
    plotly_chart,
)
from director_ai.ui.components.token_map import TokenMarks, token_map

PARIS = (
    "Paris| is| the| capital| of| France| and| also| the| largest| city| in| the| European"
    "| Union| by| far|.|\n| It| has| been| so| since| the| year| 508|.|"
).split("|")
HALT, DELIVERED, ONSET = 13, 14, 11

st.set_page_config(page_title="Components", layout="wide")
colours = palette(page_theme())
query = st.query_params


def text(n_tokens: int) -> list[str]:
    """Return a text of ``n_tokens`` tokens; the query may end it with an attack."""
    words = [PARIS[i % len(PARIS)] for i in range(n_tokens)]
    return [*words, *query.get_all("attack")]


def margins(n_tokens: int, shift: float) -> list[float]:
    """Return margins that wander over all five heats."""
    return [0.05 + 0.06 * math.cos(0.45 * (i + 8)) + shift for i in range(n_tokens)]


def curve(n_tokens: int, shift: float) -> dict[str, Any]:
    """Return a curve with two floors and a halt; a short one has its words on the axis."""
    x = list(range(n_tokens))
    words = {"tickvals": x, "ticktext": text(n_tokens)[:n_tokens], "tickangle": -45}
    named = {**words, "range": [-0.5, n_tokens - 0.5]} if n_tokens <= 40 else {}
    y = [round(0.7 + 0.2 * math.cos(0.02 * i) + 0.03 * math.sin(i), 4) for i in x]
    floor = [round(0.5 + shift + 0.08 * math.sin(0.05 * i), 4) for i in x]
    halt = n_tokens - 1
    return {
        "data": [
            {
                "type": "scatter", "name": "hard limit", "x": x, "y": [0.4] * n_tokens,
                "line": {"color": colours.hard, "width": 2},
            },
            {
                "type": "scatter", "name": "window floor", "x": x, "y": floor,
                "line": {"color": colours.window, "width": 2, "dash": "dash"},
                "fill": "tozeroy", "fillcolor": rgba(colours.window, 0.1),
            },
            {
                "type": "scatter", "name": "coherence", "x": x, "y": y, "mode": "lines",
                "line": {"color": colours.coherence, "width": 2.5},
                "customdata": [f"token {i}" for i in x],
            },
            {
                "type": "scatter", "name": "halt", "x": [halt], "y": [y[halt]], "mode": "markers",
                "marker": {
                    "symbol": "x", "size": 15, "color": colours.hard,
                    "line": {"color": colours.page, "width": 2},
                },
            },
        ],
        "layout": {
            "xaxis": {"title": {"text": "token"}, **named},
            "yaxis": {"title": {"text": "coherence"}, "range": [0, 1.05]},
        },
    }  # fmt: skip


def heatmap() -> dict[str, Any]:
    """Return a map whose cells are known."""
    cells = [[round(math.sin(i * j / 20), 3) for i in range(8)] for j in range(6)]
    names = [[f"cell {i},{j}" for i in range(8)] for j in range(6)]
    trace = {"type": "heatmap", "name": "map", "z": cells, "customdata": names}
    layout = {"hovermode": "closest", "showlegend": False}
    return {"data": [{**trace, "colorscale": "Viridis"}], "layout": layout}


def on_click(click: ChartClick) -> None:
    """Remember, as a page would: before its widgets exist."""
    st.session_state.by_callback = str(click.customdata)


def limit_handle() -> Handle:
    """Return a handle of the height of a limit."""
    return Handle(
        name="limit",
        label="Limit line on the chart",
        value=st.session_state.limit,
        lowest=0.0,
        highest=1.0,
        step=0.01,
        axis="y",
        color=colours.hard,
    )


def on_handle(name: str, value: float) -> None:
    """Follow a handle, but the second time keep what was before.

    So it is where a request of the page's timer crosses the report of the handle.
    """
    st.session_state.n_moves += 1
    if st.session_state.n_moves != 2:
        st.session_state[name] = value


st.session_state.setdefault("limit", 0.5)
st.session_state.setdefault("n_moves", 0)
st.session_state.setdefault("n_tokens", int(query.get("n", "200")))
st.session_state.setdefault("runs", 0)
st.session_state.runs += 1
live = "live" in query
# With ?hold nothing grows before the button is pressed.
held = "hold" in query and not st.session_state.get("begun")
limit = int(query.get("until", "2000"))


@st.fragment(run_every=0.2 if live else None, key="parts")
def parts() -> None:
    """Draw everything; in ``?live`` ten more tokens at each tick."""
    if live and not held:
        st.session_state.n_tokens = min(limit, st.session_state.n_tokens + 10)
    shift = st.session_state.get("shift", 0.0)
    n_points = st.session_state.n_tokens
    event = plotly_chart(
        curve(n_points, shift), key="curve", height=300, filename="curve",
        alt="Coherence stays above every floor until the last token.", on_click=on_click,
        handles=[limit_handle()] if "limit" in query else (), on_handle=on_handle,
    )  # fmt: skip
    words = text(n_points if "n" in query else 30)
    near = margins(len(words), -shift)
    marks = TokenMarks(
        words,
        query.get("generation", "1"),
        heat=[heat_level(margin) for margin in near],
        rule=[RULES[(i // 4 - 1) % 3] if near[i] < 0.1 else "" for i in range(len(words))],
        held=[i % 3 == 2 for i in range(len(words))],
        halt=None if live else HALT,
        onset=ONSET,
        cursor=4 if "cursor" in query else None,
        delivered=None if live else DELIVERED,
    )
    picked = token_map(marks, key="tokens", height=220)
    if "map" in query:
        chosen = plotly_chart(heatmap(), key="map", height=200, alt="Six rows, eight columns.")
        st.text(f"map {chosen.clicked and chosen.clicked.customdata}", width="content")
    clicked = event.clicked
    st.text(
        f"picked {picked} clicked {clicked and (clicked.curve, clicked.x, clicked.customdata)} "
        f"callback {st.session_state.get('by_callback')} n {n_points}"
    )
    st.text(f"limit {st.session_state.limit} after move {st.session_state.n_moves}")


parts()
left, middle, right = st.columns(3)
left.slider("Shift", -0.2, 0.2, 0.0, 0.01, key="shift")
middle.button(
    "Run again",
    key="again",
    type="primary",
    on_click=st.session_state.update,
    kwargs={"begun": True},
)
right.text(f"runs {st.session_state.runs} theme {st.context.theme.type}")
