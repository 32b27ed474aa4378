"""The names by which a server is known."""

import asyncio
from typing import Any

import pytest

from director_ai.access.trusted_hosts import Message, Receive, Send, TrustedHosts


def statuses(scope: Message) -> list[Any]:
    """Return what an application known as ``own`` sends, its bodies left out."""
    sent: list[Any] = []

    async def application(_scope: Message, _receive: Receive, send: Send) -> None:
        await send({"type": "reached"})

    async def receive() -> Message:
        raise AssertionError("nothing is read")

    async def send(message: Message) -> None:
        sent.append(message.get("status", message["type"]))

    guarded = TrustedHosts(application, lambda host: host == "own")
    asyncio.run(guarded(scope, receive, send))
    return sent


def asked(*hosts: bytes, kind: str = "http") -> Message:
    return {"type": kind, "headers": [(b"accept", b"*/*"), *((b"host", host) for host in hosts)]}


def test_its_own_name_is_answered() -> None:
    assert statuses(asked(b"own")) == ["reached"]
    assert statuses(asked(b"own", kind="websocket")) == ["reached"]


@pytest.mark.parametrize("hosts", [(), (b"other",), (b"own", b"other"), (b"own", b"own")])
def test_no_name_another_and_two_are_refused(hosts: tuple[bytes, ...]) -> None:
    assert statuses(asked(*hosts)) == [403, "http.response.body"]
    assert statuses(asked(*hosts, kind="websocket")) == ["websocket.close"]


def test_a_server_that_starts_names_nobody() -> None:
    assert statuses({"type": "lifespan"}) == ["reached"]
