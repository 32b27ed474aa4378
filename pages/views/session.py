"""Session page: one session, and why it stopped."""

import streamlit as st

from director_ai.ui.components import page_style
from director_ai.ui.components.policy_editor import limit_controls
from director_ai.ui.components.stream_view import StreamView, picture_choice
from director_ai.ui.session import lookup, page, tabs

page_style.title("Session")
record = lookup.requested_record()
if record is None:
    st.stop()

top = st.container()
left, right = st.columns([2, 1], gap="medium")
picture, details = left.container(), left.container()
policy = page.with_recorded_mode(limit_controls(record.policy, owner=record.id), record)
shown = picture_choice()
view = StreamView.of_record(record, policy)
with top:
    page.follow(record)
    page.head(record, view)
cursor = page.cursor(view)
with picture:
    page.picture(record, view, cursor, shown)
with right:
    page.beside(record, view, cursor)
with details:
    tabs.details(record, view)
