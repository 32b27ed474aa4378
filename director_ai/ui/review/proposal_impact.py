"""What a visit's labels do to the limits that the Tune page would propose."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import streamlit as st

from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.records.record import Label
from director_ai.errors import DirectorError
from director_ai.replay.crossings import NEVER
from director_ai.replay.engine import Replay
from director_ai.storage.store import Store
from director_ai.tuning.evaluation.evaluation import limits_text
from director_ai.tuning.labelled import BAD, GOOD, UNLABELLED
from director_ai.tuning.search.proposal import USUAL, Offer, offered
from director_ai.tuning.study import TuneData
from director_ai.ui.review.batch import Visit
from director_ai.ui.tune.cached_study import replay_of, study

Said = tuple[Label | None, int | None]
"""A session's label and onset; ``None`` without."""

_BUDGET = f"≤ {100 * USUAL.alpha:g} % false halts at {100 * (1 - USUAL.delta):g} % confidence"
_VALUES = {"good": GOOD, "bad": BAD}


class Shift(NamedTuple):
    """What the labels of a visit are worth.

    Attributes
    ----------
    sentence
        Whether they change the proposed limits, and how.
    policy
        The limits proposed with them; ``None`` if none can be.
    """

    sentence: str
    policy: HaltPolicy | None


def shift(store: Store, visit: Visit) -> Shift:
    """Return what the labels of a visit change; the store's curves are read once a change."""
    before: dict[str, Said] = {
        card.id: (card.label, card.onset) for card in visit.queue.cards if card.id in visit.given
    }
    try:
        data = study(store).open
    except DirectorError as error:
        return Shift(f"What your labels change cannot be told: {error}", None)
    if not data.ids:
        return Shift("There are no sessions to propose limits by.", None)
    n_aside = len(before.keys() - set(data.ids))
    labelled = data.labelled
    said = hashlib.sha256(labelled.labels.tobytes() + labelled.onsets.tobytes()).hexdigest()
    found = _shift(data, data.curves_digest, said, json.dumps(before, sort_keys=True), before)
    if not n_aside:
        return found
    aside = f"{n_aside:,} of your labels do not count here: sealed to certify, or without a score."
    return found._replace(sentence=f"{found.sentence} {aside}")


@st.cache_resource(show_spinner=False, max_entries=8)
def _shift(
    _data: TuneData,
    digest: str,  # noqa: ARG001  (keys the cache)
    said: str,  # noqa: ARG001  (keys the cache)
    visited: str,  # noqa: ARG001  (keys the cache)
    _before: Mapping[str, Said],
) -> Shift:
    return shift_of(_data, replay_of(_data, _data.usual), _before)


def shift_of(data: TuneData, replay: Replay, before: Mapping[str, Said]) -> Shift:
    """Return what labels change in the limits that Tune proposes if nothing is set there.

    Parameters
    ----------
    data
        The sessions, with the labels.
    replay
        Theirs, under the usual limits' windows.
    before
        What was said of the sessions labelled, by id, without those labels.
    """
    old, new = _offer(relabelled(data, before), replay), _offer(data, replay)
    return Shift(_sentence(old, new), new.policy)


def relabelled(data: TuneData, said: Mapping[str, Said]) -> TuneData:
    """Return the data with other labels on some sessions; those that are not in it are left out."""
    labels, onsets = data.labelled.labels.copy(), data.labelled.onsets.copy()
    rows = {name: row for row, name in enumerate(data.ids)}
    for name, (label, onset) in said.items():
        row = rows.get(name)
        if row is not None:
            labels[row] = _VALUES.get(label or "", UNLABELLED)
            onsets[row] = onset if label == "bad" and onset is not None else NEVER
    return replace(data, labelled=replace(data.labelled, labels=labels, onsets=onsets))


def _offer(data: TuneData, replay: Replay) -> Offer:
    return offered(data, lambda *_: replay, data.usual, USUAL)


def _sentence(old: Offer, new: Offer) -> str:
    if new.policy is None:
        if old.policy is None:
            return f"No limits can be proposed yet. {new.said}"
        lost = limits_text(old.policy)
        return f"Your labels leave no limits to propose instead of {lost}. {new.said}"
    limits = limits_text(new.policy)
    if old.policy is None:
        return f"Your labels make a proposal possible: {limits} ({_BUDGET}). Before: {old.said}"
    if old.policy == new.policy:
        return f"Your labels do not change the proposed limits: {limits} ({_BUDGET})."
    return (
        f"Your labels change the proposed limits from {limits_text(old.policy)} "
        f"to {limits} ({_BUDGET})."
    )
