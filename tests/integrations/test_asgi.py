"""Answers of a real ASGI server, judged on the way out, their tokens from a real llama.cpp."""

import asyncio
import contextlib
import http.client
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI

from director_ai import AsyncStreamingKernel
from director_ai.integrations.asgi import GuardedResponse
from director_ai.sources.chat.endpoint import Endpoint
from director_ai.sources.chat.stream import AsyncChatStream
from tests.integrations import chat_app
from tests.sources.llama_server import LlamaServer, llama

__all__ = ["llama"]

LIMITS: dict[str, dict[str, Any]] = {
    "all": {"hard_limit": 0.0, "window_threshold": 0.0, "trend_threshold": 1.5},
    "third": {"trend_threshold": 1.5},
}
SESSIONS: dict[str, Any] = {}


def application(url: str) -> FastAPI:
    app = FastAPI()

    # Its return type is no model of an answer.
    @app.get("/chat", response_model=None)
    async def chat(name: str, form: Any = "events", most: int = 12) -> GuardedResponse:
        source = AsyncChatStream(
            Endpoint(url, "tiny"), "Why?", options={"seed": 2, "max_tokens": most}
        )
        kernel = AsyncStreamingKernel(**LIMITS[name], on_fault="halt")

        def score(text: str) -> float:
            return 0.9 if name == "all" or text.count(" ") < 3 else 0.2

        stream = kernel.stream_tokens(source, score)
        SESSIONS[name] = stream.session
        return GuardedResponse(stream, form=form)

    return app


@contextlib.contextmanager
def serving(app: FastAPI) -> Iterator[int]:
    """Serve an application; give its port."""
    config = uvicorn.Config(app, port=0, log_level="warning", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    deadline = time.monotonic() + 10
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.01)
    (listening,) = server.servers
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(10)


@pytest.fixture(scope="module")
def port(llama: LlamaServer) -> Iterator[int]:
    with serving(application(llama.url)) as port:
        yield port


@contextlib.contextmanager
def asked(port: int, query: str) -> Iterator[http.client.HTTPResponse]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    with contextlib.closing(connection):
        connection.request("GET", f"/chat?{query}")
        with connection.getresponse() as response:
            yield response


def events(body: str) -> list[tuple[str, Any]]:
    found = []
    for block in body.split("\n\n")[:-1]:
        name, _, data = block.rpartition("data: ")
        found.append((name.strip().removeprefix("event: "), json.loads(data)))
    return found


def test_a_whole_answer_comes_as_events(port: int) -> None:
    with asked(port, "name=all") as response:
        *texts, (last, end) = events(response.read().decode())

    assert response.getheader("content-type") == "text/event-stream; charset=utf-8"
    assert "".join(data["text"] for _, data in texts) == SESSIONS["all"].output
    assert (last, end) == ("end", {"halted": False, "class": None, "code": None, "index": None})


def test_an_answer_ends_where_it_is_halted(port: int, llama: LlamaServer) -> None:
    with asked(port, "name=third&most=30000") as response:
        *texts, (last, end) = events(response.read().decode())

    session = SESSIONS["third"]
    assert "".join(data["text"] for _, data in texts) == session.output
    assert session.tokens[-1] not in {data["text"] for _, data in texts[-1:]}
    assert last == "end"
    assert end == {
        "halted": True,
        "class": "policy",
        "code": "hard_limit",
        "index": session.halt_index,
    }
    assert llama.settle() is not None


def test_the_application_of_the_readme_ends_an_answer_where_it_is_halted(
    llama: LlamaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chat_app, "endpoint", Endpoint(llama.url, "default"))
    with serving(chat_app.app) as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        with contextlib.closing(connection):
            connection.request("POST", "/chat?question=Why%20is%20the%20sky%20blue%3F")
            response = connection.getresponse()
            *texts, (last, end) = events(response.read().decode())

    # A model of random weights knows nothing of the sky.
    assert response.status == 200
    assert {name for name, _ in texts} <= {""}
    assert (last, end["halted"], end["class"]) == ("end", True, "policy")
    assert llama.settle() is not None


def test_it_may_come_as_plain_text(port: int) -> None:
    with asked(port, "name=third&form=text") as response:
        assert response.read().decode() == SESSIONS["third"].output

    assert response.getheader("content-type") == "text/plain; charset=utf-8"
    assert response.getheader("cache-control") == "no-store"


def test_a_client_that_goes_away_frees_the_server(port: int, llama: LlamaServer) -> None:
    with asked(port, "name=all&most=30000") as response:
        assert response.read(200)
        assert llama.is_busy()

    assert llama.settle(1.0) is not None
    assert SESSIONS["all"].halt_reason == "cancelled"


def test_a_client_that_goes_away_is_noticed_while_the_server_hangs(
    port: int, llama: LlamaServer
) -> None:
    with asked(port, "name=all&most=30000") as response:
        assert response.read(200)
        session = SESSIONS["all"]
        llama.freeze()
    try:
        deadline = time.monotonic() + 2.0
        while session.elapsed_s is None and time.monotonic() < deadline:
            time.sleep(0.01)
        assert session.halt_reason == "cancelled"
    finally:
        llama.thaw()
    assert llama.settle() is not None


def test_a_form_has_one_of_three_names() -> None:
    with pytest.raises(ValueError, match="form must be 'events', 'text' or 'openai', got 'html'"):
        GuardedResponse(None, form="html")  # type: ignore[arg-type]


def test_what_a_kernel_raises_breaks_the_response_off(llama: LlamaServer) -> None:
    async def go() -> list[dict[str, Any]]:
        sent: list[dict[str, Any]] = []

        async def send(message: Any) -> None:
            sent.append(message)

        def score(text: str) -> float:
            raise RuntimeError("scorer broke")

        source = AsyncChatStream(Endpoint(llama.url, "tiny"), "Why?")
        stream = AsyncStreamingKernel().stream_tokens(source, score)
        with pytest.raises(RuntimeError, match="scorer broke"):
            await GuardedResponse(stream)({}, asyncio.Event().wait, send)  # type: ignore[arg-type]
        return sent

    sent = asyncio.run(go())
    assert all(message.get("more_body", True) for message in sent)
    assert llama.settle() is not None


def test_a_client_that_cannot_be_written_to_frees_the_server(llama: LlamaServer) -> None:
    async def go() -> Any:
        async def send(message: Any) -> None:
            if message["type"] == "http.response.body":
                raise OSError("gone")

        source = AsyncChatStream(Endpoint(llama.url, "tiny"), "Why?", options={"max_tokens": 30000})
        stream = AsyncStreamingKernel().stream_tokens(source, lambda text: 0.9)
        with pytest.raises(OSError, match="gone"):
            await GuardedResponse(stream)({}, asyncio.Event().wait, send)  # type: ignore[arg-type]
        # At once, and not only when the loop ends.
        return stream.session.halt_reason, len(stream.session.tokens)

    assert asyncio.run(go()) == ("cancelled", 1)
    assert llama.settle() is not None
