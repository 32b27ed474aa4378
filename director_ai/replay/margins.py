"""Margins: the smallest distance of every session from each limit."""

import numpy as np

from director_ai.core.halting.policy import HaltPolicy
from director_ai.replay.curves import FloatArray
from director_ai.replay.engine import HARD, TREND, WINDOW, Replay, is_off, levels


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
        their limits and the largest drop below its own, with the kernel's tolerance. Negative
        where the rule holds, nan where it is off or its window is never full.

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
    distances: FloatArray = (replay.extremes() - np.array(levels(policy))[:, None]).T
    distances[np.isinf(distances)] = np.nan
    distances[:, [is_off(policy, rule) for rule in (HARD, WINDOW, TREND)]] = np.nan
    return distances
