"""The sliders of the Tune page: every limit by slider, box and step, bound to the address."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Final, Literal, NamedTuple

import streamlit as st

from director_ai.core.halting.downward_trend import LARGEST_DROP
from director_ai.core.halting.policy import HaltPolicy
from director_ai.replay.engine import HARD, TREND, WINDOW, Replay
from director_ai.tuning.plateaus import Sensitivity, plateau
from director_ai.tuning.thresholds import OFF, STRICTEST, moved, threshold

LONGEST: Final = 100
"""Tokens the window sliders reach, unless the limits in use are longer."""

NUDGE: Final = 0.01
_DECIMALS: Final = 6
_DROPS: Final = [round(LARGEST_DROP - step / 100, 2) for step in range(151)]


class _Control(NamedTuple):
    """One threshold: its key in the address, its names, and what it does."""

    key: str
    name: str
    help: str


CONTROLS: Final[Mapping[int, _Control]] = {
    HARD: _Control("h", "Hard limit", "Halt on the first token under this."),
    WINDOW: _Control(
        "a",
        "Window limit",
        "Halt when the average of the window falls under this. The rule is silent until the "
        "window is full.",
    ),
    TREND: _Control(
        "d",
        "Max drop",
        "Halt when the fitted line falls by more than this over the trend length. Smaller is "
        "stricter, so the slider runs backwards: stricter is always to the right.",
    ),
}
_SIZES: Final[Mapping[int, tuple[str, str, int]]] = {
    WINDOW: ("w", "Window size (tokens)", 1),
    TREND: ("n", "Trend length (tokens)", 2),
}


def put(policy: HaltPolicy) -> None:
    """Move every control to a policy; only before they are drawn, as in a callback."""
    st.session_state.update(
        h=policy.hard_limit,
        a=policy.window_threshold,
        d=policy.trend_threshold,
        w=policy.window_size,
        n=policy.trend_window,
        s=policy.soft_limit,
        m="soft" if policy.halt_mode == "soft" else "hard",
    )


def controls(
    default: HaltPolicy,
) -> tuple[HaltPolicy, dict[int, st.delta_generator.DeltaGenerator]]:
    """Draw the controls; return the policy they stand for, and where to say what they do.

    Parameters
    ----------
    default
        Where they stand at first, and what the address leaves out.

    Returns
    -------
    HaltPolicy
        The limits asked for.
    dict
        For each rule the place for :func:`effect`, which is known only once all are drawn.
    """
    values: dict[int, float] = {}
    sizes: dict[int, int] = {}
    places = {}
    for rule, control in CONTROLS.items():
        with st.container(border=True, gap="xxsmall", key=f"limit_{control.key}"):
            values[rule] = _threshold(rule, control, threshold(default, rule))
            places[rule] = st.container(horizontal=True, vertical_alignment="center", gap="small")
            if rule in _SIZES:
                sizes[rule] = _size(rule, default)
    soft_limit, mode = _rest(default)
    # The cadence stays that of the recordings, which no slider changes.
    policy = replace(
        default,
        hard_limit=values[HARD],
        window_size=sizes[WINDOW],
        window_threshold=values[WINDOW],
        trend_window=sizes[TREND],
        trend_threshold=values[TREND],
        soft_limit=max(values[HARD], soft_limit),
        halt_mode=mode,
    )
    return policy, places


def effect(
    place: st.delta_generator.DeltaGenerator,
    rule: int,
    policy: HaltPolicy,
    replay: Replay,
    found: Sensitivity,
) -> None:
    """Say what a step of one threshold does, with the way to the next session that changes."""
    key = CONTROLS[rule].key
    more, fewer = found.stricter, found.more_lenient
    with place:
        st.text(
            f"±{NUDGE:g}: +{sum(more):,} / −{sum(fewer):,} halts",
            help=f"Stricter by {NUDGE:g} halts {more.bad:,} more bad, {more.good:,} good and "
            f"{more.unlabelled:,} unlabelled sessions; more lenient lets go {fewer.bad:,} bad, "
            f"{fewer.good:,} good and {fewer.unlabelled:,} unlabelled.",
            width="stretch",
        )
        for word, icon, strict in (
            ("lenient", ":material/chevron_left:", False),
            ("strict", ":material/chevron_right:", True),
        ):
            st.button(
                "",
                key=f"{key}_{word}",
                icon=icon,
                type="tertiary",
                help=f"To the next {'stricter' if strict else 'more lenient'} value at which any "
                "session is halted, or is not any more.",
                on_click=_to_breakpoint,
                args=(replay, policy, rule, strict),
            )


def next_breakpoint(replay: Replay, policy: HaltPolicy, rule: int, *, strict: bool) -> float | None:
    """Return the nearest value of few decimals past the next change, or ``None`` at the end.

    Examples
    --------
    >>> from director_ai.replay.curves import Curves
    >>> replay = Replay(Curves.from_scores([[0.9, 0.42], [0.6]]), window_size=9, trend_window=9)
    >>> policy = HaltPolicy(hard_limit=0.5, window_size=9, trend_window=9)
    >>> next_breakpoint(replay, policy, HARD, strict=True)
    0.600001
    >>> next_breakpoint(replay, policy, HARD, strict=False)
    0.42
    """
    found = plateau(replay, policy, rule, change="halt")
    beyond = found.next_strict if strict else found.next_lenient
    if beyond is None:
        return None
    upwards = strict != (rule == TREND)
    scaled = beyond.threshold * 10**_DECIMALS
    # Away from here, and clear of what binary fractions leave, so that the change has happened.
    value = (math.ceil(scaled + 1e-6) if upwards else math.floor(scaled + 1e-6)) / 10**_DECIMALS
    value = min(max(value, 0.0), OFF[TREND] if rule == TREND else STRICTEST[rule])
    then, now = replay.outcomes(moved(policy, rule, value)), replay.outcomes(policy)
    return value if (then.halts != now.halts).any() else beyond.threshold


def _threshold(rule: int, control: _Control, default: float) -> float:
    """Draw one threshold as toggle, box and slider."""
    key = control.key
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
        args=(key, exact, value),
    )
    return value


def _asked(key: str, default: float) -> float:
    """Return a drop that the address asks for, if it is one."""
    try:
        asked = float(st.query_params.get(key, default))
    except ValueError:
        return default
    return asked if 0.0 <= asked <= LARGEST_DROP else default


def _size(rule: int, default: HaltPolicy) -> int:
    key, name, least = _SIZES[rule]
    size = default.window_size if rule == WINDOW else default.trend_window
    return int(
        st.slider(
            name,
            least,
            max(LONGEST, size, int(st.session_state.get(key, size))),
            size,
            key=key,
            bind="query-params",
        )
    )


def _rest(default: HaltPolicy) -> tuple[float, Literal["hard", "soft"]]:
    """Draw what halts nothing, or only otherwise."""
    with st.expander("Soft limit and mode", key="more_limits"):
        soft_limit = st.slider(
            "Soft limit",
            0.0,
            1.0,
            default.soft_limit,
            NUDGE,
            key="s",
            bind="query-params",
            help="Warns only, never halts. Under the hard limit it counts as equal to it.",
        )
        mode = st.segmented_control(
            "Mode",
            ["hard", "soft"],
            default="soft" if default.halt_mode == "soft" else "hard",
            required=True,
            key="m",
            bind="query-params",
            help="Soft finishes the sentence, at most 50 tokens; the hard limit stops at once.",
        )
    return float(soft_limit), "soft" if mode == "soft" else "hard"


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


def _from_box(key: str, exact: str, was: float) -> None:
    value = st.session_state[exact]
    if value is not None and value != was:
        st.session_state[key] = float(value)


def _to_breakpoint(replay: Replay, policy: HaltPolicy, rule: int, strict: bool) -> None:
    value = next_breakpoint(replay, policy, rule, strict=strict)
    if value is not None:
        st.session_state[CONTROLS[rule].key] = value
