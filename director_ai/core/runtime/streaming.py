"""The sync kernel."""

from collections.abc import Callable, Iterable
from typing import Any, Self

from director_ai.core.halting.policy import DEFAULT_SOFT_LIMIT, HaltMode, HaltPolicy
from director_ai.core.runtime.evidence import EvidenceRequest, Reviewer
from director_ai.core.runtime.hooks import Observer
from director_ai.core.runtime.kernel import HaltMonitor
from director_ai.core.runtime.session import StreamSession, TokenEvent
from director_ai.core.runtime.stream_run import LengthLimit, OnFault
from director_ai.core.runtime.sync_stream import TokenStream

__all__ = ["StreamSession", "StreamingKernel", "TokenEvent", "TokenStream"]


class StreamingKernel(HaltMonitor):
    """Watches a stream token by token and halts it when coherence degrades.

    One kernel may serve many streams at once, in threads: a halt ends its own stream only.

    Parameters
    ----------
    hard_limit, window_size, window_threshold, trend_window, trend_threshold, soft_limit
        See :class:`HaltPolicy`.
    halt_mode, score_every_n, adaptive, max_cadence, score_final
        See :class:`HaltPolicy`.
    on_halt, on_event, on_fault, streaming_debug, max_tokens, max_chars
        See :class:`HaltMonitor`.

    Raises
    ------
    ValueError, TypeError
        If a parameter is out of its range or of the wrong type.

    Examples
    --------
    >>> kernel = StreamingKernel(hard_limit=0.4)
    >>> scores = iter([0.9, 0.8, 0.2])
    >>> session = kernel.stream_tokens(["The", " sky", " sang"], lambda text: next(scores))
    >>> session.halt_reason, session.output
    ('hard_limit (0.2000 < 0.4)', 'The sky')
    """

    def __init__(
        self,
        hard_limit: float = 0.5,
        window_size: int = 10,
        window_threshold: float = 0.55,
        trend_window: int = 5,
        trend_threshold: float = 0.15,
        on_halt: Callable[[StreamSession], object] | None = None,
        soft_limit: float = DEFAULT_SOFT_LIMIT,
        streaming_debug: bool = False,
        halt_mode: HaltMode = "hard",
        score_every_n: int = 1,
        adaptive: bool = False,
        max_cadence: int = 8,
        *,
        score_final: bool = False,
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
        )

    @classmethod
    def from_policy(cls, policy: HaltPolicy, **options: Any) -> Self:
        """Return a kernel that judges by ``policy``; options as the keywords of the class."""
        return cls(**policy.to_dict(), **options)

    def stream(
        self,
        token_generator: Iterable[str],
        coherence_callback: Callable[[str], float],
        evidence_callback: Callable[[str], str | None] | None = None,
        scorer: Reviewer | None = None,
        top_k: int = 3,
        prompt: str = "",
        *,
        on_event: Observer | None = None,
        max_tokens: int | None = None,
        max_chars: int | None = None,
    ) -> TokenStream:
        """Return the events of a stream as they happen; parameters as :meth:`stream_tokens`."""
        evidence = EvidenceRequest(evidence_callback, scorer, top_k, prompt)
        run = self._start(evidence, on_event, LengthLimit(max_tokens, max_chars))
        return TokenStream(run, self._switch, token_generator, coherence_callback)

    def stream_tokens(
        self,
        token_generator: Iterable[str],
        coherence_callback: Callable[[str], float],
        evidence_callback: Callable[[str], str | None] | None = None,
        scorer: Reviewer | None = None,
        top_k: int = 3,
        prompt: str = "",
        *,
        on_event: Observer | None = None,
        max_tokens: int | None = None,
        max_chars: int | None = None,
    ) -> StreamSession:
        """Judge a whole stream and return its session.

        Parameters
        ----------
        token_generator
            Yields the tokens; closed as soon as the stream is halted.
        coherence_callback
            Returns the coherence in [0, 1] of all text so far, this token included.
        evidence_callback
            Returns a sentence about all text so far, when a limit halts the stream.
        scorer
            Its ``review(prompt, text)`` gives a halt the closest facts.
        top_k
            How many of them are kept.
        prompt
            Text they are retrieved for; the answer so far if blank.
        on_event
            Called with each event of this stream as it happens.
        max_tokens, max_chars
            A longer stream is halted with ``limit``, as by the kernel's own limits.

        Raises
        ------
        TypeError
            Before any token is pulled, if the source is a ``str`` or not iterable, or the
            callback not callable or async.
        Exception
            Of scorer or source, with ``on_fault="raise"``; an outage of the scorer
            (``TimeoutError``, ``OSError``) halts instead.
        """
        return self.stream(
            token_generator,
            coherence_callback,
            evidence_callback,
            scorer,
            top_k,
            prompt,
            on_event=on_event,
            max_tokens=max_tokens,
            max_chars=max_chars,
        ).run_to_end()
