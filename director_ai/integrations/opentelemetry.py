"""OpenTelemetry span of a stream: its duration, its judgement, its end."""

import json
import math
from typing import Final, TypeVar

from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer
from opentelemetry.util.types import AttributeValue

from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.records.record import ending_of
from director_ai.core.runtime.async_stream import AsyncTokenStream
from director_ai.core.runtime.session import StreamSession, TokenEvent
from director_ai.core.runtime.sync_stream import TokenStream
from director_ai.sources.chat.endpoint import Endpoint
from director_ai.sources.chat.source import ChatSource

Stream = TypeVar("Stream", TokenStream, AsyncTokenStream)

MOST_WARNINGS: Final = 100
"""Events of warnings a span holds; an exporter would drop more without a word."""


def traced(
    stream: Stream,
    policy: HaltPolicy,
    *,
    source: ChatSource | None = None,
    id: str | None = None,
    model: str = "",
    tracer: Tracer | None = None,
) -> Stream:
    """Trace a stream from its first token on, and return it, the same.

    The span is a child of the one that is current when the first token is requested. It holds an
    event for each of the first warnings and one for the halt; a fault makes it an error, a halt
    by a limit does not. No text of prompt or answer is in it. Names follow the conventions for
    generative AI, and those of an exported session where there are none.

    Parameters
    ----------
    stream
        Stream of a kernel's ``stream`` or an async kernel's ``stream_tokens``.
    policy
        The kernel's.
    source
        Source of the tokens, for finish reason, usage and server.
    id
        The session's, where it is recorded.
    model
        The requested model; by default that of the source's endpoint.
    tracer
        By default that of the application's provider.

    Examples
    --------
    >>> from director_ai import StreamingKernel
    >>> kernel = StreamingKernel()
    >>> stream = kernel.stream(["The", " sky"], lambda text: 0.9)
    >>> traced(stream, kernel.policy, model="tiny").run_to_end().output
    'The sky'
    """
    endpoint = getattr(source, "endpoint", None)
    attributes: dict[str, AttributeValue] = {
        "gen_ai.operation.name": "chat",
        "halt.policy": json.dumps(policy.to_dict()),
        "halt.enforced": policy.halt_mode != "observe",
    }
    if isinstance(endpoint, Endpoint):
        model = model or endpoint.model
        attributes["server.address"], attributes["server.port"] = endpoint.address
    if model:
        attributes["gen_ai.request.model"] = model
    if id is not None:
        attributes["session.id"] = id
    tracer = tracer or trace.get_tracer("director-ai")
    stream.follow(_SpanFollower(tracer, f"chat {model}".strip(), attributes, stream, source))
    return stream


class _SpanFollower:
    """Opens the span with the stream and closes it with its session."""

    def __init__(
        self,
        tracer: Tracer,
        name: str,
        attributes: dict[str, AttributeValue],
        stream: TokenStream | AsyncTokenStream,
        source: ChatSource | None,
    ) -> None:
        self._tracer = tracer
        self._name = name
        self._attributes = attributes
        self._stream = stream
        self._source = source
        self._span: Span | None = None

    def begin(self) -> None:
        """Start the span, under the one that is current."""
        self._span = self._tracer.start_span(
            self._name, kind=SpanKind.CLIENT, attributes=self._attributes
        )

    def end(self) -> None:
        """Write down the outcome, and end the span when the session ended."""
        if self._span is None:
            # Left before its first token.
            self.begin()
        span, session = self._span, self._stream.session
        assert span is not None
        span.set_attributes(_outcome(session))
        if self._source is not None:
            span.set_attributes(_source_attributes(self._source))
        warned = [event for event in session.events if event.warning]
        for event in warned[:MOST_WARNINGS]:
            _add(span, "halt.warning", event)
        reason = session.reason
        if reason is not None:
            name = "halt" if session.halted else "halt.observed"
            at = session.events[min(reason.index, len(session.events) - 1) :][:1]
            _add(span, name, at[0] if at else None, _halt_attributes(session))
            if session.halted and reason.halt_class == "fault":
                span.set_attribute("error.type", reason.code)
                span.set_status(Status(StatusCode.ERROR, reason.code))
        span.end(_nanoseconds(session.end_time))


def _outcome(session: StreamSession) -> dict[str, AttributeValue]:
    outcome: dict[str, AttributeValue] = {
        "session.ended_by": ending_of(session),
        "session.n_tokens": session.token_count,
        "halt.scorer": str(session.scorer),
        "halt.n_warnings": session.warning_count,
    }
    if session.facts is not None:
        outcome["halt.facts"] = session.facts.digest
    if session.coherence_history:
        outcome["session.min_coherence"] = session.min_coherence or 0.0
        outcome["session.avg_coherence"] = session.avg_coherence or 0.0
    return outcome | _halt_attributes(session)


def _halt_attributes(session: StreamSession) -> dict[str, AttributeValue]:
    reason = session.reason
    if reason is None:
        return {}
    # Of a fault the code alone: its message may quote a server, or the answer.
    words = "; ".join(str(alarm) for alarm in reason.alarms) or reason.code
    return {"halt.class": reason.halt_class, "halt.index": reason.index, "halt.reason": words}


def _source_attributes(source: ChatSource) -> dict[str, AttributeValue]:
    attributes: dict[str, AttributeValue] = {}
    if source.model:
        attributes["gen_ai.response.model"] = source.model
    if source.finish_reason is not None:
        attributes["gen_ai.response.finish_reasons"] = [source.finish_reason]
    for name, theirs in (("input_tokens", "prompt_tokens"), ("output_tokens", "completion_tokens")):
        count = (source.usage or {}).get(theirs)
        if isinstance(count, int):
            attributes[f"gen_ai.usage.{name}"] = count
    return attributes


def _add(
    span: Span,
    name: str,
    event: TokenEvent | None,
    more: dict[str, AttributeValue] | None = None,
) -> None:
    attributes: dict[str, AttributeValue] = dict(more or {})
    if event is not None:
        attributes["token.index"] = event.index
        if not math.isnan(event.coherence):
            attributes["token.coherence"] = event.coherence
    span.add_event(name, attributes, _nanoseconds(event.timestamp) if event else None)


def _nanoseconds(seconds: float) -> int:
    return round(seconds * 1e9)
