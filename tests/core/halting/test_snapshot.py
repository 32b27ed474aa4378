"""The debug view is what the definitions say, whatever way it is computed."""

import random

from hypothesis import given
from hypothesis import strategies as st

from director_ai import HaltPolicy
from director_ai.core.halting import downward_trend, window_average
from director_ai.core.halting.machine import HaltMachine
from director_ai.core.halting.snapshot import snapshots

OFF = {"hard_limit": 0.0, "window_threshold": 0.0, "trend_threshold": 1.5, "soft_limit": 0.0}


def statistics(take, scores):
    snapshot = take(len(scores) - 1, scores[-1], True)
    return snapshot["window_avg"], snapshot["trend_drop"]


@given(
    st.lists(st.integers(0, 100).map(lambda k: k / 100), min_size=1, max_size=400),
    st.integers(1, 40),
    st.integers(2, 40),
)
def test_the_debug_view_shows_the_defined_statistics(scores, window_size, trend_window):
    machine = HaltMachine(
        HaltPolicy(**{**OFF, "window_size": window_size, "trend_window": trend_window})
    )
    take = snapshots(machine)
    for n, score in enumerate(scores, start=1):
        machine.push("", score)

        assert statistics(take, machine.scores) == (
            round(window_average.statistic(scores[max(0, n - window_size) : n]), 6),
            round(downward_trend.statistic(scores[max(0, n - trend_window) : n]), 6),
        )


def test_the_debug_view_rounds_as_the_defined_statistics_do_on_ties():
    # Sixty-fourths of a hundredth end in ...5 at the seventh place.
    size = 64
    machine = HaltMachine(HaltPolicy(**{**OFF, "window_size": size, "trend_window": size}))
    draw = random.Random(1)
    take = snapshots(machine)
    n_ties = 0
    for _ in range(2000):
        machine.push("", draw.randrange(101) / 100)
        last = machine.scores[-size:]
        n_ties += len(last) == size and round(sum(last) * 100) % 4 == 2

        assert statistics(take, machine.scores) == (
            round(window_average.statistic(last), 6),
            round(downward_trend.statistic(last), 6),
        )
    assert n_ties > 300


def test_an_error_in_the_running_sums_does_not_last():
    machine = HaltMachine(HaltPolicy(**OFF))
    take = snapshots(machine)
    sums = dict(zip(take.__code__.co_freevars, take.__closure__, strict=True))
    shown = []
    for n in range(600):
        machine.push("", 0.5)
        if n == 300:
            sums["window_sum"].cell_contents += 1.0
        shown.append(take(n, 0.5, True)["window_avg"])

    assert shown[300] == 0.6
    assert shown[600 - 44 :] == [0.5] * 44


def test_the_debug_view_shows_the_cadence_an_adaptive_stream_has_come_to():
    machine = HaltMachine(HaltPolicy(adaptive=True, max_cadence=3))
    take = snapshots(machine)
    shown = []
    for score in [0.9] * 5 + [0.55]:
        machine.push("", score)
        shown.append(take(len(machine.scores) - 1, score, True)["cadence"])

    assert shown == [2, 2, 3, 3, 3, 1]


def test_a_score_taken_back_leaves_no_trace_in_the_view():
    once, twice = HaltMachine(HaltPolicy(**OFF)), HaltMachine(HaltPolicy(**OFF))
    views = snapshots(once), snapshots(twice)
    for n, score in enumerate([0.9, 0.8, 0.7, 0.9, 0.6, 0.9, 0.8] * 60):
        if n in (0, 2, 3, 4, 5, 100, 300):
            twice.push("", 0.0)
            views[1](n, 0.0, True)
            twice.retract(with_decision=False)
        once.push("", score)
        twice.push("", score)

        assert statistics(views[0], once.scores) == statistics(views[1], twice.scores)
