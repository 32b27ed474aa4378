"""Async view of a sync token source, pulled on a thread of its own."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Final, cast

from director_ai.core.runtime.worker import Worker

_END: Final = object()


class SyncSource(AsyncIterator[str]):
    """Yields the tokens of a sync iterable without blocking the event loop.

    One thread makes every call to the source. A source that hangs is left behind with it, so that
    timeouts and the operator's stop work as they do on an async source.

    Parameters
    ----------
    tokens
        The source.
    """

    def __init__(self, tokens: Iterable[str]) -> None:
        self._tokens = tokens
        self._iterator: Iterator[str] | None = None
        self._worker: Worker | None = None

    async def __anext__(self) -> str:
        if self._worker is None:
            self._worker = Worker(asyncio.get_running_loop(), "director-source")
        pulled = (await self._worker.call(self._pull)).result()
        if pulled is _END:
            raise StopAsyncIteration
        # Of another type it is refused with the stream's own reason.
        return cast("str", pulled)

    async def aclose(self) -> None:
        """Abort the source if it can be, close it, and let its thread end."""
        abort = getattr(self._tokens, "abort", None)
        if callable(abort):
            abort()
        if self._worker is None:
            self._close()
            return
        closing = self._worker.call(self._close)
        self._worker.close()
        (await closing).result()

    def _pull(self) -> object:
        if self._iterator is None:
            self._iterator = iter(self._tokens)
        return next(self._iterator, _END)

    def _close(self) -> None:
        own = () if self._iterator is self._tokens else (self._iterator,)
        for source in (*own, self._tokens):
            close = getattr(source, "close", None)
            if callable(close):
                close()
