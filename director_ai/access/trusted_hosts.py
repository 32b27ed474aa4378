"""The names by which browsers may know a server, asked for in front of whatever it answers."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

_REFUSAL = b"This server is not known by that name."


class OwnHostsOnly:
    """An ASGI application that refuses every request for a name that is not the server's.

    A page elsewhere could otherwise read this server through a name that it resolves to us.

    Parameters
    ----------
    application
        What answers the others.
    is_own
        Tells of a ``Host`` header, or of ``None`` where there is none, whether it is ours.

    Examples
    --------
    >>> import asyncio
    >>> async def show(message):
    ...     print(message.get("status", message.get("body")))
    >>> guarded = OwnHostsOnly(None, lambda host: host == "localhost")
    >>> asked = {"type": "http", "headers": [(b"host", b"rebound.example")]}
    >>> asyncio.run(guarded(asked, None, show))
    403
    b'This server is not known by that name.'
    """

    def __init__(self, application: Application, is_own: Callable[[str | None], bool]) -> None:
        self._application = application
        self._is_own = is_own

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] == "lifespan" or self._is_for_us(scope):
            await self._application(scope, receive, send)
        elif scope["type"] == "websocket":
            # Before it is accepted, the server answers this with 403.
            await send({"type": "websocket.close", "code": 1008})
        else:
            headers = [(b"content-type", b"text/plain"), (b"cache-control", b"no-store")]
            await send({"type": "http.response.start", "status": 403, "headers": headers})
            await send({"type": "http.response.body", "body": _REFUSAL})

    def _is_for_us(self, scope: Message) -> bool:
        hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
        # Of two, another reader might take the other one.
        return len(hosts) < 2 and self._is_own(hosts[0] if hosts else None)
