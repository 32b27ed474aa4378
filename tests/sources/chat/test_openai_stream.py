"""Streams that an ``openai`` client opened: what it takes for success, this source does not."""

import asyncio
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from openai import APIError, AsyncOpenAI, OpenAI

from director_ai import AsyncStreamingKernel, StreamingKernel
from director_ai.errors import SourceAbortedError, TruncatedStreamError
from director_ai.sources.chat.openai_stream import AsyncOpenAIStream, from_openai
from tests.sources.fault_modes import FAULTS, MODES, WELL_FORMED
from tests.sources.fault_server import HANG, OK, A, FaultServer

KINDS = ("sync", "async")
ASKED: dict[str, Any] = {
    "model": "tiny",
    "messages": [{"role": "user", "content": "Why?"}],
    "stream": True,
}
# Those that the client itself understands.
FINE = (
    *("plain", "crlf", "pings", "chunked", "letters-cut", "null-delta", "usage", "no-done"),
    *("tool-calls", "several-answers", "cut-by-length", "logprobs-of-two-tokens"),
)
CUT = ("no-finish-reason", "closed-early", "closed-at-once", "html-as-stream")


@pytest.fixture(scope="module")
def server() -> Iterator[FaultServer]:
    modes = {name: list(mode.attempts) for name, mode in MODES.items()}
    with FaultServer(modes | {"hang": [[OK, A, HANG]]}) as server:
        yield server


def read(kind: str, url: str, kernel: Any = None, *, abort_s: float | None = None) -> Any:
    """Return the source and its tokens, or what a kernel makes of it."""

    def judged(source: Any) -> Any:
        if abort_s is not None:
            threading.Timer(abort_s, source.abort).start()
        return kernel.stream_tokens(source, lambda text: 0.9)

    if kind == "sync":
        with OpenAI(base_url=url, api_key="none", max_retries=0) as client:
            source = from_openai(client.chat.completions.create(**ASKED))
            return source, judged(source)

    async def go() -> Any:
        async with AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as client:
            source = from_openai(await client.chat.completions.create(**ASKED))
            return source, await judged(source).run_to_end()

    return asyncio.run(go())


def kernel_of(kind: str, **options: Any) -> Any:
    return (StreamingKernel if kind == "sync" else AsyncStreamingKernel)(**options)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", FINE)
def test_a_stream_reads_as_it_does_without_the_client(
    server: FaultServer, name: str, kind: str
) -> None:
    source, session = read(kind, server.url(name), kernel_of(kind))

    assert tuple(session.tokens) == WELL_FORMED[name].tokens
    assert source.finish_reason == WELL_FORMED[name].finish
    assert not session.halted


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", CUT)
def test_a_stream_that_was_cut_is_no_success(server: FaultServer, name: str, kind: str) -> None:
    source, session = read(kind, server.url(name), kernel_of(kind, on_fault="halt"))

    assert tuple(session.tokens) == FAULTS[name].tokens
    assert TruncatedStreamError.__name__ in session.halt_reason
    assert source.finish_reason == "truncated"


@pytest.mark.parametrize("kind", KINDS)
def test_what_the_client_raises_passes_on(server: FaultServer, kind: str) -> None:
    with pytest.raises(APIError, match="out of memory"):
        read(kind, server.url("error-object"), kernel_of(kind))


@pytest.mark.parametrize("kind", KINDS)
def test_abort_wakes_the_reader(server: FaultServer, kind: str) -> None:
    with pytest.raises(SourceAbortedError):
        read(kind, server.url("hang"), kernel_of(kind), abort_s=0.2)
    assert server.settle() is not None


def test_an_abort_just_before_it_waits_is_heard() -> None:
    class Silent:
        response = SimpleNamespace(request=SimpleNamespace(headers={}))

        async def __anext__(self) -> Any:
            await asyncio.Event().wait()

        async def close(self) -> None:
            pass

    class Aborted(AsyncOpenAIStream):
        """Is aborted once it was found that no token is ready."""

        def _ready(self) -> str | None:
            token = super()._ready()
            self.abort()
            return token

    async def go() -> None:
        async with asyncio.timeout(30):
            await anext(Aborted(Silent()))

    with pytest.raises(SourceAbortedError):
        asyncio.run(go())


@pytest.mark.parametrize("value", ["Hello", iter(["Hello"]), None])
def test_what_is_no_stream_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="stream must be what create"):
        from_openai(value)
