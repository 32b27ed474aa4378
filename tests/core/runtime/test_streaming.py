"""The sync kernel's shell: the incremental form, closing, hooks, threads and the operator."""

import asyncio
import functools
import logging
import threading
import time

import pytest

from director_ai import (
    AsyncStreamingKernel,
    CoherenceScorer,
    EvidenceChunk,
    GroundTruthStore,
    HaltEvidence,
    HaltMonitor,
    HaltPolicy,
    StreamingKernel,
    StreamSession,
    TokenEvent,
)
from tests.core.kernels import KINDS, Source, kernel_of, run, scripted, words

both = pytest.mark.parametrize("kind", KINDS)


# -- the incremental form -------------------------------------------------------------------


def test_events_come_as_they_happen_and_the_session_grows_with_them():
    source = Source(words(3))
    stream = StreamingKernel().stream(iter(source), scripted(0.9))
    assert source.pulled == 0

    event = next(stream)

    assert (event.token, event.index, event.coherence) == (" w0", 0, 0.9)
    assert source.pulled == 1
    assert stream.session.tokens == [" w0"]
    assert stream.session.events == [event]
    assert [each.token for each in stream] == [" w1", " w2"]
    assert not stream.session.halted


def test_the_callback_gets_all_text_so_far():
    texts = []

    StreamingKernel().stream_tokens(["The", " sky", "."], lambda text: texts.append(text) or 0.9)

    assert texts == ["The", "The sky", "The sky."]


@both
def test_a_score_of_minus_zero_is_zero(kind):
    ran = run(kind, words(1), scripted(-0.0), hard_limit=0.0)

    assert [str(score) for score in ran.session.coherence_history] == ["0.0"]


def test_any_iterable_is_a_source():
    assert StreamingKernel().stream_tokens(("a", "b"), scripted(0.9)).output == "ab"
    assert StreamingKernel().stream_tokens({"a": 1}, scripted(0.9)).output == "a"


def test_the_halting_event_is_yielded_and_is_the_last():
    stream = StreamingKernel().stream(words(5), scripted(0.9, 0.2))

    assert [each.halted for each in stream] == [False, True]


def test_the_source_is_closed_when_the_halting_event_arrives():
    source = Source(words(5))
    stream = StreamingKernel().stream(iter(source), scripted(0.9, 0.2))
    next(stream)

    assert next(stream).halted
    assert source.closed
    assert stream.session.end_time > 0


def test_a_source_object_with_close_is_closed_once():
    class Connection:
        closes = 0

        def __iter__(self):
            return self

        def __next__(self):
            return " a"

        def close(self):
            self.closes += 1

    connection = Connection()
    StreamingKernel().stream_tokens(connection, scripted(0.9, 0.2))

    assert connection.closes == 1


def test_a_finished_source_is_left_alone():
    class Lines(list):
        def close(self):
            raise AssertionError("not ours to close")

    session = StreamingKernel().stream_tokens(Lines(words(2)), scripted(0.9))

    assert session.hook_errors == {}


def test_closing_a_stream_closes_its_source_and_ends_its_session():
    halts, source = [], Source(words(5))
    stream = StreamingKernel(on_halt=halts.append).stream(iter(source), scripted(0.9))
    next(stream)

    stream.close()
    stream.close()

    session = stream.session
    assert source.closed
    assert (session.halted, session.halt_reason, session.halt_index) == (True, "cancelled", 1)
    assert session.output == " w0"
    assert halts == [session]
    assert list(stream) == []


def test_closing_a_stream_that_never_started_closes_what_was_opened_for_it():
    class Connection:
        closed = False

        def __iter__(self):
            raise AssertionError("never started")

        def close(self):
            self.closed = True

    halts, connection = [], Connection()
    stream = StreamingKernel(on_halt=halts.append).stream(connection, scripted(0.9))

    stream.close()

    assert connection.closed
    assert stream.session.halt_reason == "cancelled"
    assert halts == [stream.session]


def test_closing_a_finished_stream_changes_nothing():
    stream = StreamingKernel().stream(words(2), scripted(0.9))
    list(stream)

    stream.close()

    assert not stream.session.halted


