"""Async stream of a chat completion's tokens from an endpoint."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncGenerator, Mapping
from datetime import UTC, datetime
from typing import Any, Self

import httpx

from director_ai.errors import SourceAbortedError, SourceError, SourceLostError
from director_ai.sources.chat.abortable_transport import BROKEN, default_ssl_context
from director_ai.sources.chat.deadline import Deadline, TimeLimits
from director_ai.sources.chat.decoder import ChatDecoder
from director_ai.sources.chat.endpoint import Endpoint
from director_ai.sources.chat.request import ChatRequest, Messages
from director_ai.sources.chat.response import LONGEST_BODY, is_stream, refusal, seconds_to_wait
from director_ai.sources.chat.source import ABORTED, AsyncChatSource


class AsyncChatStream(AsyncChatSource):
    """One answer of an endpoint, token by token, for ``async for``.

    Parameters, properties and errors are those of
    :class:`director_ai.sources.chat.stream.ChatStream`.

    Examples
    --------
    >>> import asyncio
    >>> from director_ai.sources.chat.endpoint import Endpoint
    >>> async def look():
    ...     async with AsyncChatStream(Endpoint("http://127.0.0.1:9/v1", "tiny"), "Why?") as stream:
    ...         return stream.finish_reason
    >>> asyncio.run(look()) is None
    True
    """

    def __init__(
        self,
        endpoint: Endpoint,
        messages: Messages,
        *,
        logprobs: bool = False,
        options: Mapping[str, Any] | None = None,
        limits: TimeLimits | None = None,
        ssl_context: ssl.SSLContext | None = None,
        skips_thinking: bool = True,
    ) -> None:
        self._request = ChatRequest(endpoint, messages, logprobs, options or {})
        self._key = endpoint.key()
        self._hide = self._key.hidden_in if self._key is not None else str
        super().__init__(ChatDecoder(self._hide, skips_thinking=skips_thinking))
        self._deadline = Deadline(limits or TimeLimits())
        self._ssl_context = ssl_context
        self._client: httpx.AsyncClient | None = None
        self._response: httpx.Response | None = None
        self._chunks: AsyncGenerator[bytes, None] | None = None

    @property
    def endpoint(self) -> Endpoint:
        """The receiver of the request."""
        return self._request.endpoint

    async def aclose(self) -> None:
        """Cancel the request, if it is still going on, and let go of the connection."""
        self._is_closed = True
        chunks, response, client = self._chunks, self._response, self._client
        self._chunks = self._response = self._client = None
        try:
            if chunks is not None:
                await chunks.aclose()
            if response is not None:
                await response.aclose()
        finally:
            if client is not None:
                await client.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.aclose()

    async def _pull(self) -> str | None:
        token = self._ready()
        phase = ""
        while token is None and not self._is_over:
            is_tail = self._decoder.finish_reason is not None
            if phase != ("tail" if is_tail else "token"):
                phase = "tail" if is_tail else "token"
                self._deadline.begin(phase if self._chunks is not None else "connect")
            await self._receive()
            token = self._ready()
        return token

    async def _receive(self) -> None:
        failure: SourceError
        self._loop = asyncio.get_running_loop()
        self._scope = scope = asyncio.timeout(max(0.0, self._deadline.left))
        try:
            async with scope:
                if self._is_aborted:
                    raise SourceAbortedError(ABORTED)
                if self._chunks is None:
                    await self._open()
                else:
                    self._decoder.feed(await anext(self._chunks))
            return
        except StopAsyncIteration:
            self._decoder.end()
            return
        except TimeoutError as error:
            # One that has its own words already is no passing of the scope.
            mine = SourceAbortedError(ABORTED) if self._is_aborted else self._deadline.error
            failure = error if isinstance(error, SourceError) else mine
        except SourceError as error:
            failure = error
        except httpx.ConnectError as error:
            host, port = self.endpoint.address
            failure = SourceLostError(f"no connection to {host}:{port}: {error}")
        except (*BROKEN, OSError) as error:
            words = self._hide(str(error))[:200] or "reset by the server"
            failure = SourceLostError(f"the connection broke: {words}")
        finally:
            self._scope = None
        self._lost(failure)

    def _begin(self, phase: str) -> None:
        """Start another clock within the scope that is under way."""
        self._deadline.begin(phase)
        if self._loop is not None and not self._is_aborted:
            self._reschedule(self._loop.time() + self._deadline.left)

    async def _open(self) -> None:
        """Send the request, again where a server asks for that, until there is a stream."""
        context = self._ssl_context
        if context is None and self.endpoint.base_url.startswith("https:"):
            context = default_ssl_context()
        self._client = httpx.AsyncClient(
            # Without https there is nothing to verify, and no redirect leads to any.
            verify=context or False,
            trust_env=False,
            follow_redirects=False,
            # The deadline of the stream knows better: a ping is no token.
            timeout=httpx.Timeout(None),
        )
        while True:
            response = await self._client.send(self._built(self._client), stream=True)
            if is_stream(response.status_code, response.headers):
                self._response, self._chunks = response, self._raw(response)
                return
            self._begin("tail")
            body = await self._body(response)
            requested = seconds_to_wait(response.status_code, response.headers, datetime.now(UTC))
            wait = None if requested is None else self._deadline.retry_wait(requested)
            if wait is None:
                raise refusal(response.status_code, response.headers, body, self._hide)
            self._begin("wait")
            await asyncio.sleep(wait)
            self._begin("connect")

    def _built(self, client: httpx.AsyncClient) -> httpx.Request:
        return client.build_request(
            "POST",
            self.endpoint.chat_url,
            content=self._request.body(),
            headers=self._request.headers(self._key),
            extensions={"trace": self._trace},
        )

    async def _trace(self, event: str, _info: Mapping[str, Any]) -> None:
        if event == "http11.send_request_headers.started":
            self._begin("token")

    def _raw(self, response: httpx.Response) -> AsyncGenerator[bytes, None]:
        chunks = response.aiter_raw()
        assert isinstance(chunks, AsyncGenerator)
        return chunks

    async def _body(self, response: httpx.Response) -> bytes:
        """Return the beginning of an error's body; what has come if the rest does not."""
        body = b""
        try:
            async with asyncio.timeout(1.0), contextlib.aclosing(self._raw(response)) as chunks:
                async for chunk in chunks:
                    body += chunk
                    if len(body) > LONGEST_BODY:
                        break
        except (TimeoutError, *BROKEN):
            pass
        finally:
            await response.aclose()
        return body[:LONGEST_BODY]
