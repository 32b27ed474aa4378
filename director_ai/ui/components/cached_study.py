"""Cache of the archive's study and its replays, shared by all pages."""

import hashlib

import numpy as np
import streamlit as st

from director_ai.core.halting.policy import HaltPolicy
from director_ai.errors import ReadOnlyStoreError
from director_ai.figures.score_density import ScoreDensityData, score_density_data
from director_ai.replay.curves import Curves
from director_ai.replay.engine import Outcomes, Replay
from director_ai.storage.certificate_attempts import HoldoutChoice
from director_ai.storage.store import Store
from director_ai.storage.summary import JUDGED, SessionQuery
from director_ai.tuning import study as study_module
from director_ai.tuning.cadence import replay_under
from director_ai.tuning.labelled import LabelledCurves
from director_ai.tuning.study import Study, TuneData, split_study


def read_study(store: Store, where: SessionQuery | None = None) -> Study:
    """Return the study of the store, or of a part; read again only after a change of the store.

    A part has the same sessions held out as the whole.
    """
    # Sealing takes a secret that is kept in the store.
    try:
        choice = store.holdout()
    except ReadOnlyStoreError:
        # There is none yet, and none can be made: nothing is sealed.
        choice = HoldoutChoice("", None, b"")
    return _study(store, store.name, store.stamp(), choice, where)


def archive_of(store: Store) -> TuneData:
    """Return every judged session of the store, held-out ones among them."""
    return _archive(store, store.name, store.stamp())


@st.cache_resource(show_spinner=False, max_entries=4)
def _study(
    _store: Store,
    name: str,
    stamp: tuple[int, int, int],
    choice: HoldoutChoice,
    where: SessionQuery | None,
) -> Study:
    data, among = _archive(_store, name, stamp), None
    if where is not None:
        own = set(_store.ids(where))
        among = np.array([each in own for each in data.ids], bool)
    return split_study(data, *choice, among=among)


@st.cache_resource(show_spinner=False, max_entries=2)
def _archive(
    _store: Store,
    name: str,  # noqa: ARG001  (keys the cache)
    stamp: tuple[int, int, int],  # noqa: ARG001  (keys the cache)
) -> TuneData:
    return TuneData.of(list(_store.curves(JUDGED)))


def replay_of(data: TuneData, policy: HaltPolicy) -> Replay:
    """Return the replay of the curves under a policy's windows and cadence."""
    # Where an adaptive cadence scores hangs on the soft limit too, a steady one on itself alone.
    adapting = (policy.max_cadence, policy.soft_limit) if policy.adaptive else ()
    return _replay(
        data.labelled.curves,
        policy,
        data.curves_digest,
        (policy.window_size, policy.trend_window, policy.score_every_n, *adapting),
    )


@st.cache_resource(show_spinner=False, max_entries=24)
def _replay(
    _curves: Curves,
    _policy: HaltPolicy,
    digest: str,  # noqa: ARG001  (keys the cache)
    sizes: tuple[float, ...],  # noqa: ARG001  (keys the cache)
) -> Replay:
    return replay_under(_curves, _policy)


def score_density(data: TuneData) -> ScoreDensityData:
    """Return the distribution of the scores; counted again only after a label changed."""
    labelled = data.labelled
    labels_digest = hashlib.sha256(
        labelled.labels.tobytes() + labelled.onsets.tobytes()
    ).hexdigest()
    return _density(labelled, data.curves_digest, labels_digest)


@st.cache_resource(show_spinner=False, max_entries=2)
def _density(
    _labelled: LabelledCurves,
    digest: str,  # noqa: ARG001  (keys the cache)
    labels_digest: str,  # noqa: ARG001  (keys the cache)
) -> ScoreDensityData:
    return score_density_data(_labelled)


def recorded_outcomes(data: TuneData) -> Outcomes:
    """Return the outcomes under each session's recorded limits."""
    return _recorded(data, data.curves_digest)


@st.cache_resource(show_spinner=False, max_entries=4)
def _recorded(_data: TuneData, digest: str) -> Outcomes:  # noqa: ARG001  (keys the cache)
    if len(_data.policies) == 1:
        # Scores recorded under a cadence are as it holds them, so one replay serves both.
        return replay_of(_data, _data.default_policy).outcomes(_data.default_policy)
    return study_module.recorded_outcomes(_data)
