"""Tune, the page that asks: what should the limits be."""

import streamlit as st

from director_ai.ui.components import page_style
from director_ai.ui.tune import (
    breakpoints,
    candidates,
    changed_sessions_table,
    charts,
    export,
    page,
    propose,
    result_card,
    threshold_controls,
)
from director_ai.ui.tune.analysis import Look

page_style.title("Tune", "What should the limits be?")
opened = page.opened()
if opened is None:
    st.stop()
store, study = opened
page.what_data(study)
propose.swept(study.open)

left, right = st.columns([1, 2.8], gap="medium")
with left:
    steps = threshold_controls.controls(study.open.default_policy)
with right:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="xsmall", key="bar"):
        baseline = candidates.choose_baseline(study.open)
        asked = propose.wish()
        propose.propose_buttons(study.open, asked)
        certificates, n_attempts = propose.attempts_of(store)
        propose.certify_button(store, study, asked, n_attempts)
        candidates.pin_button(study.open.default_policy)
        look = Look(store, study, baseline, asked, certificates, n_attempts)
        export.take(look)
    result_card.card(look)
page.numbers_first()
breakpoints.steps(steps, look)
with right:
    charts.views(look)
    changed_sessions_table.flip_list(look)
    candidates.candidates(look)
