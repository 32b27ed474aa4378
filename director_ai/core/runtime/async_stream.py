"""One stream of the async kernel, token by token."""

import asyncio
import inspect
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Iterable

from director_ai.core.runtime.deadlines import Deadlines, Stopped
from director_ai.core.runtime.hooks import Follower
from director_ai.core.runtime.judged_callback import JudgedCallback
from director_ai.core.runtime.session import StreamSession, TokenEvent
from director_ai.core.runtime.stop_switch import StopSwitch
from director_ai.core.runtime.stream_run import Expired, StreamRun
from director_ai.core.runtime.sync_source import SyncSource
from director_ai.core.runtime.sync_stream import check_sources
from director_ai.core.runtime.worker import Worker

CLOSE_TIMEOUT_S = 0.5
"""How long a halted source may take to close before it is left behind."""


class AsyncTokenStream(AsyncIterator[TokenEvent]):
    """The events of one stream as they happen, and the session that grows with them.

    Made by :meth:`AsyncStreamingKernel.stream_tokens`.

    Attributes
    ----------
    run
        The run that judges; for what stands around a stream, such as its release.
    """

    def __init__(
        self,
        run: StreamRun,
        switch: StopSwitch,
        tokens: AsyncIterable[str] | Iterable[str],
        callback: Callable[[str], object],
        deadlines: Deadlines,
    ) -> None:
        check_sources(
            tokens,
            callback,
            methods=("__aiter__", "__iter__"),
            kind="an async or sync iterable of str",
        )
        tokens = tokens if isinstance(tokens, AsyncIterable) else SyncSource(tokens)
        run.score_by(callback)
        self.run = run
        self._tokens = tokens
        self._events = _drive(run, switch, tokens, callback, deadlines)

    @property
    def session(self) -> StreamSession:
        """The record so far; finished once the iteration is."""
        return self.run.session

    def follow(self, follower: Follower) -> None:
        """Call ``follower`` when the stream begins and when its session is finished."""
        self.run.hooks.follow(follower)

    def __aiter__(self) -> "AsyncTokenStream":
        return self

    async def __anext__(self) -> TokenEvent:
        # Cheaper than anext() with a default.
        async for event in self._events:
            return event
        error = self.run.pop_exception()
        if error is None:
            raise StopAsyncIteration
        if isinstance(error, (StopIteration, StopAsyncIteration)):
            # Raised as it is, it would end the consumer's loop as if all were well.
            raise RuntimeError(f"a callback raised {type(error).__name__}") from error
        raise error

    async def aclose(self) -> None:
        """Stop here: the source is closed and the session ends as cancelled."""
        await self._events.aclose()
        if not self.run.finalised:
            # Never started, so the generator had nothing to clean up.
            self.run.cancelled()
            await _finish(self.run, self._tokens, None, "")

    async def run_to_end(self) -> StreamSession:
        """Consume every event and return the session."""
        async for _ in self:
            pass
        return self.session


async def _drive(
    run: StreamRun,
    switch: StopSwitch,
    tokens: AsyncIterable[str],
    callback: Callable[[str], object],
    deadlines: Deadlines,
) -> AsyncGenerator[TokenEvent, None]:
    text = ""
    epoch = switch.epoch
    iterator: AsyncIterator[str] | None = None
    loop = deadlines.start()
    # A sync scorer cannot be interrupted: under a timeout it runs where it can be left behind.
    threaded = deadlines.is_timed and not inspect.iscoroutinefunction(callback)
    worker = Worker(loop, "director-scorer") if threaded else None
    switch.enlist(run, deadlines)
    try:
        run.hooks.begin()
        if not switch.is_active:
            run.inactive()
        while not run.ended:
            if switch.epoch is not epoch:
                run.inactive()
                break
            try:
                deadlines.check()
                iterator = aiter(tokens) if iterator is None else iterator
                token = await deadlines.wait_for(anext(iterator))
            except StopAsyncIteration:
                deadlines.check_cancelled()
                if switch.epoch is not epoch:
                    # The source took the stop for its end.
                    run.inactive()
                    break
                if run.awaits_final_score:
                    held = run.take_back()
                    if isinstance(callback, JudgedCallback):
                        finished: Callable[[str], object] = callback.afinal_score
                        await _score(run, finished, held.token, text, deadlines, None)
                    else:
                        await _score(run, callback, held.token, text, deadlines, worker)
                    run.put_back(held)
                if not run.ended:
                    run.end_of_source()
                break
            except Stopped:
                run.inactive()
                break
            except Expired as expired:
                run.timed_out(expired.code, expired.seconds)
                break
            except Exception as error:
                deadlines.check_cancelled()
                if switch.epoch is not epoch:
                    run.inactive()
                else:
                    run.source_failed(error)
                break
            run.accept(token, len(text))
            if deadlines.was_cancelled:
                raise asyncio.CancelledError
            if switch.epoch is not epoch and not run.ended:
                # It came after the stop: kept, but neither scored nor released.
                run.inactive()
            event: TokenEvent | None
            if run.ended:
                event = run.refused_event
            else:
                # On a local, so that growing the text costs the same at every length.
                text += token
                if run.machine.is_due():
                    event = await _score(run, callback, token, text, deadlines, worker)
                else:
                    event = run.hold(token)
            if run.ended:
                await _finish(run, tokens, iterator, text)
            if event is not None:
                if run.hooks.are_observing:
                    run.hooks.observe(event)
                yield event
        await _finish(run, tokens, iterator, text)
        if run.closing_event is not None:
            yield run.closing_event
    except BaseException:
        if not run.ended:
            run.cancelled()
        raise
    finally:
        switch.dismiss(run)
        if worker is not None:
            worker.close()
        await _finish(run, tokens, iterator, text)


async def _score(
    run: StreamRun,
    callback: Callable[[str], object],
    token: str,
    text: str,
    deadlines: Deadlines,
    worker: Worker | None,
) -> TokenEvent:
    try:
        if worker is not None:
            outcome = await deadlines.wait_for(worker.call(callback, text))
            raw = outcome.result()
        else:
            raw = callback(text)
        if type(raw) is not float and inspect.isawaitable(raw):
            raw = await deadlines.wait_for(raw)
    except Stopped:
        run.inactive()
        return run.session.events[-1]
    except Expired as expired:
        run.timed_out(expired.code, expired.seconds)
        return run.session.events[-1]
    except Exception as error:
        deadlines.check_cancelled()
        return run.scorer_failed(error)
    if deadlines.was_cancelled:
        raise asyncio.CancelledError
    return run.judge(token, raw)


async def _finish(
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
        pending = run.conclude(text)
    if inspect.isawaitable(pending):
        try:
            await pending
        except Exception as error:
            run.hooks.failed("on_halt", error)


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
        run.hooks.failed("source.close", error)
