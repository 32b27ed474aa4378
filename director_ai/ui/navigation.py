"""Navigation: the menu, the guard around every page, and a warm process."""

import gc
from typing import Any

import streamlit as st

from director_ai.errors import StoreError, StoreReplacedError
from director_ai.sources.sample_sessions import app_root
from director_ai.storage.engine.errors import as_store_error
from director_ai.ui.access import login
from director_ai.ui.access.current_store import archive, visited_us
from director_ai.ui.components.back_step import one_step_back
from director_ai.ui.components.page_keys import page_keys
from director_ai.ui.components.policy_editor import keep_apart
from director_ai.ui.components.status_banner import status
from director_ai.ui.review.queue import n_waiting


@st.cache_resource(show_spinner=False)
def warm_up() -> None:
    """Import what every page needs, once, and keep the collector from walking it again."""
    import pandas as pd  # noqa: F401  # imported for its cost, which the first page would pay
    import plotly  # noqa: F401  # as pandas

    gc.collect()
    gc.freeze()


def navigation() -> Any:
    """Return the page that was asked for, its menu drawn."""
    # One level down: Streamlit would serve pages/*.py past app.py until it has run once.
    views = app_root() / "pages" / "views"
    return st.navigation(
        [
            st.Page(views / "live.py", title="Live", icon=":material/play_circle:", default=True),
            st.Page(
                views / "sessions.py",
                title="Sessions",
                icon=":material/list:",
                url_path="sessions",
            ),
            st.Page(
                views / "monitor.py",
                title="Monitor",
                icon=":material/monitor_heart:",
                url_path="monitor",
            ),
            st.Page(
                views / "review.py",
                title=_review_title(),
                icon=":material/rate_review:",
                url_path="review",
            ),
            st.Page(views / "tune.py", title="Tune", icon=":material/tune:", url_path="tune"),
            st.Page(views / "data.py", title="Data", icon=":material/database:", url_path="data"),
            st.Page(
                views / "session.py",
                title="Session",
                icon=":material/show_chart:",
                url_path="session",
                visibility="hidden",
            ),
        ],
        # Whoever is not let in is not shown what there is.
        position="hidden" if login.visitor().role is None else "top",
    )


def _review_title() -> str:
    """Return the name of the Review page, with how many halts wait there."""
    try:
        with as_store_error("of the app"):
            n_halts = n_waiting(archive(), visited_us(archive()))
    except StoreError:
        # The page itself says what is wrong with the store.
        return "Review"
    return f"Review ({n_halts:,})" if n_halts else "Review"


def _store_remark() -> str:
    """Return the remark of every page on the store: that it is gone, or may not be changed."""
    try:
        store = archive()
        store.check_in_place()
    except StoreReplacedError as error:
        return f"{error}."
    except StoreError:
        # The pages that need the store say what is wrong with it.
        return ""
    reason = store.read_only_reason
    return f"The store is open to read only: {reason}." if reason else ""


def run(page: Any) -> None:
    """Draw a page, if the visitor is let in; a store that fails becomes a sentence."""
    if not login.admit():
        st.stop()
    login.account()
    one_step_back()
    page_keys()
    keep_apart(page.url_path)
    remark = _store_remark()
    if remark:
        st.text(remark)
    try:
        with as_store_error("of the app"):
            page.run()
    except StoreError as error:
        status("The store cannot be read.", f"{error}. Reload the page to try again.")
