"""Limits of a policy in words."""

from director_ai.core.halting.downward_trend import LARGEST_DROP
from director_ai.core.halting.policy import HaltPolicy


def limits_text(policy: HaltPolicy) -> str:
    """Return the scores at which a policy halts, as the end of a sentence.

    A rule that is off is left out.

    >>> limits_text(HaltPolicy())
    'below 0.50, or 10-token mean below 0.55, or a fall over 0.15 in 5 tokens'
    >>> limits_text(HaltPolicy(hard_limit=0, trend_threshold=1.5, halt_mode="soft"))
    '10-token mean below 0.55, after the sentence'
    """
    rules = []
    if policy.hard_limit > 0:
        rules.append(f"below {_number(policy.hard_limit)}")
    if policy.window_threshold > 0:
        rules.append(f"{policy.window_size}-token mean below {_number(policy.window_threshold)}")
    if policy.trend_threshold < LARGEST_DROP:
        drop = _number(policy.trend_threshold)
        rules.append(f"a fall over {drop} in {policy.trend_window} tokens")
    text = ", or ".join(rules) or "never: all rules are off"
    return f"{text}, after the sentence" if policy.halt_mode == "soft" and rules else text


def _number(value: float) -> str:
    """Return a number with two decimals, or more where it has them."""
    rounded = f"{value:.2f}"
    return rounded if float(rounded) == value else f"{value:g}"
