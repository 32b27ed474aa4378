"""A server that ignores ``max_tokens`` is stopped at it, by whichever door it is called."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openai import OpenAI

from director_ai import HaltPolicy, StreamingKernel
from director_ai.cli.main import main
from director_ai.core.runtime.session import StreamSession
from director_ai.integrations.openai_guard import OpenAIGuard
from director_ai.sources import ChatStream, Endpoint
from director_ai.storage import Recorder
from director_ai.ui.live.endpoint_run import EndpointRun, Question
from tests.sources.fault_server import DONE, OK, STOP, A, FaultServer

N_SENT = 200
OFF = {"hard_limit": 0.0, "window_threshold": 0.0, "trend_threshold": 1.5}


@pytest.fixture(scope="module")
def server() -> Iterator[FaultServer]:
    with FaultServer({"boundless": [[OK, A * N_SENT, STOP + DONE]]}) as server:
        yield server


def assert_limited(session: StreamSession, at: int) -> None:
    assert session.halt_reason == f"limit (max_tokens {at})"
    assert session.output == "The" * at
    assert len(session.tokens) == at + 1


def test_by_the_library(server: FaultServer) -> None:
    source = ChatStream(Endpoint(server.url("boundless"), "tiny"), "Why?")

    assert_limited(StreamingKernel().stream_tokens(source, lambda text: 0.9, max_tokens=7), 7)


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_by_the_guard(server: FaultServer, name: str) -> None:
    messages: Any = [{"role": "user", "content": "Why?"}]
    kernel = StreamingKernel(max_tokens=50, **OFF)  # type: ignore[arg-type]
    with OpenAI(base_url=server.url("boundless"), api_key="none", max_retries=0) as client:
        guard = OpenAIGuard(client, kernel, score="logprob")
        guard._plan.scorer = lambda source, prompt: lambda text: 0.9  # type: ignore[method-assign]
        answer = guard.stream(model="m", messages=messages, **{name: 7})
        assert "".join(answer) == "The" * 7
        whole = guard.stream(model="m", messages=messages)
        assert len(list(whole)) == 50

    assert_limited(answer.session, 7)
    assert_limited(whole.session, 50)


@pytest.mark.parametrize("option", [["--max-tokens", "7"], ["--set", "max_tokens=7"]])
def test_by_the_command(
    server: FaultServer, option: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    facts = tmp_path / "facts.txt"
    facts.write_text("The.", encoding="utf-8")
    url = server.url("boundless")

    main(
        [
            *("watch", "--endpoint", url, "--model", "tiny", "--prompt", "Why?", *option),
            *("--facts", str(facts), "--json", "--hard-limit", "0", "--window-threshold", "0"),
            *("--trend-threshold", "1.5"),
        ]
    )

    record = json.loads(capsys.readouterr().out)
    assert (record["halt"]["code"], record["halt"]["detail"]) == ("limit", "max_tokens 7")
    assert len(record["tokens"]) == 8


def test_by_the_page(server: FaultServer, tmp_path: Path) -> None:
    question = Question(Endpoint(server.url("boundless"), "tiny"), "Why?", "The.", "lexical", 7)
    with Recorder(tmp_path / "store.db") as recorder:
        run = EndpointRun(question, HaltPolicy(**OFF), recorder)  # type: ignore[arg-type]
        while not run.is_over:
            time.sleep(0.01)

    assert_limited(run.session, 7)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"max_tokens": 2}, "limit (max_tokens 2)"),
        ({"max_chars": 7}, "limit (max_chars 7)"),
        ({"max_tokens": 9}, "limit (max_tokens 5)"),
    ],
)
def test_the_lower_of_a_kernels_and_a_streams_limit_holds(
    options: dict[str, int], reason: str
) -> None:
    kernel = StreamingKernel(max_tokens=5)

    assert kernel.stream_tokens(["The"] * 9, lambda text: 0.9, **options).halt_reason == reason  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["max_tokens", "max_chars"])
def test_a_limit_that_is_none_is_named(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be"):
        StreamingKernel().stream(["The"], lambda text: 0.9, **{name: 0})  # type: ignore[arg-type]
