"""Spending keeps its promise, exactly; looking at what is unspent breaks it."""

import numpy as np
import pytest
from scipy.stats import beta, binom, kstest

from director_ai.replay.crossings import NEVER
from director_ai.replay.engine import HARD, TREND, WINDOW
from director_ai.tuning.guarantee.bounds import allowed_steps
from director_ai.tuning.guarantee.equivalent_blocks import (
    DEFAULT_ORDER,
    BadSessions,
    best_prefix,
    draw_one_per_group,
    good_extremes,
    tighten,
)
from director_ai.tuning.labelled import LabelledCurves
from tests.tuning.archives import replay_of

N, ALPHA, DELTA, REPEATS = 200, 0.05, 0.1, 1200
M = allowed_steps(N, alpha=ALPHA, delta=DELTA)
LEVEL = float(binom.cdf(M - 1, N, ALPHA))
OFFSET = np.array([[0.0], [0.0], [-1.0]])


def uniform(random: np.random.Generator, n: int) -> np.ndarray:
    """Independent extremes, each uniform: scores and means in [0, 1], minus the drop below 0."""
    return random.random((3, n)) + OFFSET


def true_rate(levels: np.ndarray) -> float:
    return float(1 - np.prod(1 - np.clip(levels - OFFSET[:, 0], 0, 1)))


def rates(choose, *, repeats=REPEATS, prefix=False) -> np.ndarray:
    random = np.random.default_rng(11)
    found = []
    for repeat in range(repeats):
        good = uniform(random, N)
        bad = BadSessions(0.4 * random.random((3, 30)) + OFFSET, np.full((3, 30), np.inf))
        picker = choose(good, random) if choose else None
        steps = tighten(good, bad, n_steps=M, seed=repeat, choose=picker)
        found.append(true_rate((best_prefix(steps) if prefix else steps[-1]).levels))
    return np.array(found)


def at_random(good, random):
    return lambda steps, bad, rules: int(random.integers(3))


def in_turn(good, random):
    return lambda steps, bad, rules: len(steps) % 3


def peeking(good, random):
    """Pick the rule whose next unspent session stands farthest in: what must not be looked at."""

    def choose(steps, bad, rules):
        unspent = np.setdiff1d(np.arange(N), [step.session for step in steps])
        now = steps[-1].levels if steps else np.full(3, -np.inf)
        nearest = good[:, unspent].min(axis=1) - OFFSET[:, 0]
        room = 1 - np.clip(now - OFFSET[:, 0], 0, 1)
        return int(((nearest - (1 - room)) / room).argmax())

    return choose


@pytest.mark.slow
@pytest.mark.parametrize("choose", [None, at_random, in_turn])
def test_the_true_rate_follows_its_law_whatever_rule_is_chosen(choose) -> None:
    found = rates(choose)

    assert kstest(found, beta(M, N - M + 1).cdf).pvalue > 0.001
    error = np.sqrt(LEVEL * (1 - LEVEL) / REPEATS)
    assert (found > ALPHA).mean() <= DELTA + 3 * error


@pytest.mark.slow
def test_the_best_prefix_keeps_the_promise_too() -> None:
    assert (rates(None, prefix=True) > ALPHA).mean() <= DELTA


@pytest.mark.slow
def test_a_picker_that_looks_at_unspent_sessions_is_caught() -> None:
    found = rates(peeking)

    assert kstest(found, beta(M, N - M + 1).cdf).pvalue < 1e-6
    assert (found > ALPHA).mean() > DELTA + 3 * np.sqrt(DELTA * (1 - DELTA) / REPEATS)


@pytest.mark.parametrize("rule", [HARD, WINDOW, TREND])
def test_with_one_rule_the_last_spend_is_an_order_statistic(rule) -> None:
    good = uniform(np.random.default_rng(5), N)
    bad = BadSessions(np.zeros((3, 1)), np.full((3, 1), np.inf))

    steps = tighten(good, bad, n_steps=M, seed=0, order=(rule,))

    assert [step.levels[rule] for step in steps] == np.sort(good[rule])[:M].tolist()
    others = [place for place in range(3) if place != rule]
    assert (steps[-1].levels[others] == -np.inf).all()


def test_steps_only_tighten_and_halt_the_spent_alone() -> None:
    random = np.random.default_rng(3)
    # Ties on purpose.
    good = uniform(random, N).round(1)
    bad = BadSessions(0.4 * random.random((3, 30)) + OFFSET, np.full((3, 30), np.inf))

    steps = tighten(good, bad, n_steps=M, seed=0)

    assert len({step.session for step in steps}) == M
    for before, after in zip(steps, steps[1:], strict=False):
        assert (after.levels >= before.levels).all()
    for n, step in enumerate(steps, start=1):
        halted = np.flatnonzero((good < step.levels[:, None]).any(axis=0))
        assert set(halted) <= {past.session for past in steps[:n]}
        assert step.n_detected == bad.detected(step.levels).sum()


def test_few_spends_are_spread_over_few_rules() -> None:
    random = np.random.default_rng(4)
    good = uniform(random, N)
    bad = BadSessions(0.4 * random.random((3, 30)) + OFFSET, np.full((3, 30), np.inf))

    used = [
        {step.rule for step in tighten(good, bad, n_steps=n, seed=0, order=DEFAULT_ORDER)}
        for n in (2, 4, 8)
    ]

    assert used == [{WINDOW}, {WINDOW, HARD}, {WINDOW, HARD, TREND}]


def test_a_cut_recording_of_a_good_session_costs_a_spend() -> None:
    data = LabelledCurves.from_scores(
        [[0.9] * 6, [0.8] * 6, [0.2] * 6, [0.7] * 6],
        labels=[0, 0, 1, 0],
        complete=[False, True, True, True],
    )
    replay = replay_of(data)
    good, bad = good_extremes(data, replay), BadSessions.of(data, replay)

    steps = tighten(good, bad, n_steps=2, seed=0)

    assert good[HARD].tolist() == [-np.inf, 0.8, 0.7]
    assert [step.session for step in steps] == [0, 2]
    assert steps[0].n_detected == 0
    assert steps[1].levels[WINDOW] == pytest.approx(0.7)
    # With many, every rule that is weighed has been spent at -inf only.
    many = tighten(np.full((3, 9), -np.inf), bad, n_steps=9, seed=0)
    assert many[-1].n_detected == 0


def test_a_halt_before_the_onset_is_no_detection() -> None:
    data = LabelledCurves.from_scores(
        [[0.9, 0.4, 0.9], [0.9, 0.9, 0.4], [0.9, 0.4, 0.9]],
        labels=[1, 1, 1],
        onsets=[2, 2, NEVER],
    )
    replay = replay_of(data)

    levels = np.array([0.5, -np.inf, -np.inf])

    assert BadSessions.of(data, replay).detected(levels).tolist() == [False, True, True]
    assert BadSessions.of(data, replay, tolerance=1).detected(levels).all()


def test_one_session_of_each_group_is_drawn_evenly() -> None:
    groups = np.array([3, 1, 3, 3, 1])
    drawn = np.array([draw_one_per_group(groups, seed=seed) for seed in range(600)])

    assert (np.sort(groups[drawn], axis=1) == [1, 3]).all()
    counts = np.bincount(drawn.ravel(), minlength=5) / 600
    assert counts[[0, 2, 3]] == pytest.approx([1 / 3] * 3, abs=0.08)
