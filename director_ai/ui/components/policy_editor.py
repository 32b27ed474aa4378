"""Policy editor: the controls of every limit, bound to the page's address.

:func:`limit_controls` is the editor of Live and Session, which draw it as one. Tune composes the
same controls, each in a fragment of its own, with a switch and a box beside.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import streamlit as st

from director_ai.core.halting.policy import HaltPolicy
from director_ai.figures.theme import RULES, Palette
from director_ai.replay.engine import HARD, TREND, WINDOW
from director_ai.tuning.thresholds import OFF, threshold
from director_ai.ui.components import page_style
from director_ai.ui.components.plotly_chart import Handle
from director_ai.ui.components.policy_params import FIELDS, control_values, policy_of
from director_ai.ui.components.status_banner import passing_notice

DEFAULTS: Final = HaltPolicy()

LONGEST: Final = 100
"""Tokens the size sliders reach, unless the limits in use are longer."""

LARGEST_SIZE: Final = 2000
"""Tokens of the largest window that an address or a box may ask for."""

STEP: Final = 0.01
"""Distance between two positions of a threshold's slider."""

_DROPS: Final = [round(OFF[TREND] - step / 100, 2) for step in range(151)]

_OWNER: Final = "limits_owner"
"""In the session's state: whose default policy the controls of this page were drawn with."""

_IN_BROWSER: Final = "limits_in_browser"
"""In the session's state: the value of each control that the browser is known to show."""


class Threshold(NamedTuple):
    """Control of one rule's threshold: its key in the address, its label and its help."""

    key: str
    label: str
    help: str


class Size(NamedTuple):
    """Control of one rule's window: its key in the address, its label, help and least value."""

    key: str
    label: str
    help: str
    least: int


class OnChange(NamedTuple):
    """Callback of a control that was moved, with its arguments."""

    callback: Callable[..., Any]
    args: tuple[Any, ...] = ()


THRESHOLDS: Final[Mapping[int, Threshold]] = {
    HARD: Threshold("h", "Hard limit", "Halt on the first token under this. 0 turns the rule off."),
    WINDOW: Threshold(
        "a",
        "Window limit",
        "Halt when the average of the window falls under this. The rule is silent until the "
        "window is full. 0 turns the rule off.",
    ),
    TREND: Threshold(
        "d",
        "Max drop",
        "Halt when the fitted line falls by more than this over the trend length. Smaller is "
        f"stricter, so the slider runs backwards: stricter is always to the right. {OFF[TREND]} "
        "turns the rule off.",
    ),
}
SIZES: Final[Mapping[int, Size]] = {
    WINDOW: Size("w", "Window size (tokens)", "How many tokens are averaged.", 1),
    TREND: Size("n", "Trend length (tokens)", "How many tokens the straight line is fitted to.", 2),
}


MODES: Final = ("hard", "soft")

_SIZE_KEYS: Final = frozenset(each.key for each in SIZES.values())

_REACH: Final[Mapping[str, tuple[str, float, float]]] = {
    "s": ("Soft limit", 0.0, 1.0),
    **{
        each.key: (each.label, 0.0, OFF[TREND] if rule == TREND else 1.0)
        for rule, each in THRESHOLDS.items()
    },
    **{each.key: (each.label, each.least, LARGEST_SIZE) for each in SIZES.values()},
}
"""Label, least and largest value of the controls of numbers, by key."""


def left_out(values: Mapping[str, str]) -> list[str]:
    """Return the limits of an address that no control can show, with what one can.

    >>> left_out({"h": "0,4", "w": "20", "n": "1", "src": "espresso-steady"})
    ["hard limit '0,4' (0 to 1)", "trend length (tokens) '1' (2 to 2000)"]
    >>> left_out({"m": "loud"})
    ["mode 'loud' (hard, soft)"]
    """
    found = [
        f"{label.lower()} '{values[key][:20]}' ({low:g} to {high:g})"
        for key, (label, low, high) in _REACH.items()
        if key in values and not _is_within(values[key], low, high, whole=key in _SIZE_KEYS)
    ]
    if values.get("m", "hard") not in MODES:
        found.append(f"mode '{values['m'][:20]}' ({', '.join(MODES)})")
    return found


