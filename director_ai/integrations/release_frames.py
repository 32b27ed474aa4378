"""Frames of a released stream: its events as the bytes that a response sends."""

import json
import re
import uuid
from typing import Any, Final, Literal, Protocol

from director_ai.core.runtime.released_stream import (
    Ended,
    Held,
    Released,
    ReleaseEvent,
    Retracted,
)
from director_ai.core.runtime.session import StreamSession
from director_ai.sources.chat.source import ChatSource

Form = Literal["events", "text", "openai"]

KEEP_ALIVE: Final = b":\n\n"
"""Comment that keeps proxies from closing a connection on which nothing comes."""

_HALF = re.compile("[\ud800-\udfff]")


class Frames(Protocol):
    """One response's way to write events."""

    def frame(self, event: ReleaseEvent) -> bytes:
        """Return the bytes of an event; empty if it has none."""


class TextFrames:
    """The text alone, in which a halt looks like an end."""

    def frame(self, event: ReleaseEvent) -> bytes:
        """Return the text of an event; a replacement comes at the end."""
        if isinstance(event, (Released, Retracted)):
            return whole(event.text).encode()
        return b""


class EventFrames:
    r"""Server-sent events: texts without a name, ``held``, ``retracted`` and ``end``.

    Examples
    --------
    >>> EventFrames().frame(Released(0, 6, " Shoes"))
    b'data: {"text": " Shoes"}\n\n'
    """

    def frame(self, event: ReleaseEvent) -> bytes:
        """Return the server-sent event of an event."""
        if isinstance(event, Released):
            early = {"early": True} if event.early else {}
            return _data({"text": whole(event.text), **early})
        if isinstance(event, Held):
            return _data({"n": event.n}, name="held")
        if isinstance(event, Retracted):
            return _data(_retracted(event), name="retracted")
        return _data(_end(event), name="end")


class ChunkFrames:
    """Chunks of a chat completion, as clients of OpenAI's protocol read them.

    Parameters
    ----------
    session
        The stream's.
    source
        Source of its tokens, for model and finish reason.
    """

    def __init__(self, session: StreamSession, source: ChatSource | None) -> None:
        self._id = f"chatcmpl-{uuid.uuid4().hex}"
        self._created = int(session.start_time)
        self._source = source
        self._role = {"role": "assistant"}
        self._retracted: dict[str, Any] | None = None

    def frame(self, event: ReleaseEvent) -> bytes:
        """Return the chunks of an event; a comment while text is held."""
        if isinstance(event, Released):
            role, self._role = self._role, {}
            return self._chunk({**role, "content": whole(event.text)}, None)
        if isinstance(event, Held):
            return f": held {event.n}\n\n".encode()
        if isinstance(event, Retracted):
            # With the end, as there is no chunk of its kind.
            self._retracted = _retracted(event)
            return b""
        return self._ending(event)

    def _ending(self, ended: Ended) -> bytes:
        if ended.halt_class == "policy":
            director = {**_end(ended), "retracted": self._retracted}
            return self._chunk({}, "content_filter", director=director) + _DONE
        if ended.code == "limit":
            return self._chunk({}, "length") + _DONE
        if ended.halted:
            # The code alone: details may quote the text that was not released, or another server.
            message = f"the stream was stopped: {ended.code}"
            error = {"message": message, "type": "director_fault", "code": ended.code}
            return _data({"error": error})
        reason = None if self._source is None else self._source.finish_reason
        return self._chunk({}, reason or "stop") + _DONE

    def _chunk(self, delta: dict[str, str], finish_reason: str | None, **more: Any) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
        return _data(
            {
                "id": self._id,
                "object": "chat.completion.chunk",
                "created": self._created,
                "model": "" if self._source is None else self._source.model,
                "choices": [choice],
                **more,
            }
        )


_DONE = b"data: [DONE]\n\n"


def _data(values: dict[str, Any], *, name: str = "") -> bytes:
    event = f"event: {name}\n" if name else ""
    return f"{event}data: {json.dumps(values)}\n\n".encode()


def _retracted(event: Retracted) -> dict[str, Any]:
    return {"from": event.start, "to": event.end, "text": whole(event.text)}


def _end(event: Ended) -> dict[str, Any]:
    return {
        "halted": event.halted,
        "class": event.halt_class,
        "code": event.code,
        "index": event.index,
        "held": event.held,
    }


def whole(text: str) -> str:
    r"""Return text whose code points a client counts as they were counted here.

    Half a surrogate pair is replaced in each piece: two of them would become one code point.

    >>> whole("\ud83d\ude00 \ud83d").encode()
    b'\xef\xbf\xbd\xef\xbf\xbd \xef\xbf\xbd'
    """
    return _HALF.sub("\ufffd", text)
