"""Fragments of the Tune page, and their redraw after a limit moved."""

from typing import Final, NoReturn

import streamlit as st

from director_ai.ui.components.policy_editor import SIZES, THRESHOLDS

CARD, VIEW, COUNT, FLIPS = "t_card", "t_view", "t_count", "t_flips"
PEEK, TABLE, PROPOSALS = "t_peek", "t_table", "t_proposals"
"""Fragment keys: each can be redrawn on its own."""

PICKED: Final = "tune_picked"
"""Session-state key: row of the session selected in the table of changed sessions."""


def limit_fragment(rule: int) -> str:
    """Return the fragment key of one rule's controls."""
    return f"t_limit_{THRESHOLDS[rule].key}"


def size_fragment(rule: int) -> str:
    """Return the fragment key of one rule's window size."""
    return f"t_size_{SIZES[rule].key}"


def step_fragment(rule: int) -> str:
    """Return the fragment key of the effect of a step of one threshold."""
    return f"t_step_{THRESHOLDS[rule].key}"


def drag_limit(key: str, value: float) -> NoReturn:
    """Move the control of a threshold to where its line was dragged on a chart."""
    st.session_state[key] = value
    moved(next(rule for rule, control in THRESHOLDS.items() if control.key == key))


def moved(*rules: int) -> NoReturn:
    """Redraw the fragments that depend on the limits, and the controls of the moved rules.

    Each element sent costs the browser about 2 ms, so unchanged ones are not sent. The numbers
    come first, then the quick charts.
    """
    sizes = [rule for rule in rules if rule in SIZES]
    parts = [
        CARD,
        COUNT,
        *map(limit_fragment, rules),
        *map(size_fragment, sizes),
        *map(step_fragment, THRESHOLDS),
        VIEW,
        FLIPS,
        TABLE,
        # Proposals go by the windows, not by the limits.
        *([PROPOSALS] if sizes else []),
    ]
    if st.session_state.get(PICKED) is not None:
        parts.append(PEEK)
    st.rerun(parts)
