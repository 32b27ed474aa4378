"""The 77 cases that the system we follow gets wrong, or gets right and must keep right.

A test is named after its case: ``test_s01_...`` is S01. Where a case's expectation differs from
the kernel's own description, that decides.
"""

import asyncio
import logging
import re
import threading
import time
import tracemalloc
from decimal import Decimal
from math import inf, isnan, nan
from pathlib import Path

import numpy as np
import pytest

import director_ai
from director_ai import AsyncStreamingKernel, HaltMonitor, StreamingKernel
from tests.core.kernels import KINDS, Ran, Source, kernel_of, run, scripted, session_of, words

# How many cases there are under each letter, numbered from 01.
CASES = {
    "S": 16,
    "C": 10,
    "G": 12,
    "T": 7,
    "E": 2,
    "V": 13,
    "H": 4,
    "R": 4,
    "F": 4,
    "N": 2,
    "P": 2,
    "B": 1,
}

both = pytest.mark.parametrize("kind", KINDS)
KERNELS = pytest.mark.parametrize("make", [StreamingKernel, AsyncStreamingKernel])


def test_every_case_has_a_test():
    listed = {f"{letter}{n:02}" for letter, count in CASES.items() for n in range(1, count + 1)}
    tested = {
        match[1].upper() for name in globals() if (match := re.match(r"test_([a-z]\d\d)_", name))
    }

    assert tested == listed
    assert len(listed) == 77


def test_the_page_for_the_originals_users_names_every_case():
    page = (Path(director_ai.__file__).parent / "docs" / "migrating.md").read_text("utf-8")
    listed = {f"{letter}{n:02}" for letter, count in CASES.items() for n in range(1, count + 1)}

    assert set(re.findall(r"\b[SCGTEVHRFNPB]\d\d\b", page)) == listed


def assert_fault(ran: Ran, reason: str, *, at: int, on_halt: list | None = None) -> None:
    """The stream was halted at that token, which is kept and not released."""
    session = ran.session
    assert (session.halted, session.soft_halted) == (True, False)
    assert session.halt_reason == reason
    assert (session.reason.halt_class, session.reason.index) == ("fault", at)
    assert session.halt_index == at
    assert session.output == "".join(session.tokens[:at])
    assert len(session.coherence_history) == at
    assert ran.source.closed
    if session.token_count > at:
        last = session.events[-1]
        assert isnan(last.coherence)
        assert (last.index, last.halted, last.scored) == (at, True, False)
    if on_halt is not None:
        assert on_halt == [session]


# -- S: scores ------------------------------------------------------------------------------


@both
def test_s01_nan_on_every_token_halts_at_the_first(kind):
    ran = run(kind, words(8), scripted(nan))

    assert_fault(ran, "invalid_score (nan)", at=0)
    assert ran.session.tokens == [" w0"]
    assert ran.error is None


@both
def test_s02_nan_halts_an_answer_shorter_than_every_window(kind):
    ran = run(kind, words(4), scripted(nan))

    assert_fault(ran, "invalid_score (nan)", at=0)
    assert ran.session.avg_coherence is None


@both
def test_s03_one_nan_among_good_scores_halts_where_it_came(kind):
    ran = run(kind, words(9), scripted(0.9, 0.9, 0.9, nan, 0.9))

    assert_fault(ran, "invalid_score (nan)", at=3)
    assert ran.session.output == " w0 w1 w2"
    assert ran.session.avg_coherence == pytest.approx(0.9)


@pytest.mark.parametrize("make", [StreamingKernel, AsyncStreamingKernel, HaltMonitor])
def test_s04_check_halt_of_nan_halts(make):
    assert make().check_halt(nan) is True
    assert make().check_halt(0.9) is False


@both
def test_s05_infinity_halts(kind):
    assert_fault(run(kind, words(3), scripted(0.9, inf)), "invalid_score (inf)", at=1)


@both
@pytest.mark.parametrize("value", [-inf, -1, -0.01])
def test_s06_a_negative_score_halts_as_invalid(kind, value):
    halts = []

    ran = run(kind, words(3), scripted(0.9, value), on_halt=halts.append)

    assert_fault(ran, f"invalid_score ({float(value)!r})", at=1, on_halt=halts)


@both
@pytest.mark.parametrize("value", [2, 1.5, 1e308])
def test_s07_a_score_above_one_halts_as_invalid(kind, value):
    assert_fault(
        run(kind, words(3), scripted(0.9, value)), f"invalid_score ({float(value)!r})", at=1
    )


