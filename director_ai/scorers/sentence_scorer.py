"""Sentence scorer: the fast score at every token, a model's verdict on every sentence."""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import CancelledError
from math import inf
from typing import Final, NamedTuple

from director_ai.core.halting.policy import checked_seconds
from director_ai.core.halting.score import as_score
from director_ai.core.scoring.fact_set import FactSet, facts_of
from director_ai.core.scoring.identity import (
    UNKNOWN_SCORER,
    ScorerIdentity,
    digest_of_parts,
    identity_of,
)
from director_ai.core.scoring.sentences import Place, SentenceReader
from director_ai.core.scoring.support import SupportModel
from director_ai.core.scoring.types import SentenceVerdict
from director_ai.errors import InvalidScoreError, JudgeTimeoutError
from director_ai.scorers.background_judge import BackgroundJudge, Premise, Verdict

FINISH_TIMEOUT_S: Final = 10.0
"""Seconds a verdict may take, unless another limit is set."""

_VERSION: Final = "1"


class _Pending(NamedTuple):
    """A sentence that is being judged, and the time by which its verdict must be there."""

    place: Place
    verdict: Verdict
    deadline: float


class SentenceScorer:
    """Coherence callback of one stream: as low as its worst sentence.

    Each finished sentence is judged in the background, against its own facts. Until its verdict
    arrives, the fast scorer stands in for it; from then on the verdict does, whether it is lower or
    higher. A sentence without facts to judge it by keeps the fast score. Only the end of the
    stream waits.

    Parameters
    ----------
    fast
        Scores text at once. It is given the answer from the first sentence on that has no verdict
        yet, and must score that alone, as :class:`CoherenceScorer`'s callbacks do.
    judge
        A model, or the :class:`BackgroundJudge` of a model that serves many streams: what they
        wait for is then judged together.
    retrieve
        Returns the facts a sentence is held against, or ``None``; called on the judge's thread.
    finish_timeout
        Seconds from the end of a sentence until its verdict must be there. The end of the stream
        waits for what is left of them; between tokens a verdict that is overdue ends the stream.
    background
        Whether the stream goes on meanwhile; else each sentence's end waits for its verdict.

    Raises
    ------
    JudgeTimeoutError
        When called, if a verdict is overdue. The kernel takes it for an outage and halts.
    Exception
        When called, whatever the judge raised: the kernel's ``on_fault`` says what comes of it. No
        failure leaves the fast score standing.

    Examples
    --------
    >>> from director_ai import StreamingKernel
    >>> class Parrot:
    ...     identity = ScorerIdentity("parrot", "1")
    ...     def support(self, pairs):
    ...         return [float(claim in premise) for premise, claim in pairs]
    >>> facts = "Bees make honey. They sleep."
    >>> score = SentenceScorer(lambda text: 0.7, Parrot(), lambda sentence: facts)
    >>> tokens = ["Bees", " make", " honey.", " They", " sing."]
    >>> session = StreamingKernel().stream_tokens(tokens, score)
    >>> session.halt_reason, session.halt_evidence
    ('hard_limit (0.0000 < 0.5)', 'judged 0.00: They sing.')
    """

    def __init__(
        self,
        fast: Callable[[str], float],
        judge: SupportModel | BackgroundJudge,
        retrieve: Premise,
        *,
        finish_timeout: float = FINISH_TIMEOUT_S,
        background: bool = True,
    ) -> None:
        if checked_seconds("finish_timeout", finish_timeout) == 0.0:
            raise ValueError(f"finish_timeout must be more than 0 seconds, got {finish_timeout!r}")
        self._fast = fast
        self._judge = judge if isinstance(judge, BackgroundJudge) else BackgroundJudge(judge)
        self._retrieve = retrieve
        self._finish_timeout = finish_timeout
        self._background = background
        self._sentences = SentenceReader()
        self._pending: deque[_Pending] = deque()
        self._text = ""
        self._settled = 0
        self._level = inf
        self._is_aborted = False
        self.verdicts: list[SentenceVerdict] = []

    @property
    def scorer_identity(self) -> ScorerIdentity:
        """Identity of fast scorer and judge together; unknown where one of them is."""
        return judged_identity(identity_of(self._fast), self._judge.model.identity)

    @property
    def scorer_facts(self) -> FactSet | None:
        """Facts that ``retrieve`` bears, else those of the fast scorer."""
        return facts_of(self._retrieve) or facts_of(self._fast)

    def __call__(self, text: str) -> float:
        """Return the score of ``text``, the whole answer so far, with the verdicts there are."""
        self._read(text, final=False)
        if not self._background:
            self._wait()
        self._settle()
        fast = self._fast(text[self._settled :])
        try:
            return min(self._level, as_score(fast))
        except InvalidScoreError:
            # No other score stands in for one that is none.
            return fast

    def final_score(self, text: str) -> float:
        """Return the score of the finished text, with all verdicts; it waits for them."""
        self._read(text, final=True)
        if self._is_aborted:
            # Before the last sentence was read, whose verdict is not waited for either.
            self.abort()
        self._wait()
        return self._finished(text)

    def abort(self) -> None:
        """Let :meth:`final_score` wait no longer, from any thread; it raises ``CancelledError``."""
        self._is_aborted = True
        for pending in tuple(self._pending):
            pending.verdict.cancel()

    async def afinal_score(self, text: str) -> float:
        """Return what :meth:`final_score` returns, and let the event loop go on meanwhile."""
        self._read(text, final=True)
        for pending in self._pending:
            await _arrival(pending.verdict, max(0.0, pending.deadline - time.monotonic()))
        return self._finished(text)

    def _read(self, text: str, *, final: bool) -> None:
        if not text.startswith(self._text):
            raise ValueError(
                "text must begin with that of the call before; "
                "each stream needs a SentenceScorer of its own"
            )
        self._text = text
        for place in self._sentences.read(text, final=final):
            verdict = self._judge.submit(text[place.start : place.end], self._retrieve)
            deadline = time.monotonic() + self._finish_timeout
            self._pending.append(_Pending(place, verdict, deadline))

    def _wait(self) -> None:
        for pending in self._pending:
            with contextlib.suppress(TimeoutError, CancelledError):
                pending.verdict.exception(max(0.0, pending.deadline - time.monotonic()))

    def _settle(self) -> None:
        """Take the verdicts that have arrived, in the order of their sentences."""
        while self._pending:
            place, verdict, deadline = self._pending[0]
            if not verdict.done():
                if time.monotonic() >= deadline:
                    raise JudgeTimeoutError(
                        f"{self._judge.model.identity} must judge a sentence within "
                        f"{self._finish_timeout:g} s, and has not judged "
                        f"{self._text[place.start : place.end]!r:.80}"
                    )
                return
            result = verdict.result()
            self._pending.popleft()
            if result is None:
                # With what follows the sentence: only then its last word counts.
                level = self._fast(self._text[self._settled : place.end + 1])
            else:
                level = result.support
                self.verdicts.append(
                    SentenceVerdict(*place, level, at=len(self._text), spans=result.spans)
                )
            self._level = min(self._level, as_score(level))
            self._settled = place.end

    def _finished(self, text: str) -> float:
        self._settle()
        return self._fast(text) if self._level == inf else self._level


async def _arrival(verdict: Verdict, timeout: float) -> None:
    """Wait for a verdict, not longer than a time limit; of another thread, hence no plain await."""
    loop, arrived = asyncio.get_running_loop(), asyncio.Event()

    def notify(_: Verdict) -> None:
        # A loop that is closed by now has nobody to wake.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(arrived.set)

    verdict.add_done_callback(notify)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(arrived.wait(), timeout)


def judged_identity(fast: ScorerIdentity, judge: ScorerIdentity) -> ScorerIdentity:
    """Return the identity of a fast scorer whose sentences a model judges.

    >>> judged_identity(ScorerIdentity("coherence", "2"), ScorerIdentity("hhem", "2.1")).name
    'coherence hhem'
    """
    if not (fast.is_known and judge.is_known):
        return UNKNOWN_SCORER
    digest = digest_of_parts(str(fast).encode(), str(judge).encode())
    return ScorerIdentity(f"{fast.name} {judge.name}", _VERSION, "sentence", digest)
