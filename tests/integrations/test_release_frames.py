"""Released streams over HTTP: the frames of each form, and what real clients make of them."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import openai
import pytest
from fastapi import FastAPI
from openai import OpenAI

from director_ai import (
    AsyncReleasedStream,
    AsyncStreamingKernel,
    CoherenceScorer,
    Ended,
    GroundTruthStore,
    Held,
    Released,
    ReleasePolicy,
    Retracted,
    StreamingKernel,
)
from director_ai.integrations import GuardedResponse, asgi
from director_ai.integrations.openai_guard import GuardedText, OpenAIGuard
from director_ai.integrations.release_client import Screen, follow
from director_ai.integrations.release_frames import EventFrames
from tests.core.kernels import scripted
from tests.core.runtime.test_released_stream import case_of, in_virtual_time, run_async
from tests.integrations.test_asgi import serving


def transcript(seed: int) -> tuple[bytes, str, Any]:
    """Return the body of a random stream, the text its reader is left with, and the last event."""
    case = case_of(seed)
    ran, got = in_virtual_time(run_async(case, released=True))
    frames = EventFrames()
    replaced = "".join(event.text for event in got if isinstance(event, Retracted))
    # Halves are replaced one by one, also where two of them would make one whole.
    text = "".join(
        "\ufffd" if "\ud800" <= point <= "\udfff" else point
        for point in ran.session.kept + replaced
    )
    return b"".join(frames.frame(event) for event in got), text, got[-1] if got else None


def screen_of(body: bytes, size: int) -> Screen:
    screen = Screen()
    for _ in follow([body[at : at + size] for at in range(0, len(body), size)], screen):
        pass
    return screen


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(60, "director_ai")


def test_a_transcript_cut_anywhere_gives_the_text_that_is_kept() -> None:
    for seed in range(60):
        body, text, ended = transcript(seed)

        screen = screen_of(body, 7)

        assert screen.text == text, seed
        if isinstance(ended, Ended):
            assert screen.end == {
                "halted": ended.halted,
                "class": ended.halt_class,
                "code": ended.code,
                "index": ended.index,
                "held": ended.held,
            }


def test_a_body_without_an_end_is_a_fault() -> None:
    screen = screen_of(b'data: {"text": "Half an ans"}\n\nevent: end\ndata: {"hal', 3)

    assert screen.text == "Half an ans"
    assert screen.end == {"halted": True, "class": "fault", "code": "cut_off", "index": None}


def test_a_broken_body_ends_the_screen_before_it_raises() -> None:
    def broken() -> Iterator[bytes]:
        yield b'data: {"text": "Half"}\n\n'
        raise ConnectionResetError("gone")

    screen = Screen()
    with pytest.raises(ConnectionResetError, match="gone"):
        list(follow(broken(), screen))
    assert (screen.text, (screen.end or {})["code"]) == ("Half", "cut_off")


def test_line_ends_comments_and_unknown_events_change_nothing() -> None:
    body = (
        ': hello\r\n\r\nevent: held\r\ndata: {"n": 1}\r\n\r\n'
        'event: news\ndata: {"x": 1}\n\n'
        'id: 3\ndata: {"text":\ndata: "Hi 😀"}\n\n'
    )

    screens = [(screen.text, screen.held) for screen in follow([body.encode()], Screen())]

    assert screens == [("", 1), ("", 1), ("Hi 😀", 0), ("Hi 😀", 0)]


WORDS = ["One", " two", " three.", " Four", " five", " six"]


class Slow:
    """Words, the last of which comes when it is asked for."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()

    async def words(self) -> AsyncIterator[str]:
        for word in WORDS[:2]:
            yield word
        await self.go_on.wait()
        yield WORDS[2]


def sent_by(response: GuardedResponse, source: Slow | None = None) -> list[bytes]:
    """Return the bodies that a response sends; a slow source goes on after a comment."""

    async def respond() -> list[bytes]:
        bodies: list[bytes] = []

        async def send(message: Any) -> None:
            if message["type"] == "http.response.body":
                bodies.append(message["body"])
                if source is not None and message["body"] == b":\n\n":
                    source.go_on.set()

        await response({}, asyncio.Event().wait, send)  # type: ignore[arg-type]
        return bodies

    return asyncio.run(respond())


