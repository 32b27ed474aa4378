"""Session of a stream: its tokens, their scores and how it ended."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, Any

from director_ai.core.scoring.identity import UNKNOWN_SCORER, ScorerIdentity

if TYPE_CHECKING:
    from director_ai.core.halting.reason import Alarm, HaltReason
    from director_ai.core.halting.release_policy import ReleasePolicy
    from director_ai.core.scoring.fact_set import FactSet
    from director_ai.core.scoring.types import HaltEvidence, SentenceVerdict


@dataclass(slots=True)
class TokenEvent:
    """One token and the decision on it.

    Attributes
    ----------
    token, index
        The token's text and its position in the stream, from 0.
    coherence
        Its score in [0, 1]; nan where the scorer gave none.
    timestamp
        Unix time at which it was judged, in seconds.
    halted
        Whether the stream ended at this token.
    warning
        Whether it passed in the warning zone or under a pending soft halt.
    evidence, halt_evidence
        Evidence of the halt, on the halting token.
    debug_info
        The debug snapshot, with ``streaming_debug``.
    scored
        Whether the token was scored; otherwise it holds an earlier score.
    """

    token: str
    index: int
    coherence: float
    timestamp: float
    halted: bool = False
    warning: bool = False
    evidence: str | None = None
    halt_evidence: HaltEvidence | None = None
    debug_info: dict[str, Any] | None = None
    _: KW_ONLY
    scored: bool = True


@dataclass(slots=True)
class StreamSession:
    """The whole of one stream; it grows while the stream runs.

    Attributes
    ----------
    tokens, events
        Every token received and its event, the halting one included.
    coherence_history
        One score a token, held ones included; a token the scorer failed on has none.
    halted
        Whether the stream was stopped, for whatever reason.
    soft_halted
        Whether it was stopped after finishing its sentence.
    halt_index, halt_reason
        Token at which the halt was triggered, -1 if none, and why. In observe mode: where and
        why a hard kernel would have stopped.
    halt_evidence, halt_evidence_structured
        Results of ``evidence_callback`` and ``scorer`` for the halt.
    start_time, end_time
        Unix times in seconds.
    warning_count
        Events with a warning.
    debug_log
        The debug snapshots, with ``streaming_debug``.
    reason
        ``halt_reason`` as data: its class, and every mechanism that held with its margin.
    trigger
        The alarms of the first token at which any rule held.
    hook_errors
        Exceptions raised by hooks and observers, and how often.
    elapsed_s
        Seconds by the monotonic clock, once the stream has ended.
    scorer
        Identity of the scorer, where the callback bears one.
    facts
        Facts that the answer is held against, where the callback bears them.
    verdicts
        Verdicts of a model on the sentences that the score rests on, as they came.
    revises_last
        Whether the last token is judged once more when the stream has ended, by a score that waits
        for verdicts.
    release
        Policy that the text is handed out by; ``None`` without one.
    n_released, n_early
        Tokens handed out so far, and those of them that ``max_hold_s`` showed; ``None`` without a
        release policy.
    n_kept
        Tokens that stay on screen, once the stream has ended; ``None`` without a release policy.
    """

    tokens: list[str] = field(default_factory=list)
    events: list[TokenEvent] = field(default_factory=list)
    coherence_history: list[float] = field(default_factory=list)
    halted: bool = False
    soft_halted: bool = False
    halt_index: int = -1
    halt_reason: str = ""
    halt_evidence: str | None = None
    halt_evidence_structured: HaltEvidence | None = None
    start_time: float = 0.0
    end_time: float = 0.0
    warning_count: int = 0
    debug_log: list[dict[str, Any]] = field(default_factory=list)
    _: KW_ONLY
    reason: HaltReason | None = None
    trigger: tuple[Alarm, ...] = ()
    hook_errors: dict[str, int] = field(default_factory=dict)
    elapsed_s: float | None = None
    scorer: ScorerIdentity = UNKNOWN_SCORER
    facts: FactSet | None = None
    verdicts: list[SentenceVerdict] = field(default_factory=list)
    revises_last: bool = False
    release: ReleasePolicy | None = None
    n_released: int | None = None
    n_kept: int | None = None
    n_early: int | None = None

    @property
    def output(self) -> str:
        """The text that passed: all of it, or up to the token that was halted at."""
        if self.halted and not self.soft_halted and self.halt_index >= 0:
            return "".join(self.tokens[: self.halt_index])
        return "".join(self.tokens)

    @property
    def released(self) -> str:
        """The text that was handed out; ``output`` without a release policy."""
        if self.n_released is None:
            return self.output
        return "".join(self.tokens[: self.n_released])

    @property
    def kept(self) -> str:
        """The text that stays on screen; ``released`` where nothing was taken back."""
        if self.n_kept is None:
            return self.released
        return "".join(self.tokens[: self.n_kept])

    def passes(self, event: TokenEvent) -> bool:
        """Return whether an event's text belongs to the output.

        The token that a stream was halted at does not, unless it ends a sentence that a soft halt
        let finish.

        >>> StreamSession(halted=True).passes(TokenEvent("No", 0, 0.1, 0.0, halted=True))
        False
        """
        return not event.halted or self.soft_halted

    @property
    def token_count(self) -> int:
        """Tokens received, the halting one included."""
        return len(self.tokens)

    @property
    def avg_coherence(self) -> float | None:
        """Mean score, or ``None`` where nothing was scored."""
        scores = self.coherence_history
        return sum(scores) / len(scores) if scores else None

    @property
    def min_coherence(self) -> float | None:
        """Lowest score, or ``None`` where nothing was scored."""
        return min(self.coherence_history, default=None)

    @property
    def duration_ms(self) -> float:
        """Milliseconds the stream took; never negative."""
        if self.elapsed_s is not None:
            return self.elapsed_s * 1000.0
        return max(0.0, self.end_time - self.start_time) * 1000.0
