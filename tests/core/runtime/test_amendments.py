"""Behaviour that the original's users rely on: closing events, sync sources, clocks, signals."""

import asyncio
import importlib
import math
import subprocess
import sys
import textwrap
import threading
from types import SimpleNamespace

import numpy as np
import pytest

import director_ai
from director_ai import (
    AsyncStreamingKernel,
    EvidenceChunk,
    HaltMonitor,
    HaltPolicy,
    StreamingKernel,
)
from director_ai.core.kernel import SafetyKernel
from tests.core.kernels import KINDS, kernel_of, run, scripted, words

both = pytest.mark.parametrize("kind", KINDS)


def assert_closed_by(ran, index):
    """The last event alone says that the stream was cut, and is no part of the record."""
    *before, last = ran.events
    assert (last.token, last.index, last.halted, last.scored) == ("", index, True, False)
    assert math.isnan(last.coherence)
    assert before == ran.session.events
    assert not any(event.halted for event in before)
    assert len(ran.session.tokens) == index
    assert ran.session.output == "".join(ran.session.tokens)


# -- the last event of a stream that was cut ------------------------------------------------


@both
@pytest.mark.parametrize("on_fault", ["raise", "halt"])
def test_a_source_that_fails_ends_its_events_with_a_halted_one(kind, on_fault):
    ran = run(kind, [*words(2), ConnectionError("reset")], scripted(0.9), on_fault=on_fault)

    assert_closed_by(ran, 2)
    assert ran.reason == "source_error (ConnectionError: reset)"
    assert isinstance(ran.error, ConnectionError) == (on_fault == "raise")


@both
def test_so_does_one_that_yields_no_text(kind):
    ran = run(kind, [*words(1), None], scripted(0.9))

    assert_closed_by(ran, 1)
    assert ran.reason == "invalid_token (NoneType)"


@both
@pytest.mark.parametrize("halt_mode", ["hard", "soft", "observe"])
def test_so_does_one_that_the_operator_stops(kind, halt_mode):
    kernel = kernel_of(kind, halt_mode=halt_mode)

    def source():
        yield " w0"
        kernel.emergency_stop()

    ran = run(kind, source(), scripted(0.9), kernel=kernel)

    assert_closed_by(ran, 1)
    assert ran.reason == "kernel_inactive"


@both
def test_so_does_one_that_begins_on_a_stopped_kernel(kind):
    kernel = kernel_of(kind)
    kernel.emergency_stop()

    ran = run(kind, words(3), scripted(0.9), kernel=kernel)

    assert_closed_by(ran, 0)


def test_so_does_one_that_waits_too_long_for_a_token():
    async def source():
        yield " w0"
        await asyncio.Event().wait()

    async def main():
        stream = AsyncStreamingKernel(token_timeout=0.01).stream_tokens(source(), scripted(0.9))
        return [event async for event in stream], stream.session

    events, session = asyncio.run(main())

    assert [(event.token, event.halted) for event in events] == [(" w0", False), ("", True)]
    assert session.halt_reason == "token_timeout (0.01 s)"
    assert session.events == events[:1]


@both
@pytest.mark.parametrize("score", [0.9, 0.1, math.nan])
def test_a_stream_that_ends_with_a_token_in_hand_has_no_further_event(kind, score):
    ran = run(kind, words(2), scripted(0.9, score))

    assert ran.events == ran.session.events
    assert ran.events[-1].halted == (score != 0.9)


# -- sync sources of the async kernel -------------------------------------------------------


def collected(source, callback=None, **options):
    kernel = AsyncStreamingKernel(**options)
    return asyncio.run(kernel.stream_to_session(source, callback or scripted(0.9)))


@pytest.mark.parametrize("make", [list, tuple, iter, lambda tokens: (each for each in tokens)])
@pytest.mark.parametrize("options", [{}, {"token_timeout": 60.0}])
def test_the_async_kernel_takes_any_sync_iterable(make, options):
    session = collected(make(words(3)), **options)

    assert (session.tokens, session.halted) == (words(3), False)


@pytest.mark.parametrize("source", ["text", b"text", 5, None])
def test_but_no_text_and_nothing_that_is_no_iterable(source):
    with pytest.raises(TypeError, match="token source must be an async or sync iterable of str"):
        collected(source)


