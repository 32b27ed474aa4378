"""Live, the page that asks: what is it doing now."""

import streamlit as st

from director_ai.ui import live_page, live_screen
from director_ai.ui.limits import limit_controls
from director_ai.ui.live_endpoint import endpoint_page
from director_ai.ui.live_strip import live_strip
from director_ai.ui.live_watch import Watched, watch

presenting = live_page.head()
live_strip()
source = live_page.choose_source()
if source is None:
    st.stop()
if isinstance(source, Watched):
    watch(source.id, presenting=presenting)
    st.stop()

# Laid out first: the controls stand below the picture that they change.
transport, screen, limits = st.container(), st.container(), st.container()
with limits.expander("Change limits (what-if)", icon=":material/tune:", expanded=not presenting):
    usual, of = live_page.usual_limits(source)
    policy = limit_controls(usual, of=of)
if isinstance(source, live_page.Asked):
    with screen:
        endpoint_page(policy, presenting=presenting)
    st.stop()
run = live_page.current_run(source, policy)
# One look for the whole page: its parts must not tell of different moments.
snapshot = run.snapshot()
with transport:
    live_page.transport(run, snapshot, policy)
with screen:
    live_screen.screen(run, snapshot, policy, presenting=presenting)
