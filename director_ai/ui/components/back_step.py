"""Back step: the browser's Back leads from a page to the one before, as it was left."""

from pathlib import Path

import streamlit as st

_component = st.components.v2.component(
    "director_ai_back_step",
    html="<span></span>",
    js=Path(__file__).with_suffix(".js").read_text(encoding="utf-8"),
)


def one_step_back() -> None:
    """Keep the way to a page with a query one entry of the browser's history."""
    _component(key="back_step", height=1)
