"""A thread for a scorer that may have to be left behind."""

import asyncio
import contextlib
import contextvars
import queue
import threading
from collections.abc import Callable
from typing import NamedTuple


class Outcome(NamedTuple):
    """Result of a call: its value, or the exception it raised."""

    value: object = None
    error: BaseException | None = None


class Worker:
    """Runs one call after another on a daemon thread.

    An executor's threads are joined when the interpreter ends, so that a scorer that hangs
    would hang the process; a daemon thread is simply left.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._calls: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        threading.Thread(target=self._work, name="director-scorer", daemon=True).start()

    def call(self, function: Callable[[str], object], argument: str) -> asyncio.Future[Outcome]:
        """Return a future for ``function(argument)``, called in this context."""
        future: asyncio.Future[Outcome] = self._loop.create_future()
        context = contextvars.copy_context()

        def run() -> None:
            try:
                outcome = Outcome(value=context.run(function, argument))
            except BaseException as error:
                # SystemExit too: on this thread it would reach nobody.
                outcome = Outcome(error=error)
            # Left behind by a loop that is closed by now, its outcome has no reader.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(_settle, future, outcome)

        self._calls.put(run)
        return future

    def close(self) -> None:
        """Let the thread end after its current call; it is not waited for."""
        self._calls.put(None)

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            call()


def _settle(future: asyncio.Future[Outcome], outcome: Outcome) -> None:
    if not future.done():
        future.set_result(outcome)
