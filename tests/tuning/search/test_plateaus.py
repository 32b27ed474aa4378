"""Plateaus and steps, against judging every session anew."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from director_ai.replay.engine import HARD, TREND, WINDOW, Outcomes
from director_ai.tuning.evaluation.outcome_classes import classify
from director_ai.tuning.search.plateaus import plateau, sensitivity, tidied
from director_ai.tuning.thresholds import (
    OFF,
    STRICTEST,
    moved,
    next_stricter,
    stepped,
    threshold,
)
from tests.examples import one_in
from tests.tuning.archives import POLICY, SCORE, archives, replay_of

RULE = st.sampled_from([HARD, WINDOW, TREND])


def policies():
    return st.builds(
        lambda mode, hard, window, trend: replace(
            POLICY,
            halt_mode=mode,
            hard_limit=hard,
            window_threshold=window,
            trend_threshold=trend,
        ),
        st.sampled_from(["hard", "soft"]),
        SCORE,
        SCORE,
        SCORE,
    )


def same(first: Outcomes, second: Outcomes, change: str) -> np.ndarray:
    equal = first.halts == second.halts
    if change == "token":
        for name in ("trigger", "mechanism", "stop"):
            equal &= getattr(first, name) == getattr(second, name)
    return equal


@one_in(3)
@given(archives(), policies(), RULE, st.sampled_from(["token", "halt"]), st.randoms())
def test_a_plateau_ends_exactly_where_an_outcome_changes(
    data, policy, rule, change, random
) -> None:
    # Sentence ends of their own, for soft halts.
    curves = replace(
        data.curves,
        sentence_ends=np.array([random.random() < 0.3 for _ in range(data.curves.n_tokens)], bool),
    )
    replay = replay_of(replace(data, curves=curves))
    now = replay.outcomes(policy)

    def at(value):
        return same(now, replay.outcomes(moved(policy, rule, value)), change)

    found = plateau(replay, policy, rule, change=change)

    low, high = sorted((found.lenient, found.strict))
    assert low <= threshold(policy, rule) <= high
    for value in (low, high, *np.linspace(low, high, 5)):
        assert at(float(value)).all()
    for end, beyond, limit in (
        (found.lenient, found.next_lenient, OFF[rule]),
        (found.strict, found.next_strict, STRICTEST[rule]),
    ):
        if beyond is None:
            assert end == limit
            continue
        assert abs(beyond.threshold - end) <= 2 * math.ulp(max(1.0, end))
        assert np.flatnonzero(~at(beyond.threshold)).tolist() == list(beyond.sessions)
        assert beyond.sessions
    if found.next_lenient:
        assert next_stricter(rule, found.next_lenient.threshold) == found.lenient
    if found.next_strict:
        assert next_stricter(rule, found.strict) == found.next_strict.threshold


@one_in(3)
@given(archives(), policies())
def test_tidying_changes_no_outcome_and_no_rule_to_a_longer_number(data, policy) -> None:
    replay = replay_of(data)

    tidy = tidied(replay, policy)

    assert same(replay.outcomes(policy), replay.outcomes(tidy), "token").all()
    for rule in (HARD, WINDOW, TREND):
        found = plateau(replay, tidy, rule)
        assert found.next_lenient is not None or threshold(tidy, rule) == OFF[rule]


@one_in(3)
@given(archives(), policies(), st.sampled_from([0.01, 0.05, 0.3]))
def test_a_step_moves_as_many_halts_as_judging_anew_finds(data, policy, step) -> None:
    replay = replay_of(data)
    now = replay.outcomes(policy).halts

    found = sensitivity(data, replay, policy, step=step)

    for rule in (HARD, WINDOW, TREND):
        here = threshold(policy, rule)
        tight = replay.outcomes(moved(policy, rule, stepped(rule, here, step))).halts
        loose = replay.outcomes(moved(policy, rule, stepped(rule, here, -step))).halts
        for moves, changed in (
            (found[rule].stricter, tight & ~now),
            (found[rule].more_lenient, now & ~loose),
        ):
            assert moves.good == (changed & data.good).sum()
            assert moves.bad == (changed & data.bad).sum()
            assert sum(moves) == changed.sum()
        assert not (now & ~tight).any()
        assert not (loose & ~now).any()


def test_a_soft_halt_may_end_otherwise_by_a_hard_limit_that_comes_later() -> None:
    # The window halts at token 3; the hard limit cuts the sentence at token 5.
    from director_ai.tuning.labelled import LabelledCurves

    data = LabelledCurves.from_scores([[0.5] * 5 + [0.3] + [0.5] * 3], labels=[0])
    policy = replace(
        POLICY, halt_mode="soft", hard_limit=0.2, window_threshold=0.55, trend_threshold=1.5
    )
    replay = replay_of(data)

    assert plateau(replay, policy, HARD).strict == 0.3
    assert plateau(replay, replace(policy, halt_mode="hard"), HARD).strict == 0.5
    assert plateau(replay, policy, HARD, change="halt").next_strict is None
    assert classify(data, replay.outcomes(policy)).false.all()


@pytest.mark.parametrize("rule", [HARD, WINDOW, TREND])
def test_without_sessions_a_plateau_is_the_whole_range(rule) -> None:
    from director_ai.tuning.labelled import LabelledCurves

    found = plateau(replay_of(LabelledCurves.from_scores([], labels=[])), POLICY, rule)

    assert (found.lenient, found.strict) == (OFF[rule], STRICTEST[rule])
