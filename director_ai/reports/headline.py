"""Headline of a session: its ending and the reason, in one or two sentences."""

from typing import NamedTuple

import numpy as np

from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.records.record import SessionRecord
from director_ai.figures.theme import RULE_NAME, RULE_OF_MECHANISM, RULES, Rule
from director_ai.replay.floors import FloatArray
from director_ai.replay.judgement import Judgement
from director_ai.replay.session_view import acting
from director_ai.reports.sentences import fault_text, halt_sentence, outcome_sentence


class Headline(NamedTuple):
    """Headline of a session.

    Attributes
    ----------
    text
        How it ended, and why.
    note
        What the text alone could mislead about; often ``""``.
    rule
        The rule that is the reason, or ``""``.
    """

    text: str
    note: str
    rule: Rule | str


def is_what_if(record: SessionRecord, policy: HaltPolicy) -> bool:
    """Return whether ``policy`` has other limits than the record; observing alone is no limit."""
    return acting(policy) != acting(record.policy)


def has_acted(record: SessionRecord, policy: HaltPolicy) -> bool:
    """Return whether a halt by ``policy`` stopped the session: enforced, and its own limits."""
    return record.enforced and not is_what_if(record, policy)


def headline(
    record: SessionRecord, policy: HaltPolicy, judgement: Judgement, margins: FloatArray
) -> Headline:
    """Return the headline of a session under a policy.

    Parameters
    ----------
    record
        The session.
    policy, judgement
        Limits, and what they make of its scores.
    margins
        Shape (3, n_scores), rows in the order of ``RULES``; nan where unarmed.
    """
    what_if = is_what_if(record, policy)
    if record.ended_by in ("fault", "operator") and not what_if:
        why = record.ended_by if record.halt is None else fault_text(record.halt)
        return Headline(f"Stopped: {why}.", "Not a halt by a limit.", "")
    if judgement.trigger is not None:
        acted = has_acted(record, policy)
        verb = "Stopped" if acted else "What-if: would stop" if what_if else "Would have stopped"
        at_trigger = margins[:, judgement.trigger].tolist()
        return Headline(
            halt_sentence(judgement.alarms, policy, at_trigger, verb=verb),
            "" if acted else _not_acted(record, what_if=what_if),
            RULE_OF_MECHANISM[judgement.alarms[0].mechanism],
        )
    if not record.tokens:
        return Headline("No token was recorded.", "", "")
    complete = judgement.outcome == "completes"
    reason = outcome_sentence(judgement, len(record.scores), complete=complete)
    if what_if:
        reason = f"What-if: {reason[0].lower()}{reason[1:]}"
    elif complete:
        reason = f"Completed, {len(record.tokens)} tokens: no rule was broken."
    return Headline(
        reason,
        _closest(margins) if complete else "",
        "",
    )


def _not_acted(record: SessionRecord, *, what_if: bool) -> str:
    if what_if:
        return "Under other limits than it was recorded with."
    if record.ended_by == "completed":
        return "Only watched: nothing was stopped, and the whole answer was given."
    return "Only watched: nothing was stopped."


def _closest(margins: FloatArray) -> str:
    if np.isnan(margins).all():
        return ""
    row, index = np.unravel_index(int(np.nanargmin(margins)), margins.shape)
    rule = RULE_NAME[RULES[int(row)]]
    return f"Closest call: {rule}, {float(margins[row, index]):.3f} left at token {index}."
