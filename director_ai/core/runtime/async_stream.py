"""One stream of the async kernel, token by token."""

import asyncio
import contextlib
import inspect
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable
from typing import TypeVar

from director_ai.core.runtime.evidence import EvidenceRequest
from director_ai.core.runtime.kernel import HaltMonitor
from director_ai.core.runtime.run import Observer, StreamRun
from director_ai.core.runtime.session import StreamSession, TokenEvent
from director_ai.core.runtime.sync_stream import check_sources
from director_ai.core.runtime.worker import Worker

CLOSE_TIMEOUT_S = 0.5
"""How long a halted source may take to close before it is left behind."""

T = TypeVar("T")


class AsyncTokenStream(AsyncIterator[TokenEvent]):
    """The events of one stream as they happen, and the session that grows with them.

    Made by :meth:`AsyncStreamingKernel.stream_tokens`.
    """

    def __init__(
        self,
        kernel: HaltMonitor,
        tokens: AsyncIterable[str],
        callback: Callable[[str], object],
        evidence: EvidenceRequest,
        on_event: Observer | None,
        *,
        token_timeout: float,
        total_timeout: float,
    ) -> None:
        check_sources(tokens, callback, method="__aiter__", kind="an async iterable of str")
        self._run = kernel._begin(evidence, on_event)
        self._kernel = kernel
        self._tokens = tokens
        self._events = _drive(
            kernel, self._run, tokens, callback, _Wait(token_timeout, total_timeout)
        )

    @property
    def session(self) -> StreamSession:
        """The record so far; finished once the iteration is."""
        return self._run.session

    def __aiter__(self) -> "AsyncTokenStream":
        return self

    async def __anext__(self) -> TokenEvent:
        async for event in self._events:
            return event
        error, self._run.exception = self._run.exception, None
        if error is None or self._kernel.on_fault == "halt":
            raise StopAsyncIteration
        if isinstance(error, (StopIteration, StopAsyncIteration)):
            # Raised as it is, it would end the consumer's loop as if all were well.
            raise RuntimeError(f"a callback raised {type(error).__name__}") from error
        raise error

    async def aclose(self) -> None:
        """Stop here: the source is closed and the session ends as cancelled."""
        await self._events.aclose()
        if not self._run.finalised:
            # Never started, so the generator had nothing to clean up.
            self._run.cancelled()
            await _finish(self._kernel, self._run, self._tokens, None, "")

    async def run_to_end(self) -> StreamSession:
        """Consume every event and return the session."""
        async for _ in self:
            pass
        return self.session


class _Stopped(Exception):
    """The operator stopped the kernel while the stream waited."""


class _Expired(Exception):
    """A timeout passed while the stream waited."""

    def __init__(self, code: str, seconds: float) -> None:
        self.code = code
        self.seconds = seconds


class _Wait:
    """Awaits what a stream waits for, under its timeouts and the operator's stop."""

    def __init__(self, token_timeout: float, total_timeout: float) -> None:
        self.is_timed = token_timeout > 0 or total_timeout > 0
        self._token_timeout = token_timeout
        self._total_timeout = total_timeout
        self._started = 0.0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[object] | None = None
        self._cancelled = False

    def start(self) -> asyncio.AbstractEventLoop:
        """Note the loop, and the time from which the total timeout runs."""
        self._loop = asyncio.get_running_loop()
        self._started = self._loop.time()
        return self._loop

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

    async def for_(self, awaited: Awaitable[T]) -> T:
        """Return the result of ``awaited``, or raise ``_Stopped`` or ``_Expired``."""
        task = self._task = asyncio.current_task()
        assert task is not None
        cancelling = task.cancelling()
        try:
            return await (self._timed(awaited) if self.is_timed else awaited)
        except asyncio.CancelledError:
            # Ours if the operator's stop is the only cancellation asked for.
            if self._cancelled and task.cancelling() <= cancelling + 1:
                raise _Stopped from None
            raise
        finally:
            self._task = None
            if self._cancelled:
                # Withdrawn even where the source swallowed it.
                task.uncancel()

    def check(self) -> None:
        """Raise ``_Expired`` if the total timeout has passed; a busy source never waits."""
        assert self._loop is not None
        if 0.0 < self._total_timeout <= self._loop.time() - self._started:
            raise _Expired("total_timeout", self._total_timeout)

    async def _timed(self, awaited: Awaitable[T]) -> T:
        assert self._loop is not None
        deadline = self._loop.time() + self._token_timeout
        expired = _Expired("token_timeout", self._token_timeout)
        if self._token_timeout <= 0.0 or 0.0 < self._total_timeout < deadline - self._started:
            deadline = self._started + self._total_timeout
            expired = _Expired("total_timeout", self._total_timeout)
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


