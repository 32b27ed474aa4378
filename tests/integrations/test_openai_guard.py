"""The guard around an ``openai`` client, against a real llama.cpp server."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI, OpenAI

from director_ai import (
    AsyncStreamingKernel,
    CoherenceScorer,
    GroundTruthStore,
    HaltPolicy,
    StreamingKernel,
    StreamSession,
)
from director_ai.core.scoring.identity import ScorerIdentity
from director_ai.errors import (
    InvalidPolicyError,
    InvalidRecordError,
    InvalidScorerError,
    NoFactsError,
)
from director_ai.integrations.asgi import GuardedResponse
from director_ai.integrations.openai_guard import AsyncOpenAIGuard, OpenAIGuard, prompt_of
from director_ai.reports import parse_policy
from director_ai.reports.policy_file import Segments
from director_ai.storage.recording.recorder import Recorder
from director_ai.storage.store import Store
from tests.sources.fault_modes import MODES
from tests.sources.fault_server import FaultServer, reply
from tests.sources.llama_server import LlamaServer, llama

pytestmark = pytest.mark.slow

__all__ = ["llama"]

ASKED: dict[str, Any] = {
    "model": "tiny",
    "messages": [{"role": "system", "content": "Babble."}, {"role": "user", "content": "Why?"}],
    "seed": 5,
}
LENIENT: dict[str, Any] = {"hard_limit": 0.0, "window_threshold": 0.0, "trend_threshold": 1.5}
FACTS = CoherenceScorer(
    ground_truth_store=GroundTruthStore.from_text("The Moon orbits Earth in 27 days.")
)


@pytest.fixture
def client(llama: LlamaServer) -> Iterator[OpenAI]:
    with OpenAI(base_url=llama.url, api_key="none", max_retries=0) as client:
        yield client


def test_text_comes_as_it_is_released_and_ends_as_it_should(client: OpenAI) -> None:
    guard = OpenAIGuard(client, StreamingKernel(**LENIENT), facts=FACTS)

    answer = guard.stream(**ASKED, max_tokens=20)
    pieces = list(answer)

    assert len(pieces) > 10
    assert "".join(pieces) == answer.session.output
    assert (answer.session.halted, answer.source.finish_reason) == (False, "length")


SEGMENTS = parse_policy(
    """\
segments:
  tag:
    draft: {hard_limit: 0, window_threshold: 0, trend_threshold: 1.5}
  else: {hard_limit: 1, soft_limit: 1}
