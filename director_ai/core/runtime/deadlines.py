"""Deadlines of a stream of the async kernel: its timeouts and the operator's stop."""

import asyncio
import contextlib
from collections.abc import Awaitable
from typing import TypeVar

from director_ai.core.runtime.stream_run import Expired

T = TypeVar("T")


class Stopped(Exception):
    """The operator stopped the kernel while the stream waited."""


class Deadlines:
    """Timeouts of one stream and the operator's stop, around everything that it awaits.

    Attributes
    ----------
    was_cancelled
        Whether the task was cancelled, by others than the operator's stop, while the stream
        waited; source or scorer may have swallowed it.
    """

    def __init__(self, token_timeout: float, total_timeout: float) -> None:
        self.is_timed = token_timeout > 0 or total_timeout > 0
        self._token_timeout = token_timeout
        self._total_timeout = total_timeout
        self._started = 0.0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[object] | None = None
        self._cancelled = False
        self.was_cancelled = False

    def start(self) -> asyncio.AbstractEventLoop:
        """Note the loop, and the time from which the total timeout runs."""
        self._loop = asyncio.get_running_loop()
        self._started = self._loop.time()
        return self._loop

    def check_cancelled(self) -> None:
        """Raise ``CancelledError`` if source or scorer swallowed a cancellation of the task."""
        if self.was_cancelled:
            raise asyncio.CancelledError

    def abort(self) -> None:
        """Wake the stream, from any thread."""
        assert self._loop is not None
        # A loop that is closed by now has nobody to wake.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        if self._task is not None and not self._cancelled:
            self._cancelled = True
            self._task.cancel()

    async def wait_for(self, awaited: Awaitable[T]) -> T:
        """Return the result of ``awaited``, or raise ``Stopped`` or ``Expired``."""
        task = self._task = asyncio.current_task()
        assert task is not None
        cancelling = task.cancelling()
        try:
            return await (self._timed(awaited) if self.is_timed else awaited)
        except asyncio.CancelledError:
            # Ours if the operator's stop is the only cancellation requested.
            if self._cancelled and task.cancelling() <= cancelling + 1:
                raise Stopped from None
            raise
        finally:
            self._task = None
            if self._cancelled:
                # Withdrawn even where the source swallowed it.
                task.uncancel()
            if task.cancelling() > cancelling:
                self.was_cancelled = True

    def check(self) -> None:
        """Raise ``Expired`` if the total timeout has passed; a busy source never waits."""
        assert self._loop is not None
        if 0.0 < self._total_timeout <= self._loop.time() - self._started:
            raise Expired("total_timeout", self._total_timeout)

    async def _timed(self, awaited: Awaitable[T]) -> T:
        assert self._loop is not None
        deadline = self._loop.time() + self._token_timeout
        expired = Expired("token_timeout", self._token_timeout)
        if self._token_timeout <= 0.0 or 0.0 < self._total_timeout < deadline - self._started:
            deadline = self._started + self._total_timeout
            expired = Expired("total_timeout", self._total_timeout)
        scope = asyncio.timeout_at(deadline)
        try:
            async with scope:
                result = await awaited
        except Exception:
            # A source may turn our cancellation into an error or an end of its own.
            if scope.expired():
                raise expired from None
            raise
        if scope.expired():
            raise expired
        return result
