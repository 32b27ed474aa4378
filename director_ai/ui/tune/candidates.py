"""Candidates: up to four pinned policies beside the recorded one, compared by cost."""

from collections.abc import Mapping
from typing import Final

import pandas as pd
import streamlit as st

from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.halting.policy_text import limits_text
from director_ai.tuning.analysis import Baseline
from director_ai.tuning.evaluation import metrics
from director_ai.tuning.evaluation.evaluation import Evaluation
from director_ai.tuning.study import TuneData
from director_ai.ui.components.cached_study import recorded_outcomes, replay_of
from director_ai.ui.components.policy_editor import current_policy, set_policy
from director_ai.ui.tune import state
from director_ai.ui.tune.analysis import Analysis

NAMES: Final = ("A", "B", "C", "D")
PROFILES: Final[Mapping[str, float | None]] = {
    "Balanced": 1.0,
    "A false halt is expensive (×5)": 0.2,
    "A miss is expensive (×5)": 5.0,
    "Custom": None,
}
"""Number of false halts that cost as much as one miss."""

_PINNED: Final = "tune_pinned"


def pinned() -> dict[str, HaltPolicy]:
    """Return the pinned policies by name."""
    policies: dict[str, HaltPolicy] = st.session_state.setdefault(_PINNED, {})
    return policies


def choose_baseline(data: TuneData) -> Baseline:
    """Draw the choice of the baseline, and return it."""
    others = {"default": HaltPolicy(), **pinned()}
    # The address may name a candidate that this visit has not pinned.
    name = str(
        st.selectbox(
            "Compare with",
            ["recorded", *others],
            width=230,
            key="vs",
            bind="query-params",
            help="Recorded: each session by the limits it was really judged by.",
        )
    )
    if name not in others:
        return Baseline("recorded", data.default_policy, recorded_outcomes(data))
    policy = others[name]
    return Baseline(name, policy, replay_of(data, policy).outcomes(policy))


def pin_button(default_policy: HaltPolicy) -> None:
    """Draw the button that pins the limits in use; of four the oldest is dropped."""
    st.button(
        "Keep to compare",
        key="pin",
        on_click=_pin,
        args=(default_policy,),
        help="Keeps them as a candidate, A to D, beside the recorded ones.",
    )


def candidates(analysis: Analysis) -> None:
    """Draw the candidates, the recorded limits and those in use as one table."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        profile = st.selectbox(
            "What costs how much",
            list(PROFILES),
            key="cost",
            bind="query-params",
            width=260,
        )
        ratio = PROFILES[str(profile)]
        if ratio is None:
            ratio = st.number_input(
                "1 miss = false halts",
                0.1,
                100.0,
                1.0,
                key="k",
                format="%.4g",
                bind="query-params",
                width=160,
            )
        loads = st.container(horizontal=True, vertical_alignment="bottom", width="stretch")
    kept = pinned()
    rows = {
        "recorded": analysis.recorded(),
        **{name: analysis.evaluated(policy) for name, policy in kept.items()},
    }
    with loads:
        for name, numbers in rows.items():
            st.button(
                f"Load {name}",
                key=f"load_{name}",
                on_click=set_policy,
                args=(numbers.policy,),
            )
        if kept:
            st.button("Drop all", key="unpin", type="tertiary", on_click=kept.clear)
    st.fragment(_table, key=state.TABLE)(analysis, rows, float(ratio))


def _table(analysis: Analysis, rows: Mapping[str, Evaluation], ratio: float) -> None:
    st.dataframe(
        candidate_table({"in use": analysis.view().evaluation, **rows}, ratio),
        key="candidates",
        hide_index=True,
        alt="Limits in use, recorded and kept to compare, with their rates and cost",
        placeholder="–",
    )


def candidate_table(rows: Mapping[str, Evaluation], false_halts_per_miss: float) -> pd.DataFrame:
    """Return one row per policy."""
    return pd.DataFrame(
        [
            {
                "Name": name,
                "Limits": limits_text(numbers.policy),
                "Catch rate": numbers.catch.text,
                "95 %": numbers.catch.interval,
                "False halts": numbers.false.text,
                "95 % ": numbers.false.interval,
                "F1": float(metrics.f_score(numbers.weighted)),
                "Cost": float(
                    metrics.cost(numbers.weighted, false_halts_per_miss=false_halts_per_miss)
                ),
                "Delay": numbers.delay.text,
                "Unknown": numbers.n_unknown,
            }
            for name, numbers in rows.items()
        ]
    ).round({"F1": 3, "Cost": 4})


def _pin(default_policy: HaltPolicy) -> None:
    kept, policy = pinned(), current_policy(default_policy)
    if policy in kept.values():
        return
    free = [name for name in NAMES if name not in kept]
    name = free[0] if free else next(iter(kept))
    # The newest stands last, so that the first is the oldest.
    kept.pop(name, None)
    kept[name] = policy
