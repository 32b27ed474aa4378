"""Impact of a review batch's labels on the limits that Tune proposes."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import streamlit as st

from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.halting.policy_text import limits_text
from director_ai.core.records.record import Label
from director_ai.errors import DirectorError
from director_ai.replay.crossings import NEVER
from director_ai.replay.engine import Replay
from director_ai.storage.store import Store
from director_ai.tuning.labelled import BAD, GOOD, UNLABELLED
from director_ai.tuning.search.proposal import DEFAULT_TARGET, Proposal, propose
from director_ai.tuning.study import TuneData
from director_ai.ui.components.cached_study import read_study, replay_of
from director_ai.ui.review.batch import ReviewBatch

LabelValue = tuple[Label | None, int | None]
"""Label and onset of a session; ``None`` without."""

_BUDGET = (
    f"≤ {100 * DEFAULT_TARGET.alpha:g} % false halts "
    f"at {100 * (1 - DEFAULT_TARGET.delta):g} % confidence"
)
_VALUES = {"good": GOOD, "bad": BAD}


class ProposalImpact(NamedTuple):
    """Change of the proposed limits by the labels of a batch.

    Attributes
    ----------
    sentence
        Summary of the change.
    policy
        Limits proposed with the labels; ``None`` if none can be.
    """

    sentence: str
    policy: HaltPolicy | None


def proposal_impact(store: Store, batch: ReviewBatch) -> ProposalImpact:
    """Return the impact of a batch; curves are read once per change of the store."""
    before: dict[str, LabelValue] = {
        card.id: (card.label, card.onset) for card in batch.queue.cards if card.id in batch.verdicts
    }
    try:
        data = read_study(store).open
    except DirectorError as error:
        return ProposalImpact(f"What your labels change cannot be told: {error}", None)
    if not data.ids:
        return ProposalImpact("There are no sessions to propose limits by.", None)
    n_aside = len(before.keys() - set(data.ids))
    labelled = data.labelled
    labels = hashlib.sha256(labelled.labels.tobytes() + labelled.onsets.tobytes()).hexdigest()
    impact = _cached_impact(
        data, data.curves_digest, labels, json.dumps(before, sort_keys=True), before
    )
    if not n_aside:
        return impact
    aside = (
        f"{n_aside:,} of your labels {'does' if n_aside == 1 else 'do'} not count here: in the "
        "held-out set, or without a score."
    )
    return impact._replace(sentence=f"{impact.sentence} {aside}")


@st.cache_resource(show_spinner=False, max_entries=8)
def _cached_impact(
    _data: TuneData,
    digest: str,  # noqa: ARG001  (keys the cache)
    labels: str,  # noqa: ARG001  (keys the cache)
    earlier: str,  # noqa: ARG001  (keys the cache)
    _before: Mapping[str, LabelValue],
) -> ProposalImpact:
    return impact_of(_data, replay_of(_data, _data.default_policy), _before)


def impact_of(data: TuneData, replay: Replay, before: Mapping[str, LabelValue]) -> ProposalImpact:
    """Return the impact of labels on the limits that Tune proposes by default.

    Parameters
    ----------
    data
        Sessions, with the labels.
    replay
        Replay of the sessions under the default policy's windows.
    before
        Earlier label and onset of the sessions labelled, by id.
    """
    old, new = _proposal(relabelled(data, before), replay), _proposal(data, replay)
    return ProposalImpact(_sentence(old, new), new.policy)


def relabelled(data: TuneData, values: Mapping[str, LabelValue]) -> TuneData:
    """Return the data with other labels on some sessions; unknown ids are ignored."""
    labels, onsets = data.labelled.labels.copy(), data.labelled.onsets.copy()
    rows = {name: row for row, name in enumerate(data.ids)}
    for name, (label, onset) in values.items():
        row = rows.get(name)
        if row is not None:
            labels[row] = _VALUES.get(label or "", UNLABELLED)
            onsets[row] = onset if label == "bad" and onset is not None else NEVER
    return replace(data, labelled=replace(data.labelled, labels=labels, onsets=onsets))


def _proposal(data: TuneData, replay: Replay) -> Proposal:
    return propose(data, lambda *_: replay, data.default_policy, DEFAULT_TARGET)


def _sentence(old: Proposal, new: Proposal) -> str:
    if new.policy is None:
        if old.policy is None:
            return f"No limits can be proposed yet. {new.reason}"
        lost = limits_text(old.policy)
        return f"Your labels leave no limits to propose; before: halt {lost}. {new.reason}"
    limits = limits_text(new.policy)
    if old.policy is None:
        return (
            f"Your labels make a proposal possible: halt {limits} ({_BUDGET}). Before: {old.reason}"
        )
    if old.policy == new.policy:
        return f"Your labels do not change the proposed limits: halt {limits} ({_BUDGET})."
    return (
        f"Your labels change the proposed limits: halt {limits} ({_BUDGET}); "
        f"before: {limits_text(old.policy)}."
    )
