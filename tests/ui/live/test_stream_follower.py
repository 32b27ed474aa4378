"""Following a stream that another process records."""

from pathlib import Path

import pytest

from director_ai import HaltPolicy, StreamingKernel
from director_ai.errors import UnknownSessionError
from director_ai.storage.recording.live_writer import LiveWriter
from director_ai.storage.recording.recorder import Recorder
from director_ai.storage.store import Store
from director_ai.ui.live.stream_follower import FollowedStream


def test_a_stream_is_followed_to_its_end(tmp_path: Path) -> None:
    policy = HaltPolicy(hard_limit=0.3)
    scores = iter([0.9, 0.8, 0.2])
    kernel = StreamingKernel.from_policy(policy)
    with Recorder(tmp_path / "s.db") as recorder, Store(tmp_path / "s.db") as store:
        stream = kernel.stream([" a", " b", " c"], lambda _: next(scores))
        recorder.record(stream, policy, id="a", prompt="Why?")
        next(stream)
        recorder.flush()
        followed = FollowedStream(store, "a")
        assert (followed.tokens, followed.is_over, followed.lag_s) == ([" a"], False, None)
        assert followed.record.policy == policy

        next(stream)
        recorder.flush()
        followed.poll()
        assert (followed.tokens, followed.scores) == ([" a", " b"], [0.9, 0.8])
        assert followed.lag_s is not None
        assert 0 <= followed.lag_s < 10

        stream.run_to_end()
        recorder.flush()
        followed.poll()
        assert followed.is_over
        assert followed.record == store.get("a")
        assert (followed.tokens, followed.scores) == ([" a", " b", " c"], [0.9, 0.8, 0.2])


def test_a_session_given_up_too_early_is_followed_on(tmp_path: Path) -> None:
    kernel = StreamingKernel()
    with Recorder(tmp_path / "s.db") as recorder, Store(tmp_path / "s.db") as store:
        stream = recorder.record(kernel.stream([" a", " b"], lambda _: 0.9), kernel.policy, id="a")
        next(stream)
        recorder.flush()
        LiveWriter(store).seal_abandoned(-1)
        followed = FollowedStream(store, "a")
        assert followed.is_over

        next(stream)
        recorder.flush()
        followed.poll()

        assert (followed.is_over, followed.tokens) == (False, [" a", " b"])
        stream.close()


def test_a_stream_that_is_not_there_is_said_to_be_so(tmp_path: Path) -> None:
    with Store(tmp_path / "s.db") as store, pytest.raises(UnknownSessionError):
        FollowedStream(store, "a")