@both
def test_s08_a_bogus_high_score_cannot_mask_the_window(kind):
    assert_fault(run(kind, words(30), scripted(0.5, 2.0, 0.5)), "invalid_score (2.0)", at=1)


@both
def test_s09_none_halts_as_invalid(kind):
    assert_fault(run(kind, words(3), scripted(None)), "invalid_score (None)", at=0)


@both
@pytest.mark.parametrize("value", ["0.9", "0.1"])
def test_s10_a_string_is_no_score(kind, value):
    assert_fault(run(kind, words(3), scripted(value)), f"invalid_score ({value!r})", at=0)


@both
@pytest.mark.parametrize("value", [True, False])
def test_s11_a_bool_is_no_score(kind, value):
    assert_fault(run(kind, words(3), scripted(value)), f"invalid_score ({value})", at=0)


@both
@pytest.mark.parametrize("value", [np.float64(0.75), np.array(0.75), Decimal("0.75")], ids=repr)
def test_s12_numbers_of_other_libraries_are_stored_as_floats(kind, value):
    history = run(kind, words(2), scripted(value)).session.coherence_history

    assert [(type(score), score) for score in history] == [(float, 0.75)] * 2


@both
@pytest.mark.parametrize("value", [np.array([0.9, 0.9]), (0.9,), {0.9: 1}, 0.9 + 0j], ids=repr)
def test_s13_arrays_containers_and_complex_numbers_are_no_scores(kind, value):
    ran = run(kind, words(3), scripted(value))

    assert_fault(ran, f"invalid_score ({value!r})", at=0)


@both
def test_s14_an_object_that_converts_to_float_is_no_score(kind):
    class Convertible:
        def __float__(self):
            return 0.9

        def __repr__(self):
            return "Convertible()"

    ran = run(kind, words(3), scripted(Convertible()))

    assert_fault(ran, "invalid_score (Convertible())", at=0)


def test_s15_the_sync_kernel_refuses_an_async_callback_before_it_pulls():
    async def score(text):
        return 0.9

    class Scorer:
        async def __call__(self, text):
            return 0.9

    source = Source(words(3))
    for callback in (score, Scorer()):
        with pytest.raises(TypeError, match="AsyncStreamingKernel"):
            StreamingKernel().stream_tokens(source, callback)
    assert source.pulled == 0


def test_s15_the_async_kernel_awaits_it():
    async def score(text):
        return 0.75

    class Scorer:
        async def __call__(self, text):
            return 0.75

    for callback in (score, Scorer()):
        for options in ({}, {"token_timeout": 5.0}):
            session = run("async", words(2), callback, **options).session
            assert session.coherence_history == [0.75, 0.75]


def test_s16_any_awaitable_is_awaited():
    class Later:
        def __await__(self):
            yield from asyncio.sleep(0).__await__()
            return 0.75

    def future(text):
        promise = asyncio.get_running_loop().create_future()
        promise.set_result(0.75)
        return promise

    for callback in (lambda text: Later(), future):
        session = run("async", words(3), callback).session
        assert session.coherence_history == [0.75] * 3


# -- C: the callback ------------------------------------------------------------------------


@both
@pytest.mark.parametrize("error", [TimeoutError("slow"), OSError("gone"), ConnectionError()])
def test_c01_a_scorer_out_of_reach_halts_at_the_first_error(kind, error):
    halts = []

    ran = run(kind, words(6), scripted(0.9, 0.9, error), on_halt=halts.append)

    assert_fault(ran, "callback_timeout", at=2, on_halt=halts)
    assert ran.error is None
    assert ran.session.tokens == [" w0", " w1", " w2"]


@both
@pytest.mark.parametrize("error", [RuntimeError("x"), ValueError("x"), TypeError("x")])
def test_c02_a_failing_scorer_halts_and_its_error_propagates_unchanged(kind, error):
    halts = []

    ran = run(kind, words(9), scripted(*[0.9] * 5, error), on_halt=halts.append)

    assert_fault(ran, f"callback_error ({type(error).__name__}: x)", at=5, on_halt=halts)
    assert ran.error is error
    assert ran.session.token_count == 6