async def _drive(
    kernel: HaltMonitor,
    run: StreamRun,
    tokens: AsyncIterable[str],
    callback: Callable[[str], object],
    wait: _Wait,
) -> AsyncGenerator[TokenEvent, None]:
    text = ""
    stops = kernel._stops
    iterator: AsyncIterator[str] | None = None
    loop = wait.start()
    # A sync scorer cannot be interrupted: under a timeout it runs where it can be left behind.
    threaded = wait.is_timed and not inspect.iscoroutinefunction(callback)
    worker = Worker(loop) if threaded else None
    kernel._enlist(run, wait)
    try:
        if not kernel.is_active:
            run.inactive()
        while not run.ended:
            if kernel._stops != stops:
                run.inactive()
                break
            try:
                wait.check()
                iterator = aiter(tokens) if iterator is None else iterator
                token = await wait.for_(anext(iterator))
            except StopAsyncIteration:
                if kernel._stops != stops:
                    # The source took the stop for its end.
                    run.inactive()
                    break
                if run.awaits_final_score:
                    held = run.take_back()
                    await _score(run, callback, held.token, text, wait, worker)
                    run.put_back(held)
                if not run.ended:
                    run.end_of_source()
                break
            except _Stopped:
                run.inactive()
                break
            except _Expired as expired:
                run.timed_out(expired.code, expired.seconds)
                break
            except Exception as error:
                if kernel._stops != stops:
                    run.inactive()
                else:
                    run.source_failed(error)
                break
            event: TokenEvent | None
            if not run.accept(token, len(text)):
                event = run.refused_event
            elif kernel._stops != stops:
                # It came after the stop: kept, but neither scored nor released.
                run.inactive()
                event = run.refused_event
            else:
                # On a local, so that growing the text costs the same at every length.
                text += token
                if run.machine.is_due():
                    event = await _score(run, callback, token, text, wait, worker)
                else:
                    event = run.hold(token)
            if run.ended:
                await _finish(kernel, run, tokens, iterator, text)
            if event is not None:
                if run.observed:
                    run.observe(event)
                yield event
    except BaseException:
        if not run.ended:
            run.cancelled()
        raise
    finally:
        kernel._dismiss(run)
        if worker is not None:
            worker.close()
        await _finish(kernel, run, tokens, iterator, text)


async def _score(
    run: StreamRun,
    callback: Callable[[str], object],
    token: str,
    text: str,
    wait: _Wait,
    worker: Worker | None,
) -> TokenEvent:
    try:
        if worker is not None:
            outcome = await wait.for_(worker.call(callback, text))
            if isinstance(outcome.error, Exception):
                return run.scorer_failed(outcome.error)
            if outcome.error is not None:
                raise outcome.error
            raw = outcome.value
        else:
            raw = callback(text)
        if type(raw) is not float and inspect.isawaitable(raw):
            raw = await wait.for_(raw)
    except _Stopped:
        run.inactive()
        return run.session.events[-1]
    except _Expired as expired:
        run.timed_out(expired.code, expired.seconds)
        return run.session.events[-1]
    except Exception as error:
        return run.scorer_failed(error)
    return run.judge(token, raw)


async def _finish(
    kernel: HaltMonitor,
    run: StreamRun,
    tokens: AsyncIterable[str],
    iterator: AsyncIterator[str] | None,
    text: str,
) -> None:
    """Close the source of a halted stream, then its record, then call the hooks; once."""
    if run.finalised:
        return
    try:
        if run.session.halted:
            for source in (tokens,) if iterator is tokens else (iterator, tokens):
                await _close(run, source)
    finally:
        # Cancelled once more while it closed, the record is finished all the same.
        pending = kernel._conclude(run, text)
    if inspect.isawaitable(pending):
        try:
            await pending
        except Exception as error:
            run.hook_failed("on_halt", error)


async def _close(run: StreamRun, source: object) -> None:
    close = getattr(source, "aclose", None) or getattr(source, "close", None)
    if not callable(close):
        return
    try:
        async with asyncio.timeout(CLOSE_TIMEOUT_S):
            closing = close()
            if inspect.isawaitable(closing):
                await closing
    except Exception as error:
        run.hook_failed("source.close", error)
