"""Tune page: choose a policy on labelled sessions."""

import streamlit as st

from director_ai.tuning.analysis import AnalysisContext
from director_ai.ui.components import page_style
from director_ai.ui.tune import (
    archive,
    breakpoints,
    candidates,
    certify,
    changed_sessions_table,
    charts,
    export,
    holdout_choice,
    page,
    proposals,
    result_card,
    slice_filters,
    target,
    threshold_controls,
)
from director_ai.ui.tune.analysis import Analysis

page_style.title("Tune", hidden=True)
with st.sidebar:
    limits = st.container()
    address = archive.address_control()
progress = st.empty()
opened = page.open_study(address, progress)
if opened is None:
    st.stop()
store, part, study, curves = opened
default_policy = study.open.default_policy
data_line = page.data_notice(opened)

with limits:
    steps = threshold_controls.controls(default_policy)
    target.window_search_control()
    prevalence = target.prevalence_control()
top = st.container()
with page.toolbar():
    risk = target.target_controls()
    proposals.undo_button()
    baseline = candidates.choose_baseline(study.open)
    candidates.pin_button(default_policy)
    attempts = target.attempts_of(store)
    context = AnalysisContext(study, baseline, risk, attempts, prevalence, part.of_scorer)
    analysis = Analysis(store, context, part, curves)
    export.export_menu(analysis)
with top:
    result_card.card(analysis)
page.flush_numbers()
if curves is None:
    slice_filters.controls(store, part)
    with data_line:
        holdout_choice.holdout_menu(store)
breakpoints.steps(steps, analysis)
left, right = st.columns([2.4, 1], gap="small")
below = st.container()
with left.container(key="views"):
    charts.views(analysis)
with below:
    changed_sessions_table.flip_list(analysis)
with right:
    # After the list: a label asks for another search, which whoever labels need not wait for.
    proposals.proposals(analysis)
candidates.candidates(analysis)
certify.dialog(analysis)
