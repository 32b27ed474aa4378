"""Plain drop zones: Streamlit's own name and role of its upload areas contradict each other."""

from pathlib import Path

import streamlit as st

_component = st.components.v2.component(
    "director_ai_plain_dropzones",
    html="<span></span>",
    js=Path(__file__).with_suffix(".js").read_text(encoding="utf-8"),
)


def plain_dropzones() -> None:
    """Let screen readers find every upload area of the page as the region its label names."""
    _component(key="plain_dropzones", height=1)
