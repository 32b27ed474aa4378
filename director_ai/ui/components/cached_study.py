"""Cache of the archive's study and its replays, shared by all pages."""

import hashlib
import threading
from typing import NamedTuple
from weakref import WeakKeyDictionary, proxy

import numpy as np
import streamlit as st

from director_ai.core.halting.policy import HaltPolicy
from director_ai.errors import ReadOnlyStoreError
from director_ai.experiment.holdout import opened_choice
from director_ai.figures.score_density import ScoreDensityData, score_density_data
from director_ai.replay.engine import Outcomes, Replay
from director_ai.storage.certificate_attempts import HoldoutChoice
from director_ai.storage.label_ledger import LabelLedger
from director_ai.storage.rescores import n_rescored
from director_ai.storage.store import Store
from director_ai.storage.summary import JUDGED, SessionQuery
from director_ai.tuning import study as study_module
from director_ai.tuning.curve_archive import CurveArchive
from director_ai.tuning.replay_cache import ReplayCache
from director_ai.tuning.study import Study, TuneData, split_study

MAX_REPLAY_BYTES = 256 * 2**20

_WORN, _WORN_LEAST = 1.25, 1_000
"""An archive is read anew once it holds this many times the sessions there are, and some more."""

_archives: WeakKeyDictionary[Store, "_Kept"] = WeakKeyDictionary()
_reading = threading.Lock()
_replays = ReplayCache(MAX_REPLAY_BYTES)


def read_study(store: Store, where: SessionQuery | None = None, *, is_look: bool = False) -> Study:
    """Return the study of the store, or of a part; read again after a change of what is sealed.

    A part has the same sessions held out as the whole.

    Parameters
    ----------
    store, where
        The store, and the part; all by default.
    is_look
        Whether limits are chosen by the sessions: those open now are then never held out later.
    """
    choice = held_out(store)
    stamp = store.stamp(JUDGED)
    if is_look:
        choice = _opened(store, store.name, stamp, choice)
    return _study(store, store.name, stamp, choice, where)


def held_out(store: Store) -> HoldoutChoice:
    """Return what a store holds out."""
    # Sealing takes a secret that is kept in the store.
    try:
        return store.holdout()
    except ReadOnlyStoreError:
        # There is none yet, and none can be made: nothing is sealed.
        return HoldoutChoice("", None, b"")


def archive_of(store: Store) -> TuneData:
    """Return every judged session of the store, held-out ones among them."""
    return _archive(store, store.name, store.stamp(JUDGED))


@st.cache_resource(show_spinner=False, max_entries=4)
def _opened(
    _store: Store, name: str, stamp: tuple[int, int, int], choice: HoldoutChoice
) -> HoldoutChoice:
    return opened_choice(_archive(_store, name, stamp), choice, _store.keep_open)


@st.cache_resource(show_spinner=False, max_entries=2)
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
        if not n_rescored(_store).keys().isdisjoint(where.scorers):
            data = TuneData.of(_store.curves(JUDGED, scorers=where.scorers))
        among = np.array([each in own for each in data.ids], bool)
    return split_study(data, *choice, among=among)


@st.cache_resource(show_spinner=False, max_entries=1)
def _archive(
    _store: Store,
    name: str,  # noqa: ARG001  (keys the cache)
    stamp: tuple[int, int, int],  # noqa: ARG001  (keys the cache)
) -> TuneData:
    return current_data(_store)


class _Kept(NamedTuple):
    """Cache of a store: its labels as of the last look, and its curves."""

    labels: LabelLedger
    curves: CurveArchive


def current_data(store: Store) -> TuneData:
    """Return the sessions of a store: labels as they stand, scores of new sessions alone read."""
    with _reading:
        kept = _archives.get(store)
        if kept is None:
            # A ledger that held its store would keep it for ever.
            kept = _archives[store] = _Kept(LabelLedger(proxy(store), JUDGED), CurveArchive())
        labels = kept.labels.look()
        if len(kept.curves) > _WORN * len(labels.keys) + _WORN_LEAST:
            # Sessions that were removed leave their scores behind.
            kept = _archives[store] = kept._replace(curves=CurveArchive())
        missing = kept.curves.missing(labels)
        if missing:
            is_most = len(missing) > len(labels.keys) // 2
            if is_most:
                kept.curves.reserve(store.n_tokens(JUDGED), len(missing))
            curves = store.keyed_curves(JUDGED, keys=None if is_most else [*missing])
            kept.curves.add(curves, missing)
            kept.curves.release()
        return TuneData.of_archive(kept.curves, labels)


def replay_of(data: TuneData, policy: HaltPolicy) -> Replay:
    """Return the replay of the curves under a policy's windows and cadence."""
    # Every run of a page comes here: what the last one read of the scores is let go of.
    data.archive.release()
    return _replays.replay(data, policy)


def score_density(data: TuneData) -> ScoreDensityData:
    """Return the distribution of the scores; counted again only after a label changed."""
    labelled = data.labelled
    labels_digest = hashlib.sha256(
        labelled.labels.tobytes() + labelled.onsets.tobytes()
    ).hexdigest()
    return _density(data, data.curves_digest, labels_digest)


@st.cache_resource(show_spinner=False, max_entries=2)
def _density(
    _data: TuneData,
    digest: str,  # noqa: ARG001  (keys the cache)
    labels_digest: str,  # noqa: ARG001  (keys the cache)
) -> ScoreDensityData:
    return score_density_data(_data.labelled, on_part=_data.archive.release)


def recorded_outcomes(data: TuneData) -> Outcomes:
    """Return the outcomes under each session's recorded limits."""
    return _recorded(data, data.curves_digest)


@st.cache_resource(show_spinner=False, max_entries=4)
def _recorded(_data: TuneData, digest: str) -> Outcomes:  # noqa: ARG001  (keys the cache)
    if len(_data.policies) == 1:
        # Scores recorded under a cadence are as it holds them, so one replay serves both.
        return replay_of(_data, _data.default_policy).outcomes(_data.default_policy)
    return study_module.recorded_outcomes(_data)
