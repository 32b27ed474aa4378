"""Cursor of the Live page: the token that its reader looks at."""

from typing import Final

import streamlit as st

SEEN: Final = "seen"
"""Query parameter: tokens that had come, where a reload goes on."""


def seen_before(n_tokens: int) -> int:
    """Return how many of a source's tokens the address says had come."""
    seen = st.query_params.get(SEEN, "")
    return min(int(seen), n_tokens) if seen.isascii() and seen.isdigit() and len(seen) < 7 else 0


def cursor(n_tokens: int) -> int | None:
    """Return which of the tokens the reader looks at; ``None`` while following the newest."""
    if is_following():
        return None
    return min(int(st.session_state.get("t", 0)), max(0, n_tokens - 1))


def set_cursor(index: int) -> None:
    """Look at one token; to be called from a callback."""
    st.session_state["follow"] = False
    st.session_state["t"] = index


def follow() -> None:
    """Look at the newest token, as it comes; to be called from a callback."""
    st.session_state["follow"] = True


def unfollow() -> None:
    """Stay at the token in sight; to be called from a callback."""
    st.session_state["follow"] = False


def is_following() -> bool:
    """Return whether the newest token is looked at, as it comes."""
    return bool(st.session_state.get("follow", True))
