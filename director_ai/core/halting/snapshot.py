"""The debug view of every token of a stream."""

from collections.abc import Callable
from typing import Any

from director_ai.core.halting import downward_trend, window_average
from director_ai.core.halting.machine import HaltMachine

# Tokens from one refresh of the sums to the next, so that their rounding errors never pile up.
_REFRESH = 256


class _Snapshot:
    """Instance a snapshot is filled in as: the dictionaries of all instances share their keys.

    One takes half the room of a dictionary of its own, and two thirds of the time.
    """

    index: int
    coherence: float
    window_avg: float
    trend_drop: float
    accumulated_tokens: int
    scored: bool
    cadence: int


def snapshots(machine: HaltMachine) -> Callable[[int, float, bool], dict[str, Any]]:
    """Return the function that makes the snapshots of one stream.

    It keeps running sums of its own, as the machine's lie idle while a stream is calm.

    Parameters
    ----------
    machine
        What judges the stream. After every score it was given, the function is called with the
        token's index, its score and whether that was its own, and returns the view of the token,
        its statistics rounded to six places.

    Examples
    --------
    >>> from director_ai.core.halting.policy import HaltPolicy
    >>> machine = HaltMachine(HaltPolicy(window_size=2))
    >>> take = snapshots(machine)
    >>> verdict = machine.push("Hi", 0.9)
    >>> take(0, 0.9, True)["window_avg"]
    0.9
    """
    scores = machine.scores
    window, trend = machine.policy.window_size, machine.policy.trend_window
    # From the sums over full windows to their statistics in millionths.
    mean_scale, drop_scale = 1e6 / window, 6e6 / (trend * (trend + 1))
    weight = float(trend)
    window_sum = trend_sum = fall = 0.0
    # The token the sums are to be moved on by, and how many there are once they are taken anew.
    next_index = refresh_at = -1
    counted, cadence = machine.holds_scores, machine.cadence

    # Variables of a closure: attributes would cost a quarter more, for every token.
    def take(index: int, score: float, scored: bool) -> dict[str, Any]:
        nonlocal window_sum, trend_sum, fall, next_index, refresh_at
        snapshot = _Snapshot()
        snapshot.index = index
        snapshot.coherence = score
        n_scores = index + 1
        # A score that was taken back and given anew leaves the sums behind.
        if index == next_index:
            oldest = scores[index - trend]
            window_sum = mean = window_sum + score - scores[index - window]
            # Every score kept moves one place towards the oldest and weighs two more.
            before = trend_sum
            trend_sum = after = before + score - oldest
            fall = drop = fall + before + after - weight * (oldest + score)
            next_index = n_scores
            mean *= mean_scale
            drop *= drop_scale
            # Added and taken away again, this rounds: floats of its size have no fractions.
            whole_mean = mean + 1.5 * 2.0**52 - 1.5 * 2.0**52
            whole_drop = drop + 1.5 * 2.0**52 - 1.5 * 2.0**52
            mean -= whole_mean
            drop -= whole_drop
            if mean * mean < 0.499**2 and drop * drop < 0.499**2:
                snapshot.window_avg = whole_mean / 1e6
                snapshot.trend_drop = whole_drop / 1e6
            else:
                # So near a tie that only the defined sums tell which way to round.
                snapshot.window_avg, snapshot.trend_drop = defined()
            if n_scores == refresh_at:
                next_index = -1
        else:
            snapshot.window_avg, snapshot.trend_drop = defined()
            if n_scores >= window and n_scores >= trend:
                last = scores[-trend:]
                window_sum, trend_sum = sum(scores[-window:]), sum(last)
                fall = sum((trend - 1 - 2 * k) * value for k, value in enumerate(last))
                next_index, refresh_at = n_scores, n_scores + max(_REFRESH, window, trend)
        snapshot.accumulated_tokens = n_scores
        snapshot.scored = scored
        snapshot.cadence = machine.cadence if counted else cadence
        return snapshot.__dict__

    def defined() -> tuple[float, float]:
        mean = window_average.statistic(scores[-window:])
        return round(mean, 6), round(downward_trend.statistic(scores[-trend:]), 6)

    return take
