"""Coherence callbacks whose score rests on verdicts that arrive later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from director_ai.core.runtime.session import StreamSession
    from director_ai.core.scoring.types import SentenceVerdict


@runtime_checkable
class JudgedCallback(Protocol):
    """Coherence callback of one stream that a model judges sentence by sentence, behind it.

    Attributes
    ----------
    verdicts
        Verdicts that the score rests on, as they come; append-only.
    """

    verdicts: list[SentenceVerdict]

    def __call__(self, text: str) -> float:
        """Return the score of all text so far, with the verdicts there are."""
        ...

    def final_score(self, text: str) -> float:
        """Return the score of the finished text, with all verdicts; it waits for them."""
        ...

    def abort(self) -> None:
        """Let ``final_score`` wait no longer, from any thread; it raises."""
        ...

    async def afinal_score(self, text: str) -> float:
        """Return what ``final_score`` returns, and let the event loop go on meanwhile."""
        ...


def rests_on(score: float, verdicts: list[SentenceVerdict]) -> SentenceVerdict | None:
    """Return the verdict that a score rests on; ``None`` where it is the fast scorer's.

    Parameters
    ----------
    score
        Score of a token.
    verdicts
        Those that had arrived by then.
    """
    lowest = min(verdicts, key=_support, default=None)
    return lowest if lowest is not None and lowest.support == score else None


def _support(verdict: SentenceVerdict) -> float:
    return verdict.support


def verdict_text(session: StreamSession, score: float) -> str | None:
    """Return the judged sentence that a score rests on, as evidence; ``None`` if there is none."""
    verdict = rests_on(score, session.verdicts)
    if verdict is None:
        return None
    sentence = "".join(session.tokens)[verdict.start : verdict.end]
    return f"judged {verdict.support:.2f}: {sentence}"
