"""Data page: import, recorder, labels, storage."""

import streamlit as st

from director_ai.ui.components import page_style
from director_ai.ui.components.plain_dropzones import plain_dropzones
from director_ai.ui.data import help_tab, import_tab, labels_tab, recorder_tab, storage_tab

TABS = {
    "Import": import_tab.draw,
    "Recorder": recorder_tab.draw,
    "Labels": labels_tab.draw,
    "Storage": storage_tab.draw,
    "Help": help_tab.draw,
}

page_style.title("Data", hidden=True)
page_style.without_sidebar()
plain_dropzones()
tab_name = st.query_params.get("tab", "")
if tab_name.capitalize() in TABS:
    # A link may be written in small letters; the tabs know their own names only.
    st.session_state["tab"] = tab_name.capitalize()
for tab, draw in zip(
    st.tabs(list(TABS), key="tab", bind="query-params"), TABS.values(), strict=True
):
    if tab.open:
        with tab:
            draw()