def test_a_sync_source_is_closed_at_the_halt_on_the_thread_that_pulled_it():
    threads = set()

    def source():
        try:
            for token in words(9):
                threads.add(threading.current_thread())
                yield token
        finally:
            threads.add(threading.current_thread())
            closed.append(True)

    closed = []
    session = collected(source(), scripted(0.9, 0.1))

    assert (session.halt_index, closed) == (1, [True])
    assert len(threads) == 1
    assert threading.current_thread() not in threads


def test_a_sync_source_that_raises_or_yields_no_text_is_a_fault():
    def broken():
        yield " w0"
        raise KeyError("x")

    with pytest.raises(KeyError):
        collected(broken())
    assert collected([" w0", 7]).halt_reason == "invalid_token (int)"


@pytest.mark.slow
def test_a_sync_source_that_hangs_is_left_behind_at_a_timeout_and_at_a_stop():
    release = threading.Event()

    def hanging():
        yield " w0"
        release.wait()

    async def stopped():
        kernel = AsyncStreamingKernel()
        stream = kernel.stream_tokens(hanging(), scripted(0.9))
        await anext(stream)
        pulling = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)
        kernel.emergency_stop()
        assert (await pulling).halted
        return stream.session

    try:
        timed_out = collected(hanging(), token_timeout=0.01)
        session = asyncio.run(stopped())
    finally:
        release.set()

    assert timed_out.halt_reason == "token_timeout (0.01 s)"
    assert session.halt_reason == "kernel_inactive"


def test_a_sync_source_does_not_block_the_loop():
    release = threading.Event()

    def waiting():
        yield " w0"
        release.wait()
        yield " w1"

    async def main():
        kernel = AsyncStreamingKernel()
        running = asyncio.ensure_future(kernel.stream_to_session(waiting(), scripted(0.9)))
        # Could not run before the source has gone on, if that held the loop.
        await asyncio.sleep(0)
        release.set()
        return await running

    assert asyncio.run(main()).tokens == [" w0", " w1"]


def test_an_abortable_sync_source_is_aborted_at_a_stop():
    class Source:
        aborted = threading.Event()

        def __iter__(self):
            return self

        def __next__(self):
            self.aborted.wait()
            raise ConnectionAbortedError

        def abort(self):
            self.aborted.set()

    async def main():
        kernel = AsyncStreamingKernel()
        stream = kernel.stream_tokens(Source(), scripted(0.9))
        pulling = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)
        kernel.emergency_stop()
        return await pulling, stream.session

    event, session = asyncio.run(main())

    assert event.halted
    assert session.halt_reason == "kernel_inactive"
    assert session.hook_errors == {}


# -- cancellation that a source or scorer swallows ------------------------------------------


async def swallowing(*, then):
    """Wait for ever; once cancelled, yield what is left as if nothing had been."""
    yield " w0"
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        for token in then:
            yield token


async def failing():
    yield " w0"
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        raise RuntimeError("cleaning up failed") from None


@pytest.mark.parametrize("options", [{}, {"token_timeout": 60.0, "total_timeout": 60.0}])
@pytest.mark.parametrize(
    ("make", "tokens"),
    [
        (lambda: swallowing(then=()), [" w0"]),
        (lambda: swallowing(then=(" w1", " w2")), [" w0", " w1"]),
        (failing, [" w0"]),
    ],
)
def test_a_source_that_swallows_a_cancellation_ends_as_cancelled(make, tokens, options):
    async def main():
        stream = AsyncStreamingKernel(**options).stream_tokens(make(), scripted(0.9))
        running = asyncio.ensure_future(stream.run_to_end())
        while not stream.session.events:
            await asyncio.sleep(0)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        return stream.session

    session = asyncio.run(main())

    assert (session.halted, session.halt_reason) == (True, "cancelled")
    assert session.tokens == tokens
    assert session.output == " w0"


def test_so_does_a_scorer_that_swallows_one():
    async def score(text):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return 0.9

    async def main():
        stream = AsyncStreamingKernel().stream_tokens(words(2), score)
        running = asyncio.ensure_future(stream.run_to_end())
        while not stream.session.tokens:
            await asyncio.sleep(0.001)
        await asyncio.sleep(0)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        return stream.session

    session = asyncio.run(main())

    assert (session.halt_reason, session.tokens) == ("cancelled", [" w0"])


