"""Record of a session, kept once its stream is over."""

import hashlib
import math
import struct
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.halting.reason import HaltReason
from director_ai.core.halting.release_policy import ReleasePolicy
from director_ai.core.halting.sentence import ends_sentence, split_tail
from director_ai.core.runtime.session import StreamSession
from director_ai.core.scoring.identity import UNKNOWN_SCORER, ScorerIdentity

if TYPE_CHECKING:
    from director_ai.core.scoring.fact_set import FactSet
    from director_ai.core.scoring.types import EvidenceChunk, SentenceVerdict

Ending = Literal["completed", "halted", "soft_halted", "fault", "operator", "abandoned"]
Label = Literal["good", "bad", "unsure"]

WITHHELD = "▒"
"""Stands for a character of a text not kept; what ends a sentence or closes a quote is kept."""


@dataclass(frozen=True, slots=True)
class Annotation:
    """One person's label of an answer.

    Attributes
    ----------
    label
        Whether the answer is good or bad, or that it cannot be decided.
    onset
        The token where it truly goes wrong; it may lie past the end of a recording that was cut
        by its halt.
    author, note
        Who labelled it, and why.
    at_us
        When, in microseconds since the Unix epoch.
    """

    label: Label
    onset: int | None = None
    author: str = ""
    at_us: int = 0
    note: str = ""


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """One session at rest.

    Attributes
    ----------
    id
        Unique name.
    started_us, ended_us
        Microseconds since the Unix epoch, UTC.
    source, model, prompt
        Origin of the stream, and the prompt it answers.
    policy
        The limits in force.
    enforced
        Whether a crossed limit stopped the stream. If so, the recording ends there.
    tokens, scores, held
        One entry a token; ``held`` marks a score held from an earlier token. A token the scorer
        failed on is the last and has no score.
    ended_by
        How the stream ended.
    halt
        Why it was halted, or would have been, with every rule that held and by how much.
    times_us
        When each token was judged, in microseconds after ``started_us``; empty if not kept.
    evidence, evidence_note
        The facts closest to the halt, and the sentence of ``evidence_callback``.
    annotations
        Labels people gave the answer, oldest first.
    group
        The prompt family; sessions of one group are not independent.
    tags
        Free words.
    text_kept
        Whether the tokens are the text itself; otherwise see :func:`without_text`.
    shadow_policy, shadow_halt
        A second policy that only watched, and where it would have halted.
    scorer
        Identity of the scorer its scores are of. Scores of two scorers are not comparable, and
        limits chosen for one say nothing of the other.
    release
        Rules by which its text was handed out; ``None`` without any.
    n_released, n_kept, n_early
        Tokens handed out, those of them that stayed on screen, and those shown before their time;
        ``None`` without release rules and where it is not known.
    verdicts
        Verdicts of a model on the sentences, in the order in which they came; empty of a scorer
        without one.
    facts
        Facts that the answer was held against, as they stood when the stream began, or their digest
        alone; ``None`` where they are not known.
    """

    id: str
    started_us: int
    ended_us: int
    source: str
    model: str
    prompt: str
    policy: HaltPolicy
    enforced: bool
    tokens: tuple[str, ...]
    scores: tuple[float, ...]
    held: tuple[bool, ...]
    ended_by: Ending
    halt: HaltReason | None = None
    times_us: tuple[int, ...] = ()
    evidence: tuple["EvidenceChunk", ...] = ()
    evidence_note: str = ""
    annotations: tuple[Annotation, ...] = ()
    group: str = ""
    tags: tuple[str, ...] = ()
    text_kept: bool = True
    shadow_policy: HaltPolicy | None = None
    shadow_halt: HaltReason | None = None
    scorer: ScorerIdentity = UNKNOWN_SCORER
    release: ReleasePolicy | None = None
    n_released: int | None = None
    n_kept: int | None = None
    n_early: int | None = None
    verdicts: tuple["SentenceVerdict", ...] = ()
    facts: "FactSet | None" = None

    @classmethod
    def from_session(
        cls, session: StreamSession, policy: HaltPolicy, *, id: str, **context: Any
    ) -> "SessionRecord":
        """Return the record of a finished session; ``context`` gives the remaining fields."""
        structured = session.halt_evidence_structured
        start = session.start_time
        return cls(
            id=id,
            started_us=round(start * 1e6),
            ended_us=round(session.end_time * 1e6),
            policy=policy,
            enforced=policy.halt_mode != "observe",
            tokens=tuple(session.tokens),
            scores=tuple(session.coherence_history),
            held=tuple(
                not event.scored for event in session.events[: len(session.coherence_history)]
            ),
            ended_by=ending_of(session),
            halt=session.reason,
            **{
                "times_us": tuple(
                    max(0, round((event.timestamp - start) * 1e6)) for event in session.events
                ),
                "evidence": () if structured is None else tuple(structured.evidence_chunks),
                "evidence_note": evidence_note_of(session),
                "scorer": session.scorer,
                "release": session.release,
                "n_released": session.n_released,
                "n_kept": session.n_kept,
                "n_early": session.n_early,
                "verdicts": tuple(session.verdicts),
                "facts": session.facts,
                **context,
            },
        )

    @property
    def halt_index(self) -> int | None:
        """Token at which it was halted, or would have been; ``None`` if nowhere."""
        return None if self.halt is None else self.halt.index

    @property
    def halt_reasons(self) -> tuple[str, ...]:
        """Every rule that held at the halt, as printed; the fault or action if none did."""
        if self.halt is None:
            return ()
        return tuple(str(alarm) for alarm in self.halt.alarms) or (str(self.halt),)

    @property
    def label(self) -> Label | None:
        """The newest label of the answer."""
        return self.annotations[-1].label if self.annotations else None

    @property
    def onset(self) -> int | None:
        """The onset of the last annotation."""
        return self.annotations[-1].onset if self.annotations else None

    @property
    def n_tokens(self) -> int:
        """Tokens received, the halting one included."""
        return len(self.tokens)

    @property
    def judged(self) -> tuple[bool, ...]:
        """Whether each score is a verdict on a sentence, and not the fast scorer's.

        >>> from director_ai.core.scoring.types import SentenceVerdict
        >>> verdict = SentenceVerdict(0, 3, 0.2, at=5)
        >>> SessionRecord(
        ...     "a", 0, 0, "", "", "", HaltPolicy(), False, ("No.", " I"), (0.7, 0.2), (False,) * 2,
        ...     ended_by="completed", verdicts=(verdict,)
        ... ).judged
        (False, True)
        """
        arrived = sorted(self.verdicts, key=lambda verdict: verdict.at, reverse=True)
        lowest, length, judged = math.inf, 0, []
        for token, score in zip(self.tokens, self.scores, strict=False):
            length += len(token)
            while arrived and arrived[-1].at <= length:
                lowest = min(lowest, arrived.pop().support)
            judged.append(score == lowest)
        return tuple(judged)

    def token_at(self, length: int) -> int:
        """Return the token with which the answer reaches a length in code points."""
        reached = 0
        for index, token in enumerate(self.tokens):
            reached += len(token)
            if reached >= length:
                return index
        return max(0, len(self.tokens) - 1)


