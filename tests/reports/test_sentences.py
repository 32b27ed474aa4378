"""Why a stream was halted, in one sentence."""

import math
import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from director_ai import Alarm, HaltPolicy
from director_ai.reports.sentences import halt_sentence

POLICY = HaltPolicy(hard_limit=0.4, window_size=4, window_threshold=0.5, trend_window=4)


def test_every_rule_that_held_is_named_with_its_margin():
    alarms = [
        Alarm("hard_limit", 13, observed=0.38, threshold=0.4),
        Alarm("window_avg", 13, observed=0.4725, threshold=0.5),
    ]

    assert halt_sentence(alarms, POLICY, [-0.02, -0.11, 0.054]) == (
        "Stopped at token 13: the score fell to 0.380, hard limit 0.4 (0.020 below); and "
        "the mean of the last 4 tokens fell to 0.472, limit 0.5 (0.028 below). "
        "Not broken: trend (0.054 left)."
    )


@pytest.mark.parametrize(
    ("alarm", "said"),
    [
        (
            Alarm("hard_limit", 0, observed=0.3999, threshold=0.4),
            "the score fell to 0.3999, hard limit 0.4 (0.0001 below)",
        ),
        (
            Alarm("window_avg", 0, observed=0.5499999, threshold=0.55),
            "the mean of the last 4 tokens fell to 0.5499999, limit 0.55 (0.0000001 below)",
        ),
        (
            Alarm("downward_trend", 0, observed=0.15001, threshold=0.15),
            "fell by 0.15001, limit 0.15 (0.00001 beyond)",
        ),
        (
            Alarm("hard_limit", 0, observed=0.55, threshold=0.5500001),
            "the score fell to 0.550, hard limit 0.5500001 (0.0000001 below)",
        ),
        (
            Alarm("hard_limit", 0, observed=0.5, threshold=1.0),
            "the score fell to 0.500, hard limit 1 (0.500 below)",
        ),
    ],
)
def test_as_many_decimals_are_shown_as_tell_the_observed_from_its_limit(alarm, said):
    assert f"{said}. " in halt_sentence([alarm], POLICY, [math.nan] * 3)


@given(st.floats(0.0, 1.0), st.floats(1e-9, 0.5))
def test_what_is_printed_is_under_the_limit_that_is_printed(threshold, under):
    alarm = Alarm("window_avg", 0, observed=threshold - under, threshold=threshold)

    said = halt_sentence([alarm], POLICY, [math.nan] * 3)

    numbers = re.search(r"fell to (\S+), limit (\S+) \((\S+) below\)\. ", said)
    assert numbers is not None
    observed, limit, by = map(Decimal, numbers.groups())
    assert observed < limit == Decimal(repr(threshold))
    assert by > 0


def test_a_rule_that_is_off_is_told_from_one_that_was_not_armed():
    alarm = Alarm("hard_limit", 1, observed=0.3, threshold=0.4)
    off = HaltPolicy(hard_limit=0.4, trend_threshold=1.5)

    said = halt_sentence([alarm], off, [-0.1, math.nan, math.nan])

    assert said.endswith("The window rule needs 10 tokens. The trend rule is off.")
