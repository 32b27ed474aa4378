"""The limits in use on the Tune page, and which parts of it are drawn anew when they move."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final, NamedTuple, NoReturn

import streamlit as st

from director_ai.core.halting.policy import HaltPolicy
from director_ai.replay.engine import HARD, TREND, WINDOW


class Control(NamedTuple):
    """One threshold: its key in the address, its names, and what it does."""

    key: str
    name: str
    help: str


CONTROLS: Final[Mapping[int, Control]] = {
    HARD: Control("h", "Hard limit", "Halt on the first token under this."),
    WINDOW: Control(
        "a",
        "Window limit",
        "Halt when the average of the window falls under this. The rule is silent until the "
        "window is full.",
    ),
    TREND: Control(
        "d",
        "Max drop",
        "Halt when the fitted line falls by more than this over the trend length. Smaller is "
        "stricter, so the slider runs backwards: stricter is always to the right.",
    ),
}
SIZES: Final[Mapping[int, tuple[str, str, int]]] = {
    WINDOW: ("w", "Window size (tokens)", 1),
    TREND: ("n", "Trend length (tokens)", 2),
}

CARD, VIEW, COUNT, FLIPS = "t_card", "t_view", "t_count", "t_flips"
PEEK, TABLE = "t_peek", "t_table"
"""The fragments: each is drawn anew on its own."""

PICKED: Final = "tune_picked"
"""In the session's state: the row of the session that is selected in the list of flips."""


def limit(rule: int) -> str:
    """Return the fragment of one rule's controls."""
    return f"t_limit_{CONTROLS[rule].key}"


def size(rule: int) -> str:
    """Return the fragment of one rule's window size."""
    return f"t_size_{SIZES[rule][0]}"


def step(rule: int) -> str:
    """Return the fragment that says what a step of one threshold does."""
    return f"t_step_{CONTROLS[rule].key}"


def in_use(usual: HaltPolicy) -> HaltPolicy:
    """Return the limits that the controls stand at; the usual ones before they are drawn.

    The cadence stays that of the recordings, which no control changes.
    """
    state = st.session_state
    hard = float(state.get("h", usual.hard_limit))
    return replace(
        usual,
        hard_limit=hard,
        window_size=int(state.get("w", usual.window_size)),
        window_threshold=float(state.get("a", usual.window_threshold)),
        trend_window=int(state.get("n", usual.trend_window)),
        trend_threshold=float(state.get("d", usual.trend_threshold)),
        soft_limit=max(hard, float(state.get("s", usual.soft_limit))),
        halt_mode="soft" if state.get("m", usual.halt_mode) == "soft" else "hard",
    )


def put(policy: HaltPolicy) -> None:
    """Move every control to a policy; only before they are drawn, as in a callback."""
    st.session_state.update(
        h=policy.hard_limit,
        a=policy.window_threshold,
        d=policy.trend_threshold,
        w=policy.window_size,
        n=policy.trend_window,
        s=policy.soft_limit,
        m="soft" if policy.halt_mode == "soft" else "hard",
    )


def moved(*rules: int) -> NoReturn:
    """Draw anew what hangs on the limits, and the controls of the rules that moved.

    Each element sent costs the browser about 2 ms, so what stays is not sent. The numbers come
    first, then what is quick to draw.
    """
    sizes = [rule for rule in rules if rule in SIZES]
    parts = [
        CARD,
        COUNT,
        *map(limit, rules),
        *map(size, sizes),
        *map(step, CONTROLS),
        VIEW,
        FLIPS,
        TABLE,
    ]
    if st.session_state.get(PICKED) is not None:
        parts.append(PEEK)
    st.rerun(parts)