@both
@pytest.mark.parametrize("error", [KeyError("x"), ZeroDivisionError("x"), MemoryError("x")])
def test_c03_whatever_the_error(kind, error):
    halts = []

    ran = run(kind, words(9), scripted(0.9, error), on_halt=halts.append)

    assert_fault(ran, f"callback_error ({type(error).__name__}: {error})", at=1, on_halt=halts)
    assert ran.error is error


@both
@pytest.mark.parametrize("stop", [StopIteration, StopAsyncIteration])
def test_c04_a_stop_iteration_of_the_scorer_does_not_pass_for_the_end(kind, stop):
    halts = []

    ran = run(kind, words(9), scripted(0.9, stop("x")), on_halt=halts.append)

    assert_fault(ran, f"callback_error ({stop.__name__}: x)", at=1, on_halt=halts)
    if kind == "sync" and stop is StopAsyncIteration:
        assert isinstance(ran.error, StopAsyncIteration)
    else:
        assert isinstance(ran.error, RuntimeError)
        assert isinstance(ran.error.__cause__, stop)


@both
@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_c05_an_interrupt_in_the_scorer_seals_the_session_and_propagates(kind, error):
    halts, source = [], Source(words(9))
    callback = scripted(0.9, 0.9, error())

    with pytest.raises(error):
        session_of(kind, source, callback, on_halt=halts.append)

    (session,) = halts
    assert source.closed
    assert (session.halted, session.halt_reason, session.halt_index) == (True, "cancelled", 2)
    assert (session.tokens, session.output) == ([" w0", " w1", " w2"], " w0 w1")
    assert session.reason.halt_class == "operator"


@both
def test_c06_a_scorer_that_fails_two_times_in_three_halts_at_the_first(kind):
    ran = run(kind, words(3000), scripted(0.9, OSError(), OSError(), 0.9))

    assert_fault(ran, "callback_timeout", at=1)


@both
def test_c07_a_dead_scorer_lets_nothing_pass(kind):
    ran = run(kind, words(9), scripted(OSError()))

    assert_fault(ran, "callback_timeout", at=0)
    assert ran.session.output == ""


@both
def test_c08_nor_at_a_cadence_of_eight(kind):
    ran = run(kind, words(9), scripted(OSError()), score_every_n=8)

    assert_fault(ran, "callback_timeout", at=0)
    assert ran.session.output == ""


def test_c09_a_blocking_callback_is_timed_and_does_not_block_the_loop():
    released = threading.Event()

    async def main():
        beats = 0

        async def beat():
            nonlocal beats
            while True:
                await asyncio.sleep(0.01)
                beats += 1

        beating = asyncio.create_task(beat())
        started = time.monotonic()
        session = await AsyncStreamingKernel(token_timeout=0.2).stream_to_session(
            aiter(Source(words(3))), lambda text: released.wait(120)
        )
        elapsed = time.monotonic() - started
        beating.cancel()
        return session, elapsed, beats

    session, elapsed, beats = asyncio.run(main())
    released.set()

    assert session.halt_reason == "token_timeout (0.2 s)"
    assert (session.tokens, session.output) == ([" w0"], "")
    assert elapsed < 30
    assert beats >= 3


def test_c10_a_sleeping_callback_is_cancelled_at_its_timeout():
    cancelled = []

    async def score(text):
        try:
            await asyncio.sleep(120)
        except asyncio.CancelledError:
            cancelled.append(text)
            raise
        return 0.9

    started = time.monotonic()
    ran = run("async", words(3), score, token_timeout=0.2)

    assert_fault(ran, "token_timeout (0.2 s)", at=0)
    assert cancelled == [" w0"]
    assert time.monotonic() - started < 30


# -- G: the source --------------------------------------------------------------------------


@both
@pytest.mark.parametrize("error", [ConnectionError("reset"), RuntimeError("reset")])
def test_g01_a_source_that_fails_leaves_what_had_come(kind, error):
    halts = []

    ran = run(kind, [*words(7), error], scripted(0.9), on_halt=halts.append)

    assert_fault(ran, f"source_error ({type(error).__name__}: reset)", at=7, on_halt=halts)
    assert ran.error is error
    assert ran.session.output == "".join(words(7))


@both
def test_g02_an_interrupt_in_the_source_seals_the_session_and_propagates(kind):
    halts, source = [], Source([*words(3), KeyboardInterrupt()])

    with pytest.raises(KeyboardInterrupt):
        session_of(kind, source, scripted(0.9), on_halt=halts.append)

    (session,) = halts
    assert (session.halt_reason, session.output) == ("cancelled", " w0 w1 w2")
    assert source.closed


