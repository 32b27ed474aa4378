"""Stored halts: the newest halted sessions of the store, played on the Live page."""

from typing import Final

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from director_ai.storage.summary import SessionQuery
from director_ai.ui.access.current_store import archive
from director_ai.ui.components.escaping import visible
from director_ai.ui.components.status_banner import status
from director_ai.ui.live.playback import LiveSource
from director_ai.ui.live.sources import recorded_source

MOST_OFFERED: Final = 100

_HALT: Final = "halt"
"""Key of the choice, and the address's word for it."""


def stored_halt(choice: DeltaGenerator) -> LiveSource | None:
    """Draw the choice among the newest halts of the store; return it, or ``None`` without any.

    Parameters
    ----------
    choice
        Where the choice is drawn.
    """
    store = archive()
    rows = {
        row.id: row
        for row in store.summaries(SessionQuery(outcomes=("halted",)), limit=MOST_OFFERED)
    }
    if not rows:
        status(
            "No session in this store was halted.",
            f"Halts that are recorded into {store.name}, or imported on the Data page, can be "
            "played here.",
        )
        return None
    if st.session_state.get(_HALT) not in rows:
        st.session_state[_HALT] = next(iter(rows))
    halt_id: str = choice.selectbox(
        "Halt: the scores that were recorded, judged by the limits beside",
        list(rows),
        key=_HALT,
        format_func=lambda name: visible(rows[name].prompt or name)[:80],
        label_visibility="collapsed",
        persist_state="session",
    )
    return recorded_source(store.get(halt_id), store.name)
