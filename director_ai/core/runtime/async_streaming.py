"""The async kernel."""

from collections.abc import AsyncIterable, Awaitable, Callable, Iterable

from director_ai.core.halting.policy import (
    DEFAULT_SOFT_LIMIT,
    HaltMode,
    HaltPolicy,
)
from director_ai.core.runtime.async_stream import AsyncTokenStream
from director_ai.core.runtime.deadlines import Deadlines
from director_ai.core.runtime.evidence import EvidenceRequest, Reviewer
from director_ai.core.runtime.hooks import Observer
from director_ai.core.runtime.kernel import HaltMonitor
from director_ai.core.runtime.session import StreamSession
from director_ai.core.runtime.stream_run import LengthLimit, OnFault

__all__ = ["AsyncStreamingKernel", "AsyncTokenStream"]


class AsyncStreamingKernel(HaltMonitor):
    """The kernel for async token sources: same rules, same reasons, same record.

    Parameters
    ----------
    hard_limit, window_size, window_threshold, trend_window, trend_threshold, soft_limit
        See :class:`HaltPolicy`.
    halt_mode, score_every_n, adaptive, max_cadence, score_final
        See :class:`HaltPolicy`.
    token_timeout
        Seconds to wait for the next token, and again for its score; 0 for no limit.
    total_timeout
        Seconds for the whole stream; 0 for no limit.
    on_halt, on_event, on_fault, streaming_debug, max_tokens, max_chars
        See :class:`HaltMonitor`; ``on_halt`` may be async.

    Raises
    ------
    ValueError, TypeError
        If a parameter is out of its range or of the wrong type.

    Examples
    --------
    >>> import asyncio
    >>> async def answer():
    ...     for token in ["The", " sky", " sang"]:
    ...         yield token
    >>> scores = iter([0.9, 0.8, 0.2])
    >>> kernel = AsyncStreamingKernel(hard_limit=0.4)
    >>> session = asyncio.run(kernel.stream_to_session(answer(), lambda text: next(scores)))
    >>> session.halt_reason, session.output
    ('hard_limit (0.2000 < 0.4)', 'The sky')
    """

    _awaits_on_halt = True

    def __init__(
        self,
        hard_limit: float = 0.5,
        window_size: int = 10,
        window_threshold: float = 0.55,
        trend_window: int = 5,
        trend_threshold: float = 0.15,
        on_halt: Callable[[StreamSession], object] | None = None,
        soft_limit: float = DEFAULT_SOFT_LIMIT,
        token_timeout: float = 0.0,
        total_timeout: float = 0.0,
        halt_mode: HaltMode = "hard",
        score_every_n: int = 1,
        adaptive: bool = False,
        max_cadence: int = 8,
        *,
        score_final: bool = False,
        streaming_debug: bool = False,
        on_event: Observer | None = None,
        on_fault: OnFault = "raise",
        max_tokens: int | None = None,
        max_chars: int | None = None,
    ) -> None:
        super().__init__(
            HaltPolicy(
                hard_limit=hard_limit,
                window_size=window_size,
                window_threshold=window_threshold,
                trend_window=trend_window,
                trend_threshold=trend_threshold,
                soft_limit=soft_limit,
                halt_mode=halt_mode,
                score_every_n=score_every_n,
                adaptive=adaptive,
                max_cadence=max_cadence,
                score_final=score_final,
            ),
            on_halt=on_halt,
            on_event=on_event,
            on_fault=on_fault,
            streaming_debug=streaming_debug,
            max_tokens=max_tokens,
            max_chars=max_chars,
            token_timeout=token_timeout,
            total_timeout=total_timeout,
        )

    def stream_tokens(
        self,
        token_source: AsyncIterable[str] | Iterable[str],
        coherence_callback: Callable[[str], float | Awaitable[float]],
        *,
        evidence_callback: Callable[[str], str | None] | None = None,
        scorer: Reviewer | None = None,
        top_k: int = 3,
        prompt: str = "",
        on_event: Observer | None = None,
        max_tokens: int | None = None,
        max_chars: int | None = None,
    ) -> AsyncTokenStream:
        """Return the events of a stream as they happen, for ``async for``.

        Parameters are those of :meth:`StreamingKernel.stream_tokens`; source and callback may be
        async. A sync source is pulled on a worker thread; with a timeout, a sync callback runs on
        one, too.
        """
        evidence = EvidenceRequest(evidence_callback, scorer, top_k, prompt)
        return AsyncTokenStream(
            self._start(evidence, on_event, LengthLimit(max_tokens, max_chars)),
            self._switch,
            token_source,
            coherence_callback,
            Deadlines(self.token_timeout, self.total_timeout),
        )

    async def stream_to_session(
        self,
        token_source: AsyncIterable[str] | Iterable[str],
        coherence_callback: Callable[[str], float | Awaitable[float]],
        *,
        evidence_callback: Callable[[str], str | None] | None = None,
        scorer: Reviewer | None = None,
        top_k: int = 3,
        prompt: str = "",
        on_event: Observer | None = None,
        max_tokens: int | None = None,
        max_chars: int | None = None,
    ) -> StreamSession:
        """Judge a whole stream and return its session; parameters as :meth:`stream_tokens`."""
        return await self.stream_tokens(
            token_source,
            coherence_callback,
            evidence_callback=evidence_callback,
            scorer=scorer,
            top_k=top_k,
            prompt=prompt,
            on_event=on_event,
            max_tokens=max_tokens,
            max_chars=max_chars,
        ).run_to_end()
