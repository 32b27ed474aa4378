"""Since when the Review page's queue goes back if nothing else is asked: the visit before."""

from typing import Final

import streamlit as st

from director_ai.storage.engine.clock import now_us
from director_ai.storage.review_visits import label_times, visit_before
from director_ai.storage.store import Store
from director_ai.ui.access.current_store import reviewer

_KNOWN: Final = "review_visited"


def visited_us(store: Store) -> int | None:
    """Return when the reviewer's visit before this one began; ``None`` if this is the first.

    It is asked once for a browser's session and name: labels given meanwhile are of this visit.
    """
    known: dict[str, int | None] = st.session_state.setdefault(_KNOWN, {})
    name = reviewer()
    if name not in known:
        known[name] = visit_before(label_times(store, name), now_us())
    return known[name]