def test_an_exception_leaves_its_cause_and_the_session_behind():
    cause = KeyError("cause")

    def score(text):
        raise RuntimeError("scorer") from cause

    stream = StreamingKernel().stream(words(3), score)
    with pytest.raises(RuntimeError, match="scorer") as raised:
        next(stream), next(stream)

    assert raised.value.__cause__ is cause
    assert stream.session.halt_reason == "callback_error (RuntimeError: scorer)"
    assert list(stream) == []


def test_the_failed_token_s_event_comes_before_its_exception():
    stream = StreamingKernel().stream(words(3), scripted(0.9, RuntimeError("scorer")))

    assert [next(stream).halted, next(stream).halted] == [False, True]
    with pytest.raises(RuntimeError, match="scorer"):
        next(stream)


def test_a_stop_iteration_of_the_scorer_propagates_unchanged_from_the_whole_form():
    error = StopIteration("x")

    with pytest.raises(StopIteration) as raised:
        StreamingKernel().stream_tokens(words(3), scripted(error))

    assert raised.value is error


@both
@pytest.mark.parametrize("fault", ["callback", "source"])
def test_on_fault_halt_logs_the_exception_and_returns_the_session(kind, fault, caplog):
    halts, error = [], RuntimeError("broken")
    tokens = words(3) if fault == "callback" else [" w0", error]
    callback = scripted(0.9, error) if fault == "callback" else scripted(0.9)

    with caplog.at_level(logging.ERROR, "director_ai"):
        ran = run(kind, tokens, callback, on_fault="halt", on_halt=halts.append)

    assert ran.error is None
    assert ran.reason == f"{fault}_error (RuntimeError: broken)"
    assert halts == [ran.session]
    assert "Traceback" in caplog.text
    assert "RuntimeError: broken" in caplog.text


@both
def test_on_fault_is_one_of_two_values(kind):
    with pytest.raises(ValueError, match="on_fault must be 'raise' or 'halt', got 'ignore'"):
        kernel_of(kind, on_fault="ignore")


@both
@pytest.mark.parametrize("options", [{"max_tokens": 0}, {"max_chars": -1}])
def test_limits_are_positive(kind, options):
    with pytest.raises(ValueError, match="must be an integer >= 1"):
        kernel_of(kind, **options)


def test_a_monitor_wants_a_policy():
    assert HaltMonitor(HaltPolicy(hard_limit=0.2)).hard_limit == 0.2
    with pytest.raises(TypeError, match="policy must be a HaltPolicy or None, got 0.5"):
        HaltMonitor(0.5)


def test_a_callback_must_be_callable():
    with pytest.raises(TypeError, match="coherence_callback must be callable, got 0.9"):
        StreamingKernel().stream_tokens(words(2), 0.9)


# -- hooks, observers, evidence -------------------------------------------------------------


@both
def test_on_a_halt_the_mark_comes_first_then_the_source_then_evidence_then_the_hook(kind):
    order = []

    class Tokens:
        def __init__(self):
            self.left = words(5)

        def __iter__(self):
            return self

        def __next__(self):
            return self.left.pop(0)

        def __aiter__(self):
            return self

        async def __anext__(self):
            return self.left.pop(0)

        def close(self):
            order.append(("closed", stream.session.halted))

    class Scorer:
        def review(self, prompt, action):
            order.append(("reviewed", prompt, action))
            return False, None

    def on_halt(session):
        assert session.end_time > 0
        order.append(("on_halt", session.halt_evidence))

    def evidence(text):
        order.append(("evidence", text))
        return "because"

    kernel = kernel_of(kind, on_halt=on_halt)
    given = {"evidence_callback": evidence, "scorer": Scorer(), "top_k": 3, "prompt": " "}
    if kind == "sync":
        stream = kernel.stream(Tokens(), scripted(0.9, 0.2), **given)
        stream.run_to_end()
    else:
        stream = kernel.stream_tokens(Tokens(), scripted(0.9, 0.2), **given)
        asyncio.run(stream.run_to_end())

    assert order == [
        ("closed", True),
        ("evidence", " w0 w1"),
        ("reviewed", " w0 w1", " w0 w1"),
        ("on_halt", "because"),
    ]


