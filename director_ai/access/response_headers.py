"""ASGI middleware that adds security headers to responses and closes the metrics."""

import base64
import hashlib
import re
from typing import Final

from director_ai.access.trusted_hosts import Application, Message, Receive, Send

METRICS: Final = "/_stcore/metrics"
"""Path at which Streamlit tells anyone how much its caches hold and who is connected."""

_INLINE_SCRIPT: Final = re.compile(r"<script>(.*?)</script>", re.DOTALL)


def content_security_policy(index_page: str, websocket_origin: str = "") -> str:
    """Return the Content-Security-Policy under which the app's pages work.

    Components are loaded from ``blob:`` URLs. Styles are made at run time, so that inline ones
    must be allowed; of inline scripts only those of the index page are.

    Parameters
    ----------
    index_page
        HTML of the page that loads the app.
    websocket_origin
        Origin of the app's websocket behind a proxy, such as ``wss://director.example.org``.

    Examples
    --------
    >>> "script-src 'self' blob:;" in content_security_policy("<html></html>")
    True
    >>> content_security_policy("", "wss://a.org").split("; ")[-3]
    "connect-src 'self' wss://a.org"
    """
    hashes = [
        f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
        for script in _INLINE_SCRIPT.findall(index_page)
    ]
    directives = {
        "default-src": ["'self'"],
        "script-src": ["'self'", "blob:", *hashes],
        "style-src": ["'self'", "'unsafe-inline'"],
        "img-src": ["'self'", "data:", "blob:"],
        "font-src": ["'self'", "data:"],
        "connect-src": ["'self'", *([websocket_origin] if websocket_origin else [])],
        "worker-src": ["'self'", "blob:"],
        "frame-ancestors": ["'none'"],
    }
    return "; ".join(f"{name} {' '.join(sources)}" for name, sources in directives.items())


class SecuredResponses:
    """An ASGI application whose responses no other site may frame, and whose metrics are closed.

    Parameters
    ----------
    application
        Answers the requests.
    policy
        The Content-Security-Policy.
    has_secure_cookies
        Whether browsers reach the server by https only, and may send its cookies nowhere else.

    Examples
    --------
    >>> import asyncio
    >>> async def application(scope, receive, send):
    ...     await send({"type": "http.response.start", "status": 200, "headers": []})
    >>> async def show(message):
    ...     print(*message["headers"])
    >>> secured = SecuredResponses(application, "default-src 'self'", has_secure_cookies=False)
    >>> asyncio.run(secured({"type": "http", "path": "/"}, None, show))
    (b'content-security-policy', b"default-src 'self'") (b'x-frame-options', b'DENY')
    """

    def __init__(self, application: Application, policy: str, *, has_secure_cookies: bool) -> None:
        self._application = application
        self._headers = [
            (b"content-security-policy", policy.encode("ascii")),
            (b"x-frame-options", b"DENY"),
        ]
        self._has_secure_cookies = has_secure_cookies

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer a request."""

        async def send_secured(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.accept"):
                message = {**message, "headers": self._secured(message.get("headers", ()))}
            await send(message)

        if scope["type"] == "http" and scope["path"].rstrip("/").endswith(METRICS):
            headers = [(b"content-type", b"text/plain"), (b"cache-control", b"no-store")]
            await send_secured({"type": "http.response.start", "status": 404, "headers": headers})
            await send_secured({"type": "http.response.body", "body": b"Not found."})
        else:
            await self._application(scope, receive, send_secured)

    def _secured(self, headers: object) -> list[tuple[bytes, bytes]]:
        assert isinstance(headers, list | tuple)
        return [*(self._with_secure_cookie(*header) for header in headers), *self._headers]

    def _with_secure_cookie(self, name: bytes, value: bytes) -> tuple[bytes, bytes]:
        attributes = value.lower().split(b";")[1:]
        if (
            self._has_secure_cookies
            and name.lower() == b"set-cookie"
            and b"secure" not in map(bytes.strip, attributes)
        ):
            return name, value + b"; Secure"
        return name, value
