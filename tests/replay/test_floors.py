"""The floors: a stream halts exactly where its curve goes under the highest of them."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from director_ai import HaltPolicy
from director_ai.core.halting.machine import HaltMachine
from director_ai.replay.floors import floors

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

    margins = floors(np.array(scores), policy).margins(np.array(scores))

    for index, verdict in enumerate(verdicts):
        holding = {alarm.mechanism for alarm in verdict.alarms}
        for row, mechanism in enumerate(("hard_limit", "window_avg", "downward_trend")):
            margin = margins[row, index]
            if not abs(margin) < 1e-6:  # a tie, which the tolerance settles
                assert (mechanism in holding) == (margin < 0), (index, mechanism, margin)


def test_the_last_floor_is_of_the_token_to_come():
    policy = HaltPolicy(window_size=3, window_threshold=0.6, trend_window=2, trend_threshold=0.1)

    computed = floors(np.array([0.9, 0.7]), policy)

    assert computed.window[-1] == pytest.approx(3 * 0.6 - 0.9 - 0.7)
    assert computed.trend[-1] == pytest.approx(0.7 - 0.1)
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
    assert computed.window.tolist() == [0.55]
    highest, row = computed.highest()
    assert (highest.tolist(), row.tolist()) == ([0.55], [1])
