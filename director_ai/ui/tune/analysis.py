"""Analysis of the archive on the Tune page, under the limits in use."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, NamedTuple

import streamlit as st

from director_ai.core.halting.policy import DEFAULT_SOFT_LIMIT, HaltPolicy
from director_ai.replay.curves import FloatArray
from director_ai.replay.engine import Replay
from director_ai.storage.store import Store
from director_ai.tuning.analysis import AnalysisContext, PolicyAnalysis, analyse
from director_ai.tuning.archive_study import ArchiveStudy
from director_ai.tuning.elsewhere import Elsewhere
from director_ai.tuning.evaluation.evaluation import Evaluation, evaluate
from director_ai.tuning.evaluation.sweep import Grid
from director_ai.tuning.search.plateaus import all_tidied
from director_ai.tuning.search.selection import Search
from director_ai.tuning.study import TuneData
from director_ai.tuning.thresholds import OFF, with_thresholds
from director_ai.ui.components.cached_study import recorded_outcomes, replay_of
from director_ai.ui.components.policy_editor import current_policy
from director_ai.ui.tune.archive import counting
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
    archive
        Archive whose sessions they are; ``None`` where they are the store's.
    """

    store: Store
    context: AnalysisContext
    part: Slice
    archive: ArchiveStudy | None = None

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
        replay = replay_of(self.data, policy)
        if self.archive is not None:
            view = counting(self.archive).analyse(self.context, replay, policy)
        else:
            view = analyse(self.context, replay, policy)
        st.session_state[_LAST_VIEW] = (self, view)
        return view

    def lows_along(self, policy: HaltPolicy, rule: int) -> FloatArray | None:
        """Return the lows along a threshold of the sessions that are not at hand, if any.

        See :func:`director_ai.tuning.search.plateaus.lows_along`.
        """
        return None if self.archive is None else counting(self.archive).lows_along(policy, rule)

    def tidied(self, limits: Sequence[tuple[Replay, HaltPolicy]]) -> list[HaltPolicy]:
        """Return policies in the shortest decimals with the same outcome for every session."""
        if self.archive is not None:
            return counting(self.archive).tidied(limits)
        return all_tidied(limits)

    def recorded(self) -> Evaluation:
        """Return the results of the limits that the sessions were recorded under."""
        data, elsewhere = self.data, self.context.study.elsewhere or Elsewhere()
        found = evaluate(
            data.labelled, recorded_outcomes(data), data.default_policy, self.context.population
        )
        return replace(found, n_unknown=found.n_unknown + elsewhere.n_unknown)

    def evaluated(self, policy: HaltPolicy) -> Evaluation:
        """Return the results of any policy; of an archive without its halt rate."""
        data = self.data
        outcomes = replay_of(data, policy).outcomes(policy)
        found = evaluate(data.labelled, outcomes, policy, self.context.population)
        if self.archive is None:
            return found
        counts = counting(self.archive).grid_counts(policy, Grid.at(policy))
        return replace(found, n_unknown=found.n_unknown + int(counts.n_unknown.sum()))


def search_key(analysis: Analysis, policy: HaltPolicy, search: Search) -> tuple[object, ...]:
    """Return the cache key of a search for limits: data, target, windows, and what else decides."""
    labelled, elsewhere = analysis.data.labelled, analysis.context.study.elsewhere
    labels = hashlib.sha256()
    for values in (labelled.labels, labelled.onsets, labelled.groups):
        labels.update(values.tobytes())
    base = with_thresholds(policy, OFF)
    if not base.adaptive:
        # Then it warns, and decides nothing.
        base = replace(base, soft_limit=DEFAULT_SOFT_LIMIT)
    return (
        analysis.data.curves_digest,
        labels.hexdigest(),
        elsewhere.sha256 if elsewhere else "",
        analysis.context.target,
        frozenset(search.pairs),
        base,
    )
