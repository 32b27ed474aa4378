"""Proposal and certificate: limits chosen under a budget of false halts."""

from typing import Final

import streamlit as st

from director_ai.core.halting.policy import HaltPolicy
from director_ai.errors import DirectorError
from director_ai.replay.engine import Replay
from director_ai.storage.store import Store
from director_ai.tuning.analysis import ADAPTIVE, certify_study, with_windows
from director_ai.tuning.fingerprint import fingerprint
from director_ai.tuning.guarantee.bounds import RiskTarget
from director_ai.tuning.guarantee.certificate import Certificate
from director_ai.tuning.guarantee.certificate_registry import Attempts
from director_ai.tuning.search.cautions import certificate_caution
from director_ai.tuning.search.proposal import DEFAULT_TARGET, Proposal, propose
from director_ai.tuning.search.selection import Search
from director_ai.tuning.study import Study, TuneData
from director_ai.tuning.validation.advice import sealed_rows
from director_ai.ui.components.cached_study import replay_of
from director_ai.ui.components.policy_editor import current_policy, set_policy

CONFIDENCES: Final = {"90 %": 0.90, "95 %": 0.95, "99 %": 0.99}
_OUTCOME: Final = "tune_outcome"
_REQUESTED: Final = "tune_requested"
_PROPOSAL: Final = "tune_proposal"


def attempts_of(store: Store) -> Attempts:
    """Return the attempts at a certificate of this store."""
    return Attempts.of(attempt.result for attempt in store.attempts())


def target_controls() -> RiskTarget:
    """Draw the budget controls, and return the target."""
    share = st.number_input(
        "False halts ≤ (%)",
        0.1,
        20.0,
        100 * DEFAULT_TARGET.alpha,
        0.5,
        format="%.4g",
        key="budget",
        bind="query-params",
        help="The largest share of good sessions you accept to halt.",
        width=124,
    )
    chosen = st.selectbox(
        "Confidence",
        list(CONFIDENCES),
        list(CONFIDENCES.values()).index(1 - DEFAULT_TARGET.delta),
        key="conf",
        bind="query-params",
        help="How sure you want to be that the true rate is no larger.",
        width=100,
    )
    return RiskTarget(float(share) / 100, 1 - CONFIDENCES[str(chosen)])


def prevalence_control() -> float | None:
    """Draw the control of the prevalence, and return it; ``None`` for the archive's own."""
    share = st.number_input(
        "Bad sessions (%)",
        0.01,
        99.99,
        None,
        0.5,
        format="%.4g",
        key="prevalence",
        bind="query-params",
        placeholder="as here",
        help="Share of bad sessions where the limits will be used. Precision, F1, MCC, cost and "
        "halt rate are of that mixture; empty: of the archive's labelled sessions, held-out ones "
        "included.",
    )
    return None if share is None else float(share) / 100


def propose_button(data: TuneData, target: RiskTarget) -> None:
    """Draw the button that proposes the best limits under the budget."""
    st.button(
        "Propose",
        key="propose",
        type="primary",
        icon=":material/auto_fix_high:",
        help="Sets the limits that catch most bad sessions within the budget: under the windows "
        "in use or, with the box on the left ticked, under the usual window sizes too. The more "
        "is tried, the less the budget allows.",
        on_click=_propose,
        args=(data, target),
    )


def window_search_control() -> None:
    """Draw the switch that lets a proposal choose among window sizes."""
    st.checkbox("also search window sizes", key="wide", bind="query-params")


def search_of(policy: HaltPolicy) -> Search:
    """Return the window sizes that a proposal searches."""
    return Search.of(policy, windows=bool(st.session_state.get("wide")))


def run_requested_search(data: TuneData) -> None:
    """Run a requested search over several windows; call it before the controls are drawn."""
    place = st.empty()
    target: RiskTarget | None = st.session_state.pop(_REQUESTED, None)
    if target is None:
        return
    policy = current_policy(data.default_policy)
    search = search_of(policy)
    n_pairs = len(search.pairs)
    ready: dict[tuple[int, int], Replay] = {}

    def replay_at(window_size: int, trend_window: int) -> Replay:
        sizes = (window_size, trend_window)
        if sizes not in ready:
            place.progress(len(ready) / n_pairs, f"Trying window sizes {sizes[0]} and {sizes[1]}")
            ready[sizes] = replay_of(data, with_windows(policy, sizes))
        return ready[sizes]

    _use_proposal(propose(data, replay_at, policy, target, search))
    place.empty()


def certify_button(store: Store, study: Study, target: RiskTarget, n_attempts: int) -> None:
    """Draw the button that certifies limits on the sealed sessions."""
    policy, number = current_policy(study.open.default_policy), n_attempts + 1
    stop = certificate_caution(
        n_good=len(sealed_rows(study, policy)),
        alpha=target.alpha,
        delta=target.delta,
        attempt=number,
        n_in_all=study.n_good_groups,
    )
    if policy.adaptive:
        why = ADAPTIVE
    elif stop is not None:
        why = stop.sentence
    else:
        why = (
            f"Attempt {number}: every attempt is counted for ever, and each has half the risk of "
            "the one before. It sets the limits it certifies, under the windows in use."
        )
    st.button(
        "Certify",
        key="certify",
        disabled=policy.adaptive or stop is not None or store.read_only,
        help=why,
        on_click=_certify,
        args=(store, study, target),
    )


def proposal_in_use(policy: HaltPolicy) -> Proposal | None:
    """Return the last proposal if it is the policy in use."""
    proposal: Proposal | None = st.session_state.get(_PROPOSAL)
    return proposal if proposal is not None and proposal.policy == policy else None


def draw_outcome(attempts: Attempts, policy: HaltPolicy) -> None:
    """Draw the outcome of the last proposal or attempt, and the certificate in use."""
    outcome = str(st.session_state.get(_OUTCOME, ""))
    if outcome:
        st.text(outcome)
    certificate = attempts.newest_covering(policy)
    if certificate is not None and certificate.sentence not in outcome:
        st.text(f"The limits in use are certified. {certificate.sentence}")


def _propose(data: TuneData, target: RiskTarget) -> None:
    policy = current_policy(data.default_policy)
    if st.session_state.get("wide"):
        # Seconds of work, whose progress a callback could not show.
        st.session_state[_REQUESTED] = target
        return
    _use_proposal(
        propose(data, lambda *sizes: replay_of(data, with_windows(policy, sizes)), policy, target)
    )


def _use_proposal(proposal: Proposal) -> None:
    st.session_state[_PROPOSAL], st.session_state[_OUTCOME] = proposal, proposal.reason
    if proposal.policy is not None:
        set_policy(proposal.policy)


def _certify(store: Store, study: Study, target: RiskTarget) -> None:
    policy = current_policy(study.open.default_policy)
    try:
        name = fingerprint(study.sealed.labelled)
        # Counted before the look is taken, so that no look goes uncounted.
        number = store.begin_attempt(name)
        certificate = certify_study(
            study, policy, target, attempt=number, data_fingerprint=name, replay_of=replay_of
        )
        if isinstance(certificate, Certificate):
            store.finish_attempt(number, certificate.to_json())
            set_policy(certificate.policy)
        st.session_state[_OUTCOME] = certificate.sentence
    except DirectorError as error:
        st.session_state[_OUTCOME] = f"Not done: {error}"
