"""What every part of the Tune page draws from: the limits in use, and what they are worth."""

from dataclasses import dataclass
from typing import Final, NamedTuple

import streamlit as st

from director_ai.core.halting.policy import HaltPolicy
from director_ai.replay.engine import Outcomes, Replay
from director_ai.storage.store import Store
from director_ai.tuning.evaluation.attribution import Flips
from director_ai.tuning.evaluation.evaluation import Evaluation, FlipCounts, evaluate, flips_between
from director_ai.tuning.guarantee.certificate import Certificate
from director_ai.tuning.search.plateaus import Sensitivity, sensitivity
from director_ai.tuning.search.proposal import RiskTarget
from director_ai.tuning.study import Study, TuneData
from director_ai.ui.components.policy_editor import current_policy
from director_ai.ui.tune.cached_study import replay_of
from director_ai.ui.tune.candidates import Baseline

_DRAWN: Final = "tune_scene"


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """What the limits in use make of the archive.

    Attributes
    ----------
    data, replay, numbers
        The sessions, ready for the windows in use, and what the limits in use make of them.
    baseline
        What they are compared with.
    asked
        The budget.
    changed, counts
        Sessions that end otherwise than under the baseline.
    effects
        What a small step of each threshold does.
    """

    data: TuneData
    replay: Replay
    numbers: Evaluation
    baseline: Baseline
    asked: RiskTarget
    changed: Flips
    counts: FlipCounts
    effects: tuple[Sensitivity, Sensitivity, Sensitivity]

    @property
    def policy(self) -> HaltPolicy:
        """The limits in use."""
        return self.numbers.policy

    @property
    def outcomes(self) -> tuple[Outcomes, Outcomes]:
        """What the baseline and the limits in use make of every session."""
        return self.baseline.outcomes, self.numbers.outcomes


class Look(NamedTuple):
    """A visit's archive and what it asks of it: all that a moved limit leaves as it is.

    Attributes
    ----------
    store, study
        The archive.
    baseline, asked
        What is compared with, and the budget.
    certificates, n_attempts
        Every certificate that was given, and how often one was asked for.
    """

    store: Store
    study: Study
    baseline: Baseline
    asked: RiskTarget
    certificates: tuple[Certificate, ...]
    n_attempts: int

    @property
    def data(self) -> TuneData:
        """The sessions that are shown."""
        return self.study.open

    def scene(self) -> Scene:
        """Return what the limits in use make of the archive; the last one asked for is kept."""
        policy = current_policy(self.data.default_policy)
        kept: tuple[Look, Scene] | None = st.session_state.get(_DRAWN)
        if kept is not None and kept[0] is self and kept[1].policy == policy:
            return kept[1]
        scene = self._scene(policy)
        st.session_state[_DRAWN] = (self, scene)
        return scene

    def _scene(self, policy: HaltPolicy) -> Scene:
        labelled, replay = self.data.labelled, replay_of(self.data, policy)
        numbers = evaluate(labelled, replay.outcomes(policy), policy)
        changed, counts = flips_between(labelled, self.baseline.outcomes, numbers.outcomes)
        return Scene(
            self.data,
            replay,
            numbers,
            self.baseline,
            self.asked,
            changed,
            counts,
            sensitivity(labelled, replay, policy),
        )
