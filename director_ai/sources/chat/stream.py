"""Sync stream of a chat completion's tokens from an endpoint."""

import ssl
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Self

import httpx

from director_ai.errors import SourceError, SourceLostError
from director_ai.sources.chat.abortable_socket import AbortableSocket
from director_ai.sources.chat.abortable_transport import (
    BROKEN,
    AbortableTransport,
    default_ssl_context,
)
from director_ai.sources.chat.async_stream import AsyncChatStream
from director_ai.sources.chat.deadline import Deadline, TimeLimits
from director_ai.sources.chat.decoder import ChatDecoder
from director_ai.sources.chat.endpoint import Endpoint
from director_ai.sources.chat.request import ChatRequest, Messages
from director_ai.sources.chat.response import LONGEST_BODY, is_stream, refusal, seconds_to_wait
from director_ai.sources.chat.source import ABORTED, ChatSource

__all__ = ["AsyncChatStream", "ChatStream"]


class ChatStream(ChatSource, Iterator[str]):
    """One answer of an endpoint, token by token.

    The request is sent when the first token is requested. It ends with the iteration, with
    :meth:`close`, or with :meth:`abort`.

    Parameters
    ----------
    endpoint
        Its receiver. Its key is read from the environment at once.
    messages
        The conversation, or the text of a user's only message.
    logprobs
        Whether to ask for log-probabilities.
    options
        Whatever else the request is to hold: ``max_tokens``, ``temperature``, ``seed``, ...
    limits
        Time limits.
    ssl_context
        For a server whose certificate no public authority has signed.
    skips_thinking
        Whether ``<think>...</think>`` at the beginning of the answer or of a line is passed over
        and counted as reasoning in ``others``.

    Raises
    ------
    InvalidEndpointError, MissingKeyError
        On construction, if such a request cannot be sent.
    SourceError
        While iterating: one of its children for each way in which a stream fails, after every
        token before it.

    Examples
    --------
    >>> from director_ai.sources.chat.endpoint import Endpoint
    >>> endpoint = Endpoint("http://127.0.0.1:9/v1", "tiny")
    >>> with ChatStream(endpoint, "Why is the sky blue?", logprobs=True) as stream:
    ...     stream.finish_reason, stream.last_logprob
    (None, None)
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
        self._abortable = AbortableSocket(self._deadline)
        self._ssl_context = ssl_context
        self._turn = threading.RLock()
        self._client: httpx.Client | None = None
        self._response: httpx.Response | None = None
        self._chunks: Iterator[bytes] | None = None

    @property
    def endpoint(self) -> Endpoint:
        """The receiver of the request."""
        return self._request.endpoint

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        with self._turn:
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

    def abort(self, reason: str = ABORTED) -> None:
        """Stop at once, from any thread: who waits for a token gets ``SourceAbortedError``.

        Parameters
        ----------
        reason
            Message of the error.
        """
        self._abort_reason = reason
        self._is_aborted = True
        self._abortable.abort()

    def close(self) -> None:
        """Cancel the request, if it is still going on, and let go of the connection."""
        # First, as another thread may be waiting on it.
        self._abortable.abort()
        with self._turn:
            self._is_closed = True
            if self._response is not None and self._client is not None:
                self._response.close()
                self._client.close()
            self._response = self._client = None
            self._abortable.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _pull(self) -> str | None:
        token = self._ready()
        phase = ""
        while token is None and not self._is_over:
            is_tail = self._decoder.finish_reason is not None
            if phase != ("tail" if is_tail else "token"):
                phase = "tail" if is_tail else "token"
                self._deadline.begin(phase if self._chunks is not None else "connect")
            self._receive()
            token = self._ready()
        return token

    def _receive(self) -> None:
        failure: SourceError
        try:
            if self._chunks is None:
                self._open()
            else:
                self._decoder.feed(next(self._chunks))
            return
        except StopIteration:
            self._decoder.end()
            return
        except SourceError as error:
            failure = error
        except BROKEN as error:
            failure = SourceLostError(f"the connection broke: {self._hide(str(error))[:200]}")
        self._lost(failure)

    def _open(self) -> None:
        """Send the request, again where a server asks for that, until there is a stream."""
        context = self._ssl_context
        if context is None and self.endpoint.base_url.startswith("https:"):
            context = default_ssl_context()
        self._client = httpx.Client(
            transport=AbortableTransport(self._abortable, context),
            trust_env=False,
            follow_redirects=False,
            # The deadline of the stream knows better: a ping is no token.
            timeout=httpx.Timeout(None),
        )
        while True:
            response = self._client.send(self._built(self._client), stream=True)
            if is_stream(response.status_code, response.headers):
                self._response, self._chunks = response, response.iter_raw()
                return
            self._deadline.begin("tail")
            body = self._body(response)
            response.close()
            requested = seconds_to_wait(response.status_code, response.headers, datetime.now(UTC))
            wait = None if requested is None else self._deadline.retry_wait(requested)
            if wait is None:
                raise refusal(response.status_code, response.headers, body, self._hide)
            self._deadline.begin("wait")
            self._abortable.sleep(wait)
            self._deadline.begin("connect")

    def _built(self, client: httpx.Client) -> httpx.Request:
        return client.build_request(
            "POST",
            self.endpoint.chat_url,
            content=self._request.body(),
            headers=self._request.headers(self._key),
            extensions={"trace": self._trace},
        )

    def _trace(self, event: str, _info: Mapping[str, Any]) -> None:
        if event == "http11.send_request_headers.started":
            self._deadline.begin("token")

    def _body(self, response: httpx.Response) -> bytes:
        """Return the beginning of an error's body; what has come if the rest does not."""
        body = b""
        try:
            for chunk in response.iter_raw():
                body += chunk
                if len(body) > LONGEST_BODY:
                    break
        except (SourceLostError, TimeoutError, *BROKEN):
            pass
        return body[:LONGEST_BODY]
