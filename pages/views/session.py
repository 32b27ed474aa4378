"""Session, the page that asks: why did this one stop."""

import streamlit as st

from director_ai.ui import session_page, shell
from director_ai.ui.limits import limit_controls

shell.title("Session", "Why did this one stop?")
record = session_page.asked_for()
if record is None:
    st.stop()

# Laid out first: the controls stand below the picture that they change.
screen, limits, details = st.container(), st.container(), st.container()
with limits.expander("Change limits (what-if)", icon=":material/tune:"):
    policy = session_page.same_mode(limit_controls(record.policy, of=record.id), record)
view = session_page.judged(record, policy)
with screen:
    session_page.follow(record)
    session_page.screen(record, view)
with details:
    session_page.details(record, view)
