"""Decoder of a chat completion's stream: bytes or chunks in, tokens out, no waiting."""

import json
from collections import Counter, deque
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from director_ai.errors import (
    InvalidStreamError,
    SourceError,
    SourceReportedError,
    TruncatedStreamError,
)
from director_ai.sources.chat.chunk import Delta, TokenPart, delta_of, lowest
from director_ai.sources.chat.sse import SSEDecoder, SSEvent

DONE: Final = "[DONE]"
TRUNCATED: Final = "truncated"
"""The finish reason of an answer whose stream ended without one."""

_LONGEST_MESSAGE: Final = 300
_MOST_SILENT_PARTS: Final = 64


class Token(NamedTuple):
    """A token of the answer, and its natural log-probability, if the server sent one."""

    text: str
    logprob: float | None


class ChatDecoder:
    r"""Decodes one answer.

    Tokens received before an error are handed out before it is raised.

    Parameters
    ----------
    hide
        Takes out of whatever a server says what nobody may see: out of its errors, its names, and
        each piece of text. What it sends in several pieces is not known again: each of them would
        have to be held back until the next has come.

    Attributes
    ----------
    finish_reason
        Why the answer ended: ``"stop"``, ``"length"``, another word of the server, or
        ``"truncated"``; ``None`` while it goes on.
    usage
        Counts reported by the server.
    model
        Model reported by the server.
    others
        How many chunks held something beside text: reasoning, tool calls, a refusal.
    is_over
        Whether the server said that nothing more will come.

    Examples
    --------
    >>> reader = ChatDecoder()
    >>> reader.feed(b'data: {"choices": [{"delta": {"content": "Hi"}}]}\n\n')
    >>> reader.next_token()
    Token(text='Hi', logprob=None)
    """

    def __init__(self, hide: Callable[[str], str] = str) -> None:
        self.finish_reason: str | None = None
        self.usage: Mapping[str, Any] | None = None
        self.model = ""
        self.others: Counter[str] = Counter()
        self.is_over = False
        self._hide = hide
        self._sse = SSEDecoder()
        self._ready: deque[Token] = deque()
        self._silent_parts: tuple[TokenPart, ...] = ()
        self._error: SourceError | None = None

    def next_token(self) -> Token | None:
        """Return the next token, or ``None`` if more must be fed first.

        Raises
        ------
        SourceError
            The failure that followed the tokens before.
        """
        if self._ready:
            return self._ready.popleft()
        if self._error is not None:
            raise self._error
        return None

    def feed(self, chunk: bytes) -> None:
        """Take bytes of the response's body."""
        events: list[SSEvent] = []
        try:
            self._sse.feed_into(events, chunk)
        except InvalidStreamError as error:
            self._take_all(events)
            self.fail(error)
        else:
            self._take_all(events)

    def take(self, chunk: Mapping[str, Any]) -> None:
        """Take a chunk that was decoded already."""
        try:
            self._take(chunk)
        except SourceError as error:
            self.fail(error)

    def end(self) -> None:
        """Note that the server has closed the stream."""
        self.is_over = True
        if self.finish_reason is None and self._error is None:
            self.finish_reason = TRUNCATED
            self.fail(
                TruncatedStreamError("the stream ended without a finish_reason: the answer is cut")
            )

    def fail(self, error: SourceError) -> None:
        """Raise ``error`` after the tokens that are ready; the first one counts."""
        self.is_over = True
        # Its frames hold the server's bytes, or the request and its key.
        error.__context__ = error.__cause__ = error.__traceback__ = None
        self._error = self._error or error

    def _take_all(self, events: list[SSEvent]) -> None:
        for event in events:
            if self.is_over:
                return
            if event.data.strip() == DONE:
                self.end()
            else:
                self._take_event(event)

    def _take_event(self, event: SSEvent) -> None:
        try:
            chunk = json.loads(event.data)
        except (ValueError, RecursionError):
            if event.name == "error":
                self.fail(self._reported(event.data))
                return
            self.fail(InvalidStreamError(f"a chunk must be JSON, got {self._cut(event.data)!r}"))
            return
        if event.name == "error":
            self.fail(self._reported(chunk))
        elif isinstance(chunk, dict):
            self.take(chunk)
        else:
            self.fail(InvalidStreamError(f"a chunk must be an object, got {type(chunk).__name__}"))

    def _take(self, chunk: Mapping[str, Any]) -> None:
        if chunk.get("error"):
            raise self._reported(chunk["error"])
        if isinstance(chunk.get("model"), str):
            self.model = self.model or self._hide(chunk["model"])[:200]
        if isinstance(chunk.get("usage"), Mapping):
            self.usage = self._counts(chunk["usage"])
        choices = chunk.get("choices") or []
        if not isinstance(choices, list):
            raise InvalidStreamError(f"choices must be a list, got {type(choices).__name__}")
        for choice in choices:
            if not isinstance(choice, Mapping):
                raise InvalidStreamError(f"a choice must be an object, got {type(choice).__name__}")
            # Of several answers to one prompt only the first is followed.
            if choice.get("index", 0) in (0, None):
                self._add(self._without_keys(delta_of(choice)))

    def _without_keys(self, delta: Delta) -> Delta:
        text, reason = self._hide(delta.text), delta.finish_reason
        return delta._replace(
            text=text,
            # Of a text in which something was hidden they tell the tokens no more.
            parts=delta.parts if text == delta.text else (TokenPart(text, lowest(delta.parts)),),
            finish_reason=None if reason is None else self._hide(reason),
        )

    def _counts(self, usage: Mapping[str, Any]) -> dict[str, Any]:
        """Return the numbers of a server's usage, and those one level below."""
        counts: dict[str, Any] = {}
        for name, value in usage.items():
            if isinstance(value, Mapping):
                within = {self._hide(str(key)): each for key, each in value.items()}
                counts[self._hide(str(name))] = {
                    key: each for key, each in within.items() if isinstance(each, int | float)
                }
            elif isinstance(value, int | float):
                counts[self._hide(str(name))] = value
        return counts

    def _add(self, delta: Delta) -> None:
        self.others.update(delta.others)
        parts = (*self._silent_parts, *delta.parts)
        if not delta.text:
            # The bytes of a letter may come as several tokens; its text comes with the last.
            self._silent_parts = () if delta.others else parts[-_MOST_SILENT_PARTS:]
        else:
            self._silent_parts = ()
            if "".join(part.text for part in parts) == delta.text:
                self._ready.extend(Token(*part) for part in parts if part.text)
            else:
                self._ready.append(Token(delta.text, lowest(parts)))
        if delta.finish_reason is not None:
            if delta.finish_reason == "error":
                raise SourceReportedError("the server ended the answer with an error")
            self.finish_reason = delta.finish_reason

    def _reported(self, error: object) -> SourceReportedError:
        words = error.get("error", error) if isinstance(error, Mapping) else error
        words = words.get("message", words) if isinstance(words, Mapping) else words
        return SourceReportedError(f"the server reported an error: {self._cut(str(words))}")

    def _cut(self, text: str) -> str:
        return " ".join(self._hide(text).split())[:_LONGEST_MESSAGE]
