"""Decoder of a chat completion's stream: bytes or chunks in, tokens out, no waiting."""

import json
from collections import Counter, deque
from collections.abc import Callable, Mapping
from typing import Any, Final

from director_ai.errors import (
    InvalidStreamError,
    SourceError,
    SourceReportedError,
    TruncatedStreamError,
)
from director_ai.sources.chat.chunk import Delta, Token, delta_of, joined, joined_surrogates
from director_ai.sources.chat.sse import SSEDecoder, SSEvent
from director_ai.sources.chat.think_tag import ThinkTagFilter

DONE: Final = "[DONE]"
TRUNCATED: Final = "truncated"
"""The finish reason of an answer whose stream ended without one."""

_LONGEST_MESSAGE: Final = 300
_MOST_SILENT_PARTS: Final = 64


class ChatDecoder:
    r"""Decodes one answer.

    Tokens received before an error are handed out before it is raised.

    Parameters
    ----------
    hide
        Redacts the server's errors and names. The text of the answer is never altered by it.
    skips_thinking
        Whether ``<think>...</think>`` in the text is passed over, and counted as reasoning.

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
    Token(text='Hi', logprob=None, entropy=None)
    """

    def __init__(self, hide: Callable[[str], str] = str, *, skips_thinking: bool = True) -> None:
        self.finish_reason: str | None = None
        self.usage: Mapping[str, Any] | None = None
        self.model = ""
        self.others: Counter[str] = Counter()
        self.is_over = False
        self._hide = hide
        self._sse = SSEDecoder()
        self._ready: deque[Token] = deque()
        self._think_tags = ThinkTagFilter() if skips_thinking else None
        # Half a character, whose other half comes with the next chunk.
        self._half = ""
        self._silent_parts: tuple[Token, ...] = ()
        self._error: SourceError | None = None
        self._has_choices = False
        # The first chunk of another protocol, if nothing else comes.
        self._foreign = ""

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
        if self.finish_reason is None and self._error is None:
            self._take_error(self._sse.rest())
        self.is_over = True
        self._flush()
        if self.finish_reason is None and self._error is None:
            self.finish_reason = TRUNCATED
            self.fail(self._what_ended())

    def _what_ended(self) -> SourceError:
        """Return the error of a stream without an end: of another protocol, or cut."""
        if self._foreign and not self._has_choices:
            return InvalidStreamError(
                "a chunk must have choices, as chat completions have, got "
                f"{self._cut(self._foreign)!r}"
            )
        return TruncatedStreamError("the stream ended without a finish_reason: the answer is cut")

    def fail(self, error: SourceError) -> None:
        """Raise ``error`` after the tokens that are ready; the first one counts."""
        self.is_over = True
        self._flush()
        # Its frames hold the server's bytes, or the request and its key.
        error.__context__ = error.__cause__ = error.__traceback__ = None
        self._error = self._error or error

    def _take_error(self, events: list[SSEvent]) -> None:
        """Take an error that the stream ended in the midst of; an answer's chunk is dropped."""
        for event in events:
            try:
                chunk = json.loads(event.data)
            except (ValueError, RecursionError):
                continue
            if isinstance(chunk, dict) and (event.name == "error" or _error_in(chunk)):
                self.fail(self._reported(_error_in(chunk) or chunk))

    def _take_all(self, events: list[SSEvent]) -> None:
        for event in events:
            if self.is_over:
                return
            if event.data.strip() == DONE:
                self.end()
            else:
                self._take_event(event)

    def _take_event(self, event: SSEvent) -> None:
        if not event.data.strip():
            # Sent to keep the connection open.
            return
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
        error = _error_in(chunk)
        if error:
            raise self._reported(error)
        if isinstance(chunk.get("model"), str):
            self.model = self.model or self._name(chunk["model"])[:200]
        if isinstance(chunk.get("usage"), Mapping):
            self.usage = self._counts(chunk["usage"])
        if "choices" in chunk:
            self._has_choices = True
        else:
            self._foreign = self._foreign or json.dumps(chunk, default=str)
        choices = chunk.get("choices") or []
        if not isinstance(choices, list):
            raise InvalidStreamError(f"choices must be a list, got {type(choices).__name__}")
        for choice in choices:
            if not isinstance(choice, Mapping):
                raise InvalidStreamError(f"a choice must be an object, got {type(choice).__name__}")
            # Of several answers to one prompt only the first is followed.
            if choice.get("index", 0) in (0, None):
                delta = delta_of(choice)
                self._add(delta)
                if choice.get("error"):
                    raise self._reported(choice["error"])
                self._finish(delta.finish_reason)

    def _finish(self, reason: str | None) -> None:
        if not reason:
            return
        self._flush()
        if reason == "error":
            raise SourceReportedError("the server ended the answer with an error")
        self.finish_reason = self._name(reason)

    def _counts(self, usage: Mapping[str, Any]) -> dict[str, Any]:
        """Return the numbers of a server's usage, and those one level below."""
        counts: dict[str, Any] = {}
        for name, value in usage.items():
            if isinstance(value, Mapping):
                within = {self._name(str(key)): each for key, each in value.items()}
                counts[self._name(str(name))] = {
                    key: each for key, each in within.items() if isinstance(each, int | float)
                }
            elif isinstance(value, int | float):
                counts[self._name(str(name))] = value
        return counts

    def _add(self, delta: Delta) -> None:
        text, others = self._whole(delta.text), delta.others
        parts = (*self._silent_parts, *delta.parts)
        tags = self._think_tags
        if tags is not None and text:
            n_blocks, was_inside = tags.n_blocks, tags.is_inside
            text = tags.feed(text)
            if was_inside or tags.n_blocks > n_blocks:
                others = (*others, "reasoning")
                parts = delta.parts if text else ()
        self.others.update(others)
        if not text:
            # The bytes of a letter may come as several tokens; its text comes with the last.
            is_other = others and not delta.text
            self._silent_parts = () if is_other else parts[-_MOST_SILENT_PARTS:]
            return
        self._silent_parts = ()
        if "".join(part.text for part in parts) == text:
            self._ready.extend(part for part in parts if part.text)
        else:
            self._ready.append(joined(text, parts))

    def _whole(self, text: str) -> str:
        """Return text without a half character at its end, which waits for the next chunk."""
        if not text:
            return text
        text, self._half = self._half + text, ""
        if "\ud800" <= text[-1] <= "\udbff":
            text, self._half = text[:-1], text[-1]
        return joined_surrogates(text)

    def _flush(self) -> None:
        """Hand out the text that waited for more."""
        text, self._half = joined_surrogates(self._half), ""
        if self._think_tags is not None:
            text = self._think_tags.feed(text) + self._think_tags.end()
        if text:
            parts, self._silent_parts = self._silent_parts, ()
            self._ready.append(joined(text, parts))

    def _reported(self, error: object) -> SourceReportedError:
        words = self._cut(_words_of(error))
        return SourceReportedError(f"the server reported an error: {words}")

    def _cut(self, text: str) -> str:
        return " ".join(self._name(text).split())[:_LONGEST_MESSAGE]

    def _name(self, text: str) -> str:
        """Return words of the server that are none of the answer, fit to be shown."""
        return joined_surrogates(self._hide(text))


def _error_in(chunk: Mapping[str, Any]) -> object:
    """Return the error that a chunk reports, in any of the forms servers use; else nothing."""
    if chunk.get("error"):
        return chunk["error"]
    if "error" in (chunk.get("object"), chunk.get("type")):
        return chunk
    # A framework's own error, in place of a chunk.
    is_chunk = "choices" in chunk or not isinstance(chunk.get("detail", chunk.get("message")), str)
    return None if is_chunk else chunk


def _words_of(error: object) -> str:
    """Return the words of an error: its message, or all of it as JSON."""
    if isinstance(error, str):
        return error
    if isinstance(error, Mapping):
        for name in ("message", "detail", "msg", "error"):
            words = error.get(name)
            if words and isinstance(words, str | Mapping):
                return _words_of(words)
    return json.dumps(error, ensure_ascii=False, default=str)
