"""Choice of the share of good sessions that is held out for certificates."""

from typing import Final

import streamlit as st

from director_ai.errors import DirectorError
from director_ai.experiment.holdout import choose_holdout
from director_ai.storage.certificate_attempts import HoldoutChoice
from director_ai.storage.store import Store
from director_ai.tuning.guarantee.holdout import opened_draws
from director_ai.tuning.study import Study, TuneData, holdout_text, split_study
from director_ai.ui.components.cached_study import archive_of

SHARES: Final = {"Automatic": None, "0 %": 0.0, "50 %": 0.5, "75 %": 0.75}
"""Shares to choose from; automatic is as many as certificates of their number need."""

_FAILED: Final = "tune_holdout_failed"


def holdout_menu(store: Store) -> None:
    """Draw the menu that tells of the held-out set and changes its share."""
    if store.read_only:
        return
    with st.popover("Held-out set", key="holdout", type="tertiary"):
        st.text(
            "Good sessions held out are in no rate, chart or proposal, so that a certificate can "
            "be given by them. With 0 % every session is used and no certificate can be given. A "
            "session once opened is never held out again."
        )
        choice = store.holdout()
        names = {share: name for name, share in SHARES.items()}
        name = st.segmented_control(
            "Share held out",
            list(SHARES),
            default=names.get(choice.share),
            key="holdout_share",
        )
        if name is None or SHARES[name] == choice.share:
            return
        now, then = (
            split_study(archive_of(store), choice.key, share, opened)
            for share, opened in (
                (choice.share, choice.opened),
                (SHARES[name], _opened_by(archive_of(store), choice, SHARES[name])),
            )
        )
        st.text(change_text(now, then))
        st.button(
            f"Hold out {name.lower()}",
            key="holdout_change",
            type="primary",
            on_click=_change,
            args=(store, SHARES[name]),
        )
        failed = st.session_state.pop(_FAILED, "")
        if failed:
            st.text(failed)


def change_text(now: Study, then: Study) -> str:
    """Describe what a change of the share does."""
    n_now, n_then = now.sealed.labelled.n_good, then.sealed.labelled.n_good
    if n_then < n_now:
        return (
            f"Opens {n_now - n_then:,} of {n_now:,} held-out good sessions: they are then in every "
            f"rate, and never held out again. {holdout_text(then)}"
        )
    return holdout_text(then)


def _opened_by(data: TuneData, choice: HoldoutChoice, share: float | None) -> bytes:
    """Return the groups that are open once a share is chosen."""
    shares = [split_study(data, choice.key, each).share for each in (choice.share, share)]
    return opened_draws(data.group_names, key=choice.key, share=min(shares), opened=choice.opened)


def _change(store: Store, share: float | None) -> None:
    try:
        choose_holdout(store, share)
    except DirectorError as error:
        st.session_state[_FAILED] = f"Not done: {error}"
