"""Target of the proposals: largest false-halt rate, confidence, mixture and windows searched."""

from typing import Final

import streamlit as st

from director_ai.core.halting.policy import HaltPolicy
from director_ai.storage.store import Store
from director_ai.tuning.guarantee.bounds import RiskTarget
from director_ai.tuning.guarantee.certificate_registry import Attempts
from director_ai.tuning.search.proposal import DEFAULT_TARGET
from director_ai.tuning.search.selection import Search

CONFIDENCES: Final = {"90 %": 0.90, "95 %": 0.95, "99 %": 0.99}


def attempts_of(store: Store) -> Attempts:
    """Return the attempts at a certificate of this store."""
    return Attempts.of(attempt.result for attempt in store.attempts())


def target_controls() -> RiskTarget:
    """Draw the controls of the target, and return it."""
    share = st.number_input(
        "FPR ≤ (%)",
        0.1,
        20.0,
        100 * DEFAULT_TARGET.alpha,
        0.5,
        format="%.4g",
        key="budget",
        bind="query-params",
        help="False-halt rate (FPR): the largest share of good sessions you accept to halt.",
        width=190,
    )
    chosen = st.selectbox(
        "Confidence",
        list(CONFIDENCES),
        list(CONFIDENCES.values()).index(1 - DEFAULT_TARGET.delta),
        key="conf",
        bind="query-params",
        help="How sure you want to be that the true rate is no larger.",
        width=176,
    )
    return RiskTarget(float(share) / 100, 1 - CONFIDENCES[str(chosen)])


def prevalence_control() -> float | None:
    """Draw the control of the prevalence, and return it; ``None`` for that of the labels."""
    share = st.number_input(
        "Bad sessions in use (%)",
        0.01,
        99.99,
        None,
        0.5,
        format="%.4g",
        key="prevalence",
        bind="query-params",
        placeholder="as labelled",
        help="Share of bad sessions where the limits will be used. Precision, F1, MCC, cost and "
        "halt rate are of that mixture; empty: of the labelled sessions, held-out ones included.",
    )
    return None if share is None else float(share) / 100


def window_search_control() -> None:
    """Draw the switch that lets the proposals choose among window sizes."""
    st.checkbox(
        "also search window sizes",
        key="wide",
        bind="query-params",
        help="The proposals then choose among the usual window sizes too. The more is tried, the "
        "fewer false halts the guarantee allows.",
    )


def search_of(policy: HaltPolicy) -> Search:
    """Return the window sizes that the proposals search."""
    return Search.of(policy, windows=bool(st.session_state.get("wide")))