def ending_of(session: StreamSession) -> Ending:
    """Return how a finished stream ended."""
    if not session.halted or session.reason is None:
        return "completed"
    if session.reason.halt_class == "fault":
        return "fault"
    if session.reason.halt_class == "operator":
        return "operator"
    return "soft_halted" if session.soft_halted else "halted"


NOTHING_RETRIEVED = "nothing retrieved"
"""Note of a halt whose facts share no word with the prompt, nor with the answer without one."""


def evidence_note_of(session: StreamSession) -> str:
    """Return the sentence of ``evidence_callback``, else that no fact was found, else nothing."""
    note, structured = session.halt_evidence, session.halt_evidence_structured
    # Whatever evidence_callback returned.
    if isinstance(note, str) and note:
        return note
    return NOTHING_RETRIEVED if structured is not None and not structured.evidence_chunks else ""


_PACK = struct.Struct("<QQ?d?q").pack


class TokenDigest:
    """SHA-256 over the tokens of a session as they come: position, text, score, held, time.

    >>> digest = TokenDigest()
    >>> digest.add("The", 0.9, held=False, time_us=0)
    >>> digest.hexdigest()[:8]
    '546d7bcb'
    """

    __slots__ = ("_hash", "n_tokens")

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self.n_tokens = 0

    def add(self, token: str, score: float | None, *, held: bool, time_us: int | None) -> None:
        """Take the next token; one the scorer failed on has no score."""
        text = token.encode("utf-8", "surrogatepass")
        # Every field has its length or a fixed one, so that no two sessions read the same.
        self._hash.update(
            _PACK(
                self.n_tokens,
                len(text),
                score is not None,
                score or 0.0,
                held,
                -1 if time_us is None else time_us,
            )
        )
        self._hash.update(text)
        self.n_tokens += 1

    def hexdigest(self) -> str:
        """Return the digest of the tokens so far, as hexadecimal."""
        return self._hash.hexdigest()


def digest_of(record: SessionRecord) -> str:
    """Return the SHA-256 of a record's tokens, as :class:`TokenDigest` computes it."""
    n_scores, timed = len(record.scores), bool(record.times_us)
    parts: list[bytes] = []
    # All at once, as whole archives are imported: half the time of a token after another.
    for index, token in enumerate(record.tokens):
        text = token.encode("utf-8", "surrogatepass")
        is_scored = index < n_scores
        score = record.scores[index] if is_scored else 0.0
        held = is_scored and record.held[index]
        time_us = record.times_us[index] if timed else -1
        parts += (_PACK(index, len(text), is_scored, score, held, time_us), text)
    return hashlib.sha256(b"".join(parts)).hexdigest()


def without_text(record: SessionRecord) -> SessionRecord:
    """Return the record with its text left out, and all that charts and replay need kept.

    Every token keeps its length and whether it ends a sentence, which soft halts wait for. Prompt
    and facts give way to their digests, so that the same ones are still known as the same.
    """
    prompt = hashlib.sha256(record.prompt.encode("utf-8", "surrogatepass")).hexdigest()
    return replace(
        record,
        tokens=tuple(withheld(token) for token in record.tokens),
        prompt=f"sha256:{prompt}" if record.prompt else "",
        evidence=(),
        evidence_note="",
        text_kept=False,
        facts=record.facts and record.facts.without_texts(),
    )


def withheld(token: str) -> str:
    """Return the placeholder of a token whose text is not kept.

    >>> withheld(" secret"), withheld("end!"), withheld('"')
    ('▒▒▒▒▒▒▒', '▒▒▒.', '"')
    """
    stem, tail = split_tail(token)
    if stem and not ends_sentence(token):
        return WITHHELD * len(token)
    ends = ends_sentence(stem)
    return WITHHELD * (len(stem) - ends) + "." * ends + tail
