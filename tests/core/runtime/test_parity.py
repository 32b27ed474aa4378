"""Both kernels against the oracle, decision for decision, on streams nobody would write down."""

from itertools import accumulate
from math import nextafter

import pytest
from hypothesis import assume, event, given
from hypothesis import strategies as st

from director_ai import HaltPolicy
from director_ai.core.halting import downward_trend, window_average
from tests.core import oracle
from tests.core.kernels import KINDS, run

TOKENS = st.sampled_from(
    [" a", " b", " c", "d", " 3.5", " e,", " f.", '"', ")", ' "', ' g!"', "\n", "。", " h?)"]
)
HUNDREDTHS = st.integers(0, 100).map(lambda k: k / 100)
GOOD = st.integers(50, 100).map(lambda k: k / 100)
SPECIAL = st.sampled_from([0.0, 1.0, 0.5, nextafter(0.5, 0), 0.55, 0.6, nextafter(0.6, 0), 1 / 3])


@st.composite
def stretches(draw):
    """A constant, a ramp or single scores: what windows and trends tell apart."""
    start = draw(st.one_of(GOOD, GOOD, GOOD, HUNDREDTHS, SPECIAL))
    step = draw(st.sampled_from([0, 0, 0, 1, -1, -2, -5, -10]))
    length = draw(st.integers(1, 12))
    if step == 0:
        return [start] * length
    return [min(100, max(0, round(100 * start) + step * n)) / 100 for n in range(length)]


SCORES = st.lists(st.one_of(stretches(), st.lists(GOOD, min_size=1, max_size=8)), max_size=8).map(
    lambda parts: [score for part in parts for score in part]
)


@st.composite
def policies(draw):
    hard_limit = draw(st.sampled_from([0.0, 0.0, 0.3, 0.4, 0.5]))
    adaptive = draw(st.booleans())
    # On the grid, a mean may tie with it exactly and its floats fall on either side.
    soft_limit = draw(st.sampled_from([0.5003, 0.6007, 0.7501] if adaptive else [0.5, 0.6, 0.75]))
    score_every_n = draw(st.integers(1, 5))
    return HaltPolicy(
        hard_limit=hard_limit,
        window_size=draw(st.integers(1, 12)),
        window_threshold=draw(st.sampled_from([0.0, 0.3, 0.5, 0.55, 0.6, 0.7])),
        trend_window=draw(st.integers(2, 8)),
        trend_threshold=draw(st.sampled_from([0.0, 0.05, 0.15, 0.2, 0.3, 1.5])),
        soft_limit=soft_limit,
        halt_mode=draw(st.sampled_from(["hard", "soft", "observe"])),
        score_every_n=score_every_n,
        adaptive=adaptive,
        max_cadence=draw(st.integers(score_every_n, 8)),
        score_final=draw(st.booleans()),
    )


@st.composite
def streams(draw):
    scores = draw(SCORES)
    return draw(st.lists(TOKENS, min_size=len(scores), max_size=len(scores))), scores


def scorer(tokens, scores):
    by_length = dict(zip(accumulate(map(len, tokens)), scores, strict=True))
    return lambda text: by_length[len(text)]


def outcome(session, nearest):
    return oracle.Outcome(
        session.halted,
        session.soft_halted,
        session.halt_index,
        "" if session.reason is None else session.reason.code,
        session.token_count,
        session.output,
        tuple(each.warning and not each.halted for each in session.events),
        tuple(each.scored for each in session.events),
        tuple(session.coherence_history),
        nearest,
    )


def without_the_last_warning(expected):
    # A soft halt that ends with its source halts on a token that had passed with a warning.
    if expected.soft_halted:
        return expected.warnings[:-1] + (False,)
    return expected.warnings


