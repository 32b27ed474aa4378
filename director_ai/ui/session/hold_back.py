"""Hold-back of one session as a what-if: the tokens its reader would have got."""

from typing import get_args

import streamlit as st

from director_ai.core.halting.release_policy import HoldWhen, ReleasePolicy
from director_ai.core.records.record import SessionRecord
from director_ai.replay.shown import shown_of
from director_ai.tuning.evaluation.leak_frontier import MOST_HELD
from director_ai.ui.components.stream_view import StreamView

_DEFAULT_HOLD = 8


def hold_back(record: SessionRecord, view: StreamView) -> None:
    """Draw how long to hold back, and what would have been shown; nothing without a halt."""
    if view.delivered is None:
        return
    recorded = record.release or ReleasePolicy(_DEFAULT_HOLD)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="hold_back"):
        hold = st.slider(
            "What if hold back (tokens)",
            0,
            MOST_HELD,
            min(recorded.hold_back, MOST_HELD),
            key="session_hold",
            help="Tokens that must pass after a token before it is shown. It changes no halt.",
            width=240,
        )
        when: HoldWhen | None = st.segmented_control(
            "When",
            get_args(HoldWhen),
            default=recorded.when,
            required=True,
            key="session_hold_when",
            label_visibility="collapsed",
        )
        st.text(hold_line(record, view, ReleasePolicy(hold, when or recorded.when)))


def hold_line(record: SessionRecord, view: StreamView, release: ReleasePolicy) -> str:
    """Return what would have been shown, held back and not."""
    n_held, n_without = shown_of(view, release), shown_of(view, ReleasePolicy())
    if record.onset is None:
        return f"would show {n_held:,} tokens ({n_without:,} without)"
    after, without = (max(0, n - record.onset) for n in (n_held, n_without))
    return f"would show {after:,} after it went wrong ({without:,} without)"