@both
def test_g03_a_halt_closes_the_source_before_the_call_returns(kind):
    ran = run(kind, words(9), scripted(0.9, 0.1))

    assert ran.source.closed
    assert ran.source.pulled == 2


@both
def test_g04_a_consumer_that_leaves_closes_the_source(kind):
    source = Source(words(9))

    def leave_sync():
        for _ in StreamingKernel().stream(iter(source), scripted(0.9)):
            break
        return source.closed

    async def leave_async():
        async for _ in AsyncStreamingKernel().stream_tokens(aiter(source), scripted(0.9)):
            break
        await asyncio.sleep(0.01)
        return source.closed

    assert leave_sync() if kind == "sync" else asyncio.run(leave_async())
    assert source.pulled == 1


def endless():
    while True:
        yield " a"


@both
def test_g05_an_endless_source_is_bounded_by_tokens(kind):
    ran = run(kind, endless(), scripted(0.9), max_tokens=5)

    assert_fault(ran, "limit (max_tokens 5)", at=5)
    assert ran.session.output == " a" * 5
    assert ran.source.pulled == 6


@both
def test_g05_and_by_characters(kind):
    ran = run(kind, endless(), scripted(0.9), max_chars=7)

    assert_fault(ran, "limit (max_chars 7)", at=3)


@both
def test_g05_a_stream_exactly_as_long_as_its_limits_completes(kind):
    assert not run(kind, [" a"] * 5, scripted(0.9), max_tokens=5, max_chars=10).session.halted


@pytest.mark.slow
def test_g05_and_by_time_even_where_nothing_ever_waits():
    class Busy:
        def __aiter__(self):
            return self

        async def __anext__(self):
            assert time.monotonic() - started < 30
            return " a"

    async def score(text):
        return 0.9

    started = time.monotonic()
    kernel = AsyncStreamingKernel(total_timeout=0.1)
    session = asyncio.run(kernel.stream_to_session(Busy(), score))

    assert session.halt_reason == "total_timeout (0.1 s)"


def test_g06_an_emergency_stop_ends_a_hanging_async_source_within_a_second():
    source = Hanging()
    kernel = AsyncStreamingKernel()
    stopper = threading.Timer(0.1, kernel.emergency_stop)
    stopper.start()
    started = time.monotonic()

    session = asyncio.run(kernel.stream_to_session(source.tokens(), scripted(0.9)))

    assert time.monotonic() - started < 30
    assert (session.halt_reason, session.output) == ("kernel_inactive", " a")
    assert session.reason.halt_class == "operator"
    assert source.closed
    stopper.join()


class Hanging:
    """Yields one token and then waits for ever."""

    def __init__(self):
        self.closed = False

    async def tokens(self):
        try:
            yield " a"
            await asyncio.Event().wait()
        finally:
            self.closed = True


def test_g06_and_a_hanging_sync_source_that_can_be_aborted():
    class Socket:
        def __init__(self):
            self.shut = threading.Event()

        def __iter__(self):
            yield " a"
            self.shut.wait(120)
            raise ConnectionError("shut down")

        def abort(self):
            self.shut.set()

    kernel = StreamingKernel()
    stopper = threading.Timer(0.1, kernel.emergency_stop)
    stopper.start()
    started = time.monotonic()

    session = kernel.stream_tokens(Socket(), scripted(0.9))

    assert time.monotonic() - started < 30
    assert (session.halt_reason, session.output) == ("kernel_inactive", " a")
    stopper.join()


@pytest.mark.parametrize("code", ["token_timeout", "total_timeout"])
def test_g07_timeouts_fire_while_the_source_hangs(code):
    source = Hanging()
    started = time.monotonic()

    session = asyncio.run(
        AsyncStreamingKernel(**{code: 0.2}).stream_to_session(source.tokens(), scripted(0.9))
    )

    assert 0.2 <= time.monotonic() - started < 30
    assert (session.halt_reason, session.output) == (f"{code} (0.2 s)", " a")
    assert session.reason.halt_class == "fault"
    assert source.closed


async def slowly(n, pause):
    for token in words(n):
        await asyncio.sleep(pause)
        yield token


