"""Margins: the smallest distance of every session from each limit."""

import numpy as np

from director_ai.core.halting.downward_trend import LARGEST_DROP
from director_ai.core.halting.policy import HaltPolicy
from director_ai.replay.curves import FloatArray
from director_ai.replay.engine import Replay


def margins(replay: Replay, policy: HaltPolicy) -> FloatArray:
    """Return the smallest distance of each session from each limit, over all that was recorded.

    Parameters
    ----------
    replay, policy
        The sessions, and the limits; the policy's windows must be those of the replay.

    Returns
    -------
    FloatArray of shape (n_sessions, 3)
        By hard limit, window and trend: how far the lowest score and the lowest mean lie above
        their limits and the largest drop below its own. Negative where the rule holds, nan where
        it is off or its window is never full.

    Raises
    ------
    ValueError
        If the policy's windows are not those of this replay.

    Examples
    --------
    >>> from director_ai.replay.curves import Curves
    >>> replay = Replay(Curves.from_scores([[0.9, 0.6], [0.4]]), window_size=2, trend_window=9)
    >>> policy = HaltPolicy(window_size=2, trend_window=9)
    >>> margins(replay, policy).round(2).tolist()
    [[0.1, 0.2, nan], [-0.1, nan, nan]]
    """
    replay.check(policy)
    limits = np.array([policy.hard_limit, policy.window_threshold, -policy.trend_threshold])
    is_off = [
        policy.hard_limit <= 0.0,
        policy.window_threshold <= 0.0,
        policy.trend_threshold >= LARGEST_DROP,
    ]
    distances: FloatArray = (replay.extremes() - limits[:, None]).T
    distances[np.isinf(distances)] = np.nan
    distances[:, is_off] = np.nan
    return distances
