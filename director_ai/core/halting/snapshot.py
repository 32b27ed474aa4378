"""The debug view of every token of a stream."""

from typing import Any

from director_ai.core.halting import downward_trend, window_average
from director_ai.core.halting.machine import HaltMachine

# Tokens from one refresh of the sums to the next, so that their rounding errors never pile up.
_REFRESH = 256

# Added and taken away again, it rounds to a whole number: floats of its size have no fractions.
_WHOLE = 1.5 * 2.0**52


class Snapshots:
    """Makes the snapshots of one stream, from running sums of its own.

    The machine's lie idle while a stream is calm.

    Parameters
    ----------
    machine
        What judges the stream; asked for a snapshot after every score it was given.

    Examples
    --------
    >>> from director_ai.core.halting.policy import HaltPolicy
    >>> machine = HaltMachine(HaltPolicy(window_size=2))
    >>> snapshots = Snapshots(machine)
    >>> verdict = machine.push("Hi", 0.9)
    >>> snapshots.take(scored=True)["window_avg"]
    0.9
    """

    __slots__ = (
        "_drop_scale",
        "_fall",
        "_machine",
        "_mean_scale",
        "_refresh_at",
        "_scores",
        "_trend_sum",
        "_trend_window",
        "_window_size",
        "_window_sum",
    )

    def __init__(self, machine: HaltMachine) -> None:
        self._machine = machine
        self._scores = machine.scores
        self._window_size = machine.policy.window_size
        self._trend_window = trend = machine.policy.trend_window
        # From the sums over full windows to their statistics in millionths.
        self._mean_scale = 1e6 / self._window_size
        self._drop_scale = 6e6 / (trend * (trend + 1))
        self._window_sum = self._trend_sum = self._fall = 0.0
        self._refresh_at = 0

    def take(self, scored: bool) -> dict[str, Any]:
        """Return the view of the last token, its statistics rounded to six places."""
        scores = self._scores
        n_scores = len(scores)
        index = n_scores - 1
        score = scores[index]
        if index < self._refresh_at:
            self._window_sum = total = self._window_sum + score - scores[index - self._window_size]
            trend = self._trend_window
            oldest = scores[index - trend]
            # Every score kept moves one place towards the oldest and weighs two more.
            before = self._trend_sum
            self._trend_sum = after = before + score - oldest
            self._fall = fall = self._fall + before + after - trend * (oldest + score)
            mean, drop = total * self._mean_scale, fall * self._drop_scale
            whole_mean, whole_drop = mean + _WHOLE - _WHOLE, drop + _WHOLE - _WHOLE
            if -0.499 < mean - whole_mean < 0.499 and -0.499 < drop - whole_drop < 0.499:
                window_avg, trend_drop = whole_mean / 1e6, whole_drop / 1e6
            else:
                # So near a tie that only the defined sums tell which way to round.
                window_avg, trend_drop = self._defined()
        else:
            self._refresh(n_scores)
            window_avg, trend_drop = self._defined()
        return {
            "index": index,
            "coherence": score,
            "window_avg": window_avg,
            "trend_drop": trend_drop,
            "accumulated_tokens": n_scores,
            "scored": scored,
            "cadence": self._machine.cadence,
        }

    def retract(self) -> None:
        """Forget the last token, as the machine has."""
        self._refresh_at = 0

    def _defined(self) -> tuple[float, float]:
        scores = self._scores
        mean = window_average.statistic(scores[-self._window_size :])
        return round(mean, 6), round(downward_trend.statistic(scores[-self._trend_window :]), 6)

    def _refresh(self, n_scores: int) -> None:
        """Take the sums anew, once both windows are full."""
        if n_scores < max(self._window_size, self._trend_window):
            return
        last = self._scores[-self._trend_window :]
        self._window_sum = sum(self._scores[-self._window_size :])
        self._trend_sum = sum(last)
        self._fall = sum((len(last) - 1 - 2 * k) * score for k, score in enumerate(last))
        self._refresh_at = n_scores + max(_REFRESH, len(last), self._window_size)
