"""Worker thread for calls that may have to be left behind."""

import asyncio
import contextlib
import contextvars
import queue
import threading
from collections.abc import Callable
from typing import Generic, NamedTuple, ParamSpec, TypeVar, cast

P = ParamSpec("P")
T = TypeVar("T")


class Outcome(NamedTuple, Generic[T]):
    """Result of a call: its value, or the exception it raised."""

    value: T | None
    error: BaseException | None = None

    def result(self) -> T:
        """Return the value, or raise the exception."""
        if self.error is not None:
            raise self.error
        return cast("T", self.value)


class Worker:
    """Runs one call after another on a daemon thread.

    An executor's threads are joined when the interpreter ends, so that a call that hangs
    would hang the process; a daemon thread is simply left.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, name: str) -> None:
        self._loop = loop
        self._calls: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        threading.Thread(target=self._work, name=name, daemon=True).start()

    def call(
        self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> "asyncio.Future[Outcome[T]]":
        """Return a future for a call of ``function``, made in this context."""
        future: asyncio.Future[Outcome[T]] = self._loop.create_future()
        context = contextvars.copy_context()

        def run() -> None:
            try:
                outcome = Outcome(context.run(function, *args, **kwargs))
            except BaseException as error:
                # SystemExit too: on this thread it would reach nobody.
                outcome = Outcome(None, error)
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


def _settle(future: "asyncio.Future[Outcome[T]]", outcome: "Outcome[T]") -> None:
    if not future.done():
        future.set_result(outcome)