def response_of(scores: list[Any], **options: Any) -> GuardedResponse:
    async def words() -> AsyncIterator[str]:
        for word in WORDS[: len(scores)]:
            yield word

    limits = {"window_threshold": 0.0, "trend_threshold": 1.5, "on_fault": "halt"}
    kernel = AsyncStreamingKernel(**{**limits, **options.pop("limits", {})})
    return GuardedResponse(kernel.stream_tokens(words(), scripted(*scores)), **options)


def test_frames_come_in_their_order() -> None:
    release = ReleasePolicy(2, at_halt="sentence", replacement=" [withdrawn]")

    sent = sent_by(response_of([0.9, 0.9, 0.9, 0.9, 0.9, 0.2], release=release))

    assert b"".join(sent).decode().split("\n\n") == [
        'event: held\ndata: {"n": 1}',
        'data: {"text": "One"}',
        'data: {"text": " two"}',
        'data: {"text": " three."}',
        'event: retracted\ndata: {"from": 14, "to": 14, "text": " [withdrawn]"}',
        'event: end\ndata: {"halted": true, "class": "policy", "code": "hard_limit", '
        '"index": 5, "held": 2}',
        "",
    ]


def test_without_a_release_policy_not_a_byte_is_changed() -> None:
    assert sent_by(response_of([0.9, 0.2])) == [
        b'data: {"text": "One"}\n\n',
        b'event: end\ndata: {"halted": true, "class": "policy", "code": "hard_limit", '
        b'"index": 1}\n\n',
    ]
    assert sent_by(response_of([0.9, 0.9], form="text")) == [b"One", b" two", b""]


def test_plain_text_takes_nothing_back_and_may_say_so_at_its_end() -> None:
    with pytest.raises(ValueError, match="at_halt must be 'keep' for the form 'text', got 'noth"):
        response_of([0.9], form="text", release=ReleasePolicy(at_halt="nothing"))

    release = ReleasePolicy(1, replacement=" [withdrawn]")
    sent = sent_by(response_of([0.9, 0.9, 0.2], form="text", release=release))
    assert b"".join(sent) == b"One [withdrawn]"


def test_a_comment_keeps_a_silent_connection_awake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asgi, "KEEP_ALIVE_S", 0.01)
    source = Slow()
    stream = AsyncStreamingKernel().stream_tokens(source.words(), lambda text: 0.9)

    sent = sent_by(GuardedResponse(stream, release=ReleasePolicy(1)), source)

    assert b":\n\n" in sent
    assert screen_of(b"".join(sent), 99).text == "One two three."


ENDINGS: dict[str, dict[str, Any]] = {
    "whole": {"scores": [0.9] * 4},
    "halted": {"scores": [0.9] * 4 + [0.2]},
    "limit": {"scores": [0.9] * 4, "limits": {"max_tokens": 3}},
    "fault": {"scores": [0.9] * 3 + [float("nan")]},
}
RELEASE = ReleasePolicy(1, at_halt="sentence", replacement="[withdrawn]")


@pytest.fixture(scope="module")
def client() -> Iterator[OpenAI]:
    app = FastAPI()

    @app.post("/v1/chat/completions", response_model=None)
    async def complete(body: dict[str, Any]) -> GuardedResponse:
        ending = dict(ENDINGS[body["model"]])
        return response_of(ending.pop("scores"), form="openai", release=RELEASE, **ending)

    with (
        serving(app) as port,
        OpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key="none", max_retries=0) as client,
    ):
        yield client


def chunks_of(client: OpenAI, name: str) -> Iterator[Any]:
    messages: Any = [{"role": "user", "content": "Why?"}]
    return iter(client.chat.completions.create(model=name, messages=messages, stream=True))


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("whole", "One two three. Four", "stop"),
        ("halted", "One two three.", "content_filter"),
        ("limit", "One two", "length"),
    ],
)
def test_the_openai_client_reads_the_chunks(
    client: OpenAI, name: str, text: str, reason: str
) -> None:
    chunks = list(chunks_of(client, name))

    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == text
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [chunk.choices[0].finish_reason for chunk in chunks][-1] == reason
    assert len({chunk.id for chunk in chunks}) == 1


