"""Leak frontier: tokens shown after an answer went wrong, for every length of holding back."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.halting.release_policy import ReleasePolicy
from director_ai.replay.crossings import NEVER
from director_ai.replay.curves import BoolArray, FloatArray, IntArray
from director_ai.replay.engine import HARD, Outcomes
from director_ai.replay.shown import shown
from director_ai.tuning.evaluation.evaluation import Rate
from director_ai.tuning.evaluation.intervals import grouped_wilson
from director_ai.tuning.evaluation.outcome_classes import classify, released
from director_ai.tuning.evaluation.token_counts import TokenCounts
from director_ai.tuning.labelled import LabelledCurves

MOST_HELD: Final = 64
"""Longest hold of a frontier, in tokens."""

HOLDS: Final[IntArray] = np.arange(MOST_HELD + 1)
"""Holds of a frontier: each length up to the longest."""


@dataclass(frozen=True, slots=True, eq=False)
class LeakFrontier:
    """Tokens from the onset on that readers of bad answers get, for each length of a hold.

    Attributes
    ----------
    holds
        Tokens held back, ascending; shape (n_holds,).
    leaked
        Tokens of each bad session with a known onset and a known end; shape (n_holds, n_sessions).
    groups
        Number of each of these sessions' group; shape (n_sessions,).
    lost
        Good tokens that false halts drop, mean over the false halts; nan without one. Shape
        (n_holds,).
    is_missed
        Which of the sessions are let through, so that no hold helps; shape (n_sessions,).
    n_no_onset, n_unknown
        Bad sessions left out: without an onset, and with an end that is not known.
    """

    holds: IntArray
    leaked: IntArray
    groups: IntArray
    lost: FloatArray
    is_missed: BoolArray
    n_no_onset: int
    n_unknown: int

    @property
    def n_sessions(self) -> int:
        """Sessions counted."""
        return len(self.groups)

    @property
    def mean(self) -> FloatArray:
        """Mean tokens leaked at each hold; nan of no session."""
        if not self.n_sessions:
            return np.full(len(self.holds), np.nan)
        mean: FloatArray = self.leaked.mean(axis=1)
        return mean

    @property
    def floor(self) -> float:
        """Part of the mean that no hold takes away: that of the sessions let through."""
        if not self.n_sessions:
            return np.nan
        return float(self.leaked[0] @ self.is_missed) / self.n_sessions

    @property
    def quantiles(self) -> FloatArray:
        """Median and 90th percentile of the tokens leaked; shape (2, n_holds), nan of none."""
        if not self.n_sessions:
            return np.full((2, len(self.holds)), np.nan)
        return np.percentile(self.leaked, [50, 90], axis=1)

    @property
    def nothing(self) -> FloatArray:
        """Share of the sessions of which nothing leaks, at each hold; nan of none."""
        if not self.n_sessions:
            return np.full(len(self.holds), np.nan)
        share: FloatArray = (self.leaked == 0).mean(axis=1)
        return share

    def counts_at(self, hold_back: int) -> TokenCounts:
        """Return the tokens leaked at one hold, with intervals by groups."""
        return TokenCounts.of(self.leaked[self._row(hold_back)], self.groups)

    def nothing_at(self, hold_back: int) -> Rate:
        """Return the share of the sessions of which nothing leaks, with its interval by groups."""
        _, groups = np.unique(self.groups, return_inverse=True)
        sizes = np.bincount(groups)
        clean = np.bincount(groups[self.leaked[self._row(hold_back)] == 0], minlength=len(sizes))
        ends = grouped_wilson(clean, sizes)
        n, n_clean = self.n_sessions, int(clean.sum())
        n_groups = len(sizes) if len(sizes) < n else 0
        return Rate(n_clean, n_clean, n, ends.low, ends.high, n_groups)

    def lost_at(self, hold_back: int) -> float:
        """Return the mean of good tokens that a false halt drops at one hold; nan without one."""
        return float(self.lost[self._row(hold_back)])

    def _row(self, hold_back: int) -> int:
        row = int(np.searchsorted(self.holds, hold_back))
        if row == len(self.holds) or self.holds[row] != hold_back:
            raise ValueError(
                f"hold_back must be one of the frontier's holds, up to {self.holds[-1]}, "
                f"got {hold_back!r}"
            )
        return row


def leak_frontier(
    data: LabelledCurves,
    outcomes: Outcomes,
    policy: HaltPolicy,
    release: ReleasePolicy,
    holds: IntArray = HOLDS,
) -> LeakFrontier:
    """Return the frontier of one policy and one way of holding back, at all lengths at once.

    Parameters
    ----------
    data
        Sessions with their scores as the policy's cadence holds them.
    outcomes, policy
        The limits, and their outcome of every session.
    release
        Rules of the release; its ``hold_back`` gives way to ``holds``.
    holds
        Tokens held back, ascending.

    Examples
    --------
    >>> from director_ai.tuning.evaluation.outcome_classes import outcomes_under
    >>> scores = [[0.9, 0.6, 0.55, 0.2], [0.9, 0.7, 0.7, 0.7]]
    >>> data = LabelledCurves.from_scores(scores, labels=[1, 1], onsets=[1, 2])
    >>> policy = HaltPolicy(window_threshold=0.0, trend_threshold=1.5)
    >>> halts = outcomes_under(data, policy)
    >>> found = leak_frontier(data, halts, policy, ReleasePolicy(), np.arange(4))
    >>> found.mean.tolist(), found.floor
    ([2.0, 1.5, 1.0, 1.0], 1.0)
    """
    passed = released(data, outcomes, policy)
    # Only a halt that withholds its token drops what is held: a soft one shows its sentence.
    drops = outcomes.halts & (policy.halt_mode != "observe")
    if policy.halt_mode == "soft":
        drops &= outcomes.mechanism == HARD
    has_onset = data.bad & (data.onsets != NEVER)
    is_known = ~outcomes.unknown & ~outcomes.unfinished
    rows = np.flatnonzero(has_onset & is_known)
    dropped = np.flatnonzero(drops[rows])
    false = np.flatnonzero(classify(data, outcomes).false & drops)
    both = np.concatenate([rows[dropped], false])
    kept = shown(data.curves, both, passed[both], release, policy.soft_limit, holds)
    seen = np.repeat(passed[rows][None], len(holds), axis=0)
    seen[:, dropped] = kept[:, : len(dropped)]
    lost = passed[false] - kept[:, len(dropped) :]
    return LeakFrontier(
        holds=holds,
        leaked=np.maximum(0, seen - data.onsets[rows]),
        groups=data.groups[rows],
        lost=lost.mean(axis=1) if len(false) else np.full(len(holds), np.nan),
        is_missed=outcomes.completes[rows],
        n_no_onset=int((data.bad & (data.onsets == NEVER)).sum()),
        n_unknown=int((has_onset & ~is_known).sum()),
    )
