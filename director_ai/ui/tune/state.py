"""Fragments of the Tune page, and which of them are drawn anew when a limit moves."""

from typing import Final, NoReturn

import streamlit as st

from director_ai.ui.components.policy_editor import SIZES, THRESHOLDS

CARD, VIEW, COUNT, FLIPS = "t_card", "t_view", "t_count", "t_flips"
PEEK, TABLE = "t_peek", "t_table"
"""The fragments: each is drawn anew on its own."""

PICKED: Final = "tune_picked"
"""In the session's state: the row of the session that is selected in the list of flips."""


def limit(rule: int) -> str:
    """Return the fragment of one rule's controls."""
    return f"t_limit_{THRESHOLDS[rule].key}"


def size(rule: int) -> str:
    """Return the fragment of one rule's window size."""
    return f"t_size_{SIZES[rule].key}"


def step(rule: int) -> str:
    """Return the fragment that says what a step of one threshold does."""
    return f"t_step_{THRESHOLDS[rule].key}"


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
        *map(step, THRESHOLDS),
        VIEW,
        FLIPS,
        TABLE,
    ]
    if st.session_state.get(PICKED) is not None:
        parts.append(PEEK)
    st.rerun(parts)
