"""Focus hotkey: puts the cursor into a text field; Enter and Escape take it out again."""

from pathlib import Path

import streamlit as st

_component = st.components.v2.component(
    "director_ai_focus_hotkey",
    html="<span></span>",
    js=Path(__file__).with_suffix(".js").read_text(encoding="utf-8"),
)


def focus_hotkey(field_key: str, shortcut: str, *, key: str) -> None:
    """Let ``shortcut``, one capital letter, focus the text field with the key ``field_key``."""
    data = {"field": f".st-key-{field_key} input", "key": shortcut}
    _component(key=key, data=data, height=1)
