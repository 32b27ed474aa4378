"""What it would take: the nearest limit that lets the halting token pass."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from director_ai import HaltPolicy
from director_ai.replay.counterfactual import counterfactuals
from director_ai.replay.judgement import judge

SCORES = st.lists(st.floats(0.0, 1.0, allow_nan=False), min_size=1, max_size=40)


@given(SCORES)
def test_the_relieved_rule_no_longer_holds_at_that_token(scores):
    tokens = ["x"] * len(scores)
    policy = HaltPolicy(window_size=4, trend_window=3)
    halt = judge(tokens, scores, policy, complete=True)

    changes = counterfactuals(tokens, scores, policy, complete=True)

    assert [change.limit for change in changes] == [
        {"hard_limit": "hard_limit", "window_avg": "window_threshold"}.get(
            alarm.mechanism, "trend_threshold"
        )
        for alarm in halt.alarms
    ]
    for change, alarm in zip(changes, halt.alarms, strict=True):
        at_halt = [a.mechanism for a in change.judgement.alarms if a.index == halt.trigger]
        assert alarm.mechanism not in at_halt


def test_the_relief_is_the_nearest_of_four_decimals():
    scores = [0.9, 0.43217]
    policy = HaltPolicy()

    (change,) = counterfactuals(["a", "b"], scores, policy, complete=True)

    assert change.value == 0.4321
    stricter = replace(policy, hard_limit=change.value + 1e-4)
    assert judge(["a", "b"], scores, stricter, complete=True).outcome == "halts"


def test_a_score_a_hair_under_four_decimals_is_let_pass():
    score = 1 - 0.9
    assert score < 0.1

    (change,) = counterfactuals(["a", "b"], [0.9, score], HaltPolicy(), complete=True)

    assert (change.value, change.judgement.outcome) == (0.0999, "completes")


def test_no_halt_needs_no_relief():
    assert counterfactuals(["a"], [0.9], HaltPolicy(), complete=True) == []
