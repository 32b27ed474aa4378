"""Press key: a key that presses a button, whichever control was clicked last."""

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

_component = st.components.v2.component(
    "director_ai_press_key",
    html="<span></span>",
    js=Path(__file__).with_suffix(".js").read_text(encoding="utf-8"),
)


def press_key(shortcut: str, buttons: Sequence[str], *, key: str) -> None:
    """Let ``shortcut`` press the first enabled button of ``buttons``, once however long it is held.

    A text field that is written in keeps the key, and so does a control reached by Tab.

    Parameters
    ----------
    shortcut
        The key, as the browser names it; ``" "`` is Space.
    buttons
        Streamlit keys.
    key
        Streamlit key of the component itself.
    """
    _component(key=key, data={"key": shortcut, "buttons": list(buttons)}, height=1)