def tell_left_out() -> None:
    """Tell which limits of the address cannot be; Streamlit takes them out when it draws theirs."""
    if wrong := left_out(st.query_params):
        passing_notice(f"Left out, as there is no such limit: {', '.join(wrong)}.")


def _is_within(text: str, low: float, high: float, *, whole: bool = False) -> bool:
    try:
        return low <= (int(text) if whole else float(text)) <= high
    except ValueError:
        return False


def keep_apart(page: str) -> None:
    """Give every page its own limits back; to be called before a page is drawn.

    Streamlit itself carries the value of a control to the control of the same name on the next
    page.
    """
    state = st.session_state
    before = state.get("limits_page")
    if before == page:
        return
    state["limits_page"] = page
    left = state.setdefault("limits_by_page", {})
    if before is not None:
        left[before] = {key: state[key] for key in (*FIELDS, _OWNER) if key in state}
    for key in (*FIELDS, _OWNER):
        if key in left.get(page, {}) and key not in st.query_params:
            state[key] = left[page][key]
        elif key in state:
            del state[key]


def limit_controls(default: HaltPolicy, *, owner: str, words: str = "") -> HaltPolicy:
    """Draw all controls in the sidebar and return the policy they show.

    Stricter is always to the right. A link to the page carries every value that is not the
    default.

    Parameters
    ----------
    default
        Policy shown at first. Its cadence is not part of what is returned.
    owner
        Whose default it is: with another, the controls go back, unless the address names them.
    words
        Sessions that the default is for, in words; empty for every session.
    """
    if st.session_state.setdefault(_OWNER, owner) != owner:
        st.session_state[_OWNER] = owner
        start = control_values(default)
        st.session_state.update({key: start[key] for key in FIELDS if key not in st.query_params})
    tell_left_out()
    with st.sidebar, st.container(key="limits", gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center"):
            page_style.heading("Limits")
            st.button("Reset", key="reset_limits", on_click=set_policy, args=(default,))
        if words:
            st.text(f"At first those {words}.")
        threshold_slider(HARD, default)
        threshold_slider(WINDOW, default)
        size_slider(WINDOW, default)
        threshold_slider(TREND, default)
        size_slider(TREND, default)
        soft_limit_slider(default)
        mode_control(default)
    return current_policy(DEFAULTS)


def current_policy(default: HaltPolicy) -> HaltPolicy:
    """Return the policy that the controls show; ``default`` before they are drawn."""
    return policy_of(st.session_state, default)


def set_policy(policy: HaltPolicy) -> None:
    """Move every control to a policy; only before they are drawn, as in a callback."""
    st.session_state.update(control_values(policy))


def limit_handles(policy: HaltPolicy, colours: Palette, axes: Mapping[int, str]) -> list[Handle]:
    """Return the thresholds as handles of a chart; :func:`move_limit` takes their moves.

    Parameters
    ----------
    policy
        Limits shown.
    colours
        Palette of the page.
    axes
        Axis that each rule's threshold is a place of; a rule without one has no handle.
    """
    return [
        Handle(
            name=THRESHOLDS[rule].key,
            label=f"{RULES[rule].capitalize()} line on the chart",
            value=threshold(policy, rule),
            lowest=0.0,
            highest=OFF[TREND] if rule == TREND else 1.0,
            step=STEP,
            axis=axis,
            color=colours.rule(RULES[rule]),
        )
        for rule, axis in axes.items()
    ]


def move_limit(key: str, value: float) -> None:
    """Move the control of a threshold; to be called from a callback."""
    st.session_state[key] = value
    # Of the whole page: a chart in a fragment would draw only that again, and not the control.
    st.rerun()


def threshold_slider(
    rule: int,
    default: HaltPolicy,
    *,
    labelled: bool = True,
    on_change: OnChange | None = None,
) -> float:
    """Draw the slider of one rule's threshold; return its value.

    Parameters
    ----------
    rule
        ``HARD``, ``WINDOW`` or ``TREND``.
    default
        Policy shown at first.
    labelled
        Whether its label and help are drawn; they are read out either way.
    on_change
        Called when it was moved, before the script runs again.
    """
    control, start = THRESHOLDS[rule], threshold(default, rule)
    _hold(control.key)
    options: dict[str, Any] = {
        "key": control.key,
        "bind": "query-params",
        "help": control.help if labelled else None,
        "label_visibility": "visible" if labelled else "collapsed",
        "on_change": _moved,
        "args": (control.key, on_change),
    }
    if rule != TREND:
        level: float = st.slider(control.label, 0.0, 1.0, start, STEP, **options)
        _note_shown(control.key, level)
        return level
    # Limits may be finer than the steps, or further off than they reach.
    finer = {start, float(st.session_state.get(control.key, start)), _drop_in_address(start)}
    drop = st.select_slider(
        control.label, sorted({*_DROPS, *finer}, reverse=True), start, **options
    )
    _note_shown(control.key, drop)
    return float(drop)


def size_slider(rule: int, default: HaltPolicy, *, on_change: OnChange | None = None) -> int:
    """Draw the slider of one rule's window, ``WINDOW`` or ``TREND``; return its value."""
    control = SIZES[rule]
    start = default.window_size if rule == WINDOW else default.trend_window
    _hold(control.key)
    longest = max(
        LONGEST,
        start,
        int(st.session_state.get(control.key, start)),
        _size_in_address(control.key),
    )
    size = st.slider(
        control.label,
        control.least,
        longest,
        start,
        key=control.key,
        bind="query-params",
        help=control.help,
        on_change=_moved,
        args=(control.key, on_change),
    )
    _note_shown(control.key, size)
    return int(size)


def soft_limit_slider(default: HaltPolicy, *, on_change: OnChange | None = None) -> None:
    """Draw the slider of the limit that warns."""
    st.slider(
        "Soft limit",
        0.0,
        1.0,
        default.soft_limit,
        STEP,
        key="s",
        bind="query-params",
        help="Warns only, never halts. Under the hard limit it counts as equal to it.",
        **_callback(on_change),
    )


def mode_control(default: HaltPolicy, *, on_change: OnChange | None = None) -> None:
    """Draw the choice between hard and soft halts."""
    st.segmented_control(
        "Mode",
        MODES,
        default=str(control_values(default)["m"]),
        required=True,
        key="m",
        bind="query-params",
        help="Soft finishes the sentence (at most 50 tokens); the hard limit always stops at once.",
        **_callback(on_change),
    )


def _callback(on_change: OnChange | None) -> dict[str, Any]:
    return {} if on_change is None else {"on_change": on_change.callback, "args": on_change.args}


def _moved(key: str, on_change: OnChange | None) -> None:
    """Note that the reader moved a control, and call ``on_change``."""
    _note_shown(key, st.session_state[key])
    if on_change is not None:
        on_change.callback(*on_change.args)


def _hold(key: str) -> None:
    """Send the browser the value of a control that a callback has set, and no other.

    Without this it gives way to the value of the address. A value that the reader set must not be
    sent: it would undo what they did to the control since.
    """
    state = st.session_state
    if key in state and state[key] != state.get(_IN_BROWSER, {}).get(key):
        state[key] = state[key]


def _note_shown(key: str, value: float) -> None:
    st.session_state.setdefault(_IN_BROWSER, {})[key] = value


def _drop_in_address(default: float) -> float:
    """Return the drop that the address asks for, or ``default`` where it asks for none."""
    text = st.query_params.get(THRESHOLDS[TREND].key, "")
    return float(text) if _is_within(text, 0.0, OFF[TREND]) else default


def _size_in_address(key: str) -> int:
    """Return the size that the address asks for, or 0 where it asks for none."""
    text = st.query_params.get(key, "")
    return int(text) if _is_within(text, 0, LARGEST_SIZE, whole=True) else 0