def test_the_openai_client_has_the_end_and_what_is_taken_back(client: OpenAI) -> None:
    *_, last = chunks_of(client, "halted")

    assert last.model_extra["director"] == {
        "halted": True,
        "class": "policy",
        "code": "hard_limit",
        "index": 4,
        "held": 1,
        "retracted": {"from": 14, "to": 14, "text": "[withdrawn]"},
    }


def test_the_openai_client_raises_a_fault(client: OpenAI) -> None:
    texts: list[Any] = []
    with pytest.raises(openai.APIError, match="the stream was stopped: invalid_score") as raised:
        texts.extend(chunk.choices[0].delta.content for chunk in chunks_of(client, "fault"))

    assert "".join(texts) == "One two"
    assert (raised.value.type, raised.value.code) == ("director_fault", "invalid_score")


LENIENT: dict[str, Any] = {"hard_limit": 0.0, "window_threshold": 0.0, "trend_threshold": 1.5}


def answering(words: list[str]) -> OpenAI:
    def respond(request: httpx.Request) -> httpx.Response:
        chunks = [{"index": 0, "delta": {"content": word}, "finish_reason": None} for word in words]
        chunks.append({"index": 0, "delta": {}, "finish_reason": "stop"})
        lines = [json.dumps({"id": "x", "model": "m", "choices": [chunk]}) for chunk in chunks]
        body = "".join(f"data: {line}\n\n" for line in [*lines, "[DONE]"])
        headers = {"content-type": "text/event-stream"}
        return httpx.Response(200, text=body, headers=headers)

    http_client = httpx.Client(transport=httpx.MockTransport(respond))
    return OpenAI(base_url="http://test/v1", api_key="none", http_client=http_client)


def guarded(hard_limit: float = 0.0, **options: Any) -> GuardedText:
    facts = CoherenceScorer(ground_truth_store=GroundTruthStore.from_text("One two three."))
    guard = OpenAIGuard(
        answering(WORDS),
        StreamingKernel(**{**LENIENT, "hard_limit": hard_limit}),
        facts=facts,
        **options,
    )
    return guard.stream(model="m", messages=[{"role": "user", "content": "Count."}])


def test_a_guard_hands_out_text_or_events_as_it_is_released() -> None:
    assert list(guarded(release=ReleasePolicy(unit="sentence"))) == [
        "One two three.",
        " Four five six",
    ]
    events = list(guarded(release=ReleasePolicy(unit="answer")).events())
    assert events == [Held(1), Released(0, 28, "".join(WORDS)), Ended(halted=False)]


def test_a_guard_has_what_is_to_be_taken_back() -> None:
    with guarded(hard_limit=1.0, release=ReleasePolicy(replacement="[withdrawn]")) as answer:
        texts = list(answer)

    assert answer.session.halted
    length = len("".join(texts))
    assert answer.retracted == Retracted(length, length, "[withdrawn]")


def test_a_guard_without_a_policy_has_no_events_and_none_that_it_cannot_keep() -> None:
    with guarded() as answer, pytest.raises(ValueError, match="release must be a ReleasePolicy"):
        answer.events()
    with pytest.raises(ValueError, match="max_hold_s must be 0"):
        guarded(release=ReleasePolicy(max_hold_s=1.0))


def test_a_stream_is_released_once() -> None:
    stream = AsyncStreamingKernel().stream_tokens(WORDS, lambda text: 0.9)
    AsyncReleasedStream(stream, ReleasePolicy())

    for options in ({"release": ReleasePolicy()}, {}, {"form": "text"}):
        with pytest.raises(ValueError, match="stream must be a new one"):
            GuardedResponse(stream, **options)  # type: ignore[arg-type]


def test_half_a_character_counts_as_one_in_either_form() -> None:
    async def halves() -> AsyncIterator[str]:
        yield "\ud83d"
        yield "\ude00"

    def respond(form: Any, release: ReleasePolicy | None = None) -> list[bytes]:
        stream = AsyncStreamingKernel().stream_tokens(halves(), lambda text: 0.9)
        return sent_by(GuardedResponse(stream, form=form, release=release))

    assert respond("text") == ["\ufffd".encode(), "\ufffd".encode(), b""]
    assert respond("events") == respond("events", ReleasePolicy())[:2] + respond("events")[2:]
