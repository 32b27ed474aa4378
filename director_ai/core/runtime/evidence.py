"""Evidence attached to a halt."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from director_ai.core.halting.policy import checked_integer
from director_ai.core.halting.reason import HaltReason
from director_ai.core.runtime.hooks import is_async
from director_ai.errors import InvalidPolicyTypeError

if TYPE_CHECKING:
    from director_ai.core.scoring.types import EvidenceChunk, HaltEvidence

SUGGESTIONS = {
    "hard_limit": "Check the halting token against the evidence before releasing anything.",
    "window_avg": "Regenerate from the last supported sentence, with the evidence in the prompt.",
    "downward_trend": "Review where the answer leaves the evidence; it may have drifted.",
}


class Reviewer(Protocol):
    """Scorer that reviews a whole answer: ``CoherenceScorer`` and whatever resembles it."""

    def review(self, prompt: str, action: str) -> tuple[bool, Any]:
        """Return whether ``action`` is approved as an answer to ``prompt``, and its score.

        A reviewer with a limit of evidence, ``max_evidence``, gives more by
        ``retrieve(prompt, action, top_k)``.
        """
        ...


@dataclass(frozen=True, slots=True)
class EvidenceRequest:
    """Sources of the evidence of a halted stream.

    Attributes
    ----------
    callback
        Given the text so far, returns a sentence about it, or ``None``.
    scorer
        Retrieves the closest facts.
    top_k
        How many of them are kept.
    prompt
        Text they are retrieved for; the answer itself if blank.
    """

    callback: Callable[[str], str | None] | None = None
    scorer: Reviewer | None = None
    top_k: int = 3
    prompt: str = ""

    def __post_init__(self) -> None:
        checked_integer("top_k", self.top_k, least=1)
        if self.callback is not None and not callable(self.callback):
            raise InvalidPolicyTypeError(
                f"evidence_callback must be callable or None, got {self.callback!r}"
            )
        if is_async(self.callback):
            raise InvalidPolicyTypeError(
                "evidence_callback must be a plain function or None, "
                f"got {self.callback!r}, an async one"
            )

    def structured(self, text: str, reason: HaltReason, last_score: float) -> HaltEvidence | None:
        """Return the scorer's evidence, or ``None`` without a scorer.

        Raises
        ------
        TypeError
            If a chunk of it is none that a record could hold.
        """
        if self.scorer is None:
            return None
        # A stream that never halts never pays for it.
        from director_ai.core.scoring.types import HaltEvidence

        prompt = self.prompt if self.prompt.strip() else text
        _, score = self.scorer.review(prompt, text)
        evidence = getattr(score, "evidence", None)
        # The original's scorers wrap their chunks.
        chunks = list(getattr(evidence, "chunks", evidence) or ())
        scorer: Any = self.scorer
        if self.top_k > getattr(scorer, "max_evidence", self.top_k):
            chunks = scorer.retrieve(prompt, text, self.top_k)
        return HaltEvidence(
            reason=str(reason),
            last_score=last_score,
            evidence_chunks=[_chunk_of(*each) for each in enumerate(chunks[: self.top_k])],
            suggested_action=SUGGESTIONS.get(reason.code, ""),
        )


def _chunk_of(place: int, chunk: Any) -> EvidenceChunk:
    """Return a chunk of a caller's scorer in plain values: its distance may be NumPy's."""
    from director_ai.core.scoring.types import EvidenceChunk

    text, source = getattr(chunk, "text", None), getattr(chunk, "source", None) or ""
    if not isinstance(text, str) or not isinstance(source, str):
        raise TypeError(f"evidence[{place}] must have a text and a source, got {chunk!r:.80}")
    value: Any = getattr(chunk, "distance", None)
    try:
        distance = math.nan if isinstance(value, (str, bool)) else float(value)
    except (TypeError, ValueError, OverflowError):
        distance = math.nan
    if not math.isfinite(distance):
        raise TypeError(f"evidence[{place}].distance must be a finite number, got {value!r:.80}")
    return EvidenceChunk(text, distance, source)