@given(streams(), policies())
def test_both_kernels_decide_as_the_oracle(stream, policy):
    tokens, scores = stream
    expected = oracle.decide(tokens, scores, policy)
    assume(not expected.is_blurred)
    event(f"{policy.halt_mode}, {expected.mechanism or 'completes'}")

    for kind in KINDS:
        ran = run(kind, tokens, scorer(tokens, scores), **policy.to_dict())

        got = outcome(ran.session, expected.nearest)
        assert got == oracle.Outcome(
            **{**vars(expected), "warnings": without_the_last_warning(expected)}
        )
        assert ran.session.warning_count == sum(expected.warnings)


@given(streams(), policies())
def test_the_kernels_leave_the_same_record(stream, policy):
    tokens, scores = stream

    sync, async_ = (
        run(kind, tokens, scorer(tokens, scores), streaming_debug=True, **policy.to_dict())
        for kind in KINDS
    )

    assert sync.session.halt_reason == async_.session.halt_reason
    assert sync.session.reason == async_.session.reason
    assert sync.session.trigger == async_.session.trigger
    assert sync.session.debug_log == async_.session.debug_log
    assert [timeless(each) for each in sync.events] == [timeless(each) for each in async_.events]
    assert sync.source.pulled == async_.source.pulled


def timeless(each):
    return each.token, each.index, each.coherence, each.halted, each.warning, each.scored


@given(streams(), policies())
def test_the_record_is_whole(stream, policy):
    tokens, scores = stream

    for kind in KINDS:
        ran = run(kind, tokens, scorer(tokens, scores), **policy.to_dict())
        session = ran.session

        assert "".join(tokens).startswith(session.output)
        assert ran.events == session.events
        assert session.tokens == [each.token for each in session.events]
        assert session.tokens == tokens[: session.token_count]
        assert [each.index for each in session.events] == list(range(session.token_count))
        assert [each.halted for each in session.events[:-1]].count(True) == 0
        assert session.halted == bool(session.events and session.events[-1].halted)
        assert session.end_time >= session.start_time > 0
        assert session.duration_ms >= 0


@given(streams(), policies())
def test_soft_mode_halts_whenever_hard_mode_does(stream, policy):
    tokens, scores = stream
    ended = {}
    for mode in ("hard", "soft", "observe"):
        options = {**policy.to_dict(), "halt_mode": mode}
        ended[mode] = run("sync", tokens, scorer(tokens, scores), **options).session

    assert ended["soft"].halted == ended["hard"].halted
    assert not ended["observe"].halted
    assert ended["observe"].halt_index == ended["hard"].halt_index
    assert ended["observe"].halt_reason == ended["hard"].halt_reason
    assert ended["soft"].output.startswith(ended["hard"].output)


@given(streams(), policies())
def test_debug_snapshots_are_the_definitions_written_out(stream, policy):
    tokens, scores = stream

    session = run(
        "sync", tokens, scorer(tokens, scores), streaming_debug=True, **policy.to_dict()
    ).session

    history = session.coherence_history
    for n, (shown, each) in enumerate(zip(session.debug_log, session.events, strict=True), start=1):
        window, trend = (
            history[max(0, n - size) : n] for size in (policy.window_size, policy.trend_window)
        )
        assert shown is each.debug_info
        assert {**shown, "cadence": None} == {
            "index": n - 1,
            "coherence": history[n - 1],
            "window_avg": round(window_average.statistic(window), 6),
            "trend_drop": round(downward_trend.statistic(trend), 6),
            "accumulated_tokens": n,
            "scored": each.scored,
            "cadence": None,
        }
        if not policy.adaptive:
            assert shown["cadence"] == policy.score_every_n


@pytest.mark.slow
@given(st.integers(1, 130), st.integers(1, 60))
def test_a_soft_halt_ends_fifty_tokens_on_where_no_sentence_does(n, window_size):
    policy = HaltPolicy(halt_mode="soft", window_size=window_size)
    tokens, scores = [" a"] * n, [0.54] * n
    expected = oracle.decide(tokens, scores, policy)

    for kind in KINDS:
        session = run(kind, tokens, scorer(tokens, scores), **policy.to_dict()).session

        assert session.token_count == expected.n_tokens == min(n, window_size + 50)
        assert session.soft_halted == expected.soft_halted == (n >= window_size)
