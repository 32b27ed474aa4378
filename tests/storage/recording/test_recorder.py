"""What a recorder promises: what was sent is what is stored, and production never notices."""

import asyncio
import gc
import logging
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from director_ai import (
    AsyncStreamingKernel,
    CoherenceScorer,
    GroundTruthStore,
    HaltPolicy,
    ReleasedStream,
    ReleasePolicy,
    ScorerIdentity,
    StreamingKernel,
    StreamSession,
)
from director_ai.core.halting.reason import Alarm, HaltReason
from director_ai.core.records.record import SessionRecord, without_text
from director_ai.core.scoring.types import CoherenceScore, EvidenceChunk, SentenceVerdict
from director_ai.errors import InvalidRecordError, StoreError
from director_ai.scorers.sentence_scorer import SentenceScorer
from director_ai.storage.maintenance import examine
from director_ai.storage.recording.recorder import Recorder
from director_ai.storage.recording.session_buffer import SessionBuffer
from director_ai.storage.store import Store
from director_ai.storage.summary import SessionQuery
from tests.scorers.models import Gated
from tests.storage.open_files import DESCRIPTORS, n_open

ROOT = Path(__file__).parents[3]
GOOD, FALLING = [0.9, 0.8, 0.9, 0.7], [0.9, 0.8, 0.2, 0.9]
CONTEXT: dict[str, Any] = {
    "prompt": "Why?",
    "model": "m1",
    "group": "g",
    "tags": ("x", "y"),
    "source": "test",
}


def n_alive(kind: type) -> int:
    """Return how many there are in this process, those that other tests left behind included."""
    gc.collect()
    # Not isinstance: it would wake every lazy module of the process.
    return sum(type(thing) is kind for thing in gc.get_objects())


def words(n: int) -> list[str]:
    return [f" t{index}" for index in range(n)]


def scorer(scores: list[float]) -> Callable[[str], float]:
    given = iter(scores)
    return lambda _: next(given)


async def later(tokens: list[str], pause_s: float = 0.0) -> AsyncIterator[str]:
    for token in tokens:
        await asyncio.sleep(pause_s)
        yield token


def sent(session: StreamSession, policy: HaltPolicy, id: str = "a") -> SessionRecord:
    return SessionRecord.from_session(session, policy, id=id, **CONTEXT)


class Librarian:
    """A scorer whose review finds one fact."""

    def review(self, prompt: str, action: str) -> tuple[bool, CoherenceScore]:
        fact = EvidenceChunk("The sky is blue.", 0.25, "facts")
        return False, CoherenceScore(0.2, False, 0.8, 0.8, [fact])


POLICIES = {
    "hard": HaltPolicy(),
    "observe": HaltPolicy(halt_mode="observe"),
    "soft": HaltPolicy(halt_mode="soft", window_size=2, window_threshold=0.85, hard_limit=0.1),
    "sparse": HaltPolicy(score_every_n=3, score_final=True),
}


@pytest.mark.parametrize("mode", POLICIES)
@pytest.mark.parametrize("scores", [GOOD, FALLING, [], [0.9, float("nan")]], ids=str)
def test_what_was_sent_is_what_is_stored(tmp_path: Path, mode: str, scores: list[float]) -> None:
    policy = POLICIES[mode]
    kernel = StreamingKernel.from_policy(policy, on_fault="halt")
    tokens = ["The", " sky\x00", " is\ud83d.", " blue"][: len(scores)]

    with Recorder(tmp_path / "s.db") as recorder:
        stream = kernel.stream(tokens, scorer(scores), lambda text: f"why {text}", Librarian())
        session = recorder.record(stream, policy, id="a", **CONTEXT).run_to_end()

    with Store(tmp_path / "s.db") as store:
        assert store.get("a") == sent(session, policy)


@pytest.mark.slow
@pytest.mark.parametrize("mode", POLICIES)
@pytest.mark.parametrize("scores", [GOOD, FALLING], ids=str)
def test_the_async_kernel_is_recorded_alike(tmp_path: Path, mode: str, scores: list[float]) -> None:
    policy = POLICIES[mode]
    kernel = AsyncStreamingKernel(**policy.to_dict())

    async def run() -> StreamSession:
        stream = kernel.stream_tokens(later(words(len(scores))), scorer(scores))
        return await recorder.record(stream, policy, id="a", **CONTEXT).run_to_end()

    with Recorder(tmp_path / "s.db") as recorder:
        session = asyncio.run(run())

    with Store(tmp_path / "s.db") as store:
        assert store.get("a") == sent(session, policy)


