"""Limits worth keeping: up to four pinned beside the recorded ones, compared by cost."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

import pandas as pd
import streamlit as st

from director_ai.core.halting.policy import HaltPolicy
from director_ai.replay.engine import Outcomes
from director_ai.tuning.evaluation import metrics
from director_ai.tuning.evaluation.evaluation import Evaluation, evaluate, limits_text
from director_ai.tuning.study import TuneData
from director_ai.ui.components.policy_editor import current_policy, set_policy
from director_ai.ui.tune import state
from director_ai.ui.tune.cached_study import recorded_outcomes, replay_of

if TYPE_CHECKING:
    from director_ai.ui.tune.analysis import Look

NAMES: Final = ("A", "B", "C", "D")
PROFILES: Final[Mapping[str, float | None]] = {
    "Balanced": 1.0,
    "A false halt is expensive (×5)": 0.2,
    "A miss is expensive (×5)": 5.0,
    "Custom": None,
}
"""How many false halts are as bad as one miss."""

_PINNED: Final = "tune_pinned"


class Baseline(NamedTuple):
    """What the limits in use are compared with.

    Attributes
    ----------
    name
        As it is shown.
    policy
        Its limits; of the recorded ones the most frequent.
    outcomes
        What it makes of every session.
    """

    name: str
    policy: HaltPolicy
    outcomes: Outcomes


def pinned() -> dict[str, HaltPolicy]:
    """Return the candidates by name."""
    found: dict[str, HaltPolicy] = st.session_state.setdefault(_PINNED, {})
    return found


def choose_baseline(data: TuneData) -> Baseline:
    """Draw the choice of what to compare with, and return it."""
    others = {"default": HaltPolicy(), **pinned()}
    # The address may name a candidate that this visit has not pinned.
    chosen = str(
        st.selectbox(
            "Compare with",
            ["recorded", *others],
            width=118,
            key="vs",
            bind="query-params",
            help="Recorded: each session by the limits it was really judged by.",
        )
    )
    if chosen not in others:
        return Baseline("recorded", data.default_policy, recorded_outcomes(data))
    policy = others[chosen]
    return Baseline(chosen, policy, replay_of(data, policy).outcomes(policy))


def pin_button(usual: HaltPolicy) -> None:
    """Draw the way to keep the limits in use; the oldest of four gives way."""
    st.button(
        "Pin",
        key="pin",
        on_click=_pin,
        args=(usual,),
        help="Keeps them as a candidate, A to D, beside the recorded ones.",
    )


def candidates(look: "Look") -> None:
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
    data, kept = look.data, pinned()
    rows = {
        "recorded": evaluate(data.labelled, recorded_outcomes(data), data.default_policy),
        **{
            name: evaluate(data.labelled, replay_of(data, policy).outcomes(policy), policy)
            for name, policy in kept.items()
        },
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
            st.button("Unpin all", key="unpin", type="tertiary", on_click=kept.clear)
    st.fragment(_table, key=state.TABLE)(look, rows, float(ratio))


def _table(look: "Look", rows: Mapping[str, Evaluation], ratio: float) -> None:
    st.dataframe(
        candidate_table({"in use": look.scene().numbers, **rows}, ratio),
        key="candidates",
        hide_index=True,
        alt="Limits in use, recorded and pinned, with their rates and cost",
    )


def candidate_table(rows: Mapping[str, Evaluation], false_halts_per_miss: float) -> pd.DataFrame:
    """Return a row a set of limits."""
    return pd.DataFrame(
        [
            {
                "Name": name,
                "Limits": limits_text(numbers.policy),
                "Catch rate": numbers.catch.text,
                "95 %": numbers.catch.interval,
                "False halts": numbers.false.text,
                "95 % ": numbers.false.interval,
                "F1": float(metrics.f_score(numbers.counts)),
                "Cost": float(
                    metrics.cost(numbers.counts, false_halts_per_miss=false_halts_per_miss)
                ),
                "Delay": numbers.delay.text,
                "Unknown": numbers.n_unknown,
            }
            for name, numbers in rows.items()
        ]
    ).round({"F1": 3, "Cost": 4})


def _pin(usual: HaltPolicy) -> None:
    kept, policy = pinned(), current_policy(usual)
    if policy in kept.values():
        return
    free = [name for name in NAMES if name not in kept]
    name = free[0] if free else next(iter(kept))
    # The newest stands last, so that the first is the oldest.
    kept.pop(name, None)
    kept[name] = policy