""",
    "yaml",
)


def test_each_call_has_the_limits_of_its_segment_and_the_kernel_s_one_stop(
    client: OpenAI, llama: LlamaServer, tmp_path: Path
) -> None:
    kernel = StreamingKernel()
    with Recorder(tmp_path / "sessions.db") as recorder:
        guard = OpenAIGuard(client, kernel, facts=FACTS, recorder=recorder, limits=SEGMENTS)
        for name, tags in (("own", ("draft",)), ("else", ())):
            list(guard.stream(**ASKED, max_tokens=5, record={"id": name, "tags": tags}))
        with guard.stream(**ASKED, max_tokens=30_000, record={"tags": ("draft",)}) as answer:
            next(answer)
            kernel.emergency_stop()
            list(answer)

    assert answer.session.halt_reason == "kernel_inactive"
    with Store(tmp_path / "sessions.db") as store:
        own, other = store.get("own"), store.get("else")
    assert (own.ended_by, own.policy.hard_limit) == ("completed", 0.0)
    assert (other.ended_by, other.policy.hard_limit) == ("halted", 1.0)
    assert llama.settle() is not None


def test_limits_of_another_scorer_refuse_the_call_and_leave_no_request_open() -> None:
    limits = replace(SEGMENTS, scorer=ScorerIdentity("nli"))
    with (
        FaultServer({"plain": list(MODES["plain"].attempts)}) as server,
        OpenAI(base_url=server.url("plain"), api_key="none") as client,
    ):
        guard = OpenAIGuard(client, StreamingKernel(), facts=FACTS, limits=limits)
        with pytest.raises(InvalidPolicyError, match="limits must be of the scorer that runs, lex"):
            guard.stream(**ASKED)


def test_a_call_that_cannot_be_scored_leaves_no_request_open() -> None:
    with (
        FaultServer({"plain": list(MODES["plain"].attempts)}) as server,
        OpenAI(base_url=server.url("plain"), api_key="none") as client,
    ):
        opened = client.chat.completions.create(**ASKED, stream=True)
        client.chat.completions.create = lambda **_: opened  # type: ignore[method-assign]
        guard = OpenAIGuard(client, StreamingKernel(), facts=CoherenceScorer())
        with pytest.raises(NoFactsError):
            guard.stream(**ASKED)

        assert opened.response.is_closed


def test_the_source_of_a_call_is_its_recorder_s(tmp_path: Path) -> None:
    limits = replace(SEGMENTS, segments=Segments("source", {"prod": HaltPolicy(**LENIENT)}))

    async def halted(server: FaultServer, recorder: Recorder | None) -> bool:
        async with AsyncOpenAI(base_url=server.url("plain"), api_key="none") as client:
            guard = AsyncOpenAIGuard(
                client, AsyncStreamingKernel(), facts=FACTS, limits=limits, recorder=recorder
            )
            async with await guard.stream(**ASKED) as answer:
                _ = [text async for text in answer]
            return answer.session.halted

    with (
        FaultServer({"plain": list(MODES["plain"].attempts)}) as server,
        Recorder(tmp_path / "sessions.db", source="prod") as recorder,
    ):
        assert not asyncio.run(halted(server, recorder))
        assert asyncio.run(halted(server, None))


def test_a_model_judges_each_call_and_its_response(tmp_path: Path) -> None:
    verdict = reply("200 OK", b'{"support": [0.02]}', Content_Type="application/json")
    modes = {"plain": list(MODES["plain"].attempts), "judge": [[verdict]]}
    sent: list[str] = []

    async def send(message: Any) -> None:
        sent.append(message.get("body", b"").decode())

    async def run(server: FaultServer) -> list[StreamSession]:
        async with AsyncOpenAI(base_url=server.url("plain"), api_key="none") as client:
            guard = AsyncOpenAIGuard(
                client, AsyncStreamingKernel(), facts=FACTS, scorer=server.url("judge")
            )
            answers = [await guard.stream(**ASKED) for _ in range(2)]
            _ = [text async for text in answers[0]]
            await GuardedResponse(answers[1].stream)({}, asyncio.Event().wait, send)  # type: ignore[arg-type]
        return [answer.session for answer in answers]

    with FaultServer(modes) as server:
        sessions = asyncio.run(run(server))
        n_asked = sum(request.startswith(b"POST /judge") for request in server.requests)

    for session in sessions:
        assert session.halt_evidence == "judged 0.02: The sky"
        assert session.output == "The"
    # The same sentence by the same facts, the guard asks once.
    assert n_asked == 1
    assert '"code": "hard_limit"' in sent[-1]


def test_the_earlier_name_of_a_scorer_still_stands() -> None:
    with pytest.raises(ValueError, match="facts must be given for scorer 'both'"):
        OpenAIGuard(None, StreamingKernel(), score="both")
    with pytest.raises(ValueError, match="score must be left out beside scorer"):
        OpenAIGuard(None, StreamingKernel(), score="both", scorer="both")


def test_nothing_that_was_refused_is_handed_out(client: OpenAI, llama: LlamaServer) -> None:
    guard = OpenAIGuard(client, StreamingKernel(), facts=FACTS)

    answer = guard.stream(**ASKED, max_tokens=30_000)
    pieces = list(answer)

    assert answer.session.reason is not None
    assert answer.session.reason.halt_class == "policy"
    assert "".join(pieces) == answer.session.output
    assert len(pieces) == len(answer.session.tokens) - 1
    assert answer.session.halt_evidence_structured is not None
    assert llama.settle() is not None


@pytest.mark.parametrize("scorer", ["logprob", "logprob:entropy", "logprob:surprise"])
def test_the_model_s_own_certainty_may_be_the_score(client: OpenAI, scorer: str) -> None:
    answer = OpenAIGuard(client, StreamingKernel(halt_mode="observe"), scorer=scorer).stream(
        **ASKED, max_tokens=20
    )

    list(answer)
    assert len(answer.session.coherence_history) == len(answer.source.logprobs) > 10


def test_a_call_that_is_left_is_cancelled_and_its_session_kept(
    client: OpenAI, llama: LlamaServer
) -> None:
    guard = OpenAIGuard(client, StreamingKernel(**LENIENT), facts=FACTS)

    with guard.stream(**ASKED, max_tokens=30_000) as answer:
        first = [next(answer) for _ in range(3)]

    assert answer.session.tokens == first
    assert answer.session.halt_reason == "cancelled"
    assert llama.settle() is not None


def test_calls_are_recorded(client: OpenAI, tmp_path: Path) -> None:
    kernel = StreamingKernel(**LENIENT)
    with Recorder(tmp_path / "sessions.db") as recorder:
        guard = OpenAIGuard(client, kernel, facts=FACTS, recorder=recorder)
        answer = guard.stream(**ASKED, max_tokens=20, record={"id": "a", "tags": ["new"]})
        list(answer)

    with Store(tmp_path / "sessions.db") as store:
        kept = store.get("a")
    assert (kept.prompt, kept.model, kept.tags) == ("Why?", "tiny", ("new",))
    assert kept.tokens == tuple(answer.session.tokens)
    assert kept.ended_by == "completed"


def test_a_record_that_is_none_leaves_no_request_behind(
    client: OpenAI, llama: LlamaServer, tmp_path: Path
) -> None:
    with Recorder(tmp_path / "sessions.db") as recorder:
        guard = OpenAIGuard(client, StreamingKernel(), facts=FACTS, recorder=recorder)
        with pytest.raises(InvalidRecordError):
            guard.stream(**ASKED, max_tokens=30_000, record={"id": 5})

    assert llama.settle() is not None


def test_messages_may_be_a_generator(client: OpenAI, llama: LlamaServer, tmp_path: Path) -> None:
    with Recorder(tmp_path / "sessions.db") as recorder:
        guard = OpenAIGuard(client, StreamingKernel(**LENIENT), facts=FACTS, recorder=recorder)
        asked = {**ASKED, "messages": (message for message in ASKED["messages"])}
        answer = guard.stream(**asked, max_tokens=5, record={"id": "a"})
        events = list(answer.stream)

    assert [event.token for event in events] == answer.session.tokens != []
    with Store(tmp_path / "sessions.db") as store:
        assert store.get("a").prompt == "Why?"
    assert llama.settle() is not None


def test_what_the_client_raises_passes_on(client: OpenAI) -> None:
    guard = OpenAIGuard(client, StreamingKernel(), facts=FACTS)

    with pytest.raises(openai.BadRequestError):
        guard.stream(model="tiny", messages=[{"role": "user", "content": "x"}], max_tokens="many")


def test_a_stream_that_is_cut_is_no_success() -> None:
    with (
        FaultServer({"cut": list(MODES["closed-early"].attempts)}) as server,
        OpenAI(base_url=server.url("cut"), api_key="none", max_retries=0) as client,
    ):
        kernel = StreamingKernel(**LENIENT, on_fault="halt")
        answer = OpenAIGuard(client, kernel, facts=FACTS).stream(**ASKED)
        pieces = list(answer)

    assert pieces == ["The", " sky"]
    assert "TruncatedStreamError" in answer.session.halt_reason


def test_async_calls_are_guarded_alike(llama: LlamaServer, tmp_path: Path) -> None:
    async def go() -> tuple[list[str], Any, Any]:
        async with AsyncOpenAI(base_url=llama.url, api_key="none", max_retries=0) as client:
            guard = AsyncOpenAIGuard(
                client, AsyncStreamingKernel(), facts=FACTS, score="both", recorder=recorder
            )
            async with await guard.stream(**ASKED, max_tokens=30_000, record={"id": "a"}) as answer:
                pieces = [text async for text in answer]
            assert llama.settle() is not None
            lenient = AsyncOpenAIGuard(client, AsyncStreamingKernel(**LENIENT), facts=FACTS)
            async with await lenient.stream(**ASKED, max_tokens=30_000) as left:
                await anext(left)
            assert llama.settle() is not None
            return pieces, answer.session, left.session

    with Recorder(tmp_path / "sessions.db") as recorder:
        pieces, halted, left = asyncio.run(go())

    assert halted.reason.halt_class == "policy"
    assert "".join(pieces) == halted.output
    assert left.halt_reason == "cancelled"
    with Store(tmp_path / "sessions.db") as store:
        assert store.get("a").tokens == tuple(halted.tokens)


@pytest.mark.parametrize("score", ["lexical", "both"])
@pytest.mark.parametrize("guard", [OpenAIGuard, AsyncOpenAIGuard])
def test_a_score_that_needs_facts_is_given_some(guard: Any, score: str) -> None:
    with pytest.raises(ValueError, match=f"facts must be given for scorer '{score}'"):
        guard(None, StreamingKernel(), score=score)


def test_a_scorer_is_one_there_is() -> None:
    with pytest.raises(InvalidScorerError, match="scorer must be lexical, .* got 'x'"):
        OpenAIGuard(None, StreamingKernel(), scorer="x")


def test_without_a_user_s_message_there_is_no_prompt() -> None:
    assert prompt_of([{"role": "system", "content": "a"}]) == ""
    assert prompt_of([{"role": "user", "content": None}, 5]) == ""


def test_a_soft_halt_hands_out_its_whole_sentence() -> None:
    scores = iter([0.9, 0.2, 0.9, 0.9])

    async def tokens() -> AsyncIterator[str]:
        for token in ("A", " bad", " end", ".", " NO"):
            yield token

    async def go() -> str:
        from director_ai.integrations.openai_guard import AsyncGuardedText
        from director_ai.sources.chat.decoder import ChatDecoder
        from director_ai.sources.chat.source import ChatSource

        kernel = AsyncStreamingKernel(
            halt_mode="soft", hard_limit=0.0, window_size=2, window_threshold=0.6
        )
        stream = kernel.stream_tokens(tokens(), lambda text: next(scores))
        answer = AsyncGuardedText(ChatSource(ChatDecoder()), stream)
        return "".join([text async for text in answer])

    assert asyncio.run(go()) == "A bad end."
