"""The leak frontier and the waits are what real streams, released one by one, come to."""

import random
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from director_ai import HaltPolicy, Released, ReleasedStream, ReleasePolicy, StreamingKernel
from director_ai.core.halting.release_gate import ReleaseGate
from director_ai.core.halting.sentence import sentence_ends
from director_ai.core.records.stored_curve import HeadTimes
from director_ai.replay.crossings import NEVER
from director_ai.replay.curves import Curves
from director_ai.replay.engine import Replay
from director_ai.tuning.evaluation.evaluation import evaluate
from director_ai.tuning.evaluation.leak_frontier import leak_frontier
from director_ai.tuning.evaluation.waits import (
    N_TIMES,
    assumed_times,
    recorded_times,
    share_later,
    waits,
)
from director_ai.tuning.labelled import BAD, GOOD, LabelledCurves
from tests.core.kernels import scripted

HOLDS = np.array([0, 1, 2, 5, 8, 13, 64])
RELEASES = [
    ReleasePolicy(when=when, unit=unit)  # type: ignore[arg-type]
    for unit in ("token", "sentence", "answer")
    for when in ("always", "warned")
]


def archive(seed: int, n_sessions: int) -> tuple[LabelledCurves, list[list[str]], HaltPolicy]:
    """Return random sessions, their tokens and limits; half of the sessions go wrong."""
    draw = random.Random(seed)
    texts, scores, labels, onsets = [], [], [], []
    for _ in range(n_sessions):
        n = draw.choice([1, 4, 20, 60, 90])
        end = draw.choice([0.0, 0.1, 0.4])
        texts.append(
            [draw.choice([".", " d.", '"']) if draw.random() < end else " a" for _ in range(n)]
        )
        level = draw.choice([0.9, 0.72, 0.68, 0.62])
        values = [min(1.0, max(0.0, draw.gauss(level, 0.06))) for _ in range(n)]
        onset = draw.choice([NEVER, draw.randrange(n), n + 3])
        labels.append(draw.choice([GOOD, BAD]))
        onsets.append(onset if labels[-1] == BAD else NEVER)
        if labels[-1] == BAD and onset < n:
            values[onset:] = [
                max(0.0, value - 0.015 * late) for late, value in enumerate(values[onset:])
            ]
        scores.append(values)
    data = LabelledCurves.from_scores(scores, labels=labels, onsets=onsets)
    ends = [end for text in texts for end in sentence_ends(text)]
    curves = replace(data.curves, sentence_ends=np.array(ends, bool))
    policy = HaltPolicy(
        hard_limit=draw.choice([0.3, 0.5]),
        window_size=4,
        window_threshold=draw.choice([0.0, 0.55, 0.6]),
        trend_threshold=draw.choice([0.2, 1.5]),
        trend_window=3,
        halt_mode=draw.choice(["hard", "hard", "soft", "observe"]),
    )
    return replace(data, curves=curves), texts, policy


def released_by(
    tokens: list[str], scores: Any, policy: HaltPolicy, release: ReleasePolicy
) -> tuple[int, int]:
    """Return the tokens a real stream releases, and those that had come with its first text."""
    stream = StreamingKernel.from_policy(policy).stream(tokens, scripted(*map(float, scores)))
    n_come = None
    for event in ReleasedStream(stream, release):
        if isinstance(event, Released) and n_come is None:
            n_come = len(stream.session.events)
            is_last = event.end == len(stream.session.output) and stream.session.elapsed_s
            n_come = len(tokens) + 1 if is_last else n_come
    assert stream.session.n_released is not None
    return stream.session.n_released, n_come or len(tokens) + 1


def check_frontier(seed: int, n_sessions: int) -> None:
    data, texts, policy = archive(seed, n_sessions)
    outcomes = Replay(data, window_size=4, trend_window=3).outcomes(policy)
    known = np.flatnonzero(data.bad & (data.onsets != NEVER))
    for release in RELEASES:
        found = leak_frontier(data, outcomes, policy, release, HOLDS)
        n_seen = np.array(
            [
                [
                    released_by(
                        texts[row], data.curves.session(row), policy, replace(release, hold_back=k)
                    )[0]
                    for row in range(n_sessions)
                ]
                for k in HOLDS.tolist()
            ]
        )
        leaked = np.maximum(0, n_seen[:, known] - data.onsets[known])
        assert found.leaked.tolist() == leaked.tolist(), (seed, release)
        false = np.flatnonzero(data.good & outcomes.halts & (policy.halt_mode != "observe"))
        if policy.halt_mode != "soft" and len(false):
            lost = outcomes.trigger[false] - n_seen[:, false]
            assert found.lost == pytest.approx(lost.mean(axis=1))
        # Nothing is gained by waiting for less, and what no hold helps stays.
        assert (np.diff(found.leaked, axis=0) <= 0).all()
        assert found.n_no_onset == (data.bad & (data.onsets == NEVER)).sum()


def test_sessions_of_a_larger_archive_leak_what_they_leak_alone() -> None:
    whole, _, policy = archive(3, 40)
    policy = replace(policy, halt_mode="hard")
    some = whole.view(np.arange(39, 5, -2))
    alone = replace(some, curves=some.curves.packed())
    outcomes = Replay(alone, window_size=4, trend_window=3).outcomes(policy)

    for release in RELEASES:
        found, expected = (
            leak_frontier(each, outcomes, policy, release, HOLDS) for each in (some, alone)
        )

        assert found.leaked.tolist() == expected.leaked.tolist(), release
        assert found.lost.tolist() == pytest.approx(expected.lost.tolist(), nan_ok=True), release


