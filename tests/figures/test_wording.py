"""Why a stream was halted, in one sentence."""

import math

from director_ai import Alarm, HaltPolicy
from director_ai.figures.wording import halt_sentence

POLICY = HaltPolicy(hard_limit=0.4, window_size=4, window_threshold=0.5, trend_window=4)


def test_every_rule_that_held_is_named_with_its_margin():
    alarms = [
        Alarm("hard_limit", 13, observed=0.38, threshold=0.4),
        Alarm("window_avg", 13, observed=0.4725, threshold=0.5),
    ]

    assert halt_sentence(alarms, POLICY, [-0.02, -0.11, 0.054]) == (
        "Halted at token 13: its score 0.380 is under the hard limit 0.4, by 0.020; and "
        "the last 4 tokens averaged 0.472, limit 0.5, by 0.028. "
        "The trend rule did not hold: 0.054 to spare."
    )


def test_a_rule_that_is_off_is_told_from_one_that_was_not_armed():
    alarm = Alarm("hard_limit", 1, observed=0.3, threshold=0.4)
    off = HaltPolicy(hard_limit=0.4, trend_threshold=1.5)

    said = halt_sentence([alarm], off, [-0.1, math.nan, math.nan])

    assert said.endswith("The window rule was not armed yet. The trend rule is off.")
