"""HTTP transport over the abortable socket of one stream.

By hand as the socket is: httpx opens its own, which no other thread can wake.
"""

import ssl
from collections.abc import Iterable, Iterator
from functools import lru_cache

import httpcore
import httpx

from director_ai.sources.chat.abortable_socket import AbortableSocket

BROKEN = (httpx.HTTPError, httpcore.ProtocolError, httpcore.NetworkError)
"""Exceptions of the HTTP library on a connection that fails."""


@lru_cache(maxsize=1)
def default_ssl_context() -> ssl.SSLContext:
    """Return a context that trusts the public authorities, whatever the environment says."""
    return httpx.create_ssl_context(trust_env=False)


class AbortableTransport(httpx.BaseTransport):
    """Sends every request over a connection of its own.

    Parameters
    ----------
    abortable
        Holds the socket.
    context
        For https.
    """

    def __init__(self, abortable: AbortableSocket, context: ssl.SSLContext | None) -> None:
        self._abortable = abortable
        self._context = context

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Return the reply, its body still to be read."""
        url = httpcore.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.url.raw_path,
        )
        connection = httpcore.HTTPConnection(
            url.origin, ssl_context=self._context, network_backend=self._abortable
        )
        reply = connection.handle_request(
            httpcore.Request(
                request.method,
                url,
                headers=request.headers.raw,
                content=request.stream,
                extensions=request.extensions,
            )
        )
        return httpx.Response(
            reply.status,
            headers=reply.headers,
            stream=_Body(reply.stream),
            extensions=reply.extensions,
        )

    def close(self) -> None:
        """Close the socket."""
        self._abortable.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, stream: object) -> None:
        assert isinstance(stream, Iterable)
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        yield from self._stream

    def close(self) -> None:
        close = getattr(self._stream, "close", None)
        if close is not None:
            close()
