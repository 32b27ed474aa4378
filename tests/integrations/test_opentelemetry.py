"""Spans of streams, by the real SDK."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode, Tracer

from director_ai import AsyncStreamingKernel, HaltPolicy, StreamingKernel
from director_ai.integrations.opentelemetry import MOST_WARNINGS, traced
from director_ai.sources.chat.endpoint import Endpoint
from director_ai.sources.chat.stream import ChatStream
from tests.sources.fault_modes import MODES
from tests.sources.fault_server import FaultServer
from tests.sources.llama_server import LlamaServer, llama

__all__ = ["llama"]


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def tracer(exporter: InMemorySpanExporter) -> Iterator[Tracer]:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    yield provider.get_tracer("test")
    provider.shutdown()


def only(exporter: InMemorySpanExporter) -> ReadableSpan:
    (span,) = exporter.get_finished_spans()
    return span


def run(tracer: Tracer, scores: list[Any], tokens: list[Any] | None = None, **options: Any) -> Any:
    given = iter(scores)
    kernel = StreamingKernel(on_fault="halt", **options)
    words = tokens or [f" t{number}" for number in range(len(scores))]
    stream = kernel.stream(words, lambda text: next(given))
    return traced(stream, kernel.policy, model="m", id="a", tracer=tracer).run_to_end()


def test_a_stream_that_completes_is_one_span(
    tracer: Tracer, exporter: InMemorySpanExporter
) -> None:
    session = run(tracer, [0.9, 0.7])

    span = only(exporter)
    assert span.name == "chat m"
    assert span.status.status_code is StatusCode.UNSET
    assert dict(span.attributes or {}) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "m",
        "session.id": "a",
        "halt.policy": json.dumps(HaltPolicy().to_dict()),
        "halt.enforced": True,
        "session.ended_by": "completed",
        "session.n_tokens": 2,
        "halt.scorer": "unknown",
        "halt.n_warnings": 0,
        "session.min_coherence": 0.7,
        "session.avg_coherence": 0.8,
    }
    assert span.events == ()
    assert span.end_time == round(session.end_time * 1e9)
    assert span.start_time is not None
    assert span.start_time <= span.end_time


def test_warnings_and_the_halt_are_events_at_their_time(
    tracer: Tracer, exporter: InMemorySpanExporter
) -> None:
    session = run(tracer, [0.9, 0.55, 0.2])

    span = only(exporter)
    seen = [(event.name, dict(event.attributes or {}), event.timestamp) for event in span.events]
    times = [round(event.timestamp * 1e9) for event in session.events]
    assert seen == [
        ("halt.warning", {"token.index": 1, "token.coherence": 0.55}, times[1]),
        (
            "halt",
            {
                "halt.class": "policy",
                "halt.index": 2,
                "halt.reason": "hard_limit (0.2000 < 0.5)",
                "token.index": 2,
                "token.coherence": 0.2,
            },
            times[2],
        ),
    ]
    assert span.attributes is not None
    assert span.attributes["halt.index"] == 2
    # What a limit does is no error.
    assert span.status.status_code is StatusCode.UNSET


def test_a_fault_is_an_error_and_quotes_nobody(
    tracer: Tracer, exporter: InMemorySpanExporter
) -> None:
    run(tracer, [float("nan")])

    span = only(exporter)
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes is not None
    assert span.attributes["error.type"] == span.attributes["halt.reason"] == "invalid_score"


def test_a_fault_before_the_first_token_has_an_event_too(
    tracer: Tracer, exporter: InMemorySpanExporter
) -> None:
    with FaultServer({"redirect": list(MODES["redirect"].attempts)}) as server:
        source = ChatStream(Endpoint(server.url("redirect"), "m"), "Why?")
        kernel = StreamingKernel(on_fault="halt")
        stream = kernel.stream(source, lambda text: 0.9)
        traced(stream, kernel.policy, source=source, tracer=tracer).run_to_end()

    (event,) = only(exporter).events
    assert (event.name, dict(event.attributes or {})["halt.reason"]) == ("halt", "source_error")


def test_what_was_only_observed_is_named_so(tracer: Tracer, exporter: InMemorySpanExporter) -> None:
    run(tracer, [0.9, 0.2, 0.9], halt_mode="observe", soft_limit=0.5)

    span = only(exporter)
    assert span.attributes is not None
    assert span.attributes["halt.enforced"] is False
    assert [event.name for event in span.events][-1] == "halt.observed"


def test_no_text_is_in_a_span(tracer: Tracer, exporter: InMemorySpanExporter) -> None:
    run(tracer, [0.9, 0.55, 0.2], ["SECRET", "SECRET", "SECRET"])

    assert "SECRET" not in only(exporter).to_json()


def test_many_warnings_leave_room_for_the_halt(
    tracer: Tracer, exporter: InMemorySpanExporter
) -> None:
    run(tracer, [0.58] * 300 + [0.1], trend_threshold=1.5)

    names = [event.name for event in only(exporter).events]
    assert names == ["halt.warning"] * MOST_WARNINGS + ["halt"]


def test_a_span_belongs_to_the_one_around_it(
    tracer: Tracer, exporter: InMemorySpanExporter
) -> None:
    with tracer.start_as_current_span("request") as around:
        run(tracer, [0.9])

    inner, _ = exporter.get_finished_spans()
    assert inner.parent is not None
    assert inner.parent.span_id == around.get_span_context().span_id


def test_a_stream_that_is_left_ends_its_span(
    tracer: Tracer, exporter: InMemorySpanExporter
) -> None:
    kernel = StreamingKernel()
    unread = traced(kernel.stream(["a"], lambda text: 0.9), kernel.policy, tracer=tracer)
    unread.close()
    left = traced(kernel.stream(["a", "b"], lambda text: 0.9), kernel.policy, tracer=tracer)
    next(left)
    left.close()

    ended = [dict(span.attributes or {}) for span in exporter.get_finished_spans()]
    assert [attributes["session.ended_by"] for attributes in ended] == ["operator", "operator"]
    assert [attributes["session.n_tokens"] for attributes in ended] == [0, 1]


def test_an_async_stream_is_traced_alike(tracer: Tracer, exporter: InMemorySpanExporter) -> None:
    async def tokens() -> AsyncIterator[str]:
        yield "a"

    async def go() -> None:
        kernel = AsyncStreamingKernel()
        stream = kernel.stream_tokens(tokens(), lambda text: 0.2)
        await traced(stream, kernel.policy, tracer=tracer).run_to_end()

    asyncio.run(go())
    assert [event.name for event in only(exporter).events] == ["halt"]


def test_a_source_tells_server_usage_and_finish_reason(
    tracer: Tracer, exporter: InMemorySpanExporter, llama: LlamaServer
) -> None:
    options = {"max_tokens": 5, "stream_options": {"include_usage": True}}
    source = ChatStream(Endpoint(llama.url, "tiny"), "Why?", options=options)
    kernel = StreamingKernel()
    stream = kernel.stream(source, lambda text: 0.9)

    traced(stream, kernel.policy, source=source, tracer=tracer).run_to_end()

    attributes = dict(only(exporter).attributes or {})
    assert attributes["gen_ai.request.model"] == "tiny"
    assert attributes["gen_ai.response.finish_reasons"] == ("length",)
    assert attributes["gen_ai.usage.output_tokens"] == 5
    assert attributes["server.address"] == "127.0.0.1"
    assert attributes["server.port"] == int(llama.url.split(":")[2].split("/")[0])
