"""Tune page: choose a policy on labelled sessions."""

import streamlit as st

from director_ai.tuning.analysis import AnalysisContext
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
from director_ai.ui.tune.analysis import Analysis

page_style.title("Tune")
opened = page.open_study()
if opened is None:
    st.stop()
store, study = opened
page.data_notice(study)
propose.run_requested_search(study.open)

left, right = st.columns([1, 2.8], gap="medium")
with left:
    steps = threshold_controls.controls(study.open.default_policy)
    prevalence = propose.prevalence_control()
    propose.window_search_control()
with right:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="xsmall", key="bar"):
        baseline = candidates.choose_baseline(study.open)
        target = propose.target_controls()
        propose.propose_button(study.open, target)
        attempts = propose.attempts_of(store)
        propose.certify_button(store, study, target, attempts.n)
        candidates.pin_button(study.open.default_policy)
        context = AnalysisContext(study, baseline, target, attempts, prevalence)
        analysis = Analysis(store, context)
        export.export_menu(analysis)
    result_card.card(analysis)
page.flush_numbers()
breakpoints.steps(steps, analysis)
with right:
    charts.views(analysis)
    changed_sessions_table.flip_list(analysis)
    candidates.candidates(analysis)
