"""A stream that hangs is let go at once: by its reader, by another thread, by the operator."""

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from director_ai import AsyncStreamingKernel, StreamingKernel
from director_ai.errors import SourceAbortedError, SourceError, SourceTimeoutError
from director_ai.sources.chat.abortable_socket import AbortableSocket
from director_ai.sources.chat.deadline import Deadline, TimeLimits
from director_ai.sources.chat.endpoint import Endpoint
from director_ai.sources.chat.stream import AsyncChatStream, ChatStream
from tests.sources.fault_server import BUSY_LATER, HANG, HEAD, OK, WHOLE, A, FaultServer

pytestmark = pytest.mark.slow

SOON_S = 30
"""In which everything here must be over: well under the second that is promised."""

WAITS = {
    "before-headers": [HANG],
    "in-headers": [HEAD, HANG],
    "after-headers": [OK, HANG],
    "after-a-token": [OK, A, HANG],
    "busy": [BUSY_LATER],
}


@pytest.fixture(scope="module")
def server() -> Iterator[FaultServer]:
    modes = WAITS | {"plain": [OK + WHOLE]}
    with FaultServer({name: [list(steps)] for name, steps in modes.items()}) as server:
        yield server


@pytest.fixture
def unanswered() -> Iterator[str]:
    """A URL that nobody ever answers at: its queue is full."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        time.sleep(0.05)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def timed(work: Callable[[], Any]) -> tuple[float, BaseException | None]:
    started, failure = time.monotonic(), None
    try:
        work()
    except Exception as error:
        failure = error
    return time.monotonic() - started, failure


def read(kind: str, stream: Any) -> None:
    if kind == "sync":
        list(stream)
        return

    async def go() -> None:
        async for _ in stream:
            pass

    asyncio.run(go())


def made(kind: str, url: str, **limits: float) -> Any:
    chosen = TimeLimits(**{"retry": 60.0, **limits})
    return (ChatStream if kind == "sync" else AsyncChatStream)(
        Endpoint(url, "tiny"), "Why?", limits=chosen
    )


def after(seconds: float, work: Callable[[], Any]) -> threading.Timer:
    timer = threading.Timer(seconds, work)
    timer.start()
    return timer


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("name", WAITS)
def test_abort_wakes_the_reader_wherever_it_waits(
    server: FaultServer, name: str, kind: str
) -> None:
    stream = made(kind, server.url(name))
    timer = after(0.2, stream.abort)

    took, failure = timed(lambda: read(kind, stream))

    timer.join()
    assert isinstance(failure, SourceAbortedError)
    assert str(failure) == "the stream was aborted"
    assert took < 0.2 + SOON_S
    assert server.settle() is not None


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_abort_wakes_a_reader_that_is_still_connecting(unanswered: str, kind: str) -> None:
    stream = made(kind, unanswered)
    timer = after(0.2, stream.abort)

    took, failure = timed(lambda: read(kind, stream))

    timer.join()
    assert isinstance(failure, SourceAbortedError)
    assert 0.15 < took < 0.2 + SOON_S


def test_an_abort_amid_any_method_of_the_same_thread_returns() -> None:
    abortable = AbortableSocket(Deadline(TimeLimits()))
    returned = threading.Event()

    def abort_as_a_signal_handler_would() -> None:
        with abortable._holding:
            abortable.abort()
        returned.set()

    threading.Thread(target=abort_as_a_signal_handler_would, daemon=True).start()

    assert returned.wait(60)


def test_an_abort_just_before_it_connects_is_heard(unanswered: str) -> None:
    class Interrupting(Deadline):
        """Is asked how much time is left once the stream was found not to be aborted."""

        n_asked = 0

        @property
        def left(self) -> float:
            self.n_asked += 1
            if self.n_asked == 1:
                abortable.abort()
            return super().left

    deadline = Interrupting(TimeLimits(connect=5.0))
    deadline.begin("connect")
    abortable = AbortableSocket(deadline)
    own = socket.socket()
    abortable._hold(own)
    host, _, port = unanswered.removeprefix("http://").partition(":")

    took, failure = timed(lambda: abortable.wait(lambda: own.connect((host, int(port)))))
    abortable.close()
    # A second answer may be below 0, which no socket takes for a time.
    assert deadline.n_asked == 1
    assert isinstance(failure, SourceAbortedError)
    assert took < SOON_S


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_connecting_has_a_limit_of_its_own(unanswered: str, kind: str) -> None:
    took, failure = timed(lambda: read(kind, made(kind, unanswered, connect=0.2)))

    assert isinstance(failure, SourceTimeoutError)
    assert str(failure) == "no connection in 0.2 s"
    assert took < SOON_S


@pytest.mark.parametrize("ends", ["abort", "limit"])
def test_a_name_that_does_not_resolve_holds_nobody_up(
    ends: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answered.wait(5) and [])
    stream = made("sync", "http://localhost:9", connect=0.2 if ends == "limit" else 9.0)
    timer = after(0.2, stream.abort if ends == "abort" else lambda: None)

    took, failure = timed(lambda: read("sync", stream))

    answered.set()
    timer.join()
    assert isinstance(failure, SourceAbortedError if ends == "abort" else SourceTimeoutError)
    assert took < 0.2 + SOON_S


def test_a_name_without_an_address_is_named() -> None:
    with pytest.raises(SourceError, match="no address of nowhere.invalid"):
        read("sync", made("sync", "http://nowhere.invalid"))


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_port_where_nobody_listens_is_named(kind: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

        with pytest.raises(SourceError, match=f"no connection to 127.0.0.1:{port}: "):
            read(kind, made(kind, f"http://127.0.0.1:{port}"))


def test_an_address_of_a_family_that_the_system_lacks_is_passed_over(
    server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = server.url("plain")
    port = int(url.removeprefix("http://127.0.0.1:").partition("/")[0])
    places = [(999, ("::1", port, 0, 0)), (socket.AF_INET, ("127.0.0.1", port))]

    def answers(*_: Any, **__: Any) -> list[Any]:
        return [(family, socket.SOCK_STREAM, 0, "", place) for family, place in places]

    monkeypatch.setattr(socket, "getaddrinfo", answers)
    read("sync", made("sync", url))
    places.pop()
    with pytest.raises(SourceError, match="Address family not supported"):
        read("sync", made("sync", url))


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_an_aborted_stream_asks_nobody(server: FaultServer, kind: str) -> None:
    before = len(server.requests)
    stream = made(kind, server.url("after-headers"))
    stream.abort()
    stream.abort()

    with pytest.raises(SourceAbortedError):
        read(kind, stream)
    read(kind, stream)
    assert len(server.requests) == before


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_what_has_come_is_not_handed_out_after_abort(server: FaultServer, kind: str) -> None:
    stream = made(kind, server.url("plain"))
    taken: list[str] = []

    def take(token: str) -> None:
        taken.append(token)
        stream.abort()

    async def go() -> None:
        async for token in stream:
            take(token)

    def consume() -> None:
        if kind == "async":
            asyncio.run(go())
        else:
            for token in stream:
                take(token)

    _, failure = timed(consume)
    assert isinstance(failure, SourceAbortedError)
    assert taken == ["The"]


def test_abort_may_come_from_many_threads_at_once(server: FaultServer) -> None:
    stream = made("sync", server.url("after-a-token"))
    assert next(stream) == "The"
    timers = [after(0.1, stream.abort) for _ in range(20)]

    took, failure = timed(lambda: next(stream))

    for timer in timers:
        timer.join()
    stream.abort()
    assert isinstance(failure, SourceAbortedError)
    assert took < 0.1 + SOON_S


def test_close_from_another_thread_wakes_the_reader_too(server: FaultServer) -> None:
    stream = made("sync", server.url("after-headers"))
    timer = after(0.2, stream.close)

    took, failure = timed(lambda: read("sync", stream))

    timer.join()
    assert isinstance(failure, SourceAbortedError)
    assert took < 0.2 + SOON_S
    assert server.settle() is not None


def test_closing_twice_and_before_the_first_token_is_fine() -> None:
    stream = made("sync", "http://127.0.0.1:9")
    stream.close()
    stream.close()

    assert list(stream) == []


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("name", WAITS)
def test_the_operator_stops_a_stream_that_hangs(server: FaultServer, name: str, kind: str) -> None:
    source = made(kind, server.url(name))
    kernel: Any = StreamingKernel() if kind == "sync" else AsyncStreamingKernel()
    timer = after(0.2, kernel.emergency_stop)

    started = time.monotonic()
    if kind == "sync":
        session = kernel.stream_tokens(source, lambda text: 0.9)
    else:

        async def go() -> Any:
            return await kernel.stream_to_session(source, lambda text: 0.9)

        session = asyncio.run(go())

    timer.join()
    assert time.monotonic() - started < 0.2 + SOON_S
    assert session.halt_reason == "kernel_inactive"
    assert session.tokens == (["The"] if name == "after-a-token" else [])
    assert server.settle() is not None


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_halt_hangs_up_at_once(server: FaultServer, kind: str) -> None:
    source = made(kind, server.url("after-a-token"))

    if kind == "sync":
        session = StreamingKernel().stream_tokens(source, lambda text: 0.1)
    else:
        session = asyncio.run(AsyncStreamingKernel().stream_to_session(source, lambda text: 0.1))

    assert session.halt_reason == "hard_limit (0.1000 < 0.5)"
    assert server.settle(SOON_S) is not None


def test_a_cancelled_task_hangs_up(server: FaultServer) -> None:
    async def go() -> None:
        source = made("async", server.url("after-a-token"))
        arrived = asyncio.Event()

        async def score(text: str) -> float:
            arrived.set()
            return 0.9

        task = asyncio.ensure_future(AsyncStreamingKernel().stream_to_session(source, score))
        await arrived.wait()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    asyncio.run(go())
    assert server.settle(SOON_S) is not None