def test_a_timeout_around_a_source_that_swallows_it_reaches_its_caller():
    async def main():
        async with asyncio.timeout(0.01):
            await AsyncStreamingKernel().stream_to_session(swallowing(then=()), scripted(0.9))

    with pytest.raises(TimeoutError):
        asyncio.run(main())


def test_a_cancellation_that_the_consumer_caught_before_ends_no_stream():
    async def main():
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            # Caught and never withdrawn, as careless code does.
            return await AsyncStreamingKernel().stream_to_session(words(2), scripted(0.9))

    async def cancelled():
        running = asyncio.ensure_future(main())
        await asyncio.sleep(0)
        running.cancel()
        return await running

    assert not asyncio.run(cancelled()).halted


# -- clocks ---------------------------------------------------------------------------------


@both
def test_a_clock_set_back_moves_no_token_and_no_end_before_the_start(kind, monkeypatch):
    now = iter(range(1_000_000, 0, -1000))
    monkeypatch.setattr("director_ai.core.runtime.stream_run.time", lambda: float(next(now)))

    session = run(kind, words(3), scripted(0.9)).session

    times = [
        session.start_time,
        *(event.timestamp for event in session.events),
        session.end_time,
    ]
    assert session.start_time == 1_000_000
    assert times == sorted(times)
    assert session.duration_ms == pytest.approx((times[-1] - times[0]) * 1000, abs=0.01)


# -- the operator's stop in a signal handler ------------------------------------------------


@pytest.mark.slow
@both
@pytest.mark.parametrize("name", ["SIGALRM", "SIGTERM"])
def test_a_stop_in_a_signal_handler_returns_wherever_it_interrupts(kind, name):
    script = f"""
        import asyncio, os, signal, threading
        from director_ai import AsyncStreamingKernel, StreamingKernel

        kernel = {"StreamingKernel" if kind == "sync" else "AsyncStreamingKernel"}()
        n_stops = 0

        def stop(number, frame):
            global n_stops
            kernel.emergency_stop()
            kernel.reactivate()
            n_stops += 1

        signal.signal(signal.{name}, stop)
        if {name!r} == "SIGALRM":
            signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
        else:
            def send():
                while n_stops < 100:
                    os.kill(os.getpid(), signal.SIGTERM)
            threading.Thread(target=send, daemon=True).start()

        def one():
            return kernel.stream_tokens([" a"] * 3, lambda text: 0.9)

        async def many():
            while n_stops < 100:
                await kernel.stream_to_session([" a"] * 3, lambda text: 0.9)

        if {kind!r} == "sync":
            while n_stops < 100:
                one()
        else:
            asyncio.run(many())
        signal.setitimer(signal.ITIMER_REAL, 0)
        print(n_stops >= 100, kernel._switch.n_enlisted, flush=True)
        os._exit(0)
    """

    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, timeout=120
    )

    assert (ended.stdout, ended.stderr) == ("True 0\n", "")


# -- names ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("module", "names"),
    [
        ("director_ai.core", ["StreamingKernel", "AsyncStreamingKernel", "CoherenceScorer"]),
        ("director_ai.core", ["GroundTruthStore", "HaltMonitor", "SafetyKernel", "TokenEvent"]),
        ("director_ai.core.streaming", ["StreamingKernel", "StreamSession", "TokenEvent"]),
        ("director_ai.core.async_streaming", ["AsyncStreamingKernel"]),
        ("director_ai.core.kernel", ["HaltMonitor"]),
        ("director_ai.core.types", ["CoherenceScore", "EvidenceChunk", "HaltEvidence"]),
    ],
)
def test_the_originals_import_paths_lead_to_the_same_classes(module, names):
    door = importlib.import_module(module)

    for name in names:
        public = "HaltMonitor" if name == "SafetyKernel" else name
        assert getattr(door, name) is getattr(director_ai, public)


def test_a_monitor_is_made_as_the_original_makes_it():
    halts = []
    monitor = HaltMonitor(
        hard_limit=0.4, on_halt=halts.append, token_timeout=5.0, total_timeout=60.0
    )

    assert (monitor.hard_limit, monitor.token_timeout, monitor.total_timeout) == (0.4, 5.0, 60.0)
    assert SafetyKernel is HaltMonitor
    assert monitor.stream_output(words(3), scripted(0.9, 0.45, 0.3)).startswith(" w0 w1\n")
    assert [session.halt_index for session in halts] == [2]


