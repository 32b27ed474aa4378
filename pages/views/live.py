"""Live page: play a stream, and move its limits."""

import streamlit as st

from director_ai.ui.components.policy_editor import limit_controls
from director_ai.ui.live import page, player
from director_ai.ui.live.endpoint_page import endpoint_page
from director_ai.ui.live.recording_strip import recording_strip
from director_ai.ui.live.remote_stream import RemoteStream, watch

presenting = page.head()
recording_strip()
source = page.choose_source()
if source is None:
    st.stop()
if isinstance(source, RemoteStream):
    watch(source.id, presenting=presenting)
    st.stop()

# Laid out first: the controls stand below the picture that they change.
transport, screen, limits = st.container(), st.container(), st.container()
with limits.expander("Change limits (what-if)", icon=":material/tune:", expanded=not presenting):
    default, owner = page.default_policy(source)
    policy = limit_controls(default, owner=owner)
if isinstance(source, page.EndpointSource):
    with screen:
        endpoint_page(policy, presenting=presenting)
    st.stop()
run = page.current_run(source, policy)
# One look for the whole page: its parts must not tell of different moments.
snapshot = run.snapshot()
with transport:
    page.transport(run, snapshot, policy)
with screen:
    player.screen(run, snapshot, policy, presenting=presenting)
