"""Data, the page that asks: where does it come from."""

import streamlit as st

from director_ai.ui import (
    data_about,
    data_import,
    data_labels,
    data_recorder,
    data_storage,
    shell,
)

TABS = {
    "Import": data_import.draw,
    "Recorder": data_recorder.draw,
    "Labels": data_labels.draw,
    "Storage": data_storage.draw,
    "About": data_about.draw,
}

shell.title("Data", "Where does it come from?")
asked = st.query_params.get("tab", "")
if asked.capitalize() in TABS:
    # A link may be written in small letters; the tabs know their own names only.
    st.session_state["tab"] = asked.capitalize()
for tab, draw in zip(
    st.tabs(list(TABS), key="tab", bind="query-params"), TABS.values(), strict=True
):
    if tab.open:
        with tab:
            draw()
