"""The debug view of every token of a stream."""

from collections.abc import Callable
from typing import Any

from director_ai.core.halting import downward_trend, window_average
from director_ai.core.halting.machine import HaltMachine

# Tokens from one refresh of the sums to the next, so that their rounding errors never pile up.
_REFRESH = 256

# Added and taken away again, it rounds to a whole number: floats of its size have no fractions.
_WHOLE = 1.5 * 2.0**52


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
    window_sum = trend_sum = fall = 0.0
    summed_up_to = refresh_at = 0

    counted, cadence = machine.holds_scores, machine.cadence

    # Variables of a closure: attributes would cost a quarter more, for every token.
    def take(index: int, score: float, scored: bool) -> dict[str, Any]:
        nonlocal window_sum, trend_sum, fall, summed_up_to, refresh_at
        n_scores = index + 1
        # A score that was taken back and given anew leaves the sums behind.
        if index == summed_up_to and index < refresh_at:
            window_sum += score - scores[index - window]
            oldest = scores[index - trend]
            # Every score kept moves one place towards the oldest and weighs two more.
            before = trend_sum
            trend_sum = before + score - oldest
            fall += before + trend_sum - trend * (oldest + score)
            summed_up_to = n_scores
            mean, drop = window_sum * mean_scale, fall * drop_scale
            whole_mean, whole_drop = mean + _WHOLE - _WHOLE, drop + _WHOLE - _WHOLE
            if -0.499 < mean - whole_mean < 0.499 and -0.499 < drop - whole_drop < 0.499:
                window_avg, trend_drop = whole_mean / 1e6, whole_drop / 1e6
            else:
                # So near a tie that only the defined sums tell which way to round.
                window_avg, trend_drop = defined()
        else:
            window_avg, trend_drop = defined()
            if n_scores >= window and n_scores >= trend:
                last = scores[-trend:]
                window_sum, trend_sum = sum(scores[-window:]), sum(last)
                fall = sum((trend - 1 - 2 * k) * value for k, value in enumerate(last))
                summed_up_to, refresh_at = n_scores, n_scores + max(_REFRESH, window, trend)
        return {
            "index": index,
            "coherence": score,
            "window_avg": window_avg,
            "trend_drop": trend_drop,
            "accumulated_tokens": n_scores,
            "scored": scored,
            "cadence": machine.cadence if counted else cadence,
        }

    def defined() -> tuple[float, float]:
        mean = window_average.statistic(scores[-window:])
        return round(mean, 6), round(downward_trend.statistic(scores[-trend:]), 6)

    return take