def check_waits(seed: int, n_sessions: int) -> None:
    data, texts, _ = archive(seed, n_sessions)
    off = HaltPolicy(hard_limit=0.0, window_threshold=0.0, trend_threshold=1.5, soft_limit=0.6)
    draw = random.Random(seed)
    gaps = [[draw.uniform(0.1, 1.0) for _ in range(len(text) + 1)] for text in texts]
    times = [np.cumsum(each) for each in gaps]
    heads = [
        HeadTimes(str(n), (each[:-1] * 1e6).astype("<i8").tobytes(), round(each[-1] * 1e6))
        for n, each in enumerate(times)
    ]
    table = recorded_times(reversed(heads), [str(n) for n in range(n_sessions)])
    for release in RELEASES:
        found = waits(data.curves, table, release, off.soft_limit, HOLDS)
        for k, row in zip(HOLDS.tolist(), found.seconds, strict=True):
            for number, text in enumerate(texts):
                scores = data.curves.session(number)
                _, n_come = released_by(text, scores, off, replace(release, hold_back=k))
                wait = times[number][n_come - 1] - times[number][0]
                assert row[number] == pytest.approx(wait, abs=1e-5), (seed, release, k, number)
        assert (np.diff(found.seconds, axis=0) >= 0).all()


@pytest.mark.slow
def test_the_frontier_is_what_real_streams_show() -> None:
    for seed in range(24):
        check_frontier(seed, 4)


@pytest.mark.slow
def test_waits_are_those_of_real_streams() -> None:
    for seed in range(16):
        check_waits(seed, 4)


@pytest.mark.slow
@pytest.mark.parametrize("n_archives", [30, pytest.param(300, marks=pytest.mark.soak)])
def test_the_frontier_is_what_many_streams_show(n_archives: int) -> None:
    for seed in range(100, 100 + n_archives):
        check_frontier(seed, 12)
        check_waits(seed, 4)


def test_without_holding_back_the_frontier_is_the_leak_of_the_result() -> None:
    for seed in range(30):
        data, _, policy = archive(seed, 12)
        outcomes = Replay(data, window_size=4, trend_window=3).outcomes(policy)
        found = leak_frontier(data, outcomes, policy, ReleasePolicy())

        assert repr(found.counts_at(0)) == repr(evaluate(data, outcomes, policy).leaked)


def test_what_leaks_nothing_is_a_share_with_its_interval_and_the_missed_are_its_floor() -> None:
    scores = [[0.9, 0.9, 0.9, 0.2], [0.9, 0.9, 0.2, 0.2], [0.9] * 4, [0.9] * 4]
    data = LabelledCurves.from_scores(scores, labels=[BAD] * 4, onsets=[1, 1, 2, NEVER])
    policy = HaltPolicy(window_threshold=0.0, trend_threshold=1.5)
    outcomes = Replay(data, window_size=10, trend_window=5).outcomes(policy)

    found = leak_frontier(data, outcomes, policy, ReleasePolicy(), np.arange(4))

    assert found.leaked.T.tolist() == [[2, 1, 0, 0], [1, 0, 0, 0], [2, 2, 2, 2]]
    assert found.nothing_at(1).counted == "1 of 3"
    assert found.nothing_at(2).counted == "2 of 3"
    assert (found.floor, found.n_no_onset) == (2 / 3, 1)
    assert found.quantiles[0].tolist() == [2, 1, 0, 0]
    with pytest.raises(ValueError, match="hold_back must be one of .* up to 3, got 9"):
        found.counts_at(9)


def test_the_share_shown_later_is_that_of_a_gate() -> None:
    for seed in range(20):
        data, texts, _ = archive(seed, 5)
        later = np.zeros(len(HOLDS))
        for row in np.flatnonzero(data.good):
            for place, k in enumerate(HOLDS.tolist()):
                gate = ReleaseGate(ReleasePolicy(k, "warned"), HaltPolicy())
                scores = data.curves.session(row)
                for came, (token, score) in enumerate(zip(texts[row], scores, strict=True), 1):
                    later[place] += gate.push(token, score) < came
        n_tokens = data.curves.lengths[data.good].sum()

        found = share_later(data.curves, data.good, 0.6, HOLDS)

        assert found == pytest.approx(
            later / n_tokens if n_tokens else np.full(7, np.nan), nan_ok=True
        )


def test_sessions_without_times_are_left_out_and_may_be_assumed() -> None:
    curves = Curves.from_scores([[0.9] * 3, [0.9] * 300])
    ticks = (np.arange(1, N_TIMES + 1) * 100_000).astype("<i8").tobytes()

    table = recorded_times([HeadTimes("b", ticks, 30_000_000), HeadTimes("a", b"", 5)], ["a", "b"])

    found = waits(curves, table, ReleasePolicy(), 0.6)
    assert found.n_sessions == 1
    assert found.quantile(0.5)[8] == pytest.approx(0.8)
    answer = waits(curves, table, ReleasePolicy(unit="answer"), 0.6)
    assert answer.quantile(0.5)[8] == pytest.approx(29.9)
    assumed = waits(curves, assumed_times(curves, 0.1), ReleasePolicy(), 0.6)
    assert assumed.seconds[8].tolist() == pytest.approx([0.2, 0.8])
    assert assumed.largest_hold(0.45, 1.0) == 4
    nothing = waits(curves, np.full((2, N_TIMES + 1), np.nan), ReleasePolicy(), 0.6)
    assert (nothing.n_sessions, nothing.largest_hold(1.0, 0.95)) == (0, 0)
