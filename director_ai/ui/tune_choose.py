"""Limits chosen by the machine: the best under a budget, and those with a certificate."""

from typing import Final

import numpy as np
import streamlit as st

from director_ai.core.halting.policy import HaltPolicy
from director_ai.errors import DirectorError
from director_ai.replay.engine import Replay
from director_ai.storage.store import Store
from director_ai.tuning.cautions import certifiable
from director_ai.tuning.certificate import Certificate, Refusal, certify, inherits
from director_ai.tuning.fingerprint import fingerprint
from director_ai.tuning.proposal import Wish, proposed
from director_ai.tuning.spending import BadSessions, good_extremes
from director_ai.tuning.study import Study, TuneData
from director_ai.tuning.vault import seed_of, witnesses
from director_ai.ui import tune_limits
from director_ai.ui.tune_data import replay_of

CONFIDENCES: Final = {"90 %": 0.90, "95 %": 0.95, "99 %": 0.99}
_SAID: Final = "tune_proposed"


def attempts_of(store: Store) -> list[Certificate]:
    """Return every certificate that was ever given of this store, oldest first."""
    found = []
    for attempt in store.attempts():
        try:
            found.append(Certificate.from_json(attempt.result or ""))
        except ValueError:
            # A refusal, or a look that came to nothing.
            continue
    return found


def wish() -> Wish:
    """Draw the budget and return it."""
    share = st.number_input(
        "False halts ≤ (%)",
        0.1,
        20.0,
        5.0,
        0.5,
        format="%.4g",
        key="budget",
        bind="query-params",
        help="The largest share of good sessions you accept to halt.",
        width=130,
    )
    chosen = st.selectbox(
        "Confidence",
        list(CONFIDENCES),
        1,
        key="conf",
        bind="query-params",
        help="How sure you want to be that the true rate is no larger.",
        width=100,
    )
    return Wish(float(share) / 100, 1 - CONFIDENCES[str(chosen)])


def propose_button(data: TuneData, replay: Replay, policy: HaltPolicy, asked: Wish) -> None:
    """Draw the way to the best limits under the budget."""
    st.button(
        "Propose",
        key="propose",
        type="primary",
        icon=":material/auto_fix_high:",
        help="Sets the limits that catch most bad sessions within the budget, under the windows "
        "in use.",
        on_click=_propose,
        args=(data, replay, policy, asked),
    )


def certify_button(store: Store, study: Study, policy: HaltPolicy, asked: Wish) -> None:
    """Draw the way to limits with a certificate, by the sealed sessions."""
    number = len(store.attempts()) + 1
    stop = certifiable(
        n_good=len(sealed_rows(study)), alpha=asked.alpha, delta=asked.delta, attempt=number
    )
    why = (
        stop.sentence
        if stop is not None
        else f"Attempt {number}: every attempt is counted for ever, and each has half the risk of "
        "the one before. It sets the limits it certifies, under the windows in use."
    )
    st.button(
        "Certify",
        key="certify",
        icon=":material/verified:",
        disabled=stop is not None or store.read_only,
        help=why,
        on_click=_certify,
        args=(store, study, policy, asked),
    )


def said(store: Store, policy: HaltPolicy) -> None:
    """Say what came of the last proposal or certificate, and which one the limits in use have."""
    words = str(st.session_state.get(_SAID, ""))
    if words:
        st.text(words)
    held = certificate_of(store, policy)
    if held is not None and held.sentence not in words:
        st.text(f"The limits in use are certified. {held.sentence}")


def certificate_of(store: Store, policy: HaltPolicy) -> Certificate | None:
    """Return the newest certificate that holds for a policy, if any."""
    return next((c for c in reversed(attempts_of(store)) if inherits(c, policy)), None)


def certified(
    study: Study, policy: HaltPolicy, asked: Wish, *, attempt: int, data_fingerprint: str
) -> Certificate | Refusal:
    """Return limits with a certificate under a policy's windows, by the sealed sessions."""
    sealed, opened = study.sealed, study.open
    extremes = good_extremes(sealed.labelled, replay_of(sealed, policy))
    return certify(
        extremes[:, sealed_rows(study)],
        BadSessions.of(opened.labelled, replay_of(opened, policy)),
        window_size=policy.window_size,
        trend_window=policy.trend_window,
        alpha=asked.alpha,
        delta=asked.delta,
        attempt=attempt,
        seed=seed_of(study.key),
        data_fingerprint=data_fingerprint,
        score_every_n=policy.score_every_n,
    )


def sealed_rows(study: Study) -> list[int]:
    """Return one sealed session of each group: only those are independent."""
    everyone = np.ones(len(study.sealed.ids), bool)
    rows: list[int] = witnesses(study.sealed.families, everyone, key=study.key).tolist()
    return rows


def _propose(data: TuneData, replay: Replay, policy: HaltPolicy, asked: Wish) -> None:
    found, st.session_state[_SAID] = proposed(data, replay, policy, asked)
    if found is not None:
        tune_limits.put(found)


def _certify(store: Store, study: Study, policy: HaltPolicy, asked: Wish) -> None:
    try:
        name = fingerprint(study.sealed.labelled)
        # Counted before the look is taken, so that no look goes uncounted.
        number = store.begin_attempt(name)
        found = certified(study, policy, asked, attempt=number, data_fingerprint=name)
        if isinstance(found, Certificate):
            store.finish_attempt(number, found.to_json())
            tune_limits.put(found.policy)
        st.session_state[_SAID] = found.sentence
    except DirectorError as error:
        st.session_state[_SAID] = f"Not done: {error}"
