"""A run on the Live page: the real kernel, and a thread only while it plays."""

import threading
import time
from dataclasses import replace

import pytest

from director_ai import HaltPolicy, StreamingKernel
from director_ai.core.records.record import Annotation
from director_ai.ui.live import playback
from director_ai.ui.live.playback import LiveRun, LiveSource
from director_ai.ui.live.player import record_of

SCORES = [0.9] * 20 + [0.3] + [0.9] * 5
TOKENS = tuple(f" t{index}" for index in range(len(SCORES)))


def scripted():
    remaining = iter(SCORES)
    return lambda text: next(remaining)


def source():
    return LiveSource(id="test", title="Test", tokens=TOKENS, score=scripted)


def a_run(policy=None, **options):
    run = LiveRun(source(), policy or HaltPolicy(), **options)
    run.set_speed(1000)
    return run


def live_threads():
    return [thread for thread in threading.enumerate() if thread.name == "director-live"]


def wait_until(condition, seconds=5.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.fixture(autouse=True)
def no_thread_is_left():
    yield
    wait_until(lambda: not live_threads())


def test_a_run_played_to_its_end_is_what_the_kernel_makes_of_the_stream():
    expected = StreamingKernel().stream_tokens(TOKENS, scripted())
    run = a_run()

    run.play()
    wait_until(lambda: run.snapshot().ended)

    assert run.session.tokens == expected.tokens
    assert run.session.coherence_history == expected.coherence_history
    assert run.session.halt_reason == expected.halt_reason
    assert len(run.session.debug_log) == len(expected.tokens)


def test_a_paused_run_has_no_thread_and_goes_on_where_it_was():
    run = a_run()
    run.set_speed(5)
    run.play()
    wait_until(lambda: len(run.snapshot().tokens) >= 2)

    run.pause()
    seen = len(run.snapshot().tokens)

    assert not live_threads()
    assert not run.running
    run.set_speed(1000)
    run.play()
    wait_until(lambda: run.snapshot().ended)
    assert run.session.tokens == list(TOKENS[:21])
    assert seen < 21


def test_a_step_judges_one_token():
    run = a_run()

    run.step()
    run.step()

    assert run.snapshot().tokens == [" t0", " t1"]


def test_a_run_nobody_looks_at_pauses_by_itself(monkeypatch):
    monkeypatch.setattr(playback, "LEASE_S", 0.05)
    run = a_run()
    run.set_speed(5)

    run.play()
    wait_until(lambda: not live_threads())

    snapshot = run.snapshot()
    assert not snapshot.playing
    assert not snapshot.ended


def test_a_stopped_run_ends_its_session():
    run = a_run()
    run.step()

    run.stop()

    assert run.snapshot().ended
    assert run.session.halt_reason == "cancelled"
    run.play()
    assert not run.running


def test_a_run_that_ended_is_kept_with_what_is_known_of_its_answer():
    known = (Annotation("bad", 20, author="Someone"),)
    answer = replace(source(), annotations=known, group="tests")
    run = LiveRun(answer, HaltPolicy(), ahead=len(TOKENS))

    record = record_of(run)

    assert (record.id, record.source, record.group) == (run.record_id, "Test", "tests")
    assert record.annotations == known
    assert record.onset == answer.onset == 20
    assert record.tokens == TOKENS[:21]


def test_a_run_can_start_where_an_earlier_one_had_come_to():
    run = a_run(HaltPolicy(hard_limit=0.2, window_threshold=0.2, trend_threshold=1.5), ahead=21)

    assert len(run.snapshot().tokens) == 21
    assert not run.snapshot().ended


def test_a_snapshot_taken_while_playing_is_consistent():
    run = a_run()
    run.play()
    while not run.snapshot().ended:
        snapshot = run.snapshot()
        assert len(snapshot.scores) == len(snapshot.held) <= len(snapshot.tokens)


def test_a_hundred_starts_and_stops_leave_no_thread():
    before = threading.active_count()

    for _ in range(100):
        run = a_run()
        run.play()
        run.stop()

    assert threading.active_count() == before
