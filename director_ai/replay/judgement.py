"""Judgement of one recorded stream under any policy, by the kernel's own machine."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from director_ai.core.halting.machine import HaltMachine
from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.halting.reason import Alarm
from director_ai.errors import InvalidScoreError

Outcome = Literal["halts", "completes", "unknown"]


@dataclass(frozen=True, slots=True)
class Judgement:
    """Outcome of a recording under a policy.

    Attributes
    ----------
    outcome
        ``"unknown"`` where nothing holds up to the end of a recording that was itself cut.
    trigger
        Token at which a rule first held, or ``None``.
    stop
        Last token the stream would have had: the trigger, under a soft halt the end of its
        sentence, and where nothing is enforced the last there is.
    alarms
        Every rule that held at the trigger.
    unfinished
        Whether the recording ends before the stream would have: then ``stop`` is the last token
        recorded, more would have come, and the hard limit might have cut in.
    """

    outcome: Outcome
    trigger: int | None = None
    stop: int | None = None
    alarms: tuple[Alarm, ...] = ()
    unfinished: bool = False

    def delivered(self, policy: HaltPolicy) -> int | None:
        """Return the number of tokens the reader gets, or ``None`` for all.

        Those before the halt; a soft halt also lets its last one through, unless the hard limit
        cut it short. A policy that only observes withholds nothing.
        """
        if self.stop is None or policy.halt_mode == "observe":
            return None
        softly = policy.halt_mode == "soft" and self.alarms[0].mechanism != "hard_limit"
        return self.stop + softly


def judge(
    tokens: Sequence[str], scores: Sequence[float], policy: HaltPolicy, *, complete: bool
) -> Judgement:
    """Return the outcome of recorded scores under a policy.

    Parameters
    ----------
    tokens, scores
        One score a token, in [0, 1]; a token without a score is not judged.
    policy
        Limits to apply. The scores are taken as they were recorded, whatever its cadence.
    complete
        Whether the stream ended by itself: then a policy that holds nowhere lets it complete.

    Raises
    ------
    InvalidScoreError
        Naming the first token that is judged by a score outside [0, 1].

    Examples
    --------
    >>> judge(["a", "b"], [0.9, 0.3], HaltPolicy(), complete=False).trigger
    1
    >>> judge(["a", "b"], [0.9, 0.3], HaltPolicy(hard_limit=0.2), complete=False).outcome
    'unknown'
    """
    machine = HaltMachine(policy)
    for index, (token, score) in enumerate(zip(tokens, scores, strict=False)):
        # Written so that nan fails too: no rule would ever hold for it.
        if not 0.0 <= score <= 1.0:
            raise InvalidScoreError(f"scores must be in [0, 1], got {score!r} at token {index}")
        verdict = machine.push(token, score)
        if verdict.action == "stop":
            return Judgement("halts", index, index, verdict.alarms)
        if verdict.action == "soft_stop":
            return Judgement("halts", machine.trigger[0].index, index, machine.trigger)
    if machine.trigger:
        return Judgement(
            "halts",
            machine.trigger[0].index,
            len(scores) - 1,
            machine.trigger,
            unfinished=not complete,
        )
    return Judgement("completes" if complete else "unknown")
