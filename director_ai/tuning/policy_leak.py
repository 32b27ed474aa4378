"""Policy leak: tokens that readers see of bad answers from their onset on, under changed limits."""

from typing import NamedTuple

import numpy as np

from director_ai.core.halting.release_policy import ReleasePolicy
from director_ai.replay.crossings import NEVER
from director_ai.replay.curves import BoolArray, IntArray
from director_ai.tuning.cadence import inexact, replay_under
from director_ai.tuning.evaluation.leak_frontier import leak_frontier
from director_ai.tuning.labelled import LabelledCurves
from director_ai.tuning.policy_change import Assignment
from director_ai.tuning.study import TuneData


class PolicyLeak(NamedTuple):
    """Leak of the bad sessions with a known onset.

    Attributes
    ----------
    tokens
        Tokens shown from the onset on; 0 where it is not known. Shape (n_sessions,).
    known, unknown
        Sessions of which it is known, and of which not: masks of shape (n_sessions,).
    """

    tokens: IntArray
    known: BoolArray
    unknown: BoolArray

    @property
    def mean(self) -> float:
        """Mean of the known ones; nan of none."""
        return float(self.tokens[self.known].mean()) if self.known.any() else np.nan

    @classmethod
    def of(cls, data: TuneData, limits: Assignment, release: ReleasePolicy) -> "PolicyLeak":
        """Return the leak under some limits and one way of holding back.

        Parameters
        ----------
        data
            Sessions.
        limits
            Limits of each.
        release
            Rules by which text that passed is shown.
        """
        labelled = data.labelled
        tokens = np.zeros(labelled.n_sessions, np.int64)
        has_onset = labelled.bad & (labelled.onsets != NEVER)
        known = np.zeros(labelled.n_sessions, bool)
        for place, policy in enumerate(limits.policies):
            exact = ~inexact(data, policy).either
            rows = np.flatnonzero(has_onset & exact & (limits.policy_of == place))
            replay = replay_under(labelled.curves.select(rows), policy)
            outcomes = replay.outcomes(policy)
            part = LabelledCurves(
                replay.curves, labelled.labels[rows], labelled.onsets[rows], labelled.groups[rows]
            )
            frontier = leak_frontier(part, outcomes, policy, release, np.array([release.hold_back]))
            ended = rows[~outcomes.unknown & ~outcomes.unfinished]
            tokens[ended], known[ended] = frontier.leaked[0], True
        return cls(tokens, known, has_onset & ~known)
