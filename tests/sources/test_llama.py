"""Streams of a real llama.cpp server, through a real kernel."""

import asyncio
import math
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from openai import AsyncOpenAI, OpenAI

from director_ai import (
    AsyncStreamingKernel,
    CoherenceScorer,
    GroundTruthStore,
    StreamingKernel,
    StreamSession,
)
from director_ai.sources.chat.endpoint import Endpoint
from director_ai.sources.chat.logprob import logprob_score, named_scorer
from director_ai.sources.chat.openai_stream import from_openai
from director_ai.sources.chat.stream import AsyncChatStream, ChatStream
from tests.sources.llama_server import LlamaServer, llama, llama_server

pytestmark = pytest.mark.slow

__all__ = ["llama"]

SHORT = {"max_tokens": 40, "seed": 3}
LONG = {"max_tokens": 30_000, "seed": 3}
WAYS = ("sync", "async", "openai", "async-openai")


def judged(
    way: str,
    server: LlamaServer,
    score: Callable[[Any], Callable[[str], float]],
    *,
    options: dict[str, Any] = SHORT,
    stopped: threading.Event | None = None,
    **limits: Any,
) -> tuple[Any, StreamSession, float]:
    """Return source, session, and the seconds from ``stopped`` to the end.

    The kernel is stopped by the operator once ``stopped`` is set and nothing comes any more.
    """
    limits = {"trend_threshold": 1.5, "on_fault": "halt", **limits}
    is_async = way.startswith("async")
    kernel: Any = (AsyncStreamingKernel if is_async else StreamingKernel)(**limits)
    moment: list[float] = []
    newest = time.monotonic()

    def timed(source: Any) -> Callable[[str], float]:
        judge = score(source)

        def timed_score(text: str) -> float:
            nonlocal newest
            value = judge(text)
            newest = time.monotonic()
            return value

        return timed_score

    def stop() -> None:
        assert stopped is not None
        stopped.wait(10)
        while time.monotonic() - newest < 0.3:
            time.sleep(0.01)
        moment.append(time.monotonic())
        kernel.emergency_stop()

    stopping = threading.Thread(target=stop if stopped else lambda: None)
    stopping.start()
    if is_async:
        source, session = asyncio.run(_async(way, server, kernel, timed, options))
    else:
        source = _source(way, server, options)
        session = kernel.stream_tokens(source, timed(source))
    ended = time.monotonic()
    stopping.join()
    return source, session, ended - (moment or [ended])[0]


def _source(way: str, server: LlamaServer, options: dict[str, Any]) -> Any:
    if way == "sync":
        return ChatStream(Endpoint(server.url, "tiny"), "Why?", logprobs=True, options=options)
    client = OpenAI(base_url=server.url, api_key="none", max_retries=0)
    return from_openai(client.chat.completions.create(**_asked(options)))


async def _async(way: str, server: LlamaServer, kernel: Any, score: Any, options: Any) -> Any:
    if way == "async":
        endpoint = Endpoint(server.url, "tiny")
        source: Any = AsyncChatStream(endpoint, "Why?", logprobs=True, options=options)
        return source, await kernel.stream_to_session(source, score(source))
    async with AsyncOpenAI(base_url=server.url, api_key="none", max_retries=0) as client:
        source = from_openai(await client.chat.completions.create(**_asked(options)))
        return source, await kernel.stream_to_session(source, score(source))


def _asked(options: dict[str, Any]) -> Any:
    messages = [{"role": "user", "content": "Why?"}]
    return {"model": "tiny", "messages": messages, "stream": True, "logprobs": True, **options}


@pytest.mark.parametrize("way", WAYS)
def test_a_whole_answer_comes_with_its_log_probabilities(way: str, llama: LlamaServer) -> None:
    source, session, _ = judged(way, llama, lambda source: lambda text: 0.9)

    assert (session.halted, source.finish_reason) == (False, "length")
    # A letter of several bytes takes several tokens.
    assert 20 < len(session.tokens) <= 40
    assert len(source.logprobs) == len(session.tokens)
    assert all(-30 < value <= 0 for value in source.logprobs)


