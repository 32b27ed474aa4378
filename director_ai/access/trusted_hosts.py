"""ASGI middleware that rejects foreign Host headers (DNS rebinding)."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

_REFUSAL = b"This server is not known by that name."


class TrustedHosts:
    """An ASGI application that refuses every request for a name that is not the server's.

    A page elsewhere could otherwise read this server through a name that it resolves to us.

    Parameters
    ----------
    application
        Answers the others.
    is_trusted
        Whether a ``Host`` header, or ``None`` where there is none, names this server.

    Examples
    --------
    >>> import asyncio
    >>> async def show(message):
    ...     print(message.get("status", message.get("body")))
    >>> guarded = TrustedHosts(None, lambda host: host == "localhost")
    >>> request = {"type": "http", "headers": [(b"host", b"rebound.example")]}
    >>> asyncio.run(guarded(request, None, show))
    403
    b'This server is not known by that name.'
    """

    def __init__(self, application: Application, is_trusted: Callable[[str | None], bool]) -> None:
        self._application = application
        self._is_trusted = is_trusted

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] == "lifespan" or self._has_trusted_host(scope):
            await self._application(scope, receive, send)
        elif scope["type"] == "websocket":
            # Before it is accepted, the server answers this with 403.
            await send({"type": "websocket.close", "code": 1008})
        else:
            headers = [(b"content-type", b"text/plain"), (b"cache-control", b"no-store")]
            await send({"type": "http.response.start", "status": 403, "headers": headers})
            await send({"type": "http.response.body", "body": _REFUSAL})

    def _has_trusted_host(self, scope: Message) -> bool:
        hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
        # Of two, another reader might take the other one.
        return len(hosts) < 2 and self._is_trusted(hosts[0] if hosts else None)
