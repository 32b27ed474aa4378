"""Base of every source of a chat completion, sync or async: the properties of its answer."""

import asyncio
import contextlib
from abc import abstractmethod
from collections.abc import AsyncIterator, Mapping
from typing import Any, Self

from director_ai.errors import SourceAbortedError, SourceError, SourceLostError, SourceTimeoutError
from director_ai.sources.chat.decoder import ChatDecoder

ABORTED = "the stream was aborted"


class ChatSource:
    """An answer that grows.

    Parameters
    ----------
    reader
        The rules it is read by.
    """

    def __init__(self, reader: ChatDecoder) -> None:
        self._decoder = reader
        self._logprobs: list[float | None] = []
        self._last_entropy: float | None = None
        self._is_closed = False
        self._is_aborted = False
        self._abort_reason = ABORTED

    @property
    def logprobs(self) -> list[float | None]:
        """The log-probability of every token handed out; ``None`` where the server sent none.

        As the server sent them: one above 0, or nan, can be none, and makes no valid score.
        """
        return self._logprobs

    @property
    def last_logprob(self) -> float | None:
        """The log-probability of the newest token; ``None`` before the first."""
        return self._logprobs[-1] if self._logprobs else None

    @property
    def last_entropy(self) -> float | None:
        """The entropy of the newest token's distribution, in nats, at most the true one.

        ``None`` before the first token, and where the server sent no alternatives to it.
        """
        return self._last_entropy

    @property
    def finish_reason(self) -> str | None:
        """Reason of the answer's end, as the server names it, or ``"truncated"``; else ``None``."""
        return self._decoder.finish_reason

    @property
    def usage(self) -> Mapping[str, Any] | None:
        """Counts reported by the server, if any."""
        return self._decoder.usage

    @property
    def model(self) -> str:
        """Model reported by the server; ``""`` before the first chunk."""
        return self._decoder.model

    @property
    def others(self) -> Mapping[str, int]:
        """Number of chunks that held reasoning, a tool call or a refusal, by the field's name."""
        return self._decoder.others

    def _ready(self) -> str | None:
        """Return the next token if it is there; errors as :meth:`ChatDecoder.next_token`."""
        if self._is_aborted:
            self._decoder.fail(SourceAbortedError(self._abort_reason))
            self._is_closed = True
            raise SourceAbortedError(self._abort_reason)
        token = self._decoder.next_token()
        if token is None:
            return None
        self._logprobs.append(token.logprob)
        self._last_entropy = token.entropy
        return token.text

    @property
    def _is_over(self) -> bool:
        return self._is_closed or self._decoder.is_over

    def _lost(self, error: SourceError) -> None:
        """Note that no more will come, for a reason of the network's."""
        is_network = isinstance(error, SourceLostError | SourceTimeoutError)
        if is_network and self._decoder.finish_reason is not None:
            # The answer is whole; how the server hangs up does not matter.
            self._decoder.end()
        else:
            self._decoder.fail(error)


class AsyncChatSource(ChatSource, AsyncIterator[str]):
    """An answer that grows, for ``async for``; may be aborted from any thread.

    A child waits for its server within ``_scope``, a timeout of the loop ``_loop``.
    """

    def __init__(self, reader: ChatDecoder) -> None:
        super().__init__(reader)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._scope: asyncio.Timeout | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> str:
        if self._is_closed:
            raise StopAsyncIteration
        try:
            token = await self._pull()
        except BaseException:
            await self.aclose()
            raise
        if token is None:
            await self.aclose()
            raise StopAsyncIteration
        return token

    @abstractmethod
    async def _pull(self) -> str | None:
        """Return the next token; ``None`` at the end of the answer."""

    @abstractmethod
    async def aclose(self) -> None:
        """Cancel the request, if it is still going on, and let go of the connection."""

    def abort(self, reason: str = ABORTED) -> None:
        """Stop at once, from any thread: who waits for a token gets ``SourceAbortedError``.

        Parameters
        ----------
        reason
            Message of the error.
        """
        self._abort_reason = reason
        self._is_aborted = True
        if self._loop is not None:
            # A loop that is closed by now has nobody to wake.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._reschedule, 0.0)

    def _reschedule(self, when: float) -> None:
        """Move the end of the wait that is under way to ``when``, in the loop's time."""
        if self._scope is not None:
            # One that has expired cannot be changed any more, and need not be.
            with contextlib.suppress(RuntimeError):
                self._scope.reschedule(when)
