"""Analysis of a release policy on an archive: leak and wait, for every length of holding back."""

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from director_ai.core.halting.release_policy import ReleasePolicy
from director_ai.errors import InvalidRequestError
from director_ai.replay.curves import FloatArray
from director_ai.tuning.analysis import PolicyAnalysis
from director_ai.tuning.evaluation.evaluation import Rate
from director_ai.tuning.evaluation.leak_frontier import (
    MOST_HELD,
    LeakFrontier,
    leak_frontier,
)
from director_ai.tuning.evaluation.token_counts import TokenCounts
from director_ai.tuning.evaluation.waits import Waits, assumed_times, share_later, waits

TOKEN_S: Final = 0.04
"""Seconds a token is taken to last where no times are kept."""


@dataclass(frozen=True, slots=True, eq=False)
class ReleaseAnalysis:
    """Results of one way of holding back, under one policy.

    Attributes
    ----------
    release
        Rules of the release; its ``hold_back`` is one of those looked at.
    frontier, waits
        Leak and wait at every length of a hold.
    is_timed
        Whether waits are of recorded times, not of ``TOKEN_S`` a token.
    later
        Share of good tokens shown later at every hold; ``None`` where all are, held always.
    """

    release: ReleasePolicy
    frontier: LeakFrontier
    waits: Waits
    is_timed: bool
    later: FloatArray | None

    @property
    def leaked(self) -> TokenCounts:
        """Tokens leaked at the hold in use."""
        return self.frontier.counts_at(self.release.hold_back)

    @property
    def nothing(self) -> Rate:
        """Share of the bad sessions of which nothing leaks, at the hold in use."""
        return self.frontier.nothing_at(self.release.hold_back)

    def wait_s(self, share: float) -> float:
        """Return a quantile of the wait at the hold in use, in seconds; nan of no session."""
        return float(self.waits.quantile(share)[self.release.hold_back])

    def held(self, hold_back: int) -> "ReleaseAnalysis":
        """Return the results at another hold."""
        return replace(self, release=replace(self.release, hold_back=_checked(hold_back)))

    def rows(self) -> list[dict[str, Any]]:
        """Return the results at every hold as plain values; ``None`` where one is not defined."""
        frontier, (median, p90) = self.frontier, self.frontier.quantiles
        later = np.full(len(frontier.holds), np.nan) if self.later is None else self.later
        columns = {
            "mean_leaked": frontier.mean,
            "median_leaked": median,
            "p90_leaked": p90,
            "nothing_leaked": frontier.nothing,
            "good_tokens_lost": frontier.lost,
            "wait_median_s": self.waits.quantile(0.5),
            "wait_p95_s": self.waits.quantile(0.95),
            "good_tokens_later": later,
        }
        return [
            {"hold_back": int(hold)}
            | {
                name: None if np.isnan(values[row]) else round(float(values[row]), 6)
                for name, values in columns.items()
            }
            for row, hold in enumerate(frontier.holds)
        ]


def analyse_release(
    analysis: PolicyAnalysis, release: ReleasePolicy, times: FloatArray | None = None
) -> ReleaseAnalysis:
    """Return leak and wait of a release policy under the limits that were analysed.

    Parameters
    ----------
    analysis
        Results of the limits.
    release
        Rules of the release.
    times
        Of the analysed sessions, see :func:`director_ai.tuning.evaluation.waits.recorded_times`.

    Raises
    ------
    InvalidRequestError
        If more tokens are held back than a frontier looks at.
    """
    _checked(release.hold_back)
    curves, policy = analysis.replay.curves, analysis.policy
    data = replace(analysis.data.labelled, curves=curves)
    is_timed = times is not None and not np.isnan(times[:, 0]).all()
    known = times if times is not None and is_timed else assumed_times(curves, TOKEN_S)
    later = None
    if release.when == "warned" and release.unit == "token":
        later = share_later(curves, data.good, policy.soft_limit)
    return ReleaseAnalysis(
        release,
        leak_frontier(data, analysis.evaluation.outcomes, policy, release),
        waits(curves, known, release, policy.soft_limit),
        is_timed,
        later,
    )


def _checked(hold_back: int) -> int:
    if hold_back > MOST_HELD:
        raise InvalidRequestError(f"hold_back must be at most {MOST_HELD}, got {hold_back!r}")
    return hold_back
