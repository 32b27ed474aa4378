"""What a picture says, in words."""

import math
from collections.abc import Sequence

from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.halting.reason import Alarm
from director_ai.figures.theme import RULE_NAME, RULE_OF_MECHANISM, RULES
from director_ai.replay.judge import Judgement


def halt_sentence(
    alarms: Sequence[Alarm], policy: HaltPolicy, margins: Sequence[float], *, verb: str = "Halted"
) -> str:
    """Return why a stream was halted, naming every rule that held and every margin.

    Parameters
    ----------
    alarms
        Every rule that held at the token, in order of precedence; at least one.
    policy
        The limits in force.
    margins
        The token's distance above the floors of ``RULES``, in coherence; nan where unarmed.
    verb
        ``"Halted"``, or ``"Would halt"`` in a what-if.

    Examples
    --------
    >>> alarm = Alarm("hard_limit", 13, observed=0.38, threshold=0.4)
    >>> print(halt_sentence([alarm], HaltPolicy(hard_limit=0.4), [-0.02, 0.11, float("nan")]))
    Halted at token 13: its score 0.380 is under the hard limit 0.4, by 0.020. The window rule \
did not hold: 0.110 to spare. The trend rule was not armed yet.
    """
    held = {RULE_OF_MECHANISM[alarm.mechanism]: alarm for alarm in alarms}
    said = "; and ".join(_clause(alarm, policy) for alarm in alarms)
    sentences = [f"{verb} at token {alarms[0].index}: {said}."]
    for rule, margin in zip(RULES, margins, strict=True):
        if rule in held:
            continue
        name = "hard limit" if rule == "hard" else f"{RULE_NAME[rule]} rule"
        if not math.isnan(margin):
            sentences.append(f"The {name} did not hold: {margin:.3f} to spare.")
        elif _is_off(rule, policy):
            sentences.append(f"The {name} is off.")
        else:
            sentences.append(f"The {name} was not armed yet.")
    return " ".join(sentences)


def outcome_sentence(judgement: Judgement, n_tokens: int, *, complete: bool) -> str:
    """Return how a stream ended, or how far it has come.

    >>> outcome_sentence(Judgement("unknown"), 41, complete=False)
    'No rule holds in the 41 tokens seen; what came after is unknown.'
    """
    if judgement.outcome == "halts":
        return f"Halts at token {judgement.trigger}."
    if complete:
        return f"Completes, {n_tokens} tokens."
    return f"No rule holds in the {n_tokens} tokens seen; what came after is unknown."


def _clause(alarm: Alarm, policy: HaltPolicy) -> str:
    if alarm.mechanism == "hard_limit":
        return (
            f"its score {alarm.observed:.3f} is under the hard limit {alarm.threshold:g}, "
            f"by {-alarm.margin:.3f}"
        )
    if alarm.mechanism == "window_avg":
        return (
            f"the last {policy.window_size} tokens averaged {alarm.observed:.3f}, "
            f"limit {alarm.threshold:g}, by {-alarm.margin:.3f}"
        )
    return (
        f"the line through the last {policy.trend_window} tokens fell by {alarm.observed:.3f}, "
        f"at most {alarm.threshold:g} allowed, by {-alarm.margin:.3f}"
    )


def _is_off(rule: str, policy: HaltPolicy) -> bool:
    return {
        "hard": policy.hard_limit == 0,
        "window": policy.window_threshold == 0,
        "trend": policy.trend_threshold >= 1.5,
    }[rule]
