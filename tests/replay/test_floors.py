"""The floors: a stream halts exactly where its curve goes under the highest of them."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from director_ai import HaltPolicy
from director_ai.core.halting.downward_trend import coefficients
from director_ai.core.halting.machine import HaltMachine
from director_ai.core.halting.reason import MECHANISMS
from director_ai.replay.floors import floors, margin_units, statistic_margins

ROUNDING = 1e-11
"""What the order of the additions may cost; the kernel's tolerance is a hundred times as much."""

SCORES = st.lists(st.floats(0.0, 1.0, allow_nan=False), min_size=1, max_size=60)
POLICIES = st.builds(
    HaltPolicy,
    hard_limit=st.sampled_from([0.2, 0.5]),
    window_size=st.integers(1, 12),
    window_threshold=st.sampled_from([0.3, 0.55]),
    trend_window=st.integers(2, 8),
    trend_threshold=st.sampled_from([0.1, 0.3]),
    halt_mode=st.just("observe"),
)


@given(SCORES, POLICIES)
def test_a_rule_holds_exactly_where_the_score_is_under_its_floor(scores, policy):
    machine = HaltMachine(policy)
    verdicts = [machine.push("", score) for score in scores]

    array = np.array(scores)
    margins = statistic_margins(array, floors(array, policy), policy)

    for index, verdict in enumerate(verdicts):
        holding = {alarm.mechanism for alarm in verdict.alarms}
        for row, mechanism in enumerate(MECHANISMS):
            margin = margins[row, index]
            if not abs(margin) < ROUNDING:
                assert (mechanism in holding) == (margin < 0), (index, mechanism, margin)


@given(SCORES, POLICIES)
def test_a_score_at_a_floor_goes_on_and_one_just_under_it_does_not(scores, policy):
    bounds = floors(np.array(scores), policy).stacked()[:, -1]

    for floor, mechanism in zip(bounds, MECHANISMS, strict=True):
        for under, holds in ((-ROUNDING, False), (ROUNDING, True), (1e-6, True)):
            if 0 <= floor - under <= 1:
                machine = HaltMachine(policy)
                verdicts = [machine.push("", score) for score in [*scores, floor - under]]
                held = {alarm.mechanism for alarm in verdicts[-1].alarms}
                assert (mechanism in held) == holds, (mechanism, floor, under)


@pytest.mark.parametrize("size", range(2, 13))
def test_a_tie_is_never_drawn_under_its_floor(size):
    policy = HaltPolicy(window_size=size, window_threshold=0.55)
    level, falling = np.full(40, 0.55), 0.9 - np.arange(20) * 0.15 / 4

    assert np.nanmin(statistic_margins(level, floors(level, policy), policy)[1]) > 0
    policy = HaltPolicy(trend_window=5, trend_threshold=0.15)
    assert np.nanmin(statistic_margins(falling, floors(falling, policy), policy)[2]) > 0


def test_the_last_floor_is_of_the_token_to_come():
    policy = HaltPolicy(window_size=3, window_threshold=0.6, trend_window=2, trend_threshold=0.1)

    computed = floors(np.array([0.9, 0.7]), policy)

    assert computed.window[-1] == pytest.approx(3 * (0.6 - 1e-9) - 0.9 - 0.7, rel=1e-12)
    assert computed.trend[-1] == pytest.approx(0.7 - (0.1 + 1e-9), rel=1e-12)
    assert computed.hard[-1] == 0.5


def test_a_rule_has_no_floor_until_its_window_is_full():
    computed = floors(np.array([0.9, 0.9, 0.9]), HaltPolicy(window_size=3, trend_window=2))

    assert np.isnan(computed.window[:2]).all()
    assert not np.isnan(computed.window[2:]).any()
    assert math.isnan(computed.trend[0])


@pytest.mark.parametrize(
    ("off", "row"),
    [
        (HaltPolicy(hard_limit=0), 0),
        (HaltPolicy(window_threshold=0), 1),
        (HaltPolicy(trend_threshold=1.5), 2),
    ],
)
def test_a_rule_that_is_off_has_no_floor(off, row):
    assert np.isnan(floors(np.full(20, 0.9), off).stacked()[row]).all()


def test_a_stream_without_tokens_has_the_floor_of_its_first():
    computed = floors(np.empty(0), HaltPolicy(window_size=1))

    assert computed.hard.tolist() == [0.5]
    assert computed.window.tolist() == [0.55 - 1e-9]
    highest, row = computed.highest()
    assert (highest.tolist(), row.tolist()) == ([0.55 - 1e-9], [1])


def test_margins_in_the_unit_of_each_statistic_are_statistic_minus_limit() -> None:
    policy = HaltPolicy(window_size=3, trend_window=4)
    scores = np.array([0.9, 0.8, 0.85, 0.6, 0.55, 0.7])
    computed = floors(scores, policy)

    hard, window, trend = statistic_margins(scores, computed, policy)

    assert np.allclose(hard, scores - policy.hard_limit)
    assert np.allclose(window[2:], computed.mean[2:] - policy.window_threshold, atol=1e-8)
    assert np.allclose(trend[3:], policy.trend_threshold - computed.drop[3:], atol=1e-8)


def test_a_score_moves_the_drop_by_the_weight_of_the_newest_token():
    for n in range(2, 60):
        newest = margin_units(HaltPolicy(trend_window=n))[2]

        assert newest == -coefficients(n)[-1]
