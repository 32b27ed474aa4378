"""The archive's study, read once a change and kept for all pages."""

import streamlit as st

from director_ai.core.halting.policy import HaltPolicy
from director_ai.replay.curves import Curves
from director_ai.replay.engine import Outcomes, Replay
from director_ai.storage.store import Store
from director_ai.storage.summary import JUDGED
from director_ai.tuning import study as study_of
from director_ai.tuning.study import Study, TuneData, parted_study


def study(store: Store) -> Study:
    """Return what the store holds now; read again only when anything in it has changed."""
    # To seal takes a secret that is kept in the store.
    key = "" if store.read_only else store.vault_key()
    return _study(store, store.name, store.stamp(), key)


@st.cache_resource(show_spinner=False, max_entries=2)
def _study(
    _store: Store,
    name: str,  # noqa: ARG001  (keys the cache)
    stamp: tuple[int, int],  # noqa: ARG001  (keys the cache)
    key: str,
) -> Study:
    return parted_study(TuneData.of(list(_store.curves(JUDGED))), key)


def replay_of(data: TuneData, policy: HaltPolicy) -> Replay:
    """Return the curves ready for any thresholds under a policy's windows."""
    return _replay(
        data.labelled.curves, data.curves_digest, policy.window_size, policy.trend_window
    )


@st.cache_resource(show_spinner=False, max_entries=8)
def _replay(
    _curves: Curves,
    digest: str,  # noqa: ARG001  (keys the cache)
    window_size: int,
    trend_window: int,
) -> Replay:
    return Replay(_curves, window_size=window_size, trend_window=trend_window)


def recorded_outcomes(data: TuneData) -> Outcomes:
    """Return what each session's own limits made of it."""
    return _recorded(data, data.curves_digest)


@st.cache_resource(show_spinner=False, max_entries=4)
def _recorded(_data: TuneData, digest: str) -> Outcomes:  # noqa: ARG001  (keys the cache)
    return study_of.recorded_outcomes(_data)
