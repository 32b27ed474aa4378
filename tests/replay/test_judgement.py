"""What a policy would have made of a recording: the kernel's own decisions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from director_ai import HaltPolicy, StreamingKernel
from director_ai.errors import InvalidScoreError
from director_ai.replay.judgement import judge

TOKENS = st.sampled_from([" word", ".", " end.", "\n", '."', ","])
SCORES = st.one_of(
    st.integers(40, 100).map(lambda hundredths: hundredths / 100),
    st.floats(0.0, 1.0, allow_nan=False),
)
POLICIES = st.builds(
    HaltPolicy,
    hard_limit=st.sampled_from([0.0, 0.3, 0.5, 0.6]),
    window_size=st.integers(1, 12),
    window_threshold=st.sampled_from([0.0, 0.5, 0.55, 0.7]),
    trend_window=st.integers(2, 8),
    trend_threshold=st.sampled_from([0.05, 0.15, 0.3, 1.5]),
    halt_mode=st.sampled_from(["hard", "soft"]),
)


@given(st.lists(st.tuples(TOKENS, SCORES), max_size=90), POLICIES)
def test_a_replay_halts_on_the_token_the_kernel_halts_on(stream, policy):
    tokens = [token for token, _ in stream]
    scores = [score for _, score in stream]
    remaining = iter(scores)
    session = StreamingKernel.from_policy(policy).stream_tokens(
        tokens, lambda text: next(remaining)
    )

    judgement = judge(tokens, scores, policy, complete=True)

    assert (judgement.outcome == "halts") == session.halted
    assert (judgement.trigger if session.halted else -1) == session.halt_index
    if session.halted:
        assert judgement.stop == len(session.tokens) - 1
        assert str(judgement.alarms[0]) == session.halt_reason


@pytest.mark.parametrize(("complete", "outcome"), [(True, "completes"), (False, "unknown")])
def test_a_recording_that_was_cut_says_nothing_of_what_would_have_come(complete, outcome):
    assert judge(["a"], [0.9], HaltPolicy(), complete=complete).outcome == outcome


@pytest.mark.parametrize("score", [float("nan"), 1.5, -0.1])
def test_a_score_that_is_none_is_refused_as_no_rule_would_hold_for_it(score):
    with pytest.raises(InvalidScoreError, match=rf"in \[0, 1\], got {score} at token 1"):
        judge(["a", "b"], [0.9, score], HaltPolicy(), complete=True)


def test_where_nothing_is_enforced_nothing_is_withheld():
    policy = HaltPolicy(halt_mode="observe")

    judgement = judge(["a"] * 5, [0.9, 0.9, 0.1, 0.9, 0.9], policy, complete=True)

    assert (judgement.trigger, judgement.stop, judgement.delivered(policy)) == (2, 4, None)


def test_a_token_without_a_score_is_not_judged():
    assert judge(["a", "b"], [0.9], HaltPolicy(), complete=False).outcome == "unknown"
