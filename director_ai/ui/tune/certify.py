"""Certificate of limits by the held-out set: its standing, and the dialog that makes one."""

from typing import Final

import streamlit as st

from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.halting.policy_text import limits_text
from director_ai.errors import DirectorError
from director_ai.tuning.analysis import ADAPTIVE, certify_study
from director_ai.tuning.fingerprint import fingerprint
from director_ai.tuning.guarantee.bounds import least_good_sessions
from director_ai.tuning.guarantee.certificate import Certificate, risk_of_attempt
from director_ai.tuning.search.cautions import certificate_caution
from director_ai.tuning.validation.advice import sealed_rows
from director_ai.ui.components.cached_study import replay_of
from director_ai.ui.components.policy_editor import current_policy
from director_ai.ui.tune.analysis import Analysis

_OUTCOME: Final = "tune_certify_outcome"
_OPEN: Final = "tune_certify_open"


def needs(analysis: Analysis, policy: HaltPolicy) -> str:
    """Return what a certificate of the target would need, and what there is."""
    study, target = analysis.context.study, analysis.context.target
    number, there = analysis.context.attempts.n + 1, len(sealed_rows(study, policy))
    risk = risk_of_attempt(target.delta, number)
    needed = least_good_sessions(alpha=target.alpha, delta=risk)
    return (
        _stop(analysis, policy)
        or f"Attempt {number} needs {needed:,} held-out groups with a good session; there are "
        f"{there:,}. Limits are chosen and certified by them at once."
    )


def button(analysis: Analysis, policy: HaltPolicy) -> None:
    """Draw the button that opens the dialog."""
    stop = _stop(analysis, policy)
    st.button(
        "Certify …",
        key="certify",
        type="tertiary",
        disabled=stop is not None or analysis.store.read_only,
        help=stop or "Shows what will happen, and asks.",
        on_click=_ask,
    )


def outcome(analysis: Analysis) -> None:
    """Say why the last attempt at this target gave no certificate."""
    target, reason = st.session_state.get(_OUTCOME, (None, ""))
    if reason and target == analysis.context.target:
        st.text(reason)


def dialog(analysis: Analysis) -> None:
    """Open the dialog where the button was clicked; call it once a run."""
    if st.session_state.pop(_OPEN, False):
        _dialog(analysis)


@st.dialog("Certify limits on the held-out set")
def _dialog(analysis: Analysis) -> None:
    policy = current_policy(analysis.data.default_policy)
    target, number = analysis.context.target, analysis.context.attempts.n + 1
    n_held_out = len(sealed_rows(analysis.context.study, policy))
    risk = risk_of_attempt(target.delta, number)
    st.text(
        f"This is attempt {number}. It opens the held-out set of {n_held_out:,} good sessions, one "
        f"of each group, and chooses limits whose false-halt rate (FPR) is at most "
        f"{100 * target.alpha:g} % with {100 * (1 - target.delta):g} % confidence, under windows "
        f"{policy.window_size} and {policy.trend_window}."
    )
    st.text(
        f"Every attempt is counted for ever. All together may be wrong with {100 * target.delta:g} "
        f"%: this one with {100 * risk:.3g} %, the next with half of that. Nothing of the held-out "
        "set is shown beforehand."
    )
    st.text(
        f"The limits in use (halt {limits_text(policy)}) stay as they are until you take the "
        "certified ones, and can be put back afterwards."
    )
    with st.container(horizontal=True, horizontal_alignment="right"):
        st.button("Cancel", key="certify_cancel", on_click=st.rerun)
        st.button(
            f"Certify, attempt {number}",
            key="certify_now",
            type="primary",
            on_click=_certify,
            args=(analysis, policy),
        )


def _certify(analysis: Analysis, policy: HaltPolicy) -> None:
    st.session_state[_OUTCOME] = analysis.context.target, _attempt(analysis, policy)
    st.rerun()


def _attempt(analysis: Analysis, policy: HaltPolicy) -> str:
    """Make one attempt; return why there is no certificate, or ``""`` where there is one."""
    store, study = analysis.store, analysis.context.study
    try:
        name = fingerprint(study.sealed.labelled)
        # Counted before the look is taken, so that no look goes uncounted.
        number = store.begin_attempt(name)
        certificate = certify_study(
            study,
            policy,
            analysis.context.target,
            attempt=number,
            data_fingerprint=name,
            slice=analysis.context.slice,
            replay_of=replay_of,
        )
        if not isinstance(certificate, Certificate):
            return certificate.sentence
        store.finish_attempt(number, certificate.to_json())
    except DirectorError as error:
        return f"Not done: {error}"
    return ""


def _stop(analysis: Analysis, policy: HaltPolicy) -> str | None:
    """Return why no certificate is possible."""
    if policy.adaptive:
        return ADAPTIVE
    study, target = analysis.context.study, analysis.context.target
    caution = certificate_caution(
        n_good=len(sealed_rows(study, policy)),
        alpha=target.alpha,
        delta=target.delta,
        attempt=analysis.context.attempts.n + 1,
        n_in_all=study.n_good_groups,
    )
    return None if caution is None else caution.sentence


def _ask() -> None:
    st.session_state[_OPEN] = True
    st.rerun()
