"""The async kernel's shell: closing, timeouts, cancellation, tasks and the operator."""

import asyncio
import subprocess
import sys
import textwrap
import threading
import time
from inspect import signature
from itertools import count

import pytest

from director_ai import AsyncStreamingKernel
from tests.core.kernels import Source, scripted, words


def collect(kernel, tokens, callback, **options):
    return asyncio.run(kernel.stream_to_session(tokens, callback, **options))


async def hang():
    await asyncio.Event().wait()


# -- the incremental form -------------------------------------------------------------------


def test_events_come_as_they_happen_and_the_session_grows_with_them():
    async def main():
        source = Source(words(3))
        stream = AsyncStreamingKernel().stream_tokens(aiter(source), scripted(0.9))
        assert source.pulled == 0

        event = await anext(stream)

        assert (event.token, event.index, event.coherence) == (" w0", 0, 0.9)
        assert stream.session.events == [event]
        assert [each.token async for each in stream] == [" w1", " w2"]
        assert not stream.session.halted

    asyncio.run(main())


def test_the_source_is_closed_when_the_halting_event_arrives():
    async def main():
        source = Source(words(5))
        async for event in AsyncStreamingKernel().stream_tokens(aiter(source), scripted(0.9, 0.2)):
            assert event.halted == source.closed
        assert source.pulled == 2

    asyncio.run(main())


def test_closing_a_stream_closes_its_source_and_ends_its_session():
    async def main():
        halts, source = [], Source(words(5))
        kernel = AsyncStreamingKernel(on_halt=halts.append)
        stream = kernel.stream_tokens(aiter(source), scripted(0.9))
        await anext(stream)

        await stream.aclose()
        await stream.aclose()

        assert source.closed
        assert (stream.session.halt_reason, stream.session.output) == ("cancelled", " w0")
        assert halts == [stream.session]

    asyncio.run(main())


def test_closing_a_stream_that_never_started_closes_what_was_opened_for_it():
    class Connection:
        closed = False

        def __aiter__(self):
            raise AssertionError("never started")

        async def aclose(self):
            self.closed = True

    async def main():
        connection = Connection()
        stream = AsyncStreamingKernel().stream_tokens(connection, scripted(0.9))
        await stream.aclose()

        assert connection.closed
        assert stream.session.halt_reason == "cancelled"

    asyncio.run(main())


def test_an_exception_leaves_its_cause_and_the_session_behind():
    cause = KeyError("cause")

    async def score(text):
        raise RuntimeError("scorer") from cause

    async def main():
        stream = AsyncStreamingKernel().stream_tokens(aiter(Source(words(3))), score)
        with pytest.raises(RuntimeError, match="scorer") as raised:
            await stream.run_to_end()
        assert raised.value.__cause__ is cause
        assert stream.session.halt_reason == "callback_error (RuntimeError: scorer)"

    asyncio.run(main())


def test_an_async_on_halt_is_awaited():
    halts = []

    async def on_halt(session):
        await asyncio.sleep(0)
        halts.append(session)

    session = collect(AsyncStreamingKernel(on_halt=on_halt), aiter(Source(words(3))), scripted(0.2))

    assert halts == [session]


def test_an_async_on_halt_that_raises_is_noted(caplog):
    async def on_halt(session):
        raise RuntimeError("alert")

    session = collect(AsyncStreamingKernel(on_halt=on_halt), aiter(Source(words(3))), scripted(0.2))

    assert session.hook_errors == {"on_halt: RuntimeError: alert": 1}


# -- timeouts -------------------------------------------------------------------------------


def test_the_token_timeout_starts_anew_with_every_token():
    async def tokens():
        for word in words(5):
            await asyncio.sleep(0.15)
            yield word

    session = collect(AsyncStreamingKernel(token_timeout=0.6), tokens(), scripted(0.9))

    assert not session.halted
    assert session.duration_ms > 600


def test_the_nearer_of_both_timeouts_is_named():
    kernel = AsyncStreamingKernel(token_timeout=5, total_timeout=0.1)
    assert collect(kernel, hanging_source(), scripted(0.9)).halt_reason == "total_timeout (0.1 s)"

    kernel = AsyncStreamingKernel(token_timeout=0.1, total_timeout=5)
    assert collect(kernel, hanging_source(), scripted(0.9)).halt_reason == "token_timeout (0.1 s)"


async def hanging_source():
    yield " a"
    await hang()


def test_a_timeout_of_the_callback_s_own_is_an_outage_of_the_scorer():
    async def score(text):
        async with asyncio.timeout(0.01):
            await hang()

    kernel = AsyncStreamingKernel(token_timeout=5)

    assert collect(kernel, aiter(Source(words(2))), score).halt_reason == "callback_timeout"


