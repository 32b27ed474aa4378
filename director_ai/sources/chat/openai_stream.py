"""Source of tokens over a stream that an ``openai`` client has opened already."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Self, overload

from director_ai.errors import SourceAbortedError, SourceReportedError
from director_ai.sources.chat.api_key import Key
from director_ai.sources.chat.decoder import ChatDecoder
from director_ai.sources.chat.source import AsyncChatSource, ChatSource


class OpenAIStream(ChatSource, Iterator[str]):
    """The tokens of a sync stream; see :func:`from_openai`.

    Parameters
    ----------
    stream
        The return value of ``client.chat.completions.create(..., stream=True)``.
    """

    def __init__(self, stream: Any, *, skips_thinking: bool = True) -> None:
        self._hide = _hiding(stream)
        super().__init__(ChatDecoder(self._hide, skips_thinking=skips_thinking))
        self._stream = stream

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        if self._is_closed:
            raise StopIteration
        try:
            token = self._pull()
        except BaseException:
            self.close()
            raise
        if token is None:
            self.close()
            raise StopIteration
        return token

    def abort(self) -> None:
        """Stop at once, from any thread: who waits for a token gets ``SourceAbortedError``."""
        self._is_aborted = True
        abortable = self._stream.response.extensions.get("network_stream")
        own = None if abortable is None else abortable.get_extra_info("socket")
        if isinstance(own, socket.socket):
            with contextlib.suppress(OSError):
                # Not SSLSocket's own, which takes the TLS away from under a reader.
                socket.socket.shutdown(own, socket.SHUT_RDWR)

    def close(self) -> None:
        """Cancel the request, if it is still going on."""
        self._is_closed = True
        self._stream.close()

    def _pull(self) -> str | None:
        token = self._ready()
        while token is None and not self._is_over:
            try:
                chunk = next(self._stream)
            except StopIteration:
                self._decoder.end()
            except Exception as error:
                if not self._is_aborted:
                    reported = _redacted(error, self._hide)
                    if reported is None:
                        raise
                    self._decoder.fail(reported)
            else:
                self._decoder.take(chunk.model_dump())
            token = self._ready()
        return token


class AsyncOpenAIStream(AsyncChatSource):
    """The tokens of an async stream; see :func:`from_openai`.

    Parameters
    ----------
    stream
        The value of ``await client.chat.completions.create(..., stream=True)``.
    """

    def __init__(self, stream: Any, *, skips_thinking: bool = True) -> None:
        self._hide = _hiding(stream)
        super().__init__(ChatDecoder(self._hide, skips_thinking=skips_thinking))
        self._stream = stream

    async def aclose(self) -> None:
        """Cancel the request, if it is still going on."""
        self._is_closed = True
        await self._stream.close()

    async def _pull(self) -> str | None:
        # First: an abort that comes while a token is made ready must find whom to wake.
        self._loop = asyncio.get_running_loop()
        token = self._ready()
        while token is None and not self._is_over:
            self._scope = asyncio.timeout(None)
            try:
                async with self._scope:
                    chunk = await anext(self._stream)
            except StopAsyncIteration:
                self._decoder.end()
            except Exception as error:
                if self._is_aborted:
                    raise SourceAbortedError(self._abort_reason) from None
                reported = _redacted(error, self._hide)
                if reported is None:
                    raise
                self._decoder.fail(reported)
            else:
                self._decoder.take(chunk.model_dump())
            finally:
                self._scope = None
            token = self._ready()
        return token


def _hiding(stream: Any) -> Callable[[str], str]:
    """Return what takes the client's key out of a text; it stands in the request that was sent."""
    headers = stream.response.request.headers
    sent = headers.get("authorization", "").removeprefix("Bearer ") or headers.get("api-key", "")
    return Key(sent).hidden_in if sent else str


def _redacted(error: Exception, hide: Callable[[str], str]) -> SourceReportedError | None:
    """Return an error in place of one that quotes the key; ``None`` for any other."""
    shown = repr((error.args, vars(error)))
    if hide(shown) == shown:
        return None
    words = " ".join(hide(str(error)).split())
    return SourceReportedError(f"the server reported an error: {words:.300}")


@overload
def from_openai(stream: Iterator[Any], *, skips_thinking: bool = True) -> OpenAIStream: ...
@overload
def from_openai(
    stream: AsyncIterator[Any], *, skips_thinking: bool = True
) -> AsyncOpenAIStream: ...
def from_openai(stream: Any, *, skips_thinking: bool = True) -> OpenAIStream | AsyncOpenAIStream:
    """Return a ready stream of the ``openai`` client as a source for a kernel.

    The client reports a connection that was cut as the end of the answer; this source does not.
    Time limits, retries and keys stay the client's, and so do its errors; one that would quote the
    key becomes a ``SourceReportedError`` that does not. Close it, or let a kernel do so.

    Parameters
    ----------
    stream
        The return value of ``client.chat.completions.create(..., stream=True)``, awaited if the
        client is async.
    skips_thinking
        As for :class:`director_ai.sources.chat.stream.ChatStream`.

    Returns
    -------
    OpenAIStream or AsyncOpenAIStream
        With the properties of :class:`director_ai.sources.chat.stream.ChatStream`.

    Raises
    ------
    TypeError
        If it is no stream.

    Examples
    --------
    >>> from_openai("Hello")
    Traceback (most recent call last):
    TypeError: stream must be what create(..., stream=True) returned, got str
    """
    if hasattr(stream, "response") and hasattr(stream, "close"):
        if hasattr(stream, "__anext__"):
            return AsyncOpenAIStream(stream, skips_thinking=skips_thinking)
        if hasattr(stream, "__next__"):
            return OpenAIStream(stream, skips_thinking=skips_thinking)
    raise TypeError(
        f"stream must be what create(..., stream=True) returned, got {type(stream).__name__}"
    )
