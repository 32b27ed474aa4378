"""Closest call: the smallest margin of a stream to a halt."""

from collections.abc import Sequence
from typing import NamedTuple

from director_ai.core.halting import downward_trend, hard_limit, window_average
from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.halting.reason import Mechanism

_REFRESH = 256


class ClosestCall(NamedTuple):
    """The smallest margin of a stream.

    Attributes
    ----------
    margin
        Distance of a rule's statistic from its threshold, in the statistic's own unit: score minus
        hard limit, mean minus window limit, largest allowed drop minus drop. Negative where the
        rule held.
    token, mechanism
        The token, and the rule.
    """

    margin: float
    token: int
    mechanism: Mechanism


def closest_call(scores: Sequence[float], policy: HaltPolicy) -> ClosestCall | None:
    """Return the closest call of a stream, or ``None`` where no rule was ever armed.

    The statistics are running sums: good to rank sessions by, while whether a rule holds is for
    the machine alone to say.

    Examples
    --------
    >>> closest_call([0.9, 0.6, 0.8], HaltPolicy(hard_limit=0.5, window_size=2))
    ClosestCall(margin=0.09999999999999998, token=1, mechanism='hard_limit')
    """
    size, length = policy.window_size, policy.trend_window
    hard = policy.hard_limit if policy.hard_limit > 0 else -1.0
    windowed = policy.window_threshold > 0
    trending = policy.trend_threshold < downward_trend.LARGEST_DROP
    best: ClosestCall | None = None
    total = fall = trend_sum = 0.0
    for index, score in enumerate(scores):
        if index % _REFRESH == 0:
            # Taken anew now and then, so that rounding errors never pile up.
            total = sum(scores[max(0, index - size) : index])
            last = scores[max(0, index - length) : index]
            trend_sum = sum(last)
            fall = sum((len(last) - 1 - 2 * k) * value for k, value in enumerate(last))
        total += score - (scores[index - size] if index >= size else 0.0)
        if index >= length:
            oldest = scores[index - length]
            fall += 2 * trend_sum - (length + 1) * oldest - (length - 1) * score
            trend_sum += score - oldest
        else:
            fall += trend_sum - index * score
            trend_sum += score
        if hard >= 0 and (best is None or score - hard < best.margin):
            best = ClosestCall(score - hard, index, hard_limit.NAME)
        if windowed and index + 1 >= size:
            margin = total / size - policy.window_threshold
            if best is None or margin < best.margin:
                best = ClosestCall(margin, index, window_average.NAME)
        if trending and index + 1 >= length:
            margin = policy.trend_threshold - fall * 6.0 / (length * (length + 1))
            if best is None or margin < best.margin:
                best = ClosestCall(margin, index, downward_trend.NAME)
    return best