def test_g08_a_source_slower_than_the_token_timeout_halts():
    session = asyncio.run(
        AsyncStreamingKernel(token_timeout=0.02).stream_to_session(slowly(3, 0.5), scripted(0.9))
    )

    assert (session.halt_reason, session.tokens) == ("token_timeout (0.02 s)", [])


def test_g09_a_total_timeout_between_tokens_is_named_so():
    session = asyncio.run(
        AsyncStreamingKernel(total_timeout=0.1).stream_to_session(slowly(50, 0.03), scripted(0.9))
    )

    assert session.halt_reason == "total_timeout (0.1 s)"
    # On a busy machine the deadline may pass with a token in hand, which is not sent.
    assert session.output in ("".join(session.tokens), "".join(session.tokens[:-1]))


def test_g10_a_cancelled_task_seals_the_session_and_propagates():
    halts, source = [], Hanging()

    async def main():
        kernel = AsyncStreamingKernel(on_halt=halts.append)
        task = asyncio.create_task(kernel.stream_to_session(source.tokens(), scripted(0.9)))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())

    (session,) = halts
    assert (session.halted, session.halt_reason, session.output) == (True, "cancelled", " a")
    assert session.reason.halt_class == "operator"
    assert source.closed


@KERNELS
@pytest.mark.parametrize("source", [None, 42, object()])
def test_g11_what_cannot_be_iterated_is_refused_at_once(make, source):
    with pytest.raises(TypeError, match="token source must be an"):
        make().stream_tokens(source, scripted(0.9))


@KERNELS
@pytest.mark.parametrize("source", ["The sky is blue.", b"The sky"])
def test_g12_a_bare_string_is_refused_at_once(make, source):
    with pytest.raises(TypeError, match="token source must be an"):
        make().stream_tokens(source, scripted(0.9))


# -- T: tokens ------------------------------------------------------------------------------


@both
@pytest.mark.parametrize("token", [None, b"abc", 7, ["a"]], ids=repr)
def test_t01_what_is_no_string_halts_and_never_enters_the_text(kind, token):
    halts = []

    ran = run(kind, ["a", token, "b"], scripted(0.9), on_halt=halts.append)

    assert_fault(ran, f"invalid_token ({type(token).__name__})", at=1, on_halt=halts)
    assert ran.error is None
    assert (ran.session.tokens, ran.session.output) == (["a"], "a")


@both
def test_t02_an_empty_token_is_kept_and_scored_once(kind):
    texts = []

    ran = run(kind, ["a", "", "b"], lambda text: texts.append(text) or 0.9)

    assert ran.session.tokens == ["a", "", "b"]
    assert texts == ["a", "a", "ab"]


@both
def test_t03_a_thousand_empty_tokens_are_bounded_by_max_tokens(kind):
    ran = run(kind, [""] * 1000, scripted(0.9), max_tokens=100)

    assert_fault(ran, "limit (max_tokens 100)", at=100)


@both
@pytest.mark.parametrize("token", ["\ud83d", "b\udc80c"])
def test_t04_a_lone_surrogate_is_kept_as_it_is(kind, token):
    ran = run(kind, ["a", token], scripted(0.9))

    assert (ran.session.tokens, ran.session.output) == (["a", token], "a" + token)


@both
def test_t05_a_nul_is_kept_as_it_is(kind):
    assert run(kind, ["a\x00b"], scripted(0.9)).session.output == "a\x00b"


@both
def test_t06_a_token_of_a_megabyte_is_bounded_by_max_chars(kind):
    ran = run(kind, ["a", "x" * 1_000_000], scripted(0.9), max_chars=10_000)

    assert_fault(ran, "limit (max_chars 10000)", at=1)
    assert ran.session.output == "a"


@both
def test_t07_invisible_characters_are_kept_as_they_are(kind):
    token = "a\u202eb\u200bc"

    assert run(kind, [token], scripted(0.9)).session.tokens == [token]


# -- E: empty streams -----------------------------------------------------------------------


@both
def test_e01_an_empty_stream_is_not_halted_and_has_no_average(kind):
    session = run(kind, [], scripted(0.9)).session

    assert (session.halted, session.halt_index, session.output) == (False, -1, "")
    assert (session.avg_coherence, session.min_coherence) == (None, None)


@both
def test_e02_an_empty_stream_of_a_stopped_kernel_is_halted(kind):
    kernel = kernel_of(kind)
    kernel.emergency_stop()

    session = run(kind, [], scripted(0.9), kernel=kernel).session

    assert (session.halted, session.halt_reason) == (True, "kernel_inactive")