@pytest.mark.parametrize("then", ["returns", "raises", "yields"])
def test_a_source_that_swallows_its_cancellation_has_timed_out_all_the_same(then):
    async def tokens():
        yield " a"
        try:
            await hang()
        except asyncio.CancelledError:
            if then == "raises":
                raise ConnectionError("cut") from None
            if then == "yields":
                yield " late"

    # A callback under a timeout runs in a thread, which on a busy machine takes time to start.
    session = collect(AsyncStreamingKernel(token_timeout=0.5), tokens(), scripted(0.9))

    assert (session.halt_reason, session.output) == ("token_timeout (0.5 s)", " a")


def test_a_sync_callback_under_a_timeout_runs_in_one_other_thread_and_in_order():
    threads, texts = set(), []

    def score(text):
        threads.add(threading.current_thread())
        texts.append(text)
        return 0.9

    session = collect(AsyncStreamingKernel(token_timeout=5), aiter(Source(words(20))), score)

    assert not session.halted
    assert texts == ["".join(words(n)) for n in range(1, 21)]
    (thread,) = threads
    assert thread is not threading.main_thread()
    thread.join(5)
    assert not thread.is_alive()


@pytest.mark.parametrize("error", [RuntimeError("x"), StopIteration("x")])
def test_its_errors_come_through(error):
    kernel = AsyncStreamingKernel(token_timeout=5)
    with pytest.raises(RuntimeError):
        collect(kernel, aiter(Source(words(2))), scripted(error))


def test_so_does_an_interrupt():
    halts = []
    kernel = AsyncStreamingKernel(token_timeout=5, on_halt=halts.append)

    with pytest.raises(SystemExit):
        collect(kernel, aiter(Source(words(2))), scripted(0.9, SystemExit()))

    assert halts[0].halt_reason == "cancelled"


def test_a_callback_left_hanging_does_not_hold_up_the_exit_of_the_interpreter():
    script = """
        import asyncio, threading
        from director_ai import AsyncStreamingKernel

        async def tokens():
            yield "a"

        kernel = AsyncStreamingKernel(token_timeout=0.1)
        session = asyncio.run(
            kernel.stream_to_session(tokens(), lambda text: threading.Event().wait())
        )
        print(session.halt_reason)
    """

    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )

    assert (done.stdout.strip(), done.stderr) == ("token_timeout (0.1 s)", "")


# -- cancellation ---------------------------------------------------------------------------


def test_cancelling_while_the_scorer_works_seals_the_session():
    halts, source = [], Source(words(3))

    async def main():
        kernel = AsyncStreamingKernel(on_halt=halts.append)
        task = asyncio.create_task(kernel.stream_to_session(aiter(source), lambda text: hang()))
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())

    (session,) = halts
    assert source.closed
    assert (session.halt_reason, session.tokens, session.output) == ("cancelled", [" w0"], "")
    assert [(each.halted, each.scored) for each in session.events] == [(True, False)]


def test_a_second_cancellation_while_the_source_closes_still_seals_the_session():
    halts = []

    class Slow:
        def __aiter__(self):
            return self

        async def __anext__(self):
            await hang()

        async def aclose(self):
            await asyncio.sleep(0.3)

    async def main():
        kernel = AsyncStreamingKernel(on_halt=halts.append)
        task = asyncio.create_task(kernel.stream_to_session(Slow(), scripted(0.9)))
        for _ in range(2):
            await asyncio.sleep(0.02)
            task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())

    assert [session.halt_reason for session in halts] == ["cancelled"]
    assert halts[0].elapsed_s is not None


def test_a_timeout_around_the_stream_is_not_mistaken_for_our_own():
    async def main():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await AsyncStreamingKernel(token_timeout=5).stream_to_session(
                    hanging_source(), scripted(0.9)
                )

    asyncio.run(main())


@pytest.mark.slow
def test_a_source_that_will_not_close_is_left_behind_within_a_second(caplog):
    class Stuck:
        def __aiter__(self):
            return self

        async def __anext__(self):
            return " a"

        async def aclose(self):
            await hang()

    started = time.monotonic()
    session = collect(AsyncStreamingKernel(), Stuck(), scripted(0.2))

    assert time.monotonic() - started < 30
    assert session.halt_reason == "hard_limit (0.2000 < 0.5)"
    assert session.hook_errors == {"source.close: TimeoutError: ": 1}


