"""The engine decides what the kernel decides, for every stream, policy, mode and cadence."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from director_ai import HaltPolicy, StreamingKernel
from director_ai.core.halting.reason import MECHANISMS
from director_ai.core.halting.sentence import sentence_ends
from director_ai.core.records.record import SessionRecord
from director_ai.core.runtime.session import StreamSession
from director_ai.errors import InvalidScoreError
from director_ai.replay.cadence import held
from director_ai.replay.crossings import NEVER
from director_ai.replay.curves import Curves
from director_ai.replay.engine import HARD, NONE, Replay
from director_ai.replay.judgement import judge

# Two decimals, so that ties are common; mostly good, with a few anywhere.
GRID = st.integers(0, 100).map(lambda n: n / 100)
SCORE = st.one_of(st.integers(50, 95).map(lambda n: n / 100), GRID, st.floats(0, 1))
STREAM = st.lists(SCORE, max_size=40)
TOKEN = st.sampled_from([" a", " b.", "\n", "!", " c"])


@st.composite
def policies(draw: st.DrawFn) -> HaltPolicy:
    hard = draw(GRID)
    return HaltPolicy(
        hard_limit=hard,
        window_size=draw(st.integers(1, 12)),
        window_threshold=draw(GRID),
        trend_window=draw(st.integers(2, 9)),
        trend_threshold=draw(st.one_of(GRID, st.just(1.5))),
        soft_limit=draw(st.floats(hard, 1)),
        halt_mode=draw(st.sampled_from(["hard", "soft", "observe"])),
        score_every_n=draw(st.sampled_from([1, 1, 2, 3])),
        adaptive=draw(st.booleans()),
        max_cadence=draw(st.integers(3, 8)),
        score_final=draw(st.booleans()),
    )


def streamed(tokens: Sequence[str], scores: Sequence[float], policy: HaltPolicy) -> StreamSession:
    """Return what the kernel makes of a stream whose scorer knows the score of every token."""
    n_seen = 0

    def source() -> object:
        nonlocal n_seen
        for token in tokens:
            n_seen += 1
            yield token

    return StreamingKernel.from_policy(policy).stream_tokens(
        source(),  # type: ignore[arg-type]
        lambda _: scores[n_seen - 1],
    )


def replayed(
    tokens: Sequence[str], scores: Sequence[float], policy: HaltPolicy, *, complete: bool = True
) -> Replay:
    curves = Curves.from_scores([scores], complete=[complete])
    ends = np.array(sentence_ends(tokens), bool)
    return Replay(
        held(replace(curves, sentence_ends=ends), policy),
        window_size=policy.window_size,
        trend_window=policy.trend_window,
    )


@given(st.lists(st.tuples(TOKEN, SCORE), max_size=90), policies())
@example([(" a", 0.55)] * 12, HaltPolicy(hard_limit=0.0))
@example([(" a", 0.9), (" a", 0.8), (" a", 0.7)], HaltPolicy(trend_threshold=0.2, trend_window=3))
@example([(" a", 0.9)] * 5 + [(" a", 0.1)], HaltPolicy(score_every_n=4, score_final=True))
@example(
    [(" a", 0.9)] * 4 + [(" a", 0.51), (" a", 0.1)],
    HaltPolicy(
        score_every_n=4,
        score_final=True,
        halt_mode="soft",
        window_size=1,
        window_threshold=0.6,
        trend_threshold=1.5,
    ),
)
def test_replay_halts_on_the_token_the_kernel_halts_on(
    stream: list[tuple[str, float]], policy: HaltPolicy
) -> None:
    tokens = [token for token, _ in stream]
    scores = [score for _, score in stream]

    session = streamed(tokens, scores, policy)
    outcome = replayed(tokens, scores, policy).outcomes(policy)

    assert bool(outcome.halts[0]) == bool(session.trigger)
    assert not outcome.unfinished[0]
    if session.halted:
        assert session.reason is not None
        assert outcome.trigger[0] == session.halt_index
        assert MECHANISMS[outcome.mechanism[0]] == session.reason.code
        assert outcome.stop[0] == len(session.tokens) - 1
    elif session.trigger:
        # Observed only: the stream went on to its end.
        assert MECHANISMS[outcome.mechanism[0]] == session.trigger[0].mechanism
        assert outcome.trigger[0] == session.trigger[0].index
        assert outcome.stop[0] == len(tokens) - 1
    else:
        assert (outcome.trigger[0], outcome.mechanism[0]) == (NEVER, NONE)


@given(st.lists(st.tuples(TOKEN, SCORE), min_size=1, max_size=90), policies(), st.data())
def test_what_a_cut_recording_tells_of_a_halt_is_what_the_kernel_does_on_the_whole_stream(
    stream: list[tuple[str, float]], policy: HaltPolicy, data: st.DataObject
) -> None:
    tokens = [token for token, _ in stream]
    scores = [score for _, score in stream]
    n_kept = data.draw(st.integers(1, len(stream)))

    session = streamed(tokens, scores, policy)
    outcome = replayed(tokens[:n_kept], scores[:n_kept], policy, complete=False).outcomes(policy)
    alone = judge(tokens[:n_kept], scores[:n_kept], policy, complete=False)

    if outcome.unfinished[0]:
        assert outcome.stop[0] == n_kept - 1
        assert session.trigger[0].index == outcome.trigger[0]
        assert len(session.tokens) >= n_kept
    elif outcome.halts[0]:
        assert session.reason is not None
        assert outcome.trigger[0] == session.halt_index
        assert MECHANISMS[outcome.mechanism[0]] == session.reason.code
        assert outcome.stop[0] == len(session.tokens) - 1
    if policy.score_every_n == 1 and not policy.adaptive:
        assert alone.unfinished == outcome.unfinished[0]


def test_a_soft_halt_whose_sentence_the_recording_cuts_off_has_no_known_stop() -> None:
    policy = HaltPolicy(
        hard_limit=0.1,
        window_size=4,
        window_threshold=0.7,
        trend_threshold=1.5,
        halt_mode="soft",
    )
    tokens, scores = [" a"] * 14 + ["."], [0.9] * 4 + [0.5] * 11

    found = {
        n: replayed(tokens[:n], scores[:n], policy, complete=n == 15).outcomes(policy)
        for n in (8, 15)
    }

    assert [int(found[n].trigger[0]) for n in (8, 15)] == [6, 6]
    assert [int(found[n].stop[0]) for n in (8, 15)] == [7, 14]
    assert [bool(found[n].unfinished[0]) for n in (8, 15)] == [True, False]


def test_the_score_of_the_finished_text_halts_at_the_last_token() -> None:
    policy = HaltPolicy(score_every_n=4, score_final=True)

    outcome = replayed([" a"] * 6, [0.9] * 5 + [0.1], policy).outcomes(policy)
    cut = replayed([" a"] * 6, [0.9] * 5 + [0.1], policy, complete=False).outcomes(policy)

    assert (outcome.trigger[0], outcome.stop[0], outcome.mechanism[0]) == (5, 5, HARD)
    assert cut.unknown[0]


@given(st.lists(st.tuples(TOKEN, SCORE), min_size=1, max_size=60), policies())
def test_a_recording_replays_to_the_halt_it_was_recorded_with(
    stream: list[tuple[str, float]], policy: HaltPolicy
) -> None:
    session = streamed([token for token, _ in stream], [score for _, score in stream], policy)
    record = SessionRecord.from_session(session, policy, id="one", source="", model="", prompt="")

    seen = held(Curves.from_records([record]), policy)
    outcome = Replay(
        seen, window_size=policy.window_size, trend_window=policy.trend_window
    ).outcomes(policy)

    assert bool(outcome.halts[0]) == bool(session.trigger)
    if session.reason is not None:
        assert outcome.trigger[0] == session.halt_index
        assert MECHANISMS[outcome.mechanism[0]] == session.reason.code


@given(st.lists(STREAM, max_size=12), policies(), st.lists(st.booleans(), min_size=12, max_size=12))
def test_many_sessions_are_judged_as_each_alone(
    streams: list[list[float]], policy: HaltPolicy, complete: list[bool]
) -> None:
    policy = replace(policy, score_every_n=1, adaptive=False, halt_mode="hard")
    curves = Curves.from_scores(streams, complete=complete[: len(streams)])

    outcomes = Replay(
        curves, window_size=policy.window_size, trend_window=policy.trend_window
    ).outcomes(policy)

    for place, scores in enumerate(streams):
        alone = judge([""] * len(scores), scores, policy, complete=complete[place])
        assert {
            "halts": outcomes.halts[place],
            "completes": outcomes.completes[place],
            "unknown": outcomes.unknown[place],
        } == {name: name == alone.outcome for name in ("halts", "completes", "unknown")}
        expected = NEVER if alone.trigger is None else alone.trigger
        assert outcomes.trigger[place] == expected


@given(STREAM.filter(bool), policies())
def test_a_threshold_on_a_low_and_one_ulp_beside_it_decide_as_the_kernel_does(
    scores: list[float], policy: HaltPolicy
) -> None:
    policy = replace(policy, score_every_n=1, adaptive=False, halt_mode="hard", soft_limit=1.0)
    replay = replayed([""] * len(scores), scores, policy)

    for stairs, field in zip(
        replay.minima, ("hard_limit", "window_threshold", "trend_threshold"), strict=True
    ):
        for low in np.abs(stairs.values).tolist():
            for threshold in (np.nextafter(low, 0), low, np.nextafter(low, 1)):
                moved = replace(policy, **{field: float(min(1.0, threshold))})
                alone = judge([""] * len(scores), scores, moved, complete=True)
                found = replay.outcomes(moved).trigger[0]
                assert found == (NEVER if alone.trigger is None else alone.trigger)


@given(st.lists(STREAM, max_size=8), policies())
def test_a_session_halts_exactly_if_one_of_its_extremes_is_below_its_level(
    streams: list[list[float]], policy: HaltPolicy
) -> None:
    from director_ai.replay.engine import levels

    policy = replace(policy, score_every_n=1, adaptive=False, halt_mode="hard")
    replay = Replay(
        Curves.from_scores(streams),
        window_size=policy.window_size,
        trend_window=policy.trend_window,
    )

    below = (replay.extremes() < np.array(levels(policy))[:, None]).any(axis=0)

    assert below.tolist() == replay.outcomes(policy).halts.tolist()


@given(st.lists(STREAM, min_size=1, max_size=8), st.integers(0, 40), st.integers(1, 6))
def test_the_lowest_before_a_token_is_that_of_the_stream_cut_there(
    streams: list[list[float]], end: int, size: int
) -> None:
    replay = Replay(Curves.from_scores(streams), window_size=size, trend_window=size + 1)
    cut = Replay(
        Curves.from_scores([stream[:end] for stream in streams]),
        window_size=size,
        trend_window=size + 1,
    )
    ends = np.full(len(streams), end)

    for whole, part in zip(replay.minima, cut.minima, strict=True):
        assert whole.lowest_before(ends).tolist() == part.lowest().tolist()


def test_a_selection_is_those_sessions_in_that_order() -> None:
    curves = Curves.from_scores([[0.1], [], [0.2, 0.3], [0.4]], complete=[True, False, True, False])

    chosen = curves.select(np.array([2, 0, 1]))

    assert [chosen.session(place).tolist() for place in range(3)] == [[0.2, 0.3], [0.1], []]
    assert chosen.complete.tolist() == [True, True, False]
    assert curves.select(curves.complete).scores.tolist() == [0.1, 0.2, 0.3]


def test_a_bad_score_is_named_by_session_and_token() -> None:
    with pytest.raises(InvalidScoreError, match=r"got 1.5 at token 1 of session 2"):
        Curves.from_scores([[0.5], [], [0.5, 1.5]])
    with pytest.raises(InvalidScoreError, match=r"got nan at token 0 of session 0"):
        Curves.from_scores([[float("nan")]])


def test_windows_of_another_size_are_refused() -> None:
    replay = Replay(Curves.from_scores([[0.5]]), window_size=3, trend_window=4)

    with pytest.raises(ValueError, match="window_size must be 3, that of this replay, got 10"):
        replay.outcomes(HaltPolicy())
