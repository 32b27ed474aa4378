"""Released streams: a judged stream as its reader gets it, held back and taken back."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import NamedTuple

from director_ai.core.halting.reason import HaltClass
from director_ai.core.halting.release_gate import ReleaseGate
from director_ai.core.halting.release_policy import ReleasePolicy
from director_ai.core.halting.sentence import sentence_ends
from director_ai.core.runtime.async_stream import AsyncTokenStream
from director_ai.core.runtime.session import StreamSession, TokenEvent
from director_ai.core.runtime.stream_run import StreamRun
from director_ai.core.runtime.sync_stream import TokenStream


class Released(NamedTuple):
    """Text that may be shown, at the end of all that was released before.

    Attributes
    ----------
    start, end
        Its place, in code points from the start of the released text.
    text
        One token, or several that became due at once.
    early
        Whether ``max_hold_s`` showed it before its time.
    """

    start: int
    end: int
    text: str
    early: bool = False


class Held(NamedTuple):
    """Sign that tokens pass and are not shown yet; at most one between two texts.

    Attributes
    ----------
    n
        Tokens that are held, so far.
    """

    n: int


class Retracted(NamedTuple):
    """Text to be taken off the screen, and what is put in its place; at most once, near the end.

    Attributes
    ----------
    start, end
        Its place, in code points from the start of the released text; nothing is taken back where
        they are the same.
    text
        The replacement.
    """

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Ended:
    """End of the stream; the last event.

    Attributes
    ----------
    halted
        Whether the stream was stopped, for whatever reason.
    halt_class, code, index
        Reason of the halt as in :class:`HaltReason`; ``None`` where it ended by itself.
    held
        Tokens that passed and were never shown.
    """

    halted: bool
    halt_class: HaltClass | None = None
    code: str | None = None
    index: int | None = None
    held: int = 0


ReleaseEvent = Released | Held | Retracted | Ended


def check_release(policy: ReleasePolicy) -> None:
    """Refuse rules that a stream of the sync kernel cannot keep.

    Raises
    ------
    TypeError, ValueError
        If it is no release policy, or has ``max_hold_s``: it takes an async stream to show text
        while it waits for the next token.
    """
    if not isinstance(policy, ReleasePolicy):
        raise TypeError(f"policy must be a ReleasePolicy, got {policy!r}")
    if policy.max_hold_s:
        raise ValueError(
            f"max_hold_s must be 0 for a stream of the sync kernel, got {policy.max_hold_s!r}; "
            "AsyncReleasedStream keeps it"
        )


def check_new(run: StreamRun) -> None:
    """Raise ``ValueError`` for a run that something releases, has read from or has ended."""
    if run.release is not None or run.finalised or run.session.tokens:
        raise ValueError("stream must be a new one that nothing else releases or has read from")


class _Release:
    """The release of one stream: its gate, what was handed out, and the counts in its session."""

    def __init__(self, run: StreamRun, policy: ReleasePolicy) -> None:
        check_new(run)
        self.gate = ReleaseGate(policy, run.machine.policy)
        self.n_handed = self._n_early = 0
        self._policy = policy
        self._session = run.session
        self._tokens = run.session.tokens
        self._length = 0
        self._holds = False
        run.release = self.settle
        run.session.release = policy
        run.session.n_released = run.session.n_early = 0

    def take(self, event: TokenEvent) -> Released | Held | None:
        """Return what comes of a token that was let through."""
        shown = self.gate.push(event.token, event.coherence, scored=event.scored)
        if shown > self.n_handed:
            return self.hand_out(shown)
        if self._holds or self.gate.passed == shown:
            return None
        self._holds = True
        return Held(self.gate.passed - shown)

    def take_early(self) -> Released:
        """Return all that has passed and is held, as its time is up."""
        before = self.n_handed
        released = self.hand_out(self.gate.flush(), early=True)
        self._n_early += self.n_handed - before
        self._session.n_early = self._n_early
        return released

    def hand_out(self, shown: int, *, early: bool = False) -> Released:
        """Return the text that brings the tokens handed out to ``shown``."""
        first = self.n_handed
        tokens = self._tokens
        text = tokens[first] if shown - first == 1 else "".join(tokens[first:shown])
        start = self._length
        self._length = end = start + len(text)
        self.n_handed = self._session.n_released = shown
        self._holds = False
        return Released(start, end, text, early)

    def settle(self) -> None:
        """Write down how much is released and kept, as the session is finished."""
        session = self._session
        reason = session.reason if session.halted else None
        if reason is None or session.soft_halted:
            n_released = len(session.events)
        else:
            # That another token came confirms the one before, even if it was refused.
            if reason.code != "cancelled" and len(session.events) > self.gate.came:
                self.gate.confirm()
            n_released = self.gate.shown
        session.n_released = session.n_kept = n_released
        if reason is not None and reason.halt_class == "policy" and self._policy.at_halt != "keep":
            session.n_kept = 0
            if self._policy.at_halt == "sentence":
                ends = sentence_ends(session.tokens[:n_released])
                session.n_kept = max((n for n, is_end in enumerate(ends, 1) if is_end), default=0)

    def ending(self) -> Iterator[ReleaseEvent]:
        """Yield what follows the last token, once the session is finished."""
        session = self._session
        n_released, n_kept = session.n_released, session.n_kept
        assert n_released is not None
        assert n_kept is not None
        if n_released > self.n_handed:
            yield self.hand_out(n_released)
        reason = session.reason if session.halted else None
        replacement = ""
        if reason is not None and reason.halt_class == "policy":
            replacement = self._policy.replacement
        if n_kept < n_released or replacement:
            yield Retracted(len(session.kept), self._length, replacement)
        if reason is None:
            yield Ended(halted=False)
        else:
            n_passed = len(session.events) if session.soft_halted else reason.index
            yield Ended(
                halted=True,
                halt_class=reason.halt_class,
                code=reason.code,
                index=reason.index,
                held=n_passed - n_released,
            )


class ReleasedStream(Iterator[ReleaseEvent]):
    """A stream of the sync kernel as its reader gets it.

    Yields :class:`Released`, :class:`Held`, :class:`Retracted` and, at last, :class:`Ended`. An
    exception of scorer or source follows ``Ended``. Leaving early closes the stream.

    Parameters
    ----------
    stream
        A new stream, of which nothing was read.
    policy
        Rules of the release.

    Raises
    ------
    TypeError, ValueError
        If one of them is not that; see also :func:`check_release`.

    Examples
    --------
    >>> from director_ai import ReleasePolicy, StreamingKernel
    >>> scores = iter([0.9, 0.9, 0.9, 0.2])
    >>> tokens = ["Shoes", " may", " be", " eaten"]
    >>> stream = StreamingKernel().stream(tokens, lambda text: next(scores))
    >>> for event in ReleasedStream(stream, ReleasePolicy(hold_back=2)):
    ...     print(event)
    Held(n=1)
    Released(start=0, end=5, text='Shoes', early=False)
    Ended(halted=True, halt_class='policy', code='hard_limit', index=3, held=2)
    """

    def __init__(self, stream: TokenStream, policy: ReleasePolicy) -> None:
        if not isinstance(stream, TokenStream):
            raise TypeError(f"stream must be a stream of the sync kernel, got {stream!r}")
        check_release(policy)
        self._release = _Release(stream.run, policy)
        self._stream = stream
        self._events = self._drive()

    @property
    def session(self) -> StreamSession:
        """The record so far; finished once the iteration is."""
        return self._stream.session

    def __iter__(self) -> "ReleasedStream":
        return self

    def __next__(self) -> ReleaseEvent:
        return next(self._events)

    def close(self) -> None:
        """Stop here: the source is closed and the session ends as cancelled."""
        self._events.close()
        self._stream.close()

    def _drive(self) -> Generator[ReleaseEvent, None, None]:
        take = self._release.take
        error: Exception | None = None
        try:
            for event in self._stream:
                if event.halted:
                    break
                released = take(event)
                if released is not None:
                    yield released
        except Exception as raised:
            error = raised
        yield from self._release.ending()
        if error is not None:
            raise error
        # After a halt the stream may still have an exception to raise.
        self._stream.run_to_end()


class AsyncReleasedStream(AsyncIterator[ReleaseEvent]):
    """A stream of the async kernel as its reader gets it; see :class:`ReleasedStream`.

    Parameters
    ----------
    stream
        A new stream, of which nothing was read.
    policy
        Rules of the release, ``max_hold_s`` among them.
    """

    def __init__(self, stream: AsyncTokenStream, policy: ReleasePolicy) -> None:
        if not isinstance(stream, AsyncTokenStream):
            raise TypeError(f"stream must be a stream of the async kernel, got {stream!r}")
        if not isinstance(policy, ReleasePolicy):
            raise TypeError(f"policy must be a ReleasePolicy, got {policy!r}")
        self._release = _Release(stream.run, policy)
        self._max_hold_s = policy.max_hold_s
        self._stream = stream
        self._events = self._drive()

    @property
    def session(self) -> StreamSession:
        """The record so far; finished once the iteration is."""
        return self._stream.session

    def __aiter__(self) -> "AsyncReleasedStream":
        return self

    async def __anext__(self) -> ReleaseEvent:
        return await anext(self._events)

    async def aclose(self) -> None:
        """Stop here: the source is closed and the session ends as cancelled."""
        await self._events.aclose()
        await self._stream.aclose()

    async def _drive(self) -> AsyncGenerator[ReleaseEvent, None]:
        release = self._release
        error: Exception | None = None
        async with aclosing(self._timed() if self._max_hold_s else self._stream) as events:
            try:
                async for event in events:
                    if event is None:
                        yield release.take_early()
                        continue
                    if event.halted:
                        break
                    released = release.take(event)
                    if released is not None:
                        yield released
            except Exception as raised:
                error = raised
        for ending in release.ending():
            yield ending
        if error is not None:
            raise error
        # After a halt the stream may still have an exception to raise.
        await self._stream.run_to_end()

    async def _timed(self) -> AsyncGenerator[TokenEvent | None, None]:
        """Yield the stream's events, and ``None`` where the oldest held token waited too long."""
        gate, run, now = self._release.gate, self._stream.run, asyncio.get_running_loop().time
        passed_at: deque[float] = deque()
        n_timed = 0
        pull: asyncio.Future[TokenEvent | None] | None = None
        pulled_at = 0.0
        try:
            while True:
                passed_at.extend([pulled_at] * (gate.passed - n_timed))
                n_timed = gate.passed
                while len(passed_at) > gate.passed - gate.shown:
                    passed_at.popleft()
                timeout = None
                # Once a stream is over, its end decides, however long its source takes to close.
                if passed_at and not run.ended:
                    timeout = passed_at[0] + self._max_hold_s - now()
                    if timeout <= 0.0:
                        yield None
                        continue
                # The same task until it is done: a timeout must not cancel the pull.
                pull = pull or asyncio.ensure_future(_pull(self._stream))
                await asyncio.wait((pull,), timeout=timeout)
                if pull.done():
                    event, pull, pulled_at = pull.result(), None, now()
                    if event is None:
                        return
                    yield event
        finally:
            if pull is not None:
                pull.cancel()
                await asyncio.gather(pull, return_exceptions=True)


async def _pull(stream: AsyncTokenStream) -> TokenEvent | None:
    async for event in stream:
        return event
    return None
