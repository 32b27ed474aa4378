"""Tune, the page that asks: what should the limits be."""

import streamlit as st

from director_ai.tuning.plateaus import sensitivity
from director_ai.tuning.result import flips_between, result
from director_ai.ui import (
    shell,
    tune_candidates,
    tune_card,
    tune_choose,
    tune_flip_list,
    tune_limits,
    tune_page,
    tune_take,
    tune_views,
)
from director_ai.ui.tune_data import replay_of

shell.title("Tune", "What should the limits be?")
opened = tune_page.opened()
if opened is None:
    st.stop()
store, study = opened
data = study.open
tune_page.what_data(study)

left, right = st.columns([1, 2.8], gap="medium")
with left:
    policy, places = tune_limits.controls(data.usual)
replay = replay_of(data, policy)
numbers = result(data.labelled, replay.outcomes(policy), policy)
effects = sensitivity(data.labelled, replay, policy)
for (rule, place), effect in zip(places.items(), effects, strict=True):
    tune_limits.effect(place, rule, policy, replay, effect)

with right:
    bar = st.container(horizontal=True, vertical_alignment="bottom", gap="xsmall", key="bar")
    with bar:
        baseline = tune_candidates.choose_baseline(data)
        wish = tune_choose.wish()
        tune_choose.propose_button(data, replay, policy, wish)
        tune_choose.certify_button(store, study, policy, wish)
        tune_candidates.pin_button(policy)
    tune_choose.said(store, policy)
    changed, counts = flips_between(data.labelled, baseline.outcomes, numbers.outcomes)
    with bar:
        tune_take.take(store, study, numbers, counts, baseline.name)
    tune_card.card(numbers, counts, baseline.name)
    tune_views.views(tune_page.scene(data, replay, numbers, baseline, wish))
    outcomes = (baseline.outcomes, numbers.outcomes)
    tune_flip_list.flip_list(store, data, changed, outcomes, policy, baseline.name)
    tune_candidates.candidates(data, numbers, baseline.outcomes)
