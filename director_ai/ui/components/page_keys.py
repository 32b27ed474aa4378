"""Page keys: letters and digits are the page's shortcuts, whichever control was clicked last."""

from pathlib import Path

import streamlit as st

_component = st.components.v2.component(
    "director_ai_page_keys",
    html="<span></span>",
    js=Path(__file__).with_suffix(".js").read_text(encoding="utf-8"),
)


def page_keys() -> None:
    """Let letters and digits pass a list, table, switch or slider that was clicked.

    A text field that is written in keeps them, and so does a control reached by Tab.
    """
    _component(key="page_keys", height=1)