@pytest.mark.parametrize(
    ("options", "error", "words_"),
    [
        ({"hard_limit": 1.5}, ValueError, "hard_limit must be"),
        ({"hard_limit": True}, TypeError, "hard_limit must be"),
        ({"hard_limit": 0.4, "policy": HaltPolicy()}, ValueError, "hard_limit must be left out"),
        ({"token_timeout": -1.0}, ValueError, "token_timeout must be"),
        ({"total_timeout": "5"}, TypeError, "total_timeout must be"),
    ],
)
def test_what_it_cannot_be_made_of_is_named(options, error, words_):
    with pytest.raises(error, match=words_):
        HaltMonitor(**options)


@pytest.mark.parametrize("options", [{}, {"token_timeout": 60.0}, {"total_timeout": 60.0}])
def test_the_source_of_a_halted_output_is_closed(options):
    closed = []

    class Response:
        def __iter__(self):
            return iter(words(3))

        def close(self):
            closed.append(True)

    HaltMonitor(**options).stream_output(Response(), scripted(0.1))

    assert closed == [True]


@pytest.mark.parametrize("name", ["token_timeout", "total_timeout"])
def test_its_timeouts_halt_before_another_token_is_pulled(name, monkeypatch):
    now = iter(range(0, 1000, 2))
    monkeypatch.setattr("director_ai.core.runtime.kernel.monotonic", lambda: float(next(now)))
    pulled = []
    source = (pulled.append(token) or token for token in words(9))

    output = HaltMonitor(**{name: 1.0}).stream_output(source, scripted(0.9))

    assert output == f" w0\n[KERNEL INTERRUPT: {name} (1 s)]"
    assert len(pulled) <= 2


def test_both_kernels_stop_for_ever_only_by_the_operator():
    for kernel in (StreamingKernel(), HaltMonitor()):
        kernel.stream_output(words(1), scripted(0.1))
        assert kernel.is_active


# -- evidence -------------------------------------------------------------------------------


class Wrapped:
    """Evidence as the original's scorers give it."""

    def __init__(self, *chunks):
        self.chunks = list(chunks)


class WrappingScorer:
    def __init__(self, evidence):
        self.evidence = evidence

    def review(self, prompt, action):
        return False, SimpleNamespace(score=0.1, evidence=self.evidence)


@both
@pytest.mark.parametrize(
    ("evidence", "texts"),
    [
        (Wrapped(EvidenceChunk("a", 0.1), EvidenceChunk("b", 0.2), EvidenceChunk("c", 0.3)), "ab"),
        ([EvidenceChunk("a", 0.1, "key")], "a"),
        (Wrapped(), ""),
        (None, ""),
    ],
)
def test_evidence_comes_as_a_list_wrapped_or_not_at_all(kind, evidence, texts):
    ran = run(kind, words(2), scripted(0.1), scorer=WrappingScorer(evidence), top_k=2)

    structured = ran.session.halt_evidence_structured
    assert [chunk.text for chunk in structured.evidence_chunks] == list(texts)
    assert ran.session.hook_errors == {}


@both
def test_a_distance_of_numpy_becomes_a_plain_number(kind):
    chunks = [EvidenceChunk("a", np.float32(0.5), "key")]

    ran = run(kind, words(2), scripted(0.1), scorer=WrappingScorer(chunks))

    (chunk,) = ran.session.halt_evidence_structured.evidence_chunks
    assert (chunk, type(chunk.distance)) == (EvidenceChunk("a", 0.5, "key"), float)


@both
@pytest.mark.parametrize(
    ("chunk", "says"),
    [
        (EvidenceChunk("a", math.inf), "evidence[0].distance must be a finite number, got inf"),
        (EvidenceChunk("a", "0.5"), "evidence[0].distance must be a finite number, got '0.5'"),
        (EvidenceChunk(None, 0.5), "evidence[0] must have a text and a source, got Evidence"),
    ],
)
def test_evidence_that_no_record_could_hold_is_noted_and_the_halt_stands(kind, chunk, says):
    ran = run(kind, words(2), scripted(0.1), scorer=WrappingScorer([chunk]))

    (note,) = ran.session.hook_errors
    assert note.startswith(f"scorer.review: TypeError: {says}")
    assert (ran.session.halt_index, ran.session.halt_evidence_structured) == (0, None)


def test_a_chunk_needs_no_source():
    assert EvidenceChunk("a", 0.5).source == ""
