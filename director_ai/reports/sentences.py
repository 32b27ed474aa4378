"""Sentences about halts, outcomes, counterfactuals and annotations."""

import math
from collections.abc import Mapping, Sequence
from typing import Final

from director_ai.core.halting.closest_call import ClosestCall
from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.halting.reason import Alarm, HaltReason
from director_ai.core.records.record import Annotation, SessionRecord
from director_ai.core.scoring.types import EvidenceChunk
from director_ai.figures.decimals import distinct_decimals, exact
from director_ai.figures.theme import RULE_NAME, RULE_OF_MECHANISM, RULES
from director_ai.figures.timestamps import moment
from director_ai.replay.counterfactual import Counterfactual, Limit
from director_ai.replay.engine import is_off
from director_ai.replay.judgement import Judgement

FAULT_TEXT: Final[Mapping[str, str]] = {
    "kernel_inactive": "by hand before its first token, or the kernel was not re-armed",
    "cancelled": "the consumer went away",
    "callback_timeout": "the scorer timed out",
    "callback_error": "the scorer raised an error",
    "invalid_score": "the scorer returned no valid score",
    "invalid_token": "the source yielded no text",
    "source_error": "the source broke off",
    "token_timeout": "no token in time",
    "total_timeout": "the stream took too long",
    "limit": "the answer was too long",
}
"""Sentence by halt code of a fault or an operator stop."""

LIMIT_NAMES: dict[Limit, str] = {
    "hard_limit": "Hard limit",
    "window_threshold": "Window limit",
    "trend_threshold": "Max drop",
}


def halt_sentence(
    alarms: Sequence[Alarm], policy: HaltPolicy, margins: Sequence[float], *, verb: str = "Stopped"
) -> str:
    """Return why a stream was halted, naming every broken rule and every margin.

    Parameters
    ----------
    alarms
        Every rule broken at the token, in order of precedence; at least one.
    policy
        The limits in force.
    margins
        Distance of each rule's statistic from its threshold, in the order of ``RULES``; nan where
        unarmed.
    verb
        ``"Stopped"``, or ``"Would stop"`` in a what-if.

    Examples
    --------
    >>> alarm = Alarm("hard_limit", 13, observed=0.38, threshold=0.4)
    >>> print(halt_sentence([alarm], HaltPolicy(hard_limit=0.4), [-0.02, 0.011, float("nan")]))
    Stopped at token 13: the score fell to 0.380, hard limit 0.4 (0.020 below). Not broken: window \
(0.011 left). The trend rule needs 5 tokens.
    """
    broken = {RULE_OF_MECHANISM[alarm.mechanism] for alarm in alarms}
    clauses = "; and ".join(_clause(alarm, policy) for alarm in alarms)
    sentences = [f"{verb} at token {alarms[0].index}: {clauses}."]
    left = [
        f"{RULE_NAME[rule]} ({margin:.3f} left)"
        for rule, margin in zip(RULES, margins, strict=True)
        if rule not in broken and not math.isnan(margin)
    ]
    if left:
        sentences.append(f"Not broken: {', '.join(left)}.")
    sizes = {"hard": 1, "window": policy.window_size, "trend": policy.trend_window}
    for place, (rule, margin) in enumerate(zip(RULES, margins, strict=True)):
        if rule not in broken and math.isnan(margin):
            name = "hard limit" if rule == "hard" else f"{RULE_NAME[rule]} rule"
            state = "is off" if is_off(policy, place) else f"needs {sizes[rule]} tokens"
            sentences.append(f"The {name} {state}.")
    return " ".join(sentences)


def fault_text(reason: HaltReason) -> str:
    """Return why a stream was stopped by something other than a limit.

    >>> fault_text(HaltReason("fault", "invalid_score", 3, detail="nan"))
    'the scorer returned no valid score (nan)'
    >>> fault_text(HaltReason("operator", "kernel_inactive", 3))
    'by hand'
    """
    if reason.code == "kernel_inactive" and reason.index > 0:
        return "by hand"
    text = FAULT_TEXT.get(reason.code, reason.code)
    return f"{text} ({reason.detail})" if reason.detail else text


