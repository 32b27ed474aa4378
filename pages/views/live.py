"""Live page: play a stream, and move its limits."""

import streamlit as st

from director_ai.ui.components.policy_editor import limit_controls
from director_ai.ui.components.stream_view import picture_choice
from director_ai.ui.live import page, player
from director_ai.ui.live.endpoint_page import endpoint_page
from director_ai.ui.live.recording_strip import recording_strip
from director_ai.ui.live.remote_stream import RemoteStream, show_picked_stream, watch

show_picked_stream()
bar = page.bar()
presenting = page.more(bar)
stage, strip = page.places()
with strip:
    recording_strip()
with stage:
    source = page.choose_source(bar)
    if source is None:
        page.limits_in_waiting()
        st.stop()
    if isinstance(source, RemoteStream):
        watch(source.id, bar.transport, presenting=presenting)
        st.stop()
    default = page.default_policy(source)
    policy = limit_controls(default.policy, owner=default.owner, words=default.words)
    picture = picture_choice()
    if isinstance(source, page.EndpointSource):
        endpoint_page(policy, bar.transport, presenting=presenting, picture=picture)
        st.stop()
    run = page.current_run(source, policy)
    # One look for the whole page: its parts must not tell of different moments.
    snapshot = run.snapshot()
    page.transport(bar, run, snapshot, policy)
    player.screen(run, snapshot, policy, presenting=presenting, picture=picture)
