"""Tune, the page that asks: what should the limits be."""

import streamlit as st

from director_ai.ui import (
    shell,
    tune_candidates,
    tune_card,
    tune_choose,
    tune_flip_list,
    tune_limits,
    tune_page,
    tune_step,
    tune_take,
    tune_views,
)
from director_ai.ui.tune_scene import Look

shell.title("Tune", "What should the limits be?")
opened = tune_page.opened()
if opened is None:
    st.stop()
store, study = opened
tune_page.what_data(study)
tune_choose.swept(study.open)

left, right = st.columns([1, 2.8], gap="medium")
with left:
    steps = tune_limits.controls(study.open.usual)
with right:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="xsmall", key="bar"):
        baseline = tune_candidates.choose_baseline(study.open)
        asked = tune_choose.wish()
        tune_choose.propose_buttons(study.open, asked)
        certificates, n_attempts = tune_choose.attempts_of(store)
        tune_choose.certify_button(store, study, asked, n_attempts)
        tune_candidates.pin_button(study.open.usual)
        look = Look(store, study, baseline, asked, certificates, n_attempts)
        tune_take.take(look)
    tune_card.card(look)
tune_page.numbers_first()
tune_step.steps(steps, look)
with right:
    tune_views.views(look)
    tune_flip_list.flip_list(look)
    tune_candidates.candidates(look)
