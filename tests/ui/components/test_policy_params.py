"""The address codec of a policy: every limit there and back."""

import pytest

from director_ai.core.halting.policy import HaltPolicy
from director_ai.ui.components.policy_params import control_values, link_values, policy_of

POLICY = HaltPolicy(
    hard_limit=0.34123456789,
    window_size=37,
    window_threshold=0.1 + 0.2,
    trend_window=12,
    trend_threshold=0.123456789012,
    soft_limit=0.61234567890123,
    halt_mode="soft",
)


def test_a_link_keeps_every_digit_of_every_limit() -> None:
    assert policy_of(link_values(POLICY), HaltPolicy()) == POLICY


def test_controls_show_the_policy_that_they_were_set_to() -> None:
    assert policy_of(control_values(POLICY), HaltPolicy()) == POLICY


def test_a_missing_key_and_the_cadence_keep_their_default() -> None:
    default = HaltPolicy(window_size=7, score_every_n=4, score_final=True)

    policy = policy_of({"h": "0.25", "id": "live-1"}, default)

    assert policy == HaltPolicy(hard_limit=0.25, window_size=7, score_every_n=4, score_final=True)


def test_a_soft_limit_below_the_hard_one_rises_to_it() -> None:
    assert policy_of({"h": 0.8, "s": 0.7}, HaltPolicy()).soft_limit == 0.8


@pytest.mark.parametrize("mode", ["observe", "hard"])
def test_an_observing_policy_is_shown_as_a_hard_one(mode) -> None:
    assert control_values(HaltPolicy(halt_mode=mode))["m"] == "hard"