def test_the_events_passed_on_are_those_of_the_stream(tmp_path: Path) -> None:
    kernel = StreamingKernel()

    with Recorder(tmp_path / "s.db") as recorder:
        stream = recorder.record(kernel.stream(words(4), scorer(FALLING)), kernel.policy)
        events = list(stream)

    assert events == stream.session.events
    assert [event.token for event in events] == words(3)


def test_a_session_can_be_watched_before_it_ends(address: str | Path) -> None:
    kernel = StreamingKernel()
    with Recorder(address, flush_s=0.01) as recorder, Store(address) as store:
        stream = recorder.record(kernel.stream(words(4), scorer(GOOD)), kernel.policy, id="a")
        next(stream), next(stream)
        recorder.flush()

        seen = store.get("a")
        summary = store.summary("a")
        assert (seen.tokens, seen.scores, summary.outcome) == (
            (" t0", " t1"),
            (0.9, 0.8),
            "recording",
        )
        assert (summary.n_tokens, summary.lowest, summary.excerpt) == (2, 0.8, " t0 t1")


def test_an_exception_comes_through_unchanged_and_is_recorded(tmp_path: Path) -> None:
    kernel, wrong = StreamingKernel(), KeyError("no score")

    def fail(text: str) -> float:
        if "t1" in text:
            raise wrong
        return 0.9

    with Recorder(tmp_path / "s.db") as recorder:
        stream = recorder.record(kernel.stream(words(3), fail), kernel.policy, id="a", **CONTEXT)
        with pytest.raises(KeyError) as caught:
            stream.run_to_end()

    assert caught.value is wrong
    with Store(tmp_path / "s.db") as store:
        assert store.get("a") == sent(stream.session, kernel.policy)
        assert store.get("a").ended_by == "fault"


@pytest.mark.slow
@pytest.mark.parametrize("way", ["close", "drop", "unstarted"])
def test_a_stream_left_early_ends_as_cancelled(tmp_path: Path, way: str) -> None:
    kernel = StreamingKernel()

    with Recorder(tmp_path / "s.db") as recorder:
        stream = recorder.record(
            kernel.stream(words(4), scorer(GOOD)), kernel.policy, id="a", **CONTEXT
        )
        session = stream.session
        if way != "unstarted":
            next(stream)
        if way != "drop":
            stream.close()
        del stream

    with Store(tmp_path / "s.db") as store:
        assert store.get("a") == sent(session, kernel.policy)
        assert store.get("a").ended_by == "operator"


def test_a_stream_nobody_starts_leaves_nothing(tmp_path: Path) -> None:
    kernel = StreamingKernel()

    with Recorder(tmp_path / "s.db") as recorder:
        recorder.record(kernel.stream(words(4), scorer(GOOD)), kernel.policy)

    with Store(tmp_path / "s.db") as store:
        assert store.count() == 0


@pytest.mark.parametrize("where", ["in the stream", "in the consumer"])
def test_a_cancelled_task_ends_its_session(tmp_path: Path, where: str) -> None:
    kernel = AsyncStreamingKernel()
    sessions = []

    async def consume() -> None:
        tokens = later(words(50), 30.0 if where == "in the stream" else 0.0)
        stream = recorder.record(
            kernel.stream_tokens(tokens, lambda _: 0.9), kernel.policy, id="a", **CONTEXT
        )
        sessions.append(stream.session)
        async for _ in stream:
            await asyncio.sleep(30)

    async def run() -> None:
        task = asyncio.create_task(consume())
        await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    with Recorder(tmp_path / "s.db") as recorder:
        asyncio.run(run())

    with Store(tmp_path / "s.db") as store:
        assert store.get("a") == sent(sessions[0], kernel.policy)
        assert store.get("a").ended_by == "operator"