def closest_call_sentence(call: ClosestCall) -> str:
    """Return the smallest margin of a stream as a sentence.

    >>> closest_call_sentence(ClosestCall(0.1, 3, "window_avg"))
    'Closest call: window by 0.100 at token 3.'
    """
    rule = RULE_NAME[RULE_OF_MECHANISM[call.mechanism]]
    return f"Closest call: {rule} by {call.margin:.3f} at token {call.token}."


def outcome_sentence(judgement: Judgement, n_tokens: int, *, complete: bool) -> str:
    """Return the ending of a stream, or its progress.

    >>> outcome_sentence(Judgement("unknown"), 41, complete=False)
    'No rule is broken in the 41 tokens seen; what came after is unknown.'
    """
    if judgement.outcome == "halts":
        return f"Halts at token {judgement.trigger}."
    if complete:
        return f"Completes, {n_tokens} tokens."
    return f"No rule is broken in the {n_tokens} tokens seen; what came after is unknown."


def counterfactual_line(change: Counterfactual, policy: HaltPolicy) -> str:
    """Return the limit at which the halt would not have happened, and what would follow."""
    now = getattr(policy, change.limit)
    return f"{LIMIT_NAMES[change.limit]} {now:g} → {change.value:g}: {_then(change)}"


def evidence_source(chunk: EvidenceChunk) -> str:
    """Return the source of a piece of evidence, and how well it matches.

    >>> evidence_source(EvidenceChunk("Bees dance.", 0.71, "fact 1"))
    'fact 1, 29 % match'
    """
    return f"{chunk.source}, {100 * (1 - chunk.distance):.0f} % match"


def annotation_line(annotation: Annotation) -> str:
    """Return one person's label and note on a session, on one line.

    >>> annotation_line(Annotation("bad", 7, "Ann", 0, "wrong year"))
    'bad, goes wrong at token 7, by Ann: wrong year'
    """
    line: str = annotation.label
    if annotation.onset is not None:
        line += f", goes wrong at token {annotation.onset}"
    if annotation.author:
        line += f", by {annotation.author}"
    if annotation.at_us:
        line += f", {moment(annotation.at_us):%Y-%m-%d %H:%M} UTC"
    return f"{line}: {annotation.note}" if annotation.note else line


def _clause(alarm: Alarm, policy: HaltPolicy) -> str:
    observed, limit = distinct_decimals(alarm.observed, alarm.threshold), exact(alarm.threshold)
    excess = distinct_decimals(-alarm.margin, 0.0)
    if alarm.mechanism == "hard_limit":
        return f"the score fell to {observed}, hard limit {limit} ({excess} below)"
    if alarm.mechanism == "window_avg":
        return (
            f"the mean of the last {policy.window_size} tokens fell to {observed}, "
            f"limit {limit} ({excess} below)"
        )
    return (
        f"the line through the last {policy.trend_window} tokens fell by {observed}, "
        f"limit {limit} ({excess} beyond)"
    )


def rounded_up(floor: float) -> str:
    """Return a floor with two decimals, such that the score printed would pass.

    >>> rounded_up(0.554), rounded_up(0.55 - 1e-9), rounded_up(-0.2)
    ('0.56', '0.55', '0.00')
    """
    return f"{math.ceil(max(0.0, floor) * 100 - 1e-6) / 100:.2f}"


def _then(change: Counterfactual) -> str:
    then = change.judgement
    if then.outcome == "halts":
        rule = RULE_NAME[RULE_OF_MECHANISM[then.alarms[0].mechanism]]
        return f"then halts at token {then.trigger} by {rule}"
    if then.outcome == "completes":
        return "then completes"
    return "it would not have stopped here; what came next is unknown"


def facts_line(record: SessionRecord) -> str:
    """Describe the facts of a session; ``""`` where they are not known.

    >>> from director_ai.core.records.record_json import from_line
    >>> line = '{"id": "a", "tokens": [], "scores": [], "facts": {"digest": "86177c298cb650ed"}}'
    >>> facts_line(from_line(line))
    'texts not kept, 86177c298cb650ed'
    """
    facts = record.facts
    if facts is None:
        return ""
    if facts.texts is None:
        return f"texts not kept, {facts.digest}"
    n_texts = len(facts.texts)
    texts = "1 text" if n_texts == 1 else f"{n_texts:,} texts"
    return f"{texts}, {facts.n_chars:,} characters, {facts.digest}"
