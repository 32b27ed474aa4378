"""Session page: one session, and why it stopped."""

import streamlit as st

from director_ai.ui.components import page_style
from director_ai.ui.components.policy_editor import limit_controls
from director_ai.ui.components.stream_view import StreamView, picture_choice
from director_ai.ui.session import hold_back, lookup, page, tabs

page_style.title("Session", hidden=True)
record = lookup.requested_record()
if record is None:
    st.stop()

policy = page.with_recorded_mode(limit_controls(record.policy, owner=record.id), record)
shown = picture_choice()
view = StreamView.of_record(record, policy)
page.follow(record)
page.head(record, view)
compared = tabs.comparison_requested()
if compared:
    tabs.details(record, view)
cursor = page.cursor(view)
page.picture(record, view, cursor, shown)
details, beside = st.columns([2, 1], gap="medium")
with beside:
    page.beside(record, view, cursor)
with details:
    hold_back.hold_back(record, view)
    if not compared:
        tabs.details(record, view)
