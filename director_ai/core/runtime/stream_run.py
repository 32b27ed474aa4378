"""Run of one stream: everything the sync and the async shell have in common."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic, time
from typing import Literal

from director_ai.core.halting.machine import HaltMachine
from director_ai.core.halting.policy import HaltPolicy, checked_integer
from director_ai.core.halting.reason import HaltClass, HaltReason
from director_ai.core.halting.score import as_score
from director_ai.core.halting.snapshot import snapshots
from director_ai.core.halting.verdict import PASS, Verdict
from director_ai.core.runtime.evidence import EvidenceRequest
from director_ai.core.runtime.hooks import Hooks, Observer, described, logger
from director_ai.core.runtime.judged_callback import JudgedCallback, rests_on, verdict_text
from director_ai.core.runtime.session import StreamSession, TokenEvent
from director_ai.core.scoring.fact_set import facts_of
from director_ai.core.scoring.identity import identity_of
from director_ai.errors import InvalidScoreError

SCORER_OUTAGE = (TimeoutError, OSError)
"""Exceptions of a scorer that cannot be reached; any other is an error in its code."""


OnFault = Literal["raise", "halt"]


class Expired(Exception):
    """A timeout passed while the stream waited.

    Parameters
    ----------
    code
        ``"token_timeout"`` or ``"total_timeout"``.
    seconds
        Its limit.
    """

    def __init__(self, code: str, seconds: float) -> None:
        self.code = code
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class LengthLimit:
    """Greatest length of a stream; ``None`` for no limit.

    Attributes
    ----------
    max_tokens, max_chars
        A longer stream is halted with ``limit``; integers of at least 1.
    """

    max_tokens: int | None = None
    max_chars: int | None = None

    def __post_init__(self) -> None:
        for name in ("max_tokens", "max_chars"):
            if getattr(self, name) is not None:
                checked_integer(name, getattr(self, name), least=1)

    def __bool__(self) -> bool:
        return self.max_tokens is not None or self.max_chars is not None

    def tightened(self, other: "LengthLimit") -> "LengthLimit":
        """Return the lower of two limits, each way.

        >>> LengthLimit(max_tokens=5).tightened(LengthLimit(max_tokens=3, max_chars=9))
        LengthLimit(max_tokens=3, max_chars=9)
        """
        if not other:
            return self
        tokens = [each.max_tokens for each in (self, other) if each.max_tokens is not None]
        chars = [each.max_chars for each in (self, other) if each.max_chars is not None]
        return LengthLimit(min(tokens, default=None), min(chars, default=None))

    def passed_by(self, n_tokens: int, n_chars: int) -> str:
        """Return the limit that a length passes, and its value; ``""`` if none.

        >>> LengthLimit(max_tokens=2).passed_by(3, 10)
        'max_tokens 2'
        """
        if self.max_tokens is not None and n_tokens > self.max_tokens:
            return f"max_tokens {self.max_tokens}"
        if self.max_chars is not None and n_chars > self.max_chars:
            return f"max_chars {self.max_chars}"
        return ""


NO_LIMIT = LengthLimit()


# Filling the slots of a new event takes two thirds of what its __init__ does, for every token.
_new_event = TokenEvent.__new__


class StreamRun:
    """Judges tokens one by one and writes them down; pulls, scores and waits for nothing.

    Attributes
    ----------
    session
        The growing record.
    ended
        Whether no further token may be pulled.
    is_limited
        Whether the stream's length is limited.
    hooks
        The caller's own functions around the stream.
    exception
        Exception of scorer or source that ended the stream, if any did.
    closing_event
        Event that ends a stream which was halted with no token in hand: an empty token at the
        next index, halted, without a score. It is passed on and is no part of the record.
    release
        Settles how much of the text is released, before followers hear of the end; ``None``
        without a release policy.
    """

    def __init__(
        self,
        policy: HaltPolicy,
        evidence: EvidenceRequest,
        *,
        length_limit: LengthLimit,
        debug: bool,
        observers: tuple[Observer, ...],
        on_halt: Callable[[StreamSession], object] | None,
        on_fault: OnFault,
    ) -> None:
        self.machine = HaltMachine(policy)
        self._started = monotonic()
        start_time = time()
        # Unix time when the monotonic clock stood at zero: a clock set back moves no token.
        self._zero_time = start_time - self._started
        self.session = StreamSession(
            coherence_history=self.machine.scores, start_time=start_time, end_time=0.0
        )
        self.ended = False
        self.exception: BaseException | None = None
        self.closing_event: TokenEvent | None = None
        self.finalised = False
        self.release: Callable[[], object] | None = None
        self.evidence = evidence
        self._debug = debug
        self._length_limit = length_limit
        self.is_limited = bool(length_limit)
        self._on_halt = on_halt
        self._raises = on_fault == "raise"
        self.hooks = Hooks(self.session, observers)
        # Bound once: these run for every token.
        self._keep = self.machine.scores.append
        self._tokens = self.session.tokens
        self._events = self.session.events
        self._log = self.session.debug_log.append
        self._snapshot = snapshots(self.machine)

    def score_by(self, callback: object) -> None:
        """Note whose scores the stream is judged by, and against which facts."""
        self.session.scorer = identity_of(callback)
        self.session.facts = facts_of(callback)
        if isinstance(callback, JudgedCallback):
            self.session.verdicts = callback.verdicts
            self.session.revises_last = True

    def accept(self, token: object, text_length: int) -> None:
        """Take the next token; a refused one ends the stream."""
        if not isinstance(token, str):
            self._end("fault", "invalid_token", type(token).__name__)
            return
        self._tokens.append(token)
        limit = self._length_limit.passed_by(len(self._tokens), text_length + len(token))
        if limit:
            self._end("fault", "limit", limit)

    def judge(self, token: str, raw: object, *, scored: bool = True) -> TokenEvent:
        """Judge the accepted token by the scorer's result."""
        # Zero goes the long way: of minus zero, which some stores turn round, it makes plain zero.
        if type(raw) is float and raw > 0.0 and raw <= 1.0:
            score = raw
        else:
            try:
                score = as_score(raw)
            except InvalidScoreError as error:
                return self._end_unscored("fault", "invalid_score", str(error))
        events = self._events
        machine = self.machine
        if score >= machine.calm_floor and score <= machine.calm_ceiling:
            # All that push comes to, without a call for every token.
            self._keep(score)
            verdict = PASS
        else:
            verdict = machine.push(token, score)
        event = _new_event(TokenEvent)
        event.token = token
        event.index = index = len(events)
        event.coherence = score
        event.timestamp = self._zero_time + monotonic()
        event.halted = event.warning = False
        event.evidence = event.halt_evidence = event.debug_info = None
        event.scored = scored
        events.append(event)
        if self._debug:
            event.debug_info = snapshot = self._snapshot(index, score, scored)
            if self.session.revises_last:
                snapshot["judged"] = rests_on(score, self.session.verdicts) is not None
            self._log(snapshot)
        if verdict is not PASS:
            self._mark(event, verdict)
        return event

    def _mark(self, event: TokenEvent, verdict: Verdict) -> None:
        """Write down a verdict that is more than a pass."""
        if verdict.warning:
            event.warning = True
            self.session.warning_count += 1
        if verdict.action == "stop":
            event.halted = True
            # In soft mode too: a hard limit that cuts a soft halt short is the reason.
            self._halt(HaltReason.from_alarms(verdict.alarms))
        elif verdict.action == "soft_stop":
            event.halted = True
            self._halt_softly()

    def hold(self, token: str) -> TokenEvent:
        """Judge the accepted token by the last score."""
        return self.judge(token, self.machine.scores[-1], scored=False)

    @property
    def refused_event(self) -> TokenEvent | None:
        """The event of a token that was not accepted; one that is no string has none."""
        events = self._events
        return events[-1] if events and events[-1].halted else None

    @property
    def awaits_final_score(self) -> bool:
        """Whether the last token is to be judged again, by the score of the finished text.

        Verdicts may have been waited for, or the policy wants it and the token was held.
        """
        if self.ended or not self._events:
            return False
        held = not self._events[-1].scored
        return self.session.revises_last or (self.machine.policy.score_final and held)

    def take_back(self) -> TokenEvent:
        """Undo the judgement of the last token, to judge it by the score of the finished text."""
        held = self._events.pop()
        if held.warning:
            self.session.warning_count -= 1
        if self._debug:
            self.session.debug_log.pop()
        self.machine.retract(with_decision=held.scored)
        return held

    def put_back(self, held: TokenEvent) -> None:
        """Write the final judgement of the last token into the event that was passed on."""
        final = self._events[-1]
        for name in TokenEvent.__slots__:
            setattr(held, name, getattr(final, name))
        self._events[-1] = held

    def end_of_source(self) -> None:
        """End the stream with its source; a pending soft halt takes effect."""
        self.ended = True
        if self.machine.soft_halt_pending:
            self._events[-1].halted = True
            self._halt_softly()

    def scorer_failed(self, error: Exception) -> TokenEvent:
        """End the stream where the callback raised, at the accepted token."""
        if isinstance(error, SCORER_OUTAGE):
            return self._end_unscored("fault", "callback_timeout")
        self.exception = error
        return self._end_unscored("fault", "callback_error", described(error))

    def source_failed(self, error: Exception) -> None:
        """End the stream where its source raised."""
        self.exception = error
        self._end("fault", "source_error", described(error))

    def timed_out(self, code: str, seconds: float) -> None:
        """End the stream where it waited too long, for a token or for its score."""
        self._end("fault", code, f"{seconds:g} s")

    def inactive(self) -> None:
        """End the stream because the operator stopped the kernel."""
        self._end("operator", "kernel_inactive")

    def cancelled(self) -> None:
        """End the stream because its consumer went away, or its task was cancelled."""
        self._end("operator", "cancelled")

    def pop_exception(self) -> BaseException | None:
        """Return the exception to raise at the end of the stream, once; ``None`` if none is."""
        error, self.exception = self.exception, None
        return error if self._raises else None

    def conclude(self, text: str) -> object:
        """Gather evidence, close the record, and return the result of ``on_halt``."""
        if self._wants_evidence:
            self._gather_evidence(text)
        self._close()
        if self.session.halted and self._on_halt is not None:
            return self.hooks.call("on_halt", self._on_halt, self.session)
        return None

    def _close(self) -> None:
        session = self.session
        if self.exception is not None and not self._raises:
            logger().error("stream halted: %s", session.halt_reason, exc_info=self.exception)
        session.elapsed_s = monotonic() - self._started
        session.end_time = session.start_time + session.elapsed_s
        session.trigger = self.machine.trigger
        if session.reason is None and session.trigger:
            # Observed only: where a hard kernel would have stopped.
            self._write(HaltReason.from_alarms(session.trigger))
        self.finalised = True
        if self.release is not None:
            self.release()
        self.hooks.end()

    @property
    def _wants_evidence(self) -> bool:
        """Whether the stream was halted by its policy: only then is there a claim to support."""
        reason = self.session.reason
        return self.session.halted and reason is not None and reason.halt_class == "policy"

    def _gather_evidence(self, text: str) -> None:
        """Ask the evidence callback and the scorer about the halt; neither can undo it."""
        session, request = self.session, self.evidence
        reason, event = session.reason, self._events[-1]
        assert reason is not None
        if request.callback is not None:
            sentence = self.hooks.call("evidence_callback", request.callback, text)
        else:
            sentence = verdict_text(session, event.coherence)
        session.halt_evidence = event.evidence = sentence
        structured = self.hooks.call(
            "scorer.review", request.structured, text, reason, event.coherence
        )
        session.halt_evidence_structured = event.halt_evidence = structured

    def _end(self, halt_class: HaltClass, code: str, detail: str = "") -> None:
        """End the stream for another reason than its scores."""
        if len(self._tokens) > len(self._events):
            self._end_unscored(halt_class, code, detail)
        else:
            index = len(self._events)
            self._halt(HaltReason(halt_class, code, index, detail=detail))
            self.closing_event = self._halted_event("", index)

    def _end_unscored(self, halt_class: HaltClass, code: str, detail: str = "") -> TokenEvent:
        """End the stream at an accepted token that has no score."""
        index = len(self._events)
        event = self._halted_event(self._tokens[index], index)
        self._events.append(event)
        self._halt(HaltReason(halt_class, code, index, detail=detail))
        return event

    def _halted_event(self, token: str, index: int) -> TokenEvent:
        now = self._zero_time + monotonic()
        return TokenEvent(token, index, math.nan, now, halted=True, scored=False)

    def _halt_softly(self) -> None:
        self.session.soft_halted = True
        self._halt(HaltReason.from_alarms(self.machine.trigger))

    def _halt(self, reason: HaltReason) -> None:
        self.ended = True
        self.session.halted = True
        self._write(reason)

    def _write(self, reason: HaltReason) -> None:
        session = self.session
        session.reason = reason
        session.halt_index = reason.index
        session.halt_reason = str(reason)
