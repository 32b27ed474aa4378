"""Threshold controls of the Tune page: switch, box and slider of every rule, a fragment each."""

import streamlit as st

from director_ai.core.halting.policy import HaltPolicy
from director_ai.replay.engine import TREND
from director_ai.tuning.thresholds import OFF, threshold
from director_ai.ui.components.policy_editor import (
    LARGEST_SIZE,
    SIZES,
    STEP,
    THRESHOLDS,
    OnChange,
    mode_control,
    size_slider,
    soft_limit_slider,
    tell_left_out,
    threshold_slider,
)
from director_ai.ui.tune import state
from director_ai.ui.tune.state import moved


def controls(default_policy: HaltPolicy) -> dict[int, st.delta_generator.DeltaGenerator]:
    """Draw the controls.

    Parameters
    ----------
    default_policy
        Policy shown at first, and what the address leaves out.

    Returns
    -------
    dict
        For each rule the place to say what a step of its threshold does, which is known only once
        all are drawn.
    """
    tell_left_out()
    places = {}
    with st.container(key="limits", gap="xsmall"):
        for rule, control in THRESHOLDS.items():
            with st.container(gap=None, key=f"limit_{control.key}"):
                st.fragment(_threshold, key=state.limit_fragment(rule))(rule, default_policy)
                places[rule] = st.container(
                    horizontal=True,
                    vertical_alignment="center",
                    gap="xsmall",
                    key=f"step_{control.key}",
                )
                if rule in SIZES:
                    st.fragment(_size, key=state.size_fragment(rule))(rule, default_policy)
        with st.expander("Soft limit and mode", key="more_limits"):
            soft_limit_slider(default_policy, on_change=OnChange(moved))
            mode_control(default_policy, on_change=OnChange(moved))
    return places


def _threshold(rule: int, default_policy: HaltPolicy) -> None:
    """Draw one threshold as switch, box and slider."""
    control = THRESHOLDS[rule]
    key = control.key
    head = st.container(
        horizontal=True, vertical_alignment="center", gap="xsmall", key=f"head_{key}"
    )
    name, box = head.container(width="stretch"), head.container(width=66, key=f"{key}_box")
    value = threshold_slider(
        rule, default_policy, labelled=False, on_change=OnChange(moved, (rule,))
    )
    is_on = not _is_off(rule, value)
    if is_on:
        st.session_state[f"{key}_last"] = value
    # The slider alone keeps the value. Switch and box are other widgets at every other value: what
    # a browser that is behind says of the ones before must not move the slider back.
    switch = f"{key}_on_{is_on}"
    name.toggle(
        control.label,
        is_on,
        key=switch,
        help=control.help,
        on_change=_switch,
        args=(rule, key, switch, is_on),
    )
    exact = f"{key}_box_{value!r}"
    box.number_input(
        f"{control.label}, exact",
        0.0,
        max(OFF[TREND], value) if rule == TREND else 1.0,
        value,
        STEP,
        format="%.4g",
        key=exact,
        label_visibility="collapsed",
        on_change=_from_box,
        args=(rule, key, exact, value),
    )


def _size(rule: int, default_policy: HaltPolicy) -> None:
    """Draw one window's size as slider, and as box for sizes that the slider does not reach."""
    control = SIZES[rule]
    key = control.key
    row = st.container(horizontal=True, vertical_alignment="bottom", gap="small", key=f"head_{key}")
    with row.container(width="stretch"):
        value = size_slider(rule, default_policy, on_change=OnChange(moved, (rule,)))
    # Another widget at every other value, as the box of a threshold.
    exact = f"{key}_box_{value}"
    row.container(width=66, key=f"{key}_box").number_input(
        f"{control.label}, exact",
        control.least,
        max(LARGEST_SIZE, value),
        value,
        key=exact,
        label_visibility="collapsed",
        on_change=_size_from_box,
        args=(rule, key, exact, value),
    )


def _size_from_box(rule: int, key: str, exact: str, was: int) -> None:
    value = st.session_state[exact]
    if value is not None and value != was:
        st.session_state[key] = int(value)
        moved(rule)


def _is_off(rule: int, value: float) -> bool:
    return value >= OFF[rule] if rule == TREND else value <= OFF[rule]


def _switch(rule: int, key: str, switch: str, was: bool) -> None:
    # An interrupted run forgets a widget, and what it says next then counts as a change.
    if st.session_state[switch] == was:
        return
    if not was:
        default = threshold(HaltPolicy(), rule)
        st.session_state[key] = st.session_state.get(f"{key}_last", default)
    else:
        st.session_state[key] = OFF[rule]
    moved(rule)


def _from_box(rule: int, key: str, exact: str, was: float) -> None:
    value = st.session_state[exact]
    if value is not None and value != was:
        st.session_state[key] = float(value)
        moved(rule)