# -- V: values ------------------------------------------------------------------------------


@KERNELS
def test_v01_a_window_holds_at_least_one_token(make):
    with pytest.raises(ValueError, match="window_size must be an integer >= 1, got 0"):
        make(window_size=0)


@KERNELS
@pytest.mark.parametrize("value", [2.5, True])
def test_v02_a_window_is_a_whole_number_and_no_bool(make, value):
    with pytest.raises(TypeError, match="window_size"):
        make(window_size=value)


@KERNELS
@pytest.mark.parametrize(
    ("value", "error"), [(0, ValueError), (1, ValueError), (-3, ValueError), (2.0, TypeError)]
)
def test_v03_a_trend_needs_two_tokens(make, value, error):
    with pytest.raises(error, match="trend_window must be an integer >= 2"):
        make(trend_window=value)


@KERNELS
def test_v04_nan_does_not_turn_the_window_off(make):
    with pytest.raises(ValueError, match="window_threshold must be .* got nan"):
        make(window_threshold=nan)


@KERNELS
@pytest.mark.parametrize("value", [nan, -1])
def test_v05_nan_does_not_turn_the_trend_off(make, value):
    with pytest.raises(ValueError, match="trend_threshold must be a finite number >= 0"):
        make(trend_threshold=value)


@KERNELS
def test_v05_a_trend_threshold_of_zero_is_the_strictest(make):
    assert make(trend_threshold=0).trend_threshold == 0.0


@KERNELS
@pytest.mark.parametrize("value", [nan, 9, 0.3])
def test_v06_a_soft_limit_is_in_range_and_not_below_the_hard_one(make, value):
    with pytest.raises(ValueError, match="soft_limit must be"):
        make(soft_limit=value)


@KERNELS
def test_v07_a_window_threshold_above_one_is_refused(make):
    with pytest.raises(ValueError, match=r"window_threshold must be a number in \[0, 1\], got 7"):
        make(window_threshold=7)


@KERNELS
@pytest.mark.parametrize("value", [True, 1.5, nan])
def test_v08_a_cadence_is_a_whole_number(make, value):
    with pytest.raises(TypeError, match="score_every_n must be an integer >= 1"):
        make(score_every_n=value)


@KERNELS
@pytest.mark.parametrize("value", [True, "0.5"])
def test_v09_a_limit_is_a_number(make, value):
    with pytest.raises(TypeError, match="hard_limit must be a number"):
        make(hard_limit=value)


@pytest.mark.parametrize("name", ["token_timeout", "total_timeout"])
@pytest.mark.parametrize(
    ("value", "error"), [(-1, ValueError), (nan, ValueError), ("1", TypeError)]
)
def test_v10_a_timeout_is_a_number_of_seconds(name, value, error):
    with pytest.raises(error, match=f"{name} must be a finite number of seconds >= 0"):
        AsyncStreamingKernel(**{name: value})


@KERNELS
def test_v11_an_adaptive_cadence_does_not_start_beyond_its_greatest(make):
    with pytest.raises(ValueError, match="score_every_n must be <= max_cadence"):
        make(adaptive=True, score_every_n=9)


@KERNELS
def test_v12_a_hook_is_callable(make):
    with pytest.raises(TypeError, match="on_halt must be callable or None, got 42"):
        make(on_halt=42)


@KERNELS
@pytest.mark.parametrize("name", ["hard_limit", "window_size", "score_every_n", "policy"])
def test_v13_a_limit_cannot_be_changed_later(make, name):
    kernel = make()

    with pytest.raises(AttributeError):
        setattr(kernel, name, nan)


@pytest.mark.parametrize("name", ["token_timeout", "total_timeout"])
def test_v13_nor_a_timeout(name):
    with pytest.raises(AttributeError):
        setattr(AsyncStreamingKernel(), name, nan)


# -- H: hooks -------------------------------------------------------------------------------


def fails(*arguments):
    raise RuntimeError("hook")


@both
def test_h01_an_on_halt_that_raises_is_logged_and_noted(kind, caplog):
    with caplog.at_level(logging.ERROR, "director_ai"):
        ran = run(kind, words(3), scripted(0.9, 0.1), on_halt=fails)

    assert ran.error is None
    assert ran.reason == "hard_limit (0.1000 < 0.5)"
    assert ran.session.hook_errors == {"on_halt: RuntimeError: hook": 1}
    assert "Traceback" in caplog.text


