"""The streams being recorded now, on each kind of database."""

from pathlib import Path

import pytest
from sqlalchemy import update

from director_ai import HaltPolicy, StreamingKernel
from director_ai.storage.engine.schema import sessions
from director_ai.storage.live_streams import LINGER_US, live_streams, tokens_from
from director_ai.storage.recording.recorder import Recorder
from director_ai.storage.store import Store
from tests.storage.records import record

SCORES = [0.9, 0.8, 0.7, 0.2]


def recorded(recorder, policy, name, n_tokens):
    scores = iter(SCORES)
    kernel = StreamingKernel.from_policy(policy)
    tokens = [f" t{index}" for index in range(n_tokens)]
    stream = kernel.stream(tokens, lambda _: next(scores))
    return recorder.record(stream, policy, id=name, source=f"of {name}", model="m")


def aged(store: Store, name: str, **columns: int) -> None:
    store.transaction(
        lambda connection: connection.execute(
            update(sessions).where(sessions.c.id == name).values(**columns)
        )
    )


def test_a_stream_is_seen_while_it_goes_on_and_for_a_moment_after(
    store: Store, address: str | Path
) -> None:
    policy = HaltPolicy(hard_limit=0.3)
    store.add([record("old", started_us=1)])
    assert live_streams(store) == []
    with Recorder(address) as recorder:
        going, ending = (recorded(recorder, policy, name, 4) for name in ("going", "ending"))
        next(going), next(going)
        ending.run_to_end()
        recorder.flush()

        seen = {stream.id: stream for stream in live_streams(store)}
        assert list(seen) == ["going", "ending"]
        assert (seen["going"].outcome, seen["going"].scores) == ("recording", (0.9, 0.8))
        assert (seen["going"].policy, seen["going"].source) == (policy, "of going")
        assert (seen["ending"].outcome, seen["ending"].halt_index) == ("halted", 3)
        assert seen["ending"].scores == tuple(SCORES)

        aged(store, "ending", ended_us=seen["ending"].started_us - 2 * LINGER_US)
        assert [stream.id for stream in live_streams(store)] == ["going"]
        going.close()


def test_only_the_newest_scores_are_read(store: Store, address: str | Path) -> None:
    with Recorder(address) as recorder:
        going = recorded(recorder, HaltPolicy(halt_mode="observe"), "going", 4)
        ending = recorded(recorder, HaltPolicy(halt_mode="observe"), "ending", 4)
        next(going), next(going), next(going)
        ending.run_to_end()
        recorder.flush()

        found = live_streams(store, n_last=2)
        assert [(stream.first, stream.scores) for stream in found] == [
            (1, (0.8, 0.7)),
            (2, (0.7, 0.2)),
        ]
        assert [stream.n_tokens for stream in found] == [3, 4]
        going.close()


def test_a_recorder_that_fell_silent_is_not_live(store: Store, address: str | Path) -> None:
    with Recorder(address, flush_s=60) as recorder:
        going = recorded(recorder, HaltPolicy(), "going", 4)
        next(going)
        recorder.flush()
        aged(store, "going", changed_us=1)

        assert live_streams(store) == []
        going.close()


def test_tokens_are_read_from_where_one_left_off(store: Store, address: str | Path) -> None:
    with Recorder(address) as recorder:
        going = recorded(recorder, HaltPolicy(), "going", 4)
        next(going), next(going)
        recorder.flush()
        assert [token.text for token in tokens_from(store, "going", 0)] == [" t0", " t1"]
        next(going)
        recorder.flush()

        (token,) = tokens_from(store, "going", 2)
        assert (token.position, token.text, token.score) == (2, " t2", 0.7)
        assert tokens_from(store, "going", 3) == tokens_from(store, "other", 0) == []
        going.close()


@pytest.mark.parametrize("n_tokens", [0, 1])
def test_a_stream_without_scores_is_there_all_the_same(
    store: Store, address: str | Path, n_tokens: int
) -> None:
    def fail(text: str) -> float:
        raise OSError("no scorer")

    kernel = StreamingKernel(on_fault="halt")
    with Recorder(address) as recorder:
        stream = kernel.stream([" t0"][:n_tokens], fail)
        recorder.record(stream, kernel.policy, id="a").run_to_end()
        recorder.flush()

        (found,) = live_streams(store)
        assert (found.n_tokens, found.first, found.scores) == (n_tokens, 0, ())
