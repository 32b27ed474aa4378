"""ASGI response whose text is judged before it leaves the server."""

import asyncio
import json
from collections.abc import Mapping
from typing import Literal

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from director_ai.core.runtime.async_stream import AsyncTokenStream
from director_ai.core.runtime.session import StreamSession
from director_ai.integrations.released import is_released

Form = Literal["events", "text"]

_MEDIA_TYPES: dict[Form, str] = {"events": "text/event-stream", "text": "text/plain"}


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
        sends the text alone, in which a halt looks like an end.
    status_code, headers
        As for any response.

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
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        if form not in _MEDIA_TYPES:
            raise ValueError(f"form must be 'events' or 'text', got {form!r}")
        # A proxy that collects the answer would show it all at once.
        quick = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(
            status_code=status_code,
            headers={**quick, **(headers or {})},
            media_type=_MEDIA_TYPES[form],
        )
        del self.headers["content-length"]
        self._stream = stream
        self._form = form

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
            await self._stream.aclose()
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
        async for event in self._stream:
            if is_released(event, self._stream.session):
                await self._send_part(send, self._text(event.token))
        last = self._end(self._stream.session)
        await send({"type": "http.response.body", "body": last, "more_body": False})

    async def _send_part(self, send: Send, body: bytes) -> None:
        await send({"type": "http.response.body", "body": body, "more_body": True})

    def _text(self, text: str) -> bytes:
        if self._form == "text":
            return text.encode("utf-8", "replace")
        return f"data: {json.dumps({'text': text})}\n\n".encode()

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


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