@both
def test_the_halting_event_carries_the_evidence(kind):
    chunks = [EvidenceChunk(f"fact {n}", n / 10, "sky") for n in range(5)]

    class Scorer:
        def review(self, prompt, action):
            self.asked = prompt, action
            return False, type("Score", (), {"evidence": chunks})()

    scorer = Scorer()
    ran = run(
        kind,
        words(4),
        scripted(0.9, 0.2),
        evidence_callback=lambda text: f"saw {text}",
        scorer=scorer,
        top_k=2,
        prompt="why?",
    )

    structured = ran.session.halt_evidence_structured
    assert scorer.asked == ("why?", " w0 w1")
    assert isinstance(structured, HaltEvidence)
    assert structured.reason == "hard_limit (0.2000 < 0.5)"
    assert (structured.last_score, structured.evidence_chunks) == (0.2, chunks[:2])
    assert structured.suggested_action
    last = ran.events[-1]
    assert (last.evidence, last.halt_evidence) == ("saw  w0 w1", structured)
    assert ran.session.halt_evidence == "saw  w0 w1"


@both
def test_as_many_chunks_are_kept_as_were_asked_for(kind):
    facts = {f"fact {n}": f"Bees make honey, said witness {n}." for n in range(20)}
    scorer = CoherenceScorer(ground_truth_store=GroundTruthStore.from_mapping(facts))

    ran = run(kind, words(2), scripted(0.2), scorer=scorer, top_k=15, prompt="Who makes honey?")

    assert len(ran.session.halt_evidence_structured.evidence_chunks) == 15


async def awaited(_):
    return None


class Awaited:
    async def __call__(self, _):
        return None


@pytest.mark.parametrize("hook", [awaited, Awaited(), functools.partial(awaited)])
def test_an_async_hook_that_nothing_would_await_is_refused(hook):
    for kernel, name in (
        (StreamingKernel, "on_halt"),
        (HaltMonitor, "on_halt"),
        (StreamingKernel, "on_event"),
        (AsyncStreamingKernel, "on_event"),
    ):
        with pytest.raises(TypeError, match=f"{name} must be a plain function or None"):
            kernel(**{name: hook})
    AsyncStreamingKernel(on_halt=hook)


@both
@pytest.mark.parametrize("name", ["on_event", "evidence_callback"])
def test_an_async_hook_of_one_stream_is_refused_before_it_begins(kind, name):
    kernel, source = kernel_of(kind), Source(words(2))
    begin = kernel.stream if kind == "sync" else kernel.stream_tokens

    with pytest.raises(TypeError, match=f"{name} must be a plain function or None"):
        begin(source, scripted(0.9), **{name: awaited})

    assert source.pulled == 0


@both
@pytest.mark.parametrize("mode", ["hard", "observe"])
def test_evidence_is_asked_for_on_policy_halts_only(kind, mode):
    asked = []
    tokens = words(3)

    run(kind, tokens, scripted(0.9), evidence_callback=asked.append, halt_mode=mode)
    run(kind, tokens, scripted(OSError()), evidence_callback=asked.append, halt_mode=mode)
    assert asked == []

    run(kind, tokens, scripted(0.2), evidence_callback=asked.append, halt_mode=mode)
    assert asked == ([" w0"] if mode == "hard" else [])


@both
def test_on_halt_is_called_on_halts_only(kind):
    halts = []

    run(kind, words(3), scripted(0.9), on_halt=halts.append)
    run(kind, words(3), scripted(0.2), on_halt=halts.append, halt_mode="observe")

    assert halts == []


@both
def test_observers_see_every_event_of_the_kernel_and_of_the_stream(kind):
    of_kernel = []

    ran = run(kind, words(5), scripted(0.9, 0.9, 0.2), on_event=of_kernel.append)

    assert of_kernel == ran.session.events
    assert [each.halted for each in of_kernel] == [False, False, True]


def test_a_stream_may_have_its_own_observer():
    of_kernel, of_stream = [], []

    kernel = StreamingKernel(on_event=of_kernel.append)
    kernel.stream_tokens(words(3), scripted(0.9), on_event=of_stream.append)
    kernel.stream_tokens(words(2), scripted(0.9))

    assert (len(of_kernel), len(of_stream)) == (5, 3)