@pytest.mark.parametrize("way", WAYS)
def test_log_probabilities_make_scores_and_halts(way: str, llama: LlamaServer) -> None:
    source, session, _ = judged(way, llama, logprob_score, hard_limit=0.3, window_threshold=0.0)

    assert session.coherence_history == [math.exp(value) for value in source.logprobs]
    assert session.halted
    assert session.reason is not None
    assert session.reason.code == "hard_limit"
    assert session.coherence_history[-1] < 0.3
    assert min(session.coherence_history[:-1], default=1.0) >= 0.3


def test_the_same_seed_gives_the_same_scores_in_every_way(llama: LlamaServer) -> None:
    sessions = [judged(way, llama, logprob_score, halt_mode="observe")[1] for way in WAYS]

    assert all(session.tokens == sessions[0].tokens for session in sessions)
    for session in sessions:
        assert session.coherence_history == pytest.approx(sessions[0].coherence_history)


def test_both_scorers_are_the_lower_of_the_two(llama: LlamaServer) -> None:
    facts = CoherenceScorer(
        ground_truth_store=GroundTruthStore.from_text("Kex stomps on the babel.")
    )
    runs = {
        name: judged(
            "sync",
            llama,
            lambda source, name=name: named_scorer(name, facts.stream_callback("Why?"), source),  # type: ignore[misc]
            halt_mode="observe",
        )[1].coherence_history
        for name in ("lexical", "logprob", "both")
    }

    pairs = zip(runs["lexical"], runs["logprob"], strict=True)
    assert runs["both"] == pytest.approx([min(pair) for pair in pairs])


def test_without_log_probabilities_nothing_passes(llama: LlamaServer) -> None:
    source = ChatStream(Endpoint(llama.url, "tiny"), "Why?", options=SHORT)

    session = StreamingKernel().stream_tokens(source, logprob_score(source))
    assert session.halt_reason == "invalid_score (nan)"
    assert (len(session.tokens), session.output) == (1, "")
    assert llama.settle() is not None


@pytest.mark.parametrize("way", WAYS)
def test_a_halt_frees_the_server_in_under_a_second(way: str, llama: LlamaServer) -> None:
    busy: list[bool] = []

    def score(text: str) -> float:
        if text.count(" ") < 5:
            return 0.9
        busy.append(llama.is_busy())
        return 0.1

    _, session, _ = judged(way, llama, lambda source: score, options=LONG)

    assert busy == [True]
    assert session.reason is not None
    assert session.reason.code == "hard_limit"
    assert llama.settle(1.0) is not None


@pytest.mark.parametrize("way", WAYS)
def test_the_operator_stops_a_server_that_hangs(way: str, llama: LlamaServer) -> None:
    frozen = threading.Event()

    def score(text: str) -> float:
        if not frozen.is_set() and text.count(" ") == 5:
            llama.freeze()
            frozen.set()
        return 0.9

    try:
        _, session, took = judged(way, llama, lambda source: score, options=LONG, stopped=frozen)
    finally:
        llama.thaw()

    assert took < 1.0
    assert session.halt_reason == "kernel_inactive"
    assert len(session.tokens) >= 5
    assert llama.settle(2.0) is not None


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[LlamaServer]:
    with llama_server(tmp_path) as server:
        yield server


@pytest.mark.parametrize("way", WAYS)
def test_what_came_of_a_server_that_was_killed_is_kept(way: str, mortal: LlamaServer) -> None:
    killed = threading.Event()

    def score(text: str) -> float:
        if not killed.is_set() and text.count(" ") == 5:
            mortal.kill()
            killed.set()
        return 0.9

    source, session, _ = judged(way, mortal, lambda source: score, options=LONG)

    assert session.halted
    assert session.reason is not None
    assert session.reason.code == "source_error"
    if "openai" not in way:
        assert session.reason.detail.startswith("SourceLostError: the connection broke")
    assert len(session.tokens) == len(source.logprobs) >= 5
    assert session.output == "".join(session.tokens)