# -- the operator, tasks --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("where", "options"),
    [
        ("source", {}),
        ("source", {"token_timeout": 5.0}),
        ("callback", {}),
        ("callback", {"total_timeout": 5.0}),
        ("thread", {"token_timeout": 5.0}),
    ],
)
def test_an_emergency_stop_from_another_thread_ends_what_hangs(where, options):
    released = threading.Event()
    tokens = hanging_source() if where == "source" else aiter(Source(words(3)))
    callback = {
        "source": scripted(0.9),
        "callback": lambda text: hang(),
        "thread": lambda text: released.wait(120),
    }[where]
    kernel = AsyncStreamingKernel(**options)
    stopper = threading.Timer(0.1, kernel.emergency_stop)
    stopper.start()
    started = time.monotonic()

    session = collect(kernel, tokens, callback)

    released.set()
    stopper.join()
    assert time.monotonic() - started < 30
    assert session.halt_reason == "kernel_inactive"
    assert session.output == (" a" if where == "source" else "")
    assert len(session.tokens) == len(session.events) == 1


@pytest.mark.parametrize("then", ["returns", "raises", "yields"])
def test_a_source_that_swallows_the_stop_is_stopped_all_the_same(then):
    async def tokens():
        yield " a"
        try:
            await hang()
        except asyncio.CancelledError:
            if then == "raises":
                raise ConnectionError("cut") from None
            if then == "yields":
                yield " late"

    async def main():
        kernel = AsyncStreamingKernel()
        asyncio.get_running_loop().call_later(0.05, kernel.emergency_stop)
        session = await kernel.stream_to_session(tokens(), scripted(0.9))
        return session, asyncio.current_task().cancelling()

    session, cancelling = asyncio.run(main())

    assert (session.halt_reason, session.output) == ("kernel_inactive", " a")
    assert cancelling == 0


def test_a_stop_leaves_the_task_that_consumed_the_stream_in_order():
    async def main():
        kernel = AsyncStreamingKernel()
        asyncio.get_running_loop().call_later(0.02, kernel.emergency_stop)
        await kernel.stream_to_session(hanging_source(), scripted(0.9))
        await asyncio.sleep(0)
        return asyncio.current_task().cancelling()

    assert asyncio.run(main()) == 0


def test_a_stop_and_a_cancellation_at_once_are_a_cancellation():
    async def main():
        kernel = AsyncStreamingKernel()
        task = asyncio.create_task(kernel.stream_to_session(hanging_source(), scripted(0.9)))
        await asyncio.sleep(0.02)
        kernel.emergency_stop()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())


def test_a_stop_of_a_busy_source_that_never_waits_acts_at_the_next_token():
    class Busy:
        def __aiter__(self):
            return self

        async def __anext__(self):
            return " a"

    kernel = AsyncStreamingKernel()
    calls = count(1)

    def score(text):
        if next(calls) == 100:
            kernel.emergency_stop()
        return 0.9

    session = collect(kernel, Busy(), score)

    assert (session.halt_reason, session.token_count) == ("kernel_inactive", 100)


def test_every_stream_of_the_kernel_is_stopped_and_new_ones_are_refused():
    async def main():
        kernel = AsyncStreamingKernel()
        asyncio.get_running_loop().call_later(0.05, kernel.emergency_stop)
        stopped = await asyncio.gather(
            *(kernel.stream_to_session(hanging_source(), scripted(0.9)) for _ in range(5))
        )
        source = Source(words(3))
        refused = await kernel.stream_to_session(aiter(source), scripted(0.9))
        kernel.reset_state()
        runs = await kernel.stream_to_session(aiter(Source(words(3))), scripted(0.9))
        return stopped, refused, source.pulled, runs

    stopped, refused, pulled, runs = asyncio.run(main())

    assert {session.halt_reason for session in stopped} == {"kernel_inactive"}
    assert (refused.halt_reason, pulled) == ("kernel_inactive", 0)
    assert not runs.halted


def test_a_stop_after_the_loop_is_closed_is_harmless():
    async def main():
        kernel = AsyncStreamingKernel()
        stream = kernel.stream_tokens(aiter(Source(words(3))), scripted(0.9))
        await anext(stream)
        return kernel, stream

    kernel, _stream = asyncio.run(main())

    kernel.emergency_stop()
    assert not kernel.is_active


def test_one_kernel_serves_many_tasks_at_once():
    kernel = AsyncStreamingKernel()

    async def serve(number):
        calls = count()
        session = await kernel.stream_to_session(
            aiter(Source(words(60))), lambda text: 0.9 if next(calls) < 10 + number else 0.1
        )
        return session.halt_index

    async def main():
        return await asyncio.gather(*(serve(number) for number in range(40)))

    assert asyncio.run(main()) == list(range(10, 50))
    assert kernel._switch.n_enlisted == 0


@pytest.mark.parametrize("method", ["stream_tokens", "stream_to_session"])
def test_what_was_not_published_is_given_by_its_name(method):
    parameters = signature(getattr(AsyncStreamingKernel, method)).parameters

    named = [name for name, each in parameters.items() if each.kind is each.KEYWORD_ONLY]

    assert named == [
        *("evidence_callback", "scorer", "top_k", "prompt", "on_event"),
        *("max_tokens", "max_chars"),
    ]