@both
def test_observing_keeps_the_place_where_a_hard_kernel_would_have_stopped(kind):
    session = run(kind, words(4), scripted(0.9, 0.2, 0.9), halt_mode="observe").session

    assert (session.halted, session.halt_index, session.token_count) == (False, 1, 4)
    assert session.halt_reason == "hard_limit (0.2000 < 0.5)"
    assert session.output == "".join(words(4))


@both
def test_a_source_whose_close_raises_is_noted(kind, caplog):
    class Tokens:
        def __iter__(self):
            return iter(words(3))

        async def __aiter__(self):
            for word in words(3):
                yield word

        def close(self):
            raise OSError("already gone")

    if kind == "sync":
        session = StreamingKernel().stream_tokens(Tokens(), scripted(0.2))
    else:
        session = asyncio.run(kernel_of(kind).stream_to_session(Tokens(), scripted(0.2)))

    assert session.halt_reason == "hard_limit (0.2000 < 0.5)"
    assert session.hook_errors == {"source.close: OSError: already gone": 1}


# -- the record -----------------------------------------------------------------------------


def test_published_fields_come_first_and_additions_are_keyword_only():
    event = TokenEvent("a", 0, 0.9, 1.0, True, True, "evidence", None, {"index": 0})
    session = StreamSession(["a"], [event], [0.9], True, False, 0, "why", None, None, 1.0, 3.0, 1)

    assert (event.debug_info, event.scored) == ({"index": 0}, True)
    assert (session.token_count, session.warning_count, session.duration_ms) == (1, 1, 2000.0)
    with pytest.raises(TypeError):
        TokenEvent("a", 0, 0.9, 1.0, True, True, None, None, None, False)


def test_averages_are_those_of_the_scores():
    session = StreamingKernel().stream_tokens(words(3), scripted(0.9, 0.8, 0.7))

    assert session.avg_coherence == pytest.approx(0.8)
    assert session.min_coherence == 0.7


def test_a_clock_that_is_set_back_gives_no_negative_duration(monkeypatch):
    now = iter(range(1_000_000, 0, -1000))
    monkeypatch.setattr("director_ai.core.runtime.stream_run.time", lambda: float(next(now)))

    session = StreamingKernel().stream_tokens(words(3), scripted(0.9))

    assert session.end_time >= session.start_time
    assert 0 <= session.duration_ms < 60_000
    assert StreamSession(start_time=5.0, end_time=4.0).duration_ms == 0.0


@both
def test_a_final_score_writes_into_the_event_that_was_passed_on(kind):
    scores = scripted(0.9, 0.55)

    ran = run(kind, words(4), scores, score_every_n=5, score_final=True, streaming_debug=True)

    last = ran.events[-1]
    assert ran.session.events[-1] is last
    assert (last.index, last.coherence, last.scored, last.warning) == (3, 0.55, True, True)
    assert ran.session.coherence_history == [0.9, 0.9, 0.9, 0.55]
    assert [shown["scored"] for shown in ran.session.debug_log] == [True, False, False, True]
    assert ran.session.warning_count == 1


@both
def test_a_final_score_that_fails_halts(kind):
    ran = run(kind, words(3), scripted(0.9, OSError()), score_every_n=5, score_final=True)

    assert (ran.reason, ran.session.halt_index) == ("callback_timeout", 2)
    assert ran.session.output == " w0 w1"
    assert ran.events == ran.session.events


@both
def test_a_last_token_that_was_scored_is_not_scored_again(kind):
    calls = []

    run(
        kind,
        words(4),
        lambda text: calls.append(text) or 0.9,
        score_every_n=3,
        score_final=True,
    )

    assert calls == [" w0", " w0 w1 w2 w3"]


# -- check_halt -----------------------------------------------------------------------------


@both
def test_check_halt_judges_by_all_rules_until_it_is_reset(kind):
    kernel = kernel_of(kind, window_size=3, hard_limit=0.1, soft_limit=0.5)

    assert [kernel.check_halt(0.5) for _ in range(3)] == [False, False, True]
    kernel.reset_state()
    assert [kernel.check_halt(0.5) for _ in range(3)] == [False, False, True]


@both
def test_check_halt_halts_on_a_stopped_kernel(kind):
    kernel = kernel_of(kind)
    kernel.emergency_stop()

    assert kernel.check_halt(0.9)


