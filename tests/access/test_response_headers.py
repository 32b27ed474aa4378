"""Headers that keep other sites out of the app's pages."""

import asyncio
import base64
import hashlib
from typing import Any

import pytest

from director_ai.access.response_headers import SecuredResponses, content_security_policy
from director_ai.access.trusted_hosts import Message, Receive, Send


def sent(
    scope: Message,
    *,
    cookies: tuple[bytes, ...] = (),
    kind: str = "http.response.start",
    **how: Any,
) -> list[Message]:
    """Return what a secured application sends that sets these cookies."""
    messages: list[Message] = []

    async def application(_scope: Message, _receive: Receive, send: Send) -> None:
        headers = [(b"Set-Cookie", cookie) for cookie in cookies]
        await send({"type": kind, "status": 200, "headers": headers})

    async def receive() -> Message:
        raise AssertionError("nothing is read")

    async def send(message: Message) -> None:
        messages.append(message)

    secured = SecuredResponses(application, "the policy", **{"has_secure_cookies": True, **how})
    asyncio.run(secured(scope, receive, send))
    return messages


def test_every_response_says_who_may_frame_it_and_load_what() -> None:
    (start,) = sent({"type": "http", "path": "/"})

    assert (b"content-security-policy", b"the policy") in start["headers"]
    assert (b"x-frame-options", b"DENY") in start["headers"]


@pytest.mark.parametrize(
    ("cookie", "is_https", "received"),
    [
        (b"a=1; HttpOnly", True, b"a=1; HttpOnly; Secure"),
        (b"a=1; HttpOnly", False, b"a=1; HttpOnly"),
        (b"a=secure", True, b"a=secure; Secure"),
        (b"a=1; SECURE; Path=/", True, b"a=1; SECURE; Path=/"),
    ],
)
@pytest.mark.parametrize("kind", ["http.response.start", "websocket.accept"])
def test_a_cookie_is_secure_where_browsers_come_by_https(
    kind: str, cookie: bytes, is_https: bool, received: bytes
) -> None:
    (start,) = sent(
        {"type": "http", "path": "/"}, cookies=(cookie,), kind=kind, has_secure_cookies=is_https
    )

    assert [value for name, value in start["headers"] if name == b"Set-Cookie"] == [received]


@pytest.mark.parametrize("path", ["/_stcore/metrics", "/_stcore/metrics/", "/base/_stcore/metrics"])
def test_metrics_are_not_there(path: str) -> None:
    start, body = sent({"type": "http", "path": path})

    assert (start["status"], body["body"]) == (404, b"Not found.")
    assert (b"x-frame-options", b"DENY") in start["headers"]


def test_the_policy_allows_the_inline_script_of_the_index_page_and_no_other() -> None:
    script = "\n  window.ready = false\n"
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    page = f'<script>{script}</script><script src="a.js"></script>'

    policy = content_security_policy(page, "wss://a.example.org")

    assert policy == (
        f"default-src 'self'; script-src 'self' blob: 'sha256-{digest}'; "
        "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
        "connect-src 'self' wss://a.example.org; worker-src 'self' blob:; frame-ancestors 'none'"
    )
