"""Breakpoints of a threshold: effect of a small step, and the nearest value of a change."""

import math
from collections.abc import Mapping
from typing import Final

import streamlit as st

from director_ai.core.halting.policy import HaltPolicy
from director_ai.replay.curves import FloatArray
from director_ai.replay.engine import TREND, Replay
from director_ai.tuning.search.plateaus import halting_plateau
from director_ai.tuning.thresholds import OFF, STRICTEST
from director_ai.ui.components.cached_study import replay_of
from director_ai.ui.components.policy_editor import STEP, THRESHOLDS, current_policy
from director_ai.ui.tune import state
from director_ai.ui.tune.analysis import Analysis

_DECIMALS: Final = 6


def steps(places: Mapping[int, st.delta_generator.DeltaGenerator], analysis: Analysis) -> None:
    """Draw for each rule the effect of a step, and buttons to its breakpoints."""
    for rule, place in places.items():
        with place:
            _step(rule, analysis)


def next_breakpoint(
    replay: Replay,
    policy: HaltPolicy,
    rule: int,
    *,
    strict: bool,
    elsewhere: FloatArray | None = None,
) -> float | None:
    """Return the nearest short decimal past the next change; ``None`` if there is none.

    ``elsewhere`` are the lows along the threshold of sessions that the replay is not of.

    Examples
    --------
    >>> from director_ai.replay.curves import Curves
    >>> from director_ai.replay.engine import HARD
    >>> replay = Replay(Curves.from_scores([[0.9, 0.42], [0.6]]), window_size=9, trend_window=9)
    >>> policy = HaltPolicy(hard_limit=0.5, window_size=9, trend_window=9)
    >>> next_breakpoint(replay, policy, HARD, strict=True)
    0.600001
    >>> next_breakpoint(replay, policy, HARD, strict=False)
    0.42
    """
    current = halting_plateau(replay, policy, rule, elsewhere)
    beyond = current.next_strict if strict else current.next_lenient
    if beyond is None:
        return None
    upwards = strict != (rule == TREND)
    scaled = beyond.threshold * 10**_DECIMALS
    # Away from here, and clear of what binary fractions leave, so that the change has happened.
    value = (math.ceil(scaled + 1e-6) if upwards else math.floor(scaled + 1e-6)) / 10**_DECIMALS
    value = min(max(value, 0.0), OFF[TREND] if rule == TREND else STRICTEST[rule])
    is_past = value >= beyond.threshold if upwards else value <= beyond.threshold
    return value if is_past else beyond.threshold


def _step(rule: int, analysis: Analysis) -> None:
    key = THRESHOLDS[rule].key
    st.fragment(_effect, key=state.step_fragment(rule))(rule, analysis)
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
            args=(analysis, rule, strict),
        )


def _effect(rule: int, analysis: Analysis) -> None:
    effect = analysis.view().sensitivity[rule]
    more, fewer = effect.stricter, effect.more_lenient
    st.text(
        f"±{STEP:g}: +{_short(sum(more))} −{_short(sum(fewer))} halts",
        help=f"Stricter by {STEP:g} halts {more.bad:,} more bad, {more.good:,} good and "
        f"{more.unlabelled:,} unlabelled sessions; more lenient lets go {fewer.bad:,} bad, "
        f"{fewer.good:,} good and {fewer.unlabelled:,} unlabelled.",
    )


def _short(number: int) -> str:
    """Return a number in as few letters as the sidebar has room for; the help is exact."""
    return f"{number:,}" if number < 10_000 else f"{number / 1_000:,.0f}k"


def _to_breakpoint(analysis: Analysis, rule: int, strict: bool) -> None:
    data, archive = analysis.data, analysis.archive
    policy = current_policy(data.default_policy)
    value = next_breakpoint(
        replay_of(data, policy),
        policy,
        rule,
        strict=strict,
        # Nothing can be drawn from here, no progress either.
        elsewhere=None if archive is None else archive.lows_along(policy, rule),
    )
    if value is not None:
        st.session_state[THRESHOLDS[rule].key] = value
        state.moved(rule)