# -- the operator, threads ------------------------------------------------------------------


class Hanging:
    """Yields one token, then waits until it is aborted; not hashable, as a dataclass is not."""

    __hash__ = None

    def __init__(self, then=None):
        self.then = then
        self.waits, self.aborted = threading.Event(), threading.Event()

    def __iter__(self):
        yield " a"
        self.waits.set()
        assert self.aborted.wait(10)
        if self.then is not None:
            raise self.then

    def abort(self):
        self.aborted.set()


@pytest.mark.parametrize("then", [None, ConnectionError("shut")], ids=["ends", "raises"])
def test_an_emergency_stop_ends_a_hanging_source_that_can_be_aborted(then):
    kernel, source, sessions = StreamingKernel(), Hanging(then), []
    thread = threading.Thread(
        target=lambda: sessions.append(kernel.stream_tokens(source, scripted(0.9)))
    )
    thread.start()
    assert source.waits.wait(60)
    started = time.monotonic()

    kernel.emergency_stop()
    thread.join(60)

    assert time.monotonic() - started < 30
    assert sessions[0].halt_reason == "kernel_inactive"
    assert (sessions[0].halt_index, sessions[0].output) == (1, " a")


def test_every_hanging_stream_is_stopped_even_if_one_abort_raises(caplog):
    class Stubborn(Hanging):
        def abort(self):
            super().abort()
            raise OSError("not connected")

    kernel, sources, sessions = StreamingKernel(), [Stubborn(), Hanging(), Stubborn()], []
    threads = [
        threading.Thread(
            target=lambda source=source: sessions.append(
                kernel.stream_tokens(source, scripted(0.9))
            )
        )
        for source in sources
    ]
    for thread, source in zip(threads, sources, strict=True):
        thread.start()
        assert source.waits.wait(60)

    kernel.emergency_stop()
    for thread in threads:
        thread.join(60)

    assert [session.halt_reason for session in sessions] == ["kernel_inactive"] * 3


def test_an_emergency_stop_between_tokens_pulls_no_further_one():
    kernel, source = StreamingKernel(), Source(words(9))
    stream = kernel.stream(iter(source), scripted(0.9))
    next(stream)

    kernel.emergency_stop()

    assert [(event.token, event.halted) for event in stream] == [("", True)]
    assert source.pulled == 1
    assert source.closed
    assert (stream.session.halt_reason, stream.session.halt_index) == ("kernel_inactive", 1)


def test_a_stream_that_was_stopped_stays_stopped_after_reactivation():
    kernel = StreamingKernel()
    stream = kernel.stream(words(9), scripted(0.9))
    next(stream)

    kernel.emergency_stop()
    kernel.reactivate()

    assert [(event.token, event.halted) for event in stream] == [("", True)]
    assert stream.session.halt_reason == "kernel_inactive"
    assert not kernel.stream_tokens(words(3), scripted(0.9)).halted


def test_a_token_that_arrives_after_the_stop_is_kept_and_neither_scored_nor_released():
    kernel = StreamingKernel()
    scored = []

    def tokens():
        yield "a"
        kernel.emergency_stop()
        yield "b"

    stream = kernel.stream(tokens(), lambda text: scored.append(text) or 0.9)
    events = list(stream)

    assert scored == ["a"]
    assert (stream.session.tokens, stream.session.output) == (["a", "b"], "a")
    assert stream.session.halt_reason == "kernel_inactive"
    assert [each.halted for each in events] == [False, True]


def test_one_kernel_serves_many_threads_at_once():
    kernel = StreamingKernel(window_size=5, halt_mode="hard")
    barrier = threading.Barrier(8)
    results = {}

    def serve(number):
        barrier.wait(10)
        bad_from = 20 + number
        for _ in range(10):
            count = iter(range(10_000))
            session = kernel.stream_tokens(
                words(200), lambda text: 0.9 if next(count) < bad_from else 0.1
            )
            results.setdefault(number, set()).add((session.halt_index, session.output))

    threads = [threading.Thread(target=serve, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    # A falling trend of four good scores and a bad one is not seen before the hard limit.
    assert results == {n: {(20 + n, "".join(words(20 + n)))} for n in range(8)}
    assert kernel._switch.n_enlisted == 0
