"""Streams from an endpoint, sync and async, through a real kernel: well-formed and broken ones."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from director_ai import AsyncStreamingKernel, StreamingKernel, StreamSession
from director_ai.errors import SourceError
from director_ai.sources.chat.deadline import TimeLimits
from director_ai.sources.chat.endpoint import Endpoint
from director_ai.sources.chat.logprob import logprob_score
from director_ai.sources.chat.stream import AsyncChatStream, ChatStream
from tests.sources.fault_modes import FAULTS, MODES, WELL_FORMED, Mode
from tests.sources.fault_server import FaultServer

QUICK = TimeLimits(connect=1.0, token=0.4, total=1.3, retry=2.0)
LONGER = TimeLimits(token=1.0, total=1.2)
PATIENT = TimeLimits(token=3.0, total=4.5, retry=3.0)
KINDS = ("sync", "async")


@pytest.fixture(scope="module")
def server() -> Iterator[FaultServer]:
    with FaultServer({name: list(mode.attempts) for name, mode in MODES.items()}) as server:
        yield server


def streamed(kind: str, url: str, mode: Mode, **options: Any) -> tuple[Any, StreamSession]:
    """Return the source and the session that a kernel made of it."""
    endpoint = Endpoint(url, "tiny")
    limits = options.pop("limits", QUICK)

    def score(source: Any) -> Any:
        return logprob_score(source) if mode.by_logprob else lambda text: 0.9

    if kind == "sync":
        source = ChatStream(endpoint, "Why?", limits=limits, **options)
        kernel = StreamingKernel(trend_threshold=1.5, on_fault="halt")
        return source, kernel.stream_tokens(source, score(source))

    async def run() -> tuple[Any, StreamSession]:
        source = AsyncChatStream(endpoint, "Why?", limits=limits, **options)
        kernel = AsyncStreamingKernel(trend_threshold=1.5, on_fault="halt")
        return source, await kernel.stream_to_session(source, score(source))

    return asyncio.run(run())


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", MODES)
def test_every_stream_ends_with_all_its_tokens_and_its_own_reason(
    server: FaultServer, name: str, kind: str
) -> None:
    mode = MODES[name]
    limits = PATIENT if name in WELL_FORMED else LONGER if name == "tokens-without-end" else QUICK
    source, session = streamed(kind, server.url(name), mode, limits=limits)

    assert tuple(session.tokens) == mode.tokens
    assert mode.reason in session.halt_reason
    assert session.halted == bool(mode.reason)
    assert not mode.reason or session.reason is not None
    assert session.reason is None or session.reason.halt_class == "fault"
    assert source.finish_reason == mode.finish or mode.by_logprob
    assert len(source.logprobs) == len(session.tokens)
    assert server.settle() is not None


def test_there_are_as_many_modes_as_promised() -> None:
    assert len(FAULTS) >= 42
    assert len(WELL_FORMED) >= 42


@pytest.mark.parametrize("kind", KINDS)
def test_what_came_beside_the_text_is_told(server: FaultServer, kind: str) -> None:
    usage, _ = streamed(kind, server.url("usage"), MODES["usage"])
    tools, _ = streamed(kind, server.url("tool-calls"), MODES["tool-calls"])
    thought, _ = streamed(kind, server.url("reasoning"), MODES["reasoning"])

    assert (usage.usage, usage.model) == ({"completion_tokens": 2}, "served")
    assert dict(tools.others) == {"tool_calls": 1}
    assert dict(thought.others) == {"reasoning_content": 1, "reasoning": 1}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("name", "logprobs"),
    [
        ("logprobs", [-0.1, 0.0]),
        ("logprobs-of-two-tokens", [-0.1, -0.2]),
        ("logprobs-of-a-cut-letter", [-0.3]),
    ],
)
def test_log_probabilities_belong_to_their_tokens(
    server: FaultServer, name: str, logprobs: list[float], kind: str
) -> None:
    source, session = streamed(kind, server.url(name), MODES[name], logprobs=True)

    assert source.logprobs == logprobs
    assert source.last_logprob == logprobs[-1]
    assert [round(score, 3) for score in session.coherence_history] == [
        round(2.718281828**value, 3) for value in logprobs
    ]


def test_without_a_kernel_tokens_come_first_and_then_the_error(server: FaultServer) -> None:
    stream = ChatStream(Endpoint(server.url("error-object"), "tiny"), "Why?", limits=QUICK)

    assert next(stream) == "The"
    with pytest.raises(SourceError, match="out of memory"):
        next(stream)
    assert list(stream) == []


def test_a_busy_server_is_not_asked_again_after_the_first_token(server: FaultServer) -> None:
    before = len(server.requests)
    streamed("sync", server.url("error-object"), MODES["error-object"])
    assert len(server.requests) == before + 1

    streamed("sync", server.url("busy-then-free"), MODES["busy-then-free"])
    assert len(server.requests) == before + 3


@pytest.mark.parametrize("kind", KINDS)
def test_nobody_is_waited_for_when_that_is_not_wanted(server: FaultServer, kind: str) -> None:
    limits = TimeLimits(retry=0.0)

    _, session = streamed(
        kind, server.url("busy-then-free"), MODES["busy-then-free"], limits=limits
    )
    assert "RateLimitedError" in session.halt_reason
