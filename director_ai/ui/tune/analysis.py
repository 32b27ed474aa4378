"""Analysis of the archive on the Tune page, under the limits in use."""

import hashlib
from typing import Final, NamedTuple

import streamlit as st

from director_ai.core.halting.policy import HaltPolicy
from director_ai.storage.store import Store
from director_ai.tuning.analysis import AnalysisContext, PolicyAnalysis, analyse
from director_ai.tuning.search.selection import Search
from director_ai.tuning.study import TuneData
from director_ai.ui.components.cached_study import replay_of
from director_ai.ui.components.policy_editor import current_policy
from director_ai.ui.tune.slice_filters import Slice

_LAST_VIEW: Final = "tune_view"


class Analysis(NamedTuple):
    """Inputs of the Tune page that do not depend on the policy.

    Attributes
    ----------
    store
        Archive.
    context
        Its sessions, the policy of comparison, the budget, and the certificates so far.
    part
        Slice that the sessions are of.
    """

    store: Store
    context: AnalysisContext
    part: Slice

    @property
    def data(self) -> TuneData:
        """Sessions that are not sealed."""
        return self.context.data

    def view(self) -> PolicyAnalysis:
        """Return the results of the limits in use; those of the last policy are cached."""
        policy = current_policy(self.data.default_policy)
        last: tuple[Analysis, PolicyAnalysis] | None = st.session_state.get(_LAST_VIEW)
        if last is not None and last[0] is self and last[1].policy == policy:
            return last[1]
        view = analyse(self.context, replay_of(self.data, policy), policy)
        st.session_state[_LAST_VIEW] = (self, view)
        return view


def search_key(analysis: Analysis, policy: HaltPolicy, search: Search) -> tuple[object, ...]:
    """Return the cache key of a search for limits: data, target, windows and cadence."""
    labelled = analysis.data.labelled
    labels = hashlib.sha256()
    for values in (labelled.labels, labelled.onsets, labelled.groups):
        labels.update(values.tobytes())
    cadence = (policy.score_every_n, policy.adaptive, policy.max_cadence)
    adapting = policy.soft_limit if policy.adaptive else None
    return (
        analysis.data.curves_digest,
        labels.hexdigest(),
        analysis.context.target,
        frozenset(search.pairs),
        cadence,
        adapting,
    )
