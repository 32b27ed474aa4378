"""Live, the page that asks: what is it doing now."""

import streamlit as st

from director_ai.ui import live_page, live_screen
from director_ai.ui.limits import limit_controls

presenting = live_page.head()
source = live_page.choose_source()
if source is None:
    st.stop()

# Laid out first: the controls stand below the picture that they change.
transport, screen, limits = st.container(), st.container(), st.container()
with limits.expander("Change limits (what-if)", icon=":material/tune:", expanded=not presenting):
    policy = limit_controls()
run = live_page.current_run(source, policy)
with transport:
    live_page.transport(run, policy)
with screen:
    live_screen.screen(run, policy, presenting=presenting)
