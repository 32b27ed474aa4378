"""Analysis of the archive on the Tune page, under the limits in use."""

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
from director_ai.ui.components.cached_study import replay_of
from director_ai.ui.components.policy_editor import current_policy

_LAST_VIEW: Final = "tune_view"


class Baseline(NamedTuple):
    """Policy that the limits in use are compared with.

    Attributes
    ----------
    name
        Display name.
    policy
        Its limits; of several recorded ones the most frequent.
    outcomes
        Its outcome of every session.
    """

    name: str
    policy: HaltPolicy
    outcomes: Outcomes


@dataclass(frozen=True, slots=True, eq=False)
class AnalysisView:
    """Results of the limits in use on the archive.

    Attributes
    ----------
    data, replay, numbers
        Sessions, their replay under the windows in use, and the evaluation of the limits in use.
    baseline
        Policy of comparison.
    target
        Budget of false halts and its confidence.
    changed, counts
        Sessions that end otherwise than under the baseline.
    effects
        Change of the halts by a small step of each threshold.
    """

    data: TuneData
    replay: Replay
    numbers: Evaluation
    baseline: Baseline
    target: RiskTarget
    changed: Flips
    counts: FlipCounts
    effects: tuple[Sensitivity, Sensitivity, Sensitivity]

    @property
    def policy(self) -> HaltPolicy:
        """The limits in use."""
        return self.numbers.policy

    @property
    def outcomes(self) -> tuple[Outcomes, Outcomes]:
        """Outcomes of every session under the baseline and the limits in use."""
        return self.baseline.outcomes, self.numbers.outcomes


class Analysis(NamedTuple):
    """Inputs of the Tune page that do not depend on the policy.

    Attributes
    ----------
    store, study
        Archive.
    baseline, target
        Policy of comparison, and budget of false halts.
    certificates, n_attempts
        Certificates of the store, and number of attempts at one.
    """

    store: Store
    study: Study
    baseline: Baseline
    target: RiskTarget
    certificates: tuple[Certificate, ...]
    n_attempts: int

    @property
    def data(self) -> TuneData:
        """Sessions that are not sealed."""
        return self.study.open

    def view(self) -> AnalysisView:
        """Return the results of the limits in use; those of the last policy are cached."""
        policy = current_policy(self.data.default_policy)
        last: tuple[Analysis, AnalysisView] | None = st.session_state.get(_LAST_VIEW)
        if last is not None and last[0] is self and last[1].policy == policy:
            return last[1]
        view = self._view(policy)
        st.session_state[_LAST_VIEW] = (self, view)
        return view

    def _view(self, policy: HaltPolicy) -> AnalysisView:
        labelled, replay = self.data.labelled, replay_of(self.data, policy)
        numbers = evaluate(labelled, replay.outcomes(policy), policy)
        changed, counts = flips_between(labelled, self.baseline.outcomes, numbers.outcomes)
        return AnalysisView(
            self.data,
            replay,
            numbers,
            self.baseline,
            self.target,
            changed,
            counts,
            sensitivity(labelled, replay, policy),
        )
