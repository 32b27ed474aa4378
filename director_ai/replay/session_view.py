"""Session view: judgement, floors and margins of one stream under one policy."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Self

import numpy as np

from director_ai.core.halting import downward_trend, hard_limit, window_average
from director_ai.core.halting.closest_call import ClosestCall
from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.halting.reason import Mechanism
from director_ai.core.records.record import SessionRecord
from director_ai.replay.curves import FloatArray, IntArray, is_whole
from director_ai.replay.engine import NONE
from director_ai.replay.floors import Floors, floors, statistic_margins
from director_ai.replay.judgement import Judgement, judge

MECHANISMS: Final[tuple[Mechanism, ...]] = (
    hard_limit.NAME,
    window_average.NAME,
    downward_trend.NAME,
)
"""Mechanism of each rule, in the order of ``HARD``, ``WINDOW`` and ``TREND``."""


@dataclass(frozen=True, slots=True)
class SessionView:
    """A stream under a policy.

    Attributes
    ----------
    tokens, scores, held
        The stream so far; the last token may lack a score.
    policy
        The limits it is judged by.
    judgement
        Their outcome.
    floors
        Lowest passing scores; see :mod:`director_ai.replay.floors`.
    margins
        Distance of each rule's statistic from its threshold, shape (3, n_scored); negative where
        the rule is broken, nan where it is unarmed.
    """

    tokens: Sequence[str]
    scores: FloatArray
    held: Sequence[bool]
    policy: HaltPolicy
    judgement: Judgement
    floors: Floors
    margins: FloatArray

    @classmethod
    def of(
        cls,
        tokens: Sequence[str],
        scores: Sequence[float],
        held: Sequence[bool],
        policy: HaltPolicy,
        *,
        complete: bool,
    ) -> Self:
        """Return the view of a stream; ``complete`` if it ended by itself."""
        array = np.asarray(scores, dtype=float)
        computed = floors(array, policy)
        return cls(
            tokens,
            array,
            held,
            policy,
            judge(tokens, scores, policy, complete=complete),
            computed,
            statistic_margins(array, computed, policy),
        )

    @classmethod
    def of_record(cls, record: SessionRecord, policy: HaltPolicy) -> Self:
        """Return the view of a session; limits that only watched are let act.

        Watching tells where a rule would have held, but not where the stream would have ended.
        """
        return cls.of(
            record.tokens,
            record.scores,
            record.held,
            acting(policy),
            complete=is_whole(record),
        )

    @property
    def n_scored(self) -> int:
        """Tokens that have a score."""
        return len(self.scores)

    @property
    def delivered(self) -> int | None:
        """Tokens the reader gets, ``None`` for all."""
        return self.judgement.delivered(self.policy)

    def next_floor(self) -> tuple[float, Mechanism]:
        """Return the lowest passing score of the token to come, and its mechanism."""
        highest, rule = self.floors.highest()
        return float(highest[-1]), MECHANISMS[int(rule[-1])]

    def headroom(self) -> tuple[FloatArray, IntArray]:
        """Return each token's smallest margin, and the rule that leaves it.

        Returns
        -------
        tuple of arrays
            Of shape (n_scored,) each; ``inf`` and ``NONE`` where no rule is armed.

        Examples
        --------
        >>> view = SessionView.of(["a"], [0.9], [False], HaltPolicy(), complete=True)
        >>> [values.round(2).tolist() for values in view.headroom()]
        [[0.4], [0]]
        """
        armed = np.where(np.isnan(self.margins), np.inf, self.margins)
        smallest = armed.min(axis=0)
        return smallest, np.where(np.isfinite(smallest), armed.argmin(axis=0), NONE)

    def closest_call(self) -> ClosestCall | None:
        """Return the smallest margin of the stream; ``None`` where no rule was ever armed.

        The kernel's own statistics, where
        :func:`director_ai.core.halting.closest_call.closest_call` has running sums.
        """
        if not self.n_scored or np.isnan(self.margins).all():
            return None
        row, index = np.unravel_index(int(np.nanargmin(self.margins)), self.margins.shape)
        return ClosestCall(float(self.margins[row, index]), int(index), MECHANISMS[int(row)])

    def next_dip(self, after: int) -> int | None:
        """Return the next token at which the smallest margin is lower than before and behind it.

        From the last one on it is the first; ``None`` where there is none.
        """
        smallest, _ = self.headroom()
        # Of a level stretch, its first token.
        turns = np.flatnonzero(np.append(True, smallest[1:] != smallest[:-1])[: len(smallest)])
        levels = np.concatenate(([np.inf], smallest[turns], [np.inf]))
        dips = turns[(levels[1:-1] < levels[:-2]) & (levels[1:-1] < levels[2:])]
        if not len(dips):
            return None
        later = dips[dips > after]
        return int(later[0] if len(later) else dips[0])


def acting(policy: HaltPolicy) -> HaltPolicy:
    """Return the policy as one that stops.

    >>> acting(HaltPolicy(halt_mode="observe")).halt_mode
    'hard'
    """
    return replace(policy, halt_mode="soft" if policy.halt_mode == "soft" else "hard")
