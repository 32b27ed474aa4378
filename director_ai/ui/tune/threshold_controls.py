"""The controls of the Tune page: every limit by slider, box and step, bound to the address."""

from typing import Final

import streamlit as st

from director_ai.core.halting.downward_trend import LARGEST_DROP
from director_ai.core.halting.policy import HaltPolicy
from director_ai.replay.engine import TREND, WINDOW
from director_ai.tuning.thresholds import OFF, threshold
from director_ai.ui.tune import state
from director_ai.ui.tune.state import CONTROLS, SIZES, Control, moved

LONGEST: Final = 100
"""Tokens the window sliders reach, unless the limits in use are longer."""

LARGEST: Final = 2000
"""Tokens the boxes beside them reach."""

NUDGE: Final = 0.01
_DROPS: Final = [round(LARGEST_DROP - step / 100, 2) for step in range(151)]


def controls(usual: HaltPolicy) -> dict[int, st.delta_generator.DeltaGenerator]:
    """Draw the controls; :func:`director_ai.ui.tune.state.in_use` tells where they stand.

    Parameters
    ----------
    usual
        Where they stand at first, and what the address leaves out.

    Returns
    -------
    dict
        For each rule the place to say what a step of its threshold does, which is known only once
        all are drawn.
    """
    places = {}
    for rule, control in CONTROLS.items():
        with st.container(border=True, gap="xxsmall", key=f"limit_{control.key}"):
            st.fragment(_threshold, key=state.limit(rule))(rule, control, threshold(usual, rule))
            places[rule] = st.container(horizontal=True, vertical_alignment="center", gap="small")
            if rule in SIZES:
                _size(rule, usual)
    _rest(usual)
    return places


def _threshold(rule: int, control: Control, default: float) -> None:
    """Draw one threshold as toggle, box and slider."""
    key = control.key
    if key in st.session_state:
        # Without this a value that a callback has set gives way to the one of the address.
        st.session_state[key] = st.session_state[key]
    name, box = st.columns([1.5, 1], vertical_alignment="center")
    if rule == TREND:
        # Limits may be finer than the steps, or further off than they reach.
        finer = {default, float(st.session_state.get(key, default)), _asked(key, default)}
        drawn = st.select_slider(
            control.name,
            sorted({*_DROPS, *finer}, reverse=True),
            default,
            key=key,
            bind="query-params",
            label_visibility="collapsed",
            on_change=moved,
            args=(rule,),
        )
    else:
        drawn = st.slider(
            control.name,
            0.0,
            1.0,
            default,
            NUDGE,
            key=key,
            bind="query-params",
            label_visibility="collapsed",
            on_change=moved,
            args=(rule,),
        )
    value = float(drawn)
    is_on = not _is_off(rule, value)
    if is_on:
        st.session_state[f"{key}_last"] = value
    # The slider alone keeps the value. Switch and box are other widgets at every other value: what
    # a browser that is behind says of the ones before must not move the slider back.
    switch = f"{key}_on_{is_on}"
    name.toggle(
        control.name,
        is_on,
        key=switch,
        help=control.help,
        on_change=_switch,
        args=(rule, key, switch, is_on),
    )
    exact = f"{key}_box_{value!r}"
    box.container(key=f"{key}_box").number_input(
        f"{control.name}, exact",
        0.0,
        max(LARGEST_DROP, value) if rule == TREND else 1.0,
        value,
        NUDGE,
        format="%.4g",
        key=exact,
        label_visibility="collapsed",
        on_change=_from_box,
        args=(rule, key, exact, value),
    )


def _asked(key: str, default: float) -> float:
    """Return a drop that the address asks for, if it is one."""
    try:
        asked = float(st.query_params.get(key, default))
    except ValueError:
        return default
    return asked if 0.0 <= asked <= LARGEST_DROP else default


def _size(rule: int, usual: HaltPolicy) -> None:
    st.fragment(_sized, key=state.size(rule))(
        rule, usual.window_size if rule == WINDOW else usual.trend_window
    )


def _sized(rule: int, size: int) -> None:
    """Draw one window's size as slider, and as box for sizes that the slider does not reach."""
    key, name, least = SIZES[rule]
    if key in st.session_state:
        # Without this a value that a callback has set gives way to the one of the address.
        st.session_state[key] = st.session_state[key]
    slider, box = st.columns([1.5, 1], vertical_alignment="bottom")
    value = int(
        slider.slider(
            name,
            least,
            max(LONGEST, size, int(st.session_state.get(key, size)), _asked_size(key)),
            size,
            key=key,
            bind="query-params",
            on_change=moved,
            args=(rule,),
        )
    )
    # Another widget at every other value, as the box of a threshold.
    exact = f"{key}_box_{value}"
    box.container(key=f"{key}_box").number_input(
        f"{name}, exact",
        least,
        max(LARGEST, value),
        value,
        key=exact,
        label_visibility="collapsed",
        on_change=_size_from_box,
        args=(rule, key, exact, value),
    )


def _asked_size(key: str) -> int:
    """Return a size that the address asks for, if it is one."""
    asked = st.query_params.get(key, "")
    return int(asked) if asked.isascii() and asked.isdigit() and int(asked) <= LARGEST else 0


def _size_from_box(rule: int, key: str, exact: str, was: int) -> None:
    value = st.session_state[exact]
    if value is not None and value != was:
        st.session_state[key] = int(value)
        moved(rule)


def _rest(usual: HaltPolicy) -> None:
    """Draw what halts nothing, or only otherwise."""
    with st.expander("Soft limit and mode", key="more_limits"):
        st.slider(
            "Soft limit",
            0.0,
            1.0,
            usual.soft_limit,
            NUDGE,
            key="s",
            bind="query-params",
            help="Warns only, never halts. Under the hard limit it counts as equal to it.",
            on_change=moved,
        )
        st.segmented_control(
            "Mode",
            ["hard", "soft"],
            default="soft" if usual.halt_mode == "soft" else "hard",
            required=True,
            key="m",
            bind="query-params",
            help="Soft finishes the sentence, at most 50 tokens; the hard limit stops at once.",
            on_change=moved,
        )


def _is_off(rule: int, value: float) -> bool:
    return value >= OFF[rule] if rule == TREND else value <= OFF[rule]


def _switch(rule: int, key: str, switch: str, was: bool) -> None:
    # An interrupted run forgets a widget, and what it says next then counts as a change.
    if st.session_state[switch] == was:
        return
    if not was:
        usual = threshold(HaltPolicy(), rule)
        st.session_state[key] = st.session_state.get(f"{key}_last", usual)
    else:
        st.session_state[key] = OFF[rule]
    moved(rule)


def _from_box(rule: int, key: str, exact: str, was: float) -> None:
    value = st.session_state[exact]
    if value is not None and value != was:
        st.session_state[key] = float(value)
        moved(rule)