@both
def test_h02_an_evidence_callback_that_raises_cannot_undo_the_halt(kind, caplog):
    halts = []

    ran = run(kind, words(3), scripted(0.9, 0.1), evidence_callback=fails, on_halt=halts.append)

    assert ran.error is None
    assert (ran.session.halted, ran.source.closed) == (True, True)
    assert halts == [ran.session]
    assert ran.session.halt_evidence is None
    assert ran.session.hook_errors == {"evidence_callback: RuntimeError: hook": 1}


@both
def test_h03_nor_can_a_scorer_whose_review_raises(kind, caplog):
    class Scorer:
        review = staticmethod(fails)

    halts = []

    ran = run(kind, words(3), scripted(0.9, 0.1), scorer=Scorer(), on_halt=halts.append)

    assert ran.error is None
    assert halts == [ran.session]
    assert ran.session.halt_evidence_structured is None
    assert ran.session.hook_errors == {"scorer.review: RuntimeError: hook": 1}


@both
def test_h04_an_observer_that_raises_each_token_is_counted(kind, caplog):
    ran = run(kind, words(4), scripted(0.9), on_event=fails)

    assert not ran.session.halted
    assert ran.session.hook_errors == {"on_event: RuntimeError: hook": 4}
    assert caplog.text.count("Traceback") == 1


# -- R: reuse -------------------------------------------------------------------------------


@both
def test_r01_a_stopped_kernel_pulls_nothing(kind):
    kernel = kernel_of(kind)
    kernel.emergency_stop()

    ran = run(kind, words(3), scripted(0.9), kernel=kernel)

    assert ran.source.pulled == 0
    assert (ran.reason, ran.session.halt_index, ran.session.tokens) == ("kernel_inactive", 0, [])
    assert ran.session.reason.halt_class == "operator"


@both
@pytest.mark.parametrize(
    "scores",
    [[0.1], [0.52], [0.9, 0.8, 0.7, 0.6, 0.55], [OSError()], [nan]],
    ids=["hard_limit", "window_avg", "downward_trend", "callback_timeout", "invalid_score"],
)
@pytest.mark.parametrize("mode", ["hard", "soft"])
def test_r02_no_halt_of_one_stream_stops_the_next(kind, scores, mode):
    kernel = kernel_of(kind, halt_mode=mode)

    first = run(kind, words(20), scripted(*scores), kernel=kernel)
    second = run(kind, words(20), scripted(0.9), kernel=kernel)

    assert first.session.halted
    assert not second.session.halted
    assert kernel.is_active


def test_r03_a_halt_in_one_thread_leaves_the_other_stream_alone():
    kernel, half_way, halted = StreamingKernel(), threading.Event(), threading.Event()
    sessions = []

    def healthy():
        for n, token in enumerate(words(20)):
            if n == 10:
                half_way.set()
                halted.wait(5)
            yield token

    thread = threading.Thread(
        target=lambda: sessions.append(kernel.stream_tokens(healthy(), scripted(0.9)))
    )
    thread.start()
    half_way.wait(5)
    assert kernel.stream_tokens(words(3), scripted(0.1)).halted
    halted.set()
    thread.join()

    assert (sessions[0].halted, sessions[0].token_count) == (False, 20)


def test_r03_nor_does_one_in_another_task():
    async def main():
        kernel = AsyncStreamingKernel()
        return await asyncio.gather(
            kernel.stream_to_session(slowly(5, 0.01), scripted(0.9)),
            kernel.stream_to_session(slowly(5, 0.001), scripted(0.1)),
        )

    healthy, bad = asyncio.run(main())

    assert (healthy.halted, healthy.token_count, bad.halted) == (False, 5, True)


@both
@pytest.mark.parametrize("method", ["reset_state", "reactivate"])
def test_r04_both_kernels_can_be_put_back_to_work(kind, method):
    kernel = kernel_of(kind)
    kernel.emergency_stop()

    getattr(kernel, method)()

    assert kernel.is_active
    assert not run(kind, words(3), scripted(0.9), kernel=kernel).session.halted


# -- F: soft halts --------------------------------------------------------------------------


