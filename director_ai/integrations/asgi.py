"""ASGI response whose text is judged before it leaves the server."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Final, get_args

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from director_ai.core.halting.release_policy import ReleasePolicy
from director_ai.core.runtime.async_stream import AsyncTokenStream
from director_ai.core.runtime.released_stream import AsyncReleasedStream, ReleaseEvent, check_new
from director_ai.core.runtime.session import StreamSession
from director_ai.integrations.release_frames import (
    KEEP_ALIVE,
    ChunkFrames,
    EventFrames,
    Form,
    Frames,
    TextFrames,
    whole,
)
from director_ai.sources.chat.source import ChatSource

KEEP_ALIVE_S: Final = 10.0
"""Seconds without text after which a comment is sent."""


class GuardedResponse(Response):
    """Sends the released text of a stream, and ends where the kernel halts.

    A client that goes away cancels the stream, and with it the request behind it.

    Parameters
    ----------
    stream
        The stream of :meth:`AsyncStreamingKernel.stream_tokens`, recorded or not.
    form
        ``"events"`` sends server-sent events: ``data: {"text": ...}`` for each piece of text, and
        an event ``end`` that says whether the answer was halted, by what and where. ``"text"``
        sends the text alone, in which a halt looks like an end. ``"openai"`` sends the chunks of a
        chat completion.
    release
        Rules by which text is held back and taken back; without them each token is sent as it
        passes. The form of OpenAI's chunks has the default ones.
    source
        Source of the tokens, for model and finish reason of OpenAI's chunks.
    status_code, headers
        As for any response.

    Raises
    ------
    ValueError
        If the form is none, takes text back although it is text alone, or the stream is not new.

    Examples
    --------
    In a FastAPI application::

        @app.post("/chat")
        async def chat(question: str) -> GuardedResponse:
            source = AsyncChatStream(endpoint, question)
            stream = kernel.stream_tokens(source, scorer.stream_callback(question))
            return GuardedResponse(stream)

    A client receives of a stream that is halted at its second token:

    >>> from director_ai import AsyncStreamingKernel
    >>> async def tokens():
    ...     yield "The"
    ...     yield " moon"
    >>> scores = iter([0.9, 0.2])
    >>> async def respond():
    ...     stream = AsyncStreamingKernel().stream_tokens(tokens(), lambda text: next(scores))
    ...     async def send(message):
    ...         print(message.get("body", b"").decode(), end="")
    ...     await GuardedResponse(stream, form="text")({}, asyncio.Event().wait, send)
    >>> asyncio.run(respond())
    The
    """

    def __init__(
        self,
        stream: AsyncTokenStream,
        *,
        form: Form = "events",
        release: ReleasePolicy | None = None,
        source: ChatSource | None = None,
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        if form not in get_args(Form):
            raise ValueError(f"form must be 'events', 'text' or 'openai', got {form!r}")
        if form == "text" and release is not None and release.at_halt != "keep":
            raise ValueError(
                f"at_halt must be 'keep' for the form 'text', got {release.at_halt!r}; "
                "what was sent as text cannot be taken back"
            )
        check_new(stream.run)
        # A proxy that collects the answer would show it all at once.
        quick = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(
            status_code=status_code,
            headers={**quick, **(headers or {})},
            media_type="text/plain" if form == "text" else "text/event-stream",
        )
        del self.headers["content-length"]
        self._stream = stream
        self._form = form
        if form == "openai":
            release = release or ReleasePolicy()
        self._released = None if release is None else AsyncReleasedStream(stream, release)
        self._source = source

    async def __call__(
        self,
        scope: Scope,  # noqa: ARG002  # every request is answered alike
        receive: Receive,
        send: Send,
    ) -> None:
        """Send the answer; returns once it is over, or the client has gone."""
        sending = asyncio.ensure_future(self._send(send))
        listening = asyncio.ensure_future(_gone(receive))
        try:
            await asyncio.wait((sending, listening), return_when=asyncio.FIRST_COMPLETED)
        finally:
            is_sent = sending.done()
            for task in (sending, listening):
                task.cancel()
            await asyncio.gather(sending, listening, return_exceptions=True)
            await (self._released or self._stream).aclose()
        if is_sent and not sending.cancelled():
            sending.result()

    async def _send(self, send: Send) -> None:
        await send(
            {
                "type": "http.response.start",
                "status": self.status_code,
                "headers": self.raw_headers,
            }
        )
        if self._released is not None:
            await self._send_released(send, self._released)
            return
        async for event in self._stream:
            if self._stream.session.passes(event):
                await self._send_part(send, self._text(event.token))
        last = self._end(self._stream.session)
        await send({"type": "http.response.body", "body": last, "more_body": False})

    async def _send_released(self, send: Send, events: AsyncReleasedStream) -> None:
        frames = self._frames()
        pauses = None if self._form == "text" else KEEP_ALIVE_S
        async for event in _with_pauses(events, pauses):
            body = KEEP_ALIVE if event is None else frames.frame(event)
            if body:
                await self._send_part(send, body)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _frames(self) -> Frames:
        if self._form == "openai":
            return ChunkFrames(self._stream.session, self._source)
        return TextFrames() if self._form == "text" else EventFrames()

    async def _send_part(self, send: Send, body: bytes) -> None:
        await send({"type": "http.response.body", "body": body, "more_body": True})

    def _text(self, text: str) -> bytes:
        if self._form == "text":
            return whole(text).encode()
        return f"data: {json.dumps({'text': whole(text)})}\n\n".encode()

    def _end(self, session: StreamSession) -> bytes:
        if self._form == "text":
            return b""
        reason = session.reason if session.halted else None
        # The code alone: details may quote the text that was not released, or another server.
        ending = {
            "halted": session.halted,
            "class": reason and reason.halt_class,
            "code": reason and reason.code,
            "index": reason and reason.index,
        }
        return f"event: end\ndata: {json.dumps(ending)}\n\n".encode()


async def _with_pauses(
    events: AsyncIterator[ReleaseEvent], pause_s: float | None
) -> AsyncIterator[ReleaseEvent | None]:
    """Yield events, and ``None`` after each ``pause_s`` in which none came."""
    pull: asyncio.Future[ReleaseEvent | None] | None = None
    try:
        while True:
            # The same task until it is done: a pause must not cancel the pull.
            pull = pull or asyncio.ensure_future(_next(events))
            await asyncio.wait((pull,), timeout=pause_s)
            if not pull.done():
                yield None
                continue
            event, pull = pull.result(), None
            if event is None:
                return
            yield event
    finally:
        if pull is not None:
            pull.cancel()
            await asyncio.gather(pull, return_exceptions=True)


async def _next(events: AsyncIterator[ReleaseEvent]) -> ReleaseEvent | None:
    async for event in events:
        return event
    return None


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
