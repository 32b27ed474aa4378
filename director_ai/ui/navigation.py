"""What is around every page: navigation, style, and a warm process."""

import gc
from typing import Any

import streamlit as st

from director_ai.errors import StoreError
from director_ai.figures.theme import Palette, palette
from director_ai.sources.sample_sessions import app_root
from director_ai.storage.engine.errors import as_store_error
from director_ai.ui.access import login
from director_ai.ui.access.current_store import archive
from director_ai.ui.components.plotly_chart import page_theme
from director_ai.ui.components.policy_editor import keep_apart
from director_ai.ui.components.status_banner import status
from director_ai.ui.review.queue import n_waiting
from director_ai.ui.review_since import visited_us

PRESENTER_FONT = 18
FONT = 12

_STYLE = """
.stMainBlockContainer { padding-top: 3.75rem; padding-bottom: 2rem; }
.stMainBlockContainer > .stVerticalBlock { gap: .55rem; }
.stAppHeader { background: transparent; pointer-events: none; }
.stAppHeader * { pointer-events: auto; }
.d-title { font-size: 1.35rem; font-weight: 650; line-height: 1.2; white-space: nowrap; }
.d-title small { font-weight: 400; opacity: .72; font-size: .95rem; margin-left: .5rem; }
.d-status { height: 5rem; overflow: auto; padding: .55rem .9rem; border-left: 5px solid
  var(--d-rule, #8888); border-radius: .3rem; background: color-mix(in srgb,
  var(--d-rule, #888) 9%, transparent); line-height: 1.4; }
.d-status b { font-size: 1.08em; }
.d-status .d-note { opacity: .8; font-size: .92em; }
.d-hard { --d-rule: HARD; } .d-window { --d-rule: WINDOW; } .d-trend { --d-rule: TREND; }
.d-whatif { outline: 2px dashed var(--d-rule, #888); outline-offset: -2px; }
.d-number b { display: block; font-size: 2rem; font-weight: 400; line-height: 1.35;
  white-space: nowrap; }
.d-number small { display: inline-block; padding: .1rem .45rem; border-radius: 1rem;
  font-size: .85rem; background: color-mix(in srgb, currentColor 8%, transparent); }
.d-few b { opacity: .55; }
.st-key-account { position: fixed; top: .55rem; right: 4rem; width: auto; z-index: 999991;
  gap: .75rem; }
.d-heading { font-weight: 600; margin-top: .4rem; }
.d-facts { font-size: .92rem; line-height: 1.5; overflow-wrap: anywhere; }
.d-diff { white-space: pre-wrap; max-height: 16rem; overflow: auto; }
.d-diff del { opacity: .6; } .d-diff ins { font-weight: 600;
  background: color-mix(in srgb, currentColor 10%, transparent); }
dl.d-facts dt { opacity: .7; font-weight: 400; } dl.d-facts dd { margin: 0 0 .35rem 0 !important; }
"""

_WHAT_IF = ".stMain { box-shadow: inset 3px 0 0 TREND; }"

_PRESENTER = """
.d-title small { display: none; }
.d-status { font-size: 1.4rem; height: 8.4rem; }
"""


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


def run(page: Any) -> None:
    """Draw a page, if the visitor is let in; a store that fails becomes a sentence."""
    if not login.let_in():
        st.stop()
    login.account()
    keep_apart(page.url_path)
    try:
        with as_store_error("of the app"):
            page.run()
    except StoreError as error:
        status("The store cannot be read.", f"{error}. Reload the page to try again.")


def style() -> None:
    """Put our style sheet into the page."""
    st.html(f"<style>{_coloured(_STYLE)}</style>")


def presenter_style() -> None:
    """Larger type, for a projector."""
    st.html(f"<style>{_PRESENTER}</style>")


def what_if_stripe() -> None:
    """Mark the page as showing what did not happen."""
    st.html(f"<style>{_coloured(_WHAT_IF)}</style>")


def title(name: str, question: str) -> None:
    """Head a page with its name and the question it answers."""
    st.html(
        f'<div class="d-title" role="heading" aria-level="1">{name}<small>{question}</small></div>'
    )


def colours() -> Palette:
    """Return the palette of the reader's theme."""
    return palette(page_theme())


def _coloured(css: str) -> str:
    chosen = colours()
    return (
        css.replace("HARD", chosen.hard)
        .replace("WINDOW", chosen.window)
        .replace("TREND", chosen.trend)
    )
