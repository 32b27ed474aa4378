"""One way to run either kernel on a scripted source, whatever comes of it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from director_ai import AsyncStreamingKernel, StreamingKernel, StreamSession, TokenEvent

KINDS = ("sync", "async")


@dataclass
class Source:
    """Yields its items in order, raising those that are exceptions, and tells what became of it."""

    items: Iterable[Any]
    pulled: int = 0
    closed: bool = False

    def __iter__(self) -> Iterator[Any]:
        try:
            for item in self.items:
                self.pulled += 1
                if isinstance(item, BaseException):
                    raise item
                yield item
        finally:
            self.closed = True

    async def __aiter__(self) -> AsyncIterator[Any]:
        try:
            for item in self.items:
                self.pulled += 1
                if isinstance(item, BaseException):
                    raise item
                yield item
                await asyncio.sleep(0)
        finally:
            self.closed = True


@dataclass
class Ran:
    session: StreamSession
    events: list[TokenEvent]
    error: BaseException | None
    source: Source

    @property
    def reason(self) -> str:
        return self.session.halt_reason


def kernel_of(kind: str, **options: Any) -> Any:
    return (StreamingKernel if kind == "sync" else AsyncStreamingKernel)(**options)


def run(
    kind: str,
    tokens: Iterable[Any],
    callback: Callable[[str], Any],
    *,
    kernel: Any = None,
    evidence_callback: Any = None,
    scorer: Any = None,
    top_k: int = 3,
    prompt: str = "",
    **options: Any,
) -> Ran:
    """Stream ``tokens`` to the end by the incremental form of the kernel of that kind."""
    source = Source(tokens)
    kernel = kernel_of(kind, **options) if kernel is None else kernel
    evidence: dict[str, Any] = {
        "evidence_callback": evidence_callback,
        "scorer": scorer,
        "top_k": top_k,
        "prompt": prompt,
    }
    events: list[TokenEvent] = []
    error = None
    if kind == "sync":
        stream = kernel.stream(iter(source), callback, **evidence)
        try:
            events.extend(stream)
        except BaseException as raised:
            error = raised
        return Ran(stream.session, events, error, source)

    async def consume() -> StreamSession:
        nonlocal error
        stream = kernel.stream_tokens(aiter(source), callback, **evidence)
        try:
            async for event in stream:
                events.append(event)
        except BaseException as raised:
            error = raised
        return stream.session

    session = asyncio.run(consume())
    return Ran(session, events, error, source)


def session_of(kind: str, source: Source, callback: Callable[[str], Any], **options: Any) -> Any:
    """Return the session by the published whole form, or raise what it raises."""
    kernel = kernel_of(kind, **options)
    if kind == "sync":
        return kernel.stream_tokens(iter(source), callback)
    return asyncio.run(kernel.stream_to_session(aiter(source), callback))


def scripted(*values: Any) -> Callable[[str], Any]:
    """Return a scorer that gives these values in turn, the last one for ever."""
    script = list(values)

    def score(text: str) -> Any:
        value = script.pop(0) if len(script) > 1 else script[0]
        if isinstance(value, BaseException):
            raise value
        return value

    return score


def words(n: int) -> list[str]:
    return [f" w{index}" for index in range(n)]
