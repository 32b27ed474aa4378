"""Session, the page that asks: why did this one stop."""

import streamlit as st

from director_ai.ui import session_details, session_lookup, session_page, shell
from director_ai.ui.limits import limit_controls

shell.title("Session", "Why did this one stop?")
record = session_lookup.asked_for()
if record is None:
    st.stop()

# Laid out first: the controls stand below the picture that they change.
top = st.container()
left, right = st.columns([2, 1], gap="medium")
picture, limits, details = left.container(), left.container(), left.container()
with limits.expander("Change limits (what-if)", icon=":material/tune:"):
    policy = session_page.same_mode(limit_controls(record.policy, of=record.id), record)
view = session_page.judged(record, policy)
with top:
    session_page.follow(record)
    session_page.head(record, view)
cursor = session_page.cursor(view)
with picture:
    session_page.picture(record, view, cursor)
with right:
    session_page.beside(record, view, cursor)
with details:
    session_details.details(record, view)