def test_text_that_is_not_kept_never_reaches_the_file(tmp_path: Path) -> None:
    kernel = StreamingKernel()

    with Recorder(tmp_path / "s.db", keep_text=False) as recorder:
        stream = kernel.stream(
            [" CANARY", " CANARY.", " CANARY"], scorer(FALLING), lambda text: text, Librarian()
        )
        context = {**CONTEXT, "prompt": "CANARY?"}
        session = recorder.record(stream, kernel.policy, id="a", **context).run_to_end()
        recorder.flush()
        files = b"".join(path.read_bytes() for path in tmp_path.iterdir())

    assert b"CANARY" not in files
    with Store(tmp_path / "s.db") as store:
        assert store.get("a") == without_text(
            replace(sent(session, kernel.policy), prompt="CANARY?")
        )


def test_a_shadow_policy_tells_where_it_would_have_halted(tmp_path: Path) -> None:
    policy, shadow = HaltPolicy(hard_limit=0.1, window_size=50), HaltPolicy(hard_limit=0.75)
    kernel = StreamingKernel.from_policy(policy)

    with Recorder(tmp_path / "s.db", shadow=shadow) as recorder:
        for name, scores in (("halts", GOOD), ("passes", [0.9, 0.8])):
            stream = kernel.stream(words(len(scores)), scorer(scores))
            recorder.record(stream, policy, id=name).run_to_end()

    alarm = Alarm("hard_limit", 3, 0.7, 0.75)
    with Store(tmp_path / "s.db") as store:
        assert store.get("halts").shadow_halt == HaltReason.from_alarms((alarm,))
        assert store.get("halts").shadow_policy == shadow
        assert store.get("passes").shadow_halt is None
        assert store.ids(SessionQuery(shadow_halted=True)) == ["halts"]


