"""The Review page's first lines: what is in the queue, and how far the reviewer has come."""

import time
from typing import cast, get_args

import streamlit as st

from director_ai.storage.summary import UNLABELLED
from director_ai.ui.access.current_store import archive, reviewer, visited_us
from director_ai.ui.components import page_style
from director_ai.ui.components.status_banner import notice
from director_ai.ui.review.batch import Visit, duration
from director_ai.ui.review.queue import FAULT_HINTS, open_queue, opening
from director_ai.ui.review.queue_query import (
    ALL_TIME,
    LABELS,
    PICKED,
    SPANS,
    ReviewOrder,
    Sought,
    Wanted,
    is_span,
)

VISIT = "review_visit"


def current_visit() -> Visit:
    """Draw the page's head, and return the visit to the queue that it asks for."""
    name, progress, line = st.columns([3, 7, 2], vertical_alignment="center")
    with name:
        page_style.title("Review", "Was it right?")
    with line:
        wanted = _choose()
    visit = st.session_state.get(VISIT)
    # Fixed once opened: labelling must not reshuffle what is still to come.
    if visit is None or visit.wanted != wanted:
        visit = reopened(wanted, visit)
    progress.text(_progress(visit))
    return cast(Visit, visit)


def reopened(wanted: Wanted, before: Visit | None) -> Visit:
    """Begin a visit to the queue as it stands now; what was done before can still be undone."""
    queue = open_queue(archive(), wanted, now_us=_now_us())
    visit = Visit(wanted, queue, time.monotonic(), steps=before.steps if before else [])
    st.session_state[VISIT] = visit
    st.session_state["review_note"] = ""
    return visit


def say_what_waits(visit: Visit) -> None:
    """Say what lies ahead, or what went wrong with the last key."""
    if archive().read_only:
        notice("This store is open to read only: labels cannot be kept.")
    notice(visit.problem or f"{visit.wanted.line()}: {opening(visit.queue, visit.wanted)}")


def faults(visit: Visit) -> None:
    """Draw the halts that are nobody's judgement, each with what to look at."""
    if not visit.queue.faults:
        return
    n_faults = sum(visit.queue.faults.values())
    with st.expander(f"Infrastructure halts, not counted as halts: {n_faults}", key="faults"):
        for code, count in visit.queue.faults.items():
            st.text(f"{count} × {code}: {FAULT_HINTS.get(code, 'see the session')}")


def _choose() -> Wanted:
    st.session_state.setdefault("reviewer", reviewer())
    picked = tuple(dict.fromkeys(st.query_params.get_all(PICKED)))
    with st.popover("Queue", icon=":material/tune:", width="stretch", key="review_queue"):
        if picked:
            st.button("The whole queue", key="review_whole", on_click=whole_queue, width="stretch")
        second = st.toggle(
            "Second reviewer",
            key="second",
            bind="query-params",
            help="Sessions that somebody else labelled and you did not; their label is hidden.",
        )
        sought = st.selectbox(
            "Sessions",
            get_args(Sought),
            key="q",
            bind="query-params",
            disabled=bool(picked),
            help="Halted; halts of a kernel that only watched; or 20 completed ones, drawn at "
            "random, to look for misses.",
        )
        label = st.selectbox(
            "Label",
            [UNLABELLED, "any", *LABELS],
            key="label",
            bind="query-params",
            disabled=second or bool(picked),
        )
        since = st.selectbox(
            "Started in the last",
            SPANS,
            accept_new_options=True,
            key="since",
            bind="query-params",
            disabled=bool(picked),
            help="A number of minutes, hours or days, such as 36h; all; or visit, for what came "
            "since you last sat down to label.",
        )
        order = st.selectbox(
            "Order",
            get_args(ReviewOrder),
            key="order",
            bind="query-params",
            disabled=sought == "completed" or bool(picked),
            help="Only at random does a part of the queue tell the share of false halts in the "
            "whole. Closest first teaches most, and is biased.",
        )
        me = st.text_input("Your name", key="reviewer", persist_state="session", max_chars=80)
    return Wanted(
        sought=sought,
        label=label,
        since=since if since and is_span(since) else ALL_TIME,
        order=order,
        second=(me or "reviewer") if second else "",
        picked=picked,
        visited_us=visited_us(archive()),
    )


def whole_queue() -> None:
    """Turn from sessions picked by hand to the queue; to be called from a callback."""
    st.query_params.pop(PICKED, None)


def _progress(visit: Visit) -> str:
    n_cards, n_done = len(visit.queue.cards), len(visit.given)
    if not n_cards:
        return ""
    where = f"Session {visit.position + 1} of {n_cards} · " if visit.card else ""
    spent = time.monotonic() - visit.started_s
    rate = f" · {duration(spent / n_done)} each" if n_done else ""
    return f"{where}{n_done} / {n_cards} labelled · {duration(spent)}{rate}"


def _now_us() -> int:
    return time.time_ns() // 1000
