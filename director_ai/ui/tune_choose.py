"""Limits chosen by the machine: the best under a budget, and those with a certificate."""

from typing import Final, NamedTuple

import numpy as np
import streamlit as st

from director_ai.core.halting.policy import HaltPolicy
from director_ai.errors import DirectorError
from director_ai.replay.engine import Replay
from director_ai.storage.store import Store
from director_ai.tuning.bounds import uniform_upper
from director_ai.tuning.cautions import certifiable, choosable
from director_ai.tuning.certificate import Certificate, Refusal, certify, inherits
from director_ai.tuning.fingerprint import fingerprint
from director_ai.tuning.plateaus import tidied
from director_ai.tuning.selection import propose
from director_ai.tuning.spending import BadSessions, good_extremes
from director_ai.tuning.sweep import Grid
from director_ai.tuning.vault import seed_of, witnesses
from director_ai.ui import tune_limits
from director_ai.ui.tune_data import Study, TuneData, replay_of
from director_ai.ui.tune_numbers import limits_text

CONFIDENCES: Final = {"90 %": 0.90, "95 %": 0.95, "99 %": 0.99}
N_RULES: Final = 3
"""Thresholds that are free while tuning: a bound has to hold for every choice of them."""

_SAID: Final = "tune_proposed"


class Wish(NamedTuple):
    """What is asked of the limits.

    Attributes
    ----------
    alpha
        Largest false-halt rate, in (0, 1).
    delta
        Accepted risk of being wrong about it.
    """

    alpha: float
    delta: float


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


def most_false_halts(n_good: int, asked: Wish) -> int:
    """Return how many good sessions tuned limits may halt, -1 if even none is too many.

    The bound holds for every choice of the three thresholds, so also for the best.

    Examples
    --------
    >>> most_false_halts(600, Wish(0.05, 0.1)), most_false_halts(40, Wish(0.05, 0.1))
    (12, -1)
    """
    low, high = -1, n_good
    while low < high:
        middle = (low + high + 1) // 2
        if uniform_upper(middle, n_good, n_rules=N_RULES, delta=asked.delta) <= asked.alpha:
            low = middle
        else:
            high = middle - 1
    return low


def fewest_good(asked: Wish) -> int:
    """Return how many good sessions a proposal needs at the least.

    >>> fewest_good(Wish(0.05, 0.1))
    105
    """
    n_good = N_RULES + 1
    while uniform_upper(0, n_good, n_rules=N_RULES, delta=asked.delta) > asked.alpha:
        n_good += 1
    return n_good


def proposed(
    data: TuneData, replay: Replay, base: HaltPolicy, asked: Wish
) -> tuple[HaltPolicy | None, str]:
    """Return the best limits within the budget, or none, and what to say of it."""
    labelled = data.labelled
    few = choosable(n_good=labelled.n_good, n_bad=labelled.n_bad)
    if few is not None:
        return None, few.sentence
    wanted = f"≤ {100 * asked.alpha:g} % at {100 * (1 - asked.delta):g} %"
    most = most_false_halts(labelled.n_good, asked)
    if most < 0:
        return None, (
            f"Infeasible: {wanted} confidence needs at least {fewest_good(asked):,} good "
            f"sessions, there are {labelled.n_good:,}."
        )
    found = propose(labelled, replay, _grid(), budget=most / labelled.n_good, base=base)
    if found is None:
        n_cut = int((labelled.good & ~labelled.curves.complete).sum())
        return None, (
            f"Infeasible: {wanted} confidence leaves at most {most:,} of {labelled.n_good:,} good "
            f"sessions to halt, and {n_cut:,} of them are recordings that end early, which count "
            "as halted where it is not known."
        )
    policy = tidied(replay, found.policy)
    n_false = int(found.counts.false + found.counts.good_unknown)
    bound = uniform_upper(n_false, labelled.n_good, n_rules=N_RULES, delta=asked.delta)
    return policy, (
        f"Proposed {limits_text(policy)}: {n_false:,} of at most {most:,} false halts, so "
        f"≤ {100 * bound:.1f} % at {100 * (1 - asked.delta):g} % confidence, whatever was tried "
        "with these windows."
    )


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


def _grid() -> Grid:
    unit = np.linspace(0.0, 1.0, 51)
    # Drops of interest are small; the first turns the rule off.
    return Grid(unit, unit, np.concatenate([[1.5], np.linspace(1.0, 0.0, 51)]))


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
