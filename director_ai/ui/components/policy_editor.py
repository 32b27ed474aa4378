"""The controls for the limits, bound to the page's address."""

from typing import Final

import streamlit as st

from director_ai.core.halting.policy import HaltPolicy

DEFAULTS = HaltPolicy()

LONGEST = 100
"""Tokens the window sliders reach, unless the recorded limits are longer."""

KEYS: Final = ("h", "s", "a", "w", "d", "n", "m")
"""The controls' names in the address, on every page that has them."""

_OF: Final = "limits_of"
"""In the session's state: whose default the controls of this page were drawn with."""

_DROPS = [round(1.5 - step / 100, 2) for step in range(151)]


def keep_apart(page: str) -> None:
    """Give every page its own limits back; to be called before a page is drawn.

    Streamlit itself carries the value of a control to the control of the same name on the next
    page.
    """
    state = st.session_state
    before = state.get("limits_on")
    if before == page:
        return
    state["limits_on"] = page
    left = state.setdefault("limits_left", {})
    if before is not None:
        left[before] = {key: state[key] for key in (*KEYS, _OF) if key in state}
    for key in (*KEYS, _OF):
        if key in left.get(page, {}) and key not in st.query_params:
            state[key] = left[page][key]
        elif key in state:
            del state[key]


def limit_controls(default: HaltPolicy, *, of: str) -> HaltPolicy:
    """Draw the controls and return the policy they stand for.

    Stricter is always to the right. A link to the page carries every value that is not the
    default.

    Parameters
    ----------
    default
        Where the controls stand at first.
    of
        Whose default it is: with another, the controls go back, unless the address names them.
    """
    if st.session_state.setdefault(_OF, of) != of:
        st.session_state[_OF] = of
        start = _values(default)
        st.session_state.update({key: start[key] for key in KEYS if key not in st.query_params})
    first, second, third = st.columns(3, gap="medium")
    with first:
        hard = st.slider(
            "Hard limit",
            0.0,
            1.0,
            default.hard_limit,
            0.01,
            key="h",
            bind="query-params",
            help="Halt on the first token under this. 0 turns the rule off.",
        )
        soft = st.slider(
            "Soft limit",
            0.0,
            1.0,
            default.soft_limit,
            0.01,
            key="s",
            bind="query-params",
            help="Warns only, never halts. Under the hard limit it counts as equal to it.",
        )
    with second:
        window_threshold = st.slider(
            "Window limit",
            0.0,
            1.0,
            default.window_threshold,
            0.01,
            key="a",
            bind="query-params",
            help="Halt when the average of the window falls under this. 0 turns the rule off.",
        )
        window_size = st.slider(
            "Window size (tokens)",
            1,
            max(LONGEST, default.window_size),
            default.window_size,
            key="w",
            bind="query-params",
            help="How many tokens are averaged. The rule is silent until the window is full.",
        )
    with third:
        trend_threshold = st.select_slider(
            "Max drop (smaller is stricter)",
            # Recorded limits may be finer than the steps, or off by more than they reach.
            sorted({*_DROPS, default.trend_threshold}, reverse=True),
            default.trend_threshold,
            key="d",
            bind="query-params",
            help="Halt when the fitted line falls by more than this over the trend length. "
            "1.5 turns the rule off.",
        )
        trend_window = st.slider(
            "Trend length (tokens)",
            2,
            max(LONGEST, default.trend_window),
            default.trend_window,
            key="n",
            bind="query-params",
            help="How many tokens the straight line is fitted to.",
        )
    modes, reset = st.columns([5, 1], vertical_alignment="bottom")
    mode = modes.segmented_control(
        "Mode",
        ["hard", "soft"],
        default="soft" if default.halt_mode == "soft" else "hard",
        required=True,
        key="m",
        bind="query-params",
        help="Soft finishes the sentence (at most 50 tokens); the hard limit always stops at once.",
    )
    reset.button("Reset", key="reset_limits", on_click=_reset, args=(default,), width="stretch")
    return HaltPolicy(
        hard_limit=hard,
        window_size=window_size,
        window_threshold=window_threshold,
        trend_window=trend_window,
        trend_threshold=trend_threshold,
        soft_limit=max(hard, soft),
        halt_mode="soft" if mode == "soft" else "hard",
    )


def _reset(default: HaltPolicy) -> None:
    st.session_state.update(_values(default))


def _values(policy: HaltPolicy) -> dict[str, float | str]:
    """Return where each control stands for a policy."""
    return {
        "h": policy.hard_limit,
        "s": policy.soft_limit,
        "a": policy.window_threshold,
        "w": policy.window_size,
        "d": policy.trend_threshold,
        "n": policy.trend_window,
        "m": "soft" if policy.halt_mode == "soft" else "hard",
    }


def policy_line(policy: HaltPolicy) -> str:
    """Return the limits on one line.

    >>> policy_line(HaltPolicy())
    'hard 0.5 · window 10 @ 0.55 · trend 5 @ 0.15 · soft 0.6 · mode hard'
    """
    return (
        f"hard {policy.hard_limit:g} · window {policy.window_size} @ {policy.window_threshold:g} · "
        f"trend {policy.trend_window} @ {policy.trend_threshold:g} · soft {policy.soft_limit:g} · "
        f"mode {policy.halt_mode}"
    )
