"""Counterfactuals of a halt: the nearest limit of each rule at which it would not have happened."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.halting.reason import Alarm, Mechanism
from director_ai.replay.judgement import Judgement, judge

Limit = Literal["hard_limit", "window_threshold", "trend_threshold"]

LIMITS: dict[Mechanism, Limit] = {
    "hard_limit": "hard_limit",
    "window_avg": "window_threshold",
    "downward_trend": "trend_threshold",
}
"""The policy field behind each mechanism."""


@dataclass(frozen=True, slots=True)
class Counterfactual:
    """One limit loosened just enough for one halt.

    Attributes
    ----------
    limit
        Field of the policy.
    value
        Nearest four-decimal value at which its rule no longer holds at that token.
    judgement
        What the policy with that one change makes of the recording.
    """

    limit: Limit
    value: float
    judgement: Judgement


def counterfactuals(
    tokens: Sequence[str], scores: Sequence[float], policy: HaltPolicy, *, complete: bool
) -> list[Counterfactual]:
    """Return, for every rule that held at the halt, the smallest change that undoes it.

    Where several rules held at that token, undoing one leaves the others: ``judgement`` shows it.

    Examples
    --------
    >>> change, = counterfactuals(["a", "b"], [0.9, 0.4213], HaltPolicy(), complete=True)
    >>> change.limit, change.value, change.judgement.outcome
    ('hard_limit', 0.4213, 'completes')
    """
    changes = []
    for alarm in judge(tokens, scores, policy, complete=complete).alarms:
        name = LIMITS[alarm.mechanism]
        value = lenient(alarm)
        loosened = HaltPolicy.from_dict({**policy.to_dict(), name: value})
        changes.append(
            Counterfactual(name, value, judge(tokens, scores, loosened, complete=complete))
        )
    return changes


def lenient(alarm: Alarm) -> float:
    """Return the alarm's statistic rounded to four decimals on the side that does not halt.

    >>> lenient(Alarm("downward_trend", 9, observed=0.23451, threshold=0.15))
    0.2346
    """
    scaled = alarm.observed * 1e4
    if alarm.mechanism == "downward_trend":
        return math.ceil(scaled - 1e-6) / 1e4
    steps = math.floor(scaled + 1e-6)
    if alarm.mechanism == "hard_limit" and steps / 1e4 > alarm.observed:
        # A mean a hair under its threshold is a tie to the kernel; a score under its limit is none.
        steps -= 1
    return steps / 1e4