def test_a_blocked_store_costs_tokens_but_no_time(tmp_path: Path) -> None:
    file = tmp_path / "s.db"
    policy = HaltPolicy(halt_mode="observe")
    kernel = StreamingKernel.from_policy(policy)
    with Store(file):
        pass
    blocker = sqlite3.connect(file, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    with Recorder(file, max_pending=1000, flush_s=0.01) as recorder:
        stream = recorder.record(kernel.stream(words(5000), lambda _: 0.9), policy, id="a")
        session = stream.run_to_end()

        blocked = recorder.stats
        blocker.execute("ROLLBACK")
        assert recorder.flush()
        stats = recorder.stats

    blocker.close()
    # The store was blocked for all of it.
    assert (len(session.tokens), blocked.n_dropped, blocked.n_tokens) == (5000, 4000, 0)
    assert blocked.n_pending == 1001
    assert blocked.lag_s > stats.lag_s == 0
    assert (stats.n_tokens, stats.n_dropped, stats.n_pending) == (1000, 4000, 0)
    with Store(file) as store:
        kept = store.get("a")
        assert kept.tokens == tuple(words(1000))
        assert (kept.ended_by, kept.halt) == ("abandoned", None)
        assert store.summary("a").n_dropped == 4000


@pytest.mark.slow
def test_a_store_that_is_away_all_night_does_not_fill_the_memory(tmp_path: Path) -> None:
    file = tmp_path / "s.db"
    kernel = StreamingKernel()
    with Store(file):
        pass
    blocker = sqlite3.connect(file, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    before = n_alive(StreamSession)
    with Recorder(file, max_pending=20, flush_s=0.01) as recorder:
        for number in range(300):
            stream = kernel.stream(words(10), lambda _: 0.9)
            recorder.record(stream, kernel.policy, id=f"{number:03}").run_to_end()
        del stream

        kept = n_alive(StreamSession) - before
        blocked = recorder.stats
        blocker.execute("ROLLBACK")
        assert recorder.flush()
        stats = recorder.stats
        after = recorder.record(kernel.stream(words(3), lambda _: 0.9), kernel.policy, id="after")
        after.run_to_end()

    blocker.close()
    assert kept <= 0
    assert blocked.n_pending <= 20 + 100
    assert stats.n_tokens + stats.n_dropped == 3000
    with Store(file) as store:
        assert len(store.ids()) == 100 + 1
        assert store.get("after").tokens == tuple(words(3))


@pytest.mark.slow
def test_a_lock_that_is_let_go_costs_nothing(tmp_path: Path) -> None:
    file = tmp_path / "s.db"
    kernel = StreamingKernel()
    with Store(file):
        pass
    blocker = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    blocker.execute("BEGIN IMMEDIATE")
    threading.Timer(0.4, lambda: blocker.execute("ROLLBACK")).start()

    with Recorder(file, flush_s=0.01) as recorder:
        stream = recorder.record(kernel.stream(words(300), lambda _: 0.9), kernel.policy, id="a")
        session = stream.run_to_end()

    blocker.close()
    with Store(file) as store:
        assert list(store.get("a").tokens) == session.tokens


def test_a_session_of_a_name_that_is_taken_is_left_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    kernel = StreamingKernel()

    with Recorder(tmp_path / "s.db") as recorder:
        first = recorder.record(kernel.stream(words(2), scorer(GOOD)), kernel.policy, id="a")
        first.run_to_end()
        recorder.flush()
        recorder.record(kernel.stream(words(3), scorer(GOOD)), kernel.policy, id="a").run_to_end()
        recorder.record(kernel.stream(words(4), scorer(GOOD)), kernel.policy, id="b").run_to_end()
        recorder.flush()
        stats = recorder.stats

    with Store(tmp_path / "s.db") as store:
        assert [len(store.get(name).tokens) for name in ("a", "b")] == [2, 4]
    assert (stats.n_sessions, stats.n_tokens, stats.n_dropped) == (2, 6, 3)
    assert "another session of this id is there" in caplog.text


def test_a_session_that_cannot_be_written_does_not_hold_up_the_others(tmp_path: Path) -> None:
    class Vague:
        def review(self, prompt: str, action: str) -> tuple[bool, Any]:
            return False, type("Score", (), {"evidence": [object()]})

    kernel = StreamingKernel()
    with Recorder(tmp_path / "s.db") as recorder:
        for name, reviewer in (("odd", Vague()), ("even", Librarian())):
            stream = kernel.stream(words(4), scorer(FALLING), scorer=reviewer)
            recorder.record(stream, kernel.policy, id=name).run_to_end()

    with Store(tmp_path / "s.db") as store:
        assert store.get("even").ended_by == "halted"
        assert "odd" not in store.ids(SessionQuery(outcomes=("recording",)))


def test_a_deleted_session_is_recorded_no_further(tmp_path: Path) -> None:
    kernel = StreamingKernel()
    with Recorder(tmp_path / "s.db") as recorder, Store(tmp_path / "s.db") as store:
        stream = recorder.record(kernel.stream(words(4), scorer(GOOD)), kernel.policy, id="a")
        next(stream)
        recorder.flush()

        store.delete(["a"])
        stream.run_to_end()
        recorder.flush()

        assert (store.count(), recorder.stats.n_dropped) == (0, 3)


def test_closing_ends_the_sessions_that_go_on(tmp_path: Path) -> None:
    kernel = StreamingKernel()
    recorder = Recorder(tmp_path / "s.db")
    stream = recorder.record(kernel.stream(words(4), scorer(GOOD)), kernel.policy, id="a")
    next(stream)

    assert recorder.close()

    assert len(stream.run_to_end().tokens) == 4
    with Store(tmp_path / "s.db") as store:
        assert (store.get("a").tokens, store.get("a").ended_by) == ((" t0",), "abandoned")


@pytest.mark.slow
def test_closing_a_recorder_whose_store_is_blocked_gives_up_in_time(tmp_path: Path) -> None:
    file = tmp_path / "s.db"
    kernel = StreamingKernel()
    with Store(file):
        pass
    blocker = sqlite3.connect(file, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    recorder = Recorder(file)
    recorder.record(kernel.stream(words(4), scorer(GOOD)), kernel.policy).run_to_end()

    assert not recorder.close(0.3)

    # It did not wait for the thread that the store keeps waiting.
    assert recorder._flush_thread.thread.is_alive()
    blocker.close()
    recorder._flush_thread.thread.join()
    if DESCRIPTORS.is_dir():
        assert n_open(file) == 0


@pytest.mark.slow
def test_a_silent_session_shows_that_its_recorder_is_alive(tmp_path: Path) -> None:
    kernel = StreamingKernel()
    with Recorder(tmp_path / "s.db", flush_s=0.05) as recorder, Store(tmp_path / "s.db") as store:
        stream = recorder.record(kernel.stream(words(4), scorer(GOOD)), kernel.policy, id="a")
        next(stream)
        recorder.flush()
        before = now = store.summary("a").changed_us
        deadline = time.monotonic() + 60.0

        while now == before and time.monotonic() < deadline:
            time.sleep(0.05)
            now = store.summary("a").changed_us

        # About once a second, and not with every flush, which here are twenty a second; what was
        # written late on a busy machine makes the next one look early.
        assert now - before > 0.2e6


@pytest.mark.slow
def test_a_recorder_that_is_not_closed_writes_all_before_the_interpreter_ends(
    tmp_path: Path,
) -> None:
    script = f"""
        from director_ai import StreamingKernel
        from director_ai.storage.recording.recorder import Recorder
        kernel = StreamingKernel()
        recorder = Recorder({str(tmp_path / "s.db")!r}, flush_s=60)
        stream = kernel.stream(["a", "b"], lambda _: 0.9)
        recorder.record(stream, kernel.policy, id="a").run_to_end()
    """

    subprocess.run([sys.executable, "-c", textwrap.dedent(script)], cwd=ROOT, check=True)

    with Store(tmp_path / "s.db") as store:
        assert store.get("a").ended_by == "completed"


@pytest.mark.slow
def test_a_store_that_fails_is_logged_once_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "s.db").write_text("this is no database, and long enough to be read as one" * 20)
    kernel = StreamingKernel()
    recorder = Recorder(tmp_path / "s.db")

    with caplog.at_level(logging.WARNING):
        session = recorder.record(kernel.stream(words(4), scorer(GOOD)), kernel.policy).run_to_end()
        # Each makes it try again.
        assert not any(recorder.flush(0.3) for _ in range(3))

    assert len(session.tokens) == 4
    assert len(caplog.records) == 1
    assert "file is not a database" in (recorder.stats.last_error or "")
    recorder.close(0.1)


def test_many_streams_at_once_are_kept_apart(tmp_path: Path) -> None:
    kernel = StreamingKernel()
    sessions: dict[str, StreamSession] = {}

    def stream(id: str) -> None:
        for number in range(5):
            name = f"{id}-{number}"
            tokens = (f" {name}/{index}" for index in range(40))
            recorded = recorder.record(
                kernel.stream(tokens, lambda _: 0.9), kernel.policy, id=name, **CONTEXT
            )
            sessions[name] = recorded.run_to_end()

    with Recorder(tmp_path / "s.db", flush_s=0.01) as recorder:
        threads = [threading.Thread(target=stream, args=(f"s{n}",)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    with Store(tmp_path / "s.db") as store:
        for name, session in sessions.items():
            assert store.get(name) == sent(session, kernel.policy, name)


def test_what_is_wrong_with_the_arguments_is_said_at_once(tmp_path: Path) -> None:
    kernel = StreamingKernel()
    with pytest.raises(StoreError):
        Recorder("mysql://host/name")
    with pytest.raises(ValueError):
        Recorder(tmp_path / "s.db", max_pending=0)
    with Recorder(tmp_path / "s.db") as recorder, pytest.raises(InvalidRecordError):
        recorder.record(kernel.stream([], scorer([])), kernel.policy, prompt=None)  # type: ignore[arg-type]


@pytest.mark.slow
def test_a_finished_session_is_let_go(tmp_path: Path) -> None:
    kernel = StreamingKernel()
    before = n_alive(SessionBuffer)
    with Recorder(tmp_path / "s.db") as recorder:
        recorder.record(kernel.stream(words(4), scorer(GOOD)), kernel.policy).run_to_end()
        recorder.flush()

        assert not recorder._pending.open
        assert n_alive(SessionBuffer) <= before


def test_recording_runs_nothing_on_the_token_path(tmp_path: Path) -> None:
    kernel = StreamingKernel()
    called = []

    def profile(frame: FrameType, event: str, argument: object) -> None:
        called.append(frame.f_globals.get("__name__", ""))

    with Recorder(tmp_path / "s.db") as recorder:
        stream = recorder.record(kernel.stream(words(100), lambda _: 0.9), kernel.policy)
        next(stream)
        # Of this thread alone.
        sys.setprofile(profile)
        for _ in range(98):
            next(stream)
        sys.setprofile(None)
        stream.close()

    assert "director_ai.core.halting.machine" in called
    assert not [name for name in called if name.startswith("director_ai.storage")]


def test_a_stream_under_way_can_still_be_recorded_and_a_finished_one_too(tmp_path: Path) -> None:
    kernel = StreamingKernel()
    with Recorder(tmp_path / "s.db") as recorder:
        going, over = (kernel.stream(words(4), scorer(GOOD)) for _ in range(2))
        next(going)
        over.run_to_end()
        for stream, name in ((going, "going"), (over, "over")):
            recorder.record(stream, kernel.policy, id=name)
        going.run_to_end()

    with Store(tmp_path / "s.db") as store:
        for stream, name in ((going, "going"), (over, "over")):
            assert list(store.get(name).tokens) == stream.session.tokens
            assert store.get(name).ended_by == "completed"


def test_a_session_names_its_scorer_the_callback_s_own_first(tmp_path: Path) -> None:
    kernel, own = StreamingKernel(), ScorerIdentity("tiny", "1", "onnx")

    def judged(text: str) -> float:
        return 0.9

    judged.scorer_identity = own  # type: ignore[attr-defined]
    with Recorder(tmp_path / "s.db", scorer="logprob:exp") as recorder:
        for name, callback, scorer in (
            ("own", judged, None),
            ("recorder", scorer_of_nobody, None),
            ("stream", scorer_of_nobody, "mine@3"),
        ):
            stream = kernel.stream(words(2), callback)
            recorder.record(stream, kernel.policy, id=name, scorer=scorer).run_to_end()

    with Store(tmp_path / "s.db") as store:
        kept = {name: str(store.get(name).scorer) for name in ("own", "recorder", "stream")}
        assert kept == {"own": str(own), "recorder": "logprob:exp", "stream": "mine@3"}


def scorer_of_nobody(text: str) -> float:
    return 0.9


def test_counts_of_a_release_are_kept_whenever_it_was_put_around_the_stream(tmp_path: Path) -> None:
    kernel, release = StreamingKernel(), ReleasePolicy(1, at_halt="nothing", replacement="–")
    with Recorder(tmp_path / "s.db") as recorder:
        for name in ("before", "after"):
            stream = kernel.stream(words(4), scorer(FALLING))
            released = ReleasedStream(stream, release) if name == "before" else None
            recorder.record(stream, kernel.policy, id=name)
            list(released or ReleasedStream(stream, release))
        recorder.record(
            kernel.stream(words(2), scorer(GOOD)), kernel.policy, id="none"
        ).run_to_end()

    with Store(tmp_path / "s.db") as store:
        before, after, none = (store.get(name) for name in ("before", "after", "none"))
        assert examine(store).ok
    assert before.release == after.release == release
    counts = (before.n_released, before.n_kept, before.n_early)
    assert counts == (after.n_released, after.n_kept, after.n_early)
    assert counts == (before.halt_index - 1, 0, 0)
    assert (none.release, none.n_released, none.n_kept, none.n_early) == (None,) * 4


def test_a_judged_session_is_kept_with_its_verdicts_and_its_last_score(tmp_path: Path) -> None:
    model, kernel = Gated({"It sings.": 0.1}), StreamingKernel(halt_mode="observe")
    with Recorder(tmp_path / "s.db") as recorder:

        def tokens() -> Iterator[str]:
            yield "It"
            yield " sings."
            assert recorder.flush()
            model.may_answer.set()

        scorer = SentenceScorer(lambda text: 0.7, model, lambda sentence: "facts")
        stream = recorder.record(kernel.stream(tokens(), scorer), kernel.policy, id="a")
        session = stream.run_to_end()

    with Store(tmp_path / "s.db") as store:
        kept = store.get("a")
        assert examine(store).ok
    assert kept.scores == tuple(session.coherence_history) == (0.7, 0.1)
    assert kept.verdicts == (SentenceVerdict(0, 9, 0.1, at=9),)


def test_a_halt_whose_facts_share_no_word_says_that_nothing_was_retrieved(tmp_path: Path) -> None:
    facts = GroundTruthStore.from_mapping({"opera": "Verdi composed Aida for Cairo."})
    reviewer, kernel = CoherenceScorer(ground_truth_store=facts), StreamingKernel()
    with Recorder(tmp_path / "s.db") as recorder:
        stream = kernel.stream(
            words(4), scorer(FALLING), scorer=reviewer, prompt="How long do bees live?"
        )
        session = recorder.record(stream, kernel.policy, id="a").run_to_end()

    with Store(tmp_path / "s.db") as store:
        assert store.get("a").evidence_note == "nothing retrieved"
        assert store.get("a").evidence == ()
    record = SessionRecord.from_session(
        session, kernel.policy, id="a", source="", model="", prompt=""
    )
    assert record.evidence_note == "nothing retrieved"