@both
def test_f01_a_stream_that_ends_under_a_pending_soft_halt_is_halted(kind):
    halts = []

    ran = run(kind, words(14), scripted(0.54), halt_mode="soft", on_halt=halts.append)

    session = ran.session
    assert (session.halted, session.soft_halted, session.halt_index) == (True, True, 9)
    assert session.halt_reason == "window_avg (0.5400 < 0.55)"
    assert session.output == "".join(words(14))
    assert session.events[-1].halted
    assert halts == [session]


@both
def test_f02_a_soft_halt_names_the_rule_s_token_and_ends_at_the_sentence(kind):
    tokens = [*words(12), " end.", " more"]

    session = run(kind, tokens, scripted(0.54), halt_mode="soft").session

    assert (session.halted, session.soft_halted, session.halt_index) == (True, True, 9)
    assert session.token_count == 13
    assert session.output == "".join(tokens[:13])
    assert [each.index for each in session.events if each.halted] == [12]


@both
def test_f03_the_hard_limit_stops_under_a_pending_soft_halt(kind):
    session = run(kind, words(20), scripted(*[0.54] * 11, 0.3), halt_mode="soft").session

    assert (session.halted, session.soft_halted, session.halt_index) == (True, False, 11)
    assert session.halt_reason == "hard_limit (0.3000 < 0.5)"
    assert session.output == "".join(words(11))
    assert session.trigger[0].mechanism == "window_avg"


@both
@pytest.mark.parametrize("end", ["。", "！", "？", "…", "\n", '."', ".)", "?”"])
def test_f04_sentences_end_in_every_script_and_before_closing_marks(kind, end):
    tokens = [*words(12), f" w{end}", *words(5)]

    session = run(kind, tokens, scripted(0.54), halt_mode="soft").session

    assert session.token_count == 13


# -- N: cadence -----------------------------------------------------------------------------


@both
def test_n01_the_tail_is_scored_once_more_where_that_is_asked_for(kind):
    bad_after_the_first = lambda text: 0.9 if text == " w0" else 0.1  # noqa: E731

    as_published = run(kind, words(19), bad_after_the_first, score_every_n=20)
    final = run(kind, words(19), bad_after_the_first, score_every_n=20, score_final=True)

    assert not as_published.session.halted
    assert (final.session.halted, final.session.halt_index) == (True, 18)
    assert final.session.output == "".join(words(18))
    assert (final.events[-1].halted, final.events[-1].scored) == (True, True)
    assert final.events == final.session.events


@both
def test_n02_held_scores_fill_the_windows_and_their_events_say_so(kind):
    session = run(kind, words(7), scripted(0.9, 0.8, 0.7), score_every_n=3).session

    assert [each.scored for each in session.events] == [True, False, False] * 2 + [True]
    assert session.coherence_history == [0.9, 0.9, 0.9, 0.8, 0.8, 0.8, 0.7]


# -- P: cost --------------------------------------------------------------------------------


@pytest.mark.slow
@both
def test_p01_a_token_late_in_a_long_stream_costs_no_more_than_an_early_one(kind):
    def seconds_per_token(n):
        # Of this thread's own work, so that a busy machine costs nothing.
        started = time.thread_time()
        run(kind, [" word"] * n, scripted(0.9))
        return (time.thread_time() - started) / n

    # In turns, so that a busy moment of the machine spoils a round and not one of the two.
    rounds = [(seconds_per_token(2_000), seconds_per_token(40_000)) for _ in range(5)]
    short, long = map(min, zip(*rounds, strict=True))

    # Quadratic work, such as a join per token, makes this ratio 20.
    assert long < 5 * short


@pytest.mark.slow
@both
def test_p02_memory_grows_with_the_tokens_only(kind):
    tokens = [" word"] * 4_000

    tracemalloc.start()
    ran = run(kind, tokens, scripted(0.9))
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert ran.session.token_count == 4_000
    assert held / 4_000 < 400


# -- B: the older interface -----------------------------------------------------------------


@pytest.mark.parametrize("make", [StreamingKernel, HaltMonitor])
def test_b01_stream_output_keeps_the_text_of_a_halted_stream(make):
    output = make().stream_output(words(3), scripted(0.9, 0.9, 0.1))

    assert output == " w0 w1\n[KERNEL INTERRUPT: hard_limit (0.1000 < 0.5)]"


def test_b01_and_returns_it_alone_otherwise():
    assert StreamingKernel().stream_output(words(2), scripted(0.9)) == " w0 w1"
