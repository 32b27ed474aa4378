"""ROC curves of the rules: against brute force over the kernel's decisions, and by simulation."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import logit, ndtr

from director_ai.core.halting.policy import HaltPolicy
from director_ai.replay.curves import Curves
from director_ai.replay.engine import Replay
from director_ai.tuning.evaluation.outcome_classes import outcomes_under
from director_ai.tuning.evaluation.roc import Area, roc
from director_ai.tuning.evaluation.sweep import Grid
from director_ai.tuning.labelled import LabelledCurves
from director_ai.tuning.synthetic import make_sessions

OFF = HaltPolicy(hard_limit=0.0, window_threshold=0.0, trend_threshold=1.5)


def replay_of(data: LabelledCurves) -> Replay:
    return Replay(data.curves, window_size=10, trend_window=5)


def test_each_curve_is_what_the_kernel_halts_along_its_threshold() -> None:
    data = make_sessions(60, seed=3)
    found = roc(data, replay_of(data), OFF, Grid.even(5))

    for rule, field in enumerate(("hard_limit", "window_threshold", "trend_threshold")):
        points = set(zip(*(part.round(9).tolist() for part in found.rules[rule]), strict=True))
        for value in (0.05, 0.2, 0.4, 0.6):
            halts = outcomes_under(data, replace(OFF, **{field: value})).halts
            point = (halts[data.good].mean(), halts[data.bad].mean())
            assert tuple(np.round(point, 9)) in points


def limits_of(grid: Grid) -> list[HaltPolicy]:
    return [
        replace(
            OFF,
            hard_limit=float(hard),
            soft_limit=1.0,
            window_threshold=float(window),
            trend_threshold=float(drop),
        )
        for hard in grid.hard_limits
        for window in grid.window_thresholds
        for drop in grid.trend_thresholds
    ]


def test_no_limits_are_above_the_front_and_some_reach_each_point() -> None:
    data, grid = make_sessions(60, seed=4), Grid.even(6)
    found = roc(data, replay_of(data), OFF, grid)

    reached = set()
    for policy in limits_of(grid):
        halts = replay_of(data).outcomes(policy).halts
        false, caught = float(halts[data.good].mean()), float(halts[data.bad].mean())
        reached.add((round(false, 9), round(caught, 9)))
        assert caught <= found.front.recall[found.front.fpr <= false + 1e-9].max() + 1e-9
    for curve in found.rules:
        for false, caught in zip(*curve, strict=True):
            reached.add((round(false, 9), round(caught, 9)))
            assert caught <= found.front.recall[found.front.fpr <= false + 1e-9].max() + 1e-9
    assert set(zip(*(part.round(9).tolist() for part in found.front), strict=True)) <= reached
    assert (np.diff(found.front.fpr) >= 0).all()
    assert (np.diff(found.front.recall) >= 0).all()


@pytest.mark.parametrize("n_levels", [None, 12])
def test_the_front_has_no_smaller_area_than_any_rule_alone(n_levels: int | None) -> None:
    data = make_sessions(150, seed=5)
    if n_levels is not None:
        # Scores of few levels: many pairs of sessions are tied.
        curves = replace(data.curves, scores=np.round(data.curves.scores * n_levels) / n_levels)
        data = replace(data, curves=curves)

    found = roc(data, replay_of(data), OFF, Grid.even(11))

    for areas in (found.areas, found.average_precisions):
        assert areas[3].value >= max(area.value for area in areas[:3]) - 1e-9
        assert areas[3].low < areas[3].value < areas[3].high


def test_one_rule_that_matters_is_its_own_front() -> None:
    labels = [0, 1] * 20
    # Answers of one token have no window and no trend.
    scores = [[0.1 * (n % 5) + 0.4 * (not label)] for n, label in enumerate(labels)]
    data = LabelledCurves.from_scores(scores, labels=labels)

    found = roc(data, replay_of(data), OFF, Grid.even(3))

    assert 0.5 < found.areas[0].value < 1.0
    assert found.areas[3] == pytest.approx(found.areas[0])
    assert found.average_precisions[3] == pytest.approx(found.average_precisions[0])
    assert found.areas[1].value == found.areas[2].value == 0.5


def test_average_precision_is_the_mean_over_bad_sessions_in_order() -> None:
    draw = np.random.default_rng(3)
    values, bad = draw.permutation(60) / 60, draw.integers(0, 2, 60) == 1
    data = LabelledCurves.from_scores(values[:, None].tolist(), labels=bad.astype(int).tolist())

    area = roc(data, replay_of(data), OFF, Grid.even(3)).average_precisions[0]

    halted = [values <= value for value in values[bad]]
    assert area.value == pytest.approx(np.mean([bad[mask].mean() for mask in halted]))


def test_the_area_is_the_share_of_pairs_in_order_ties_by_half() -> None:
    draw = np.random.default_rng(1)
    scores = [[float(value)] for value in draw.integers(0, 10, 80) / 10]
    labels = draw.integers(0, 2, 80).tolist()
    data = LabelledCurves.from_scores(scores, labels=labels)

    area = roc(data, replay_of(data), OFF, Grid.even(3)).areas[0]

    bad = [score for (score,), label in zip(scores, labels, strict=True) if label]
    good = [score for (score,), label in zip(scores, labels, strict=True) if not label]
    pairs = [(b < g) + 0.5 * (b == g) for b in bad for g in good]
    assert area.value == pytest.approx(np.mean(pairs))
    assert area.low < area.value < area.high


@pytest.mark.slow
@pytest.mark.parametrize("size", [1, 4])
def test_the_intervals_cover_the_true_areas_whatever_the_size_of_groups(size: int) -> None:
    # Normal scores a distance of 1 apart: the area is Phi(1 / sqrt(2)).
    levels = np.linspace(-8, 9, 20_001)
    fpr, recall = ndtr(-levels), ndtr(1 - levels)
    at_half = recall / np.maximum(recall + fpr, 1e-300)
    truths = (0.7602, float(np.trapezoid(at_half[::-1], recall[::-1])))
    n_groups, draw = 40, np.random.default_rng(size)
    labels = np.arange(n_groups * size) // size % 2
    groups = np.repeat(np.arange(n_groups), size)
    n_covered = np.zeros(2)
    for _ in range(200):
        shared = np.repeat(draw.normal(size=n_groups), size) * (size > 1)
        own = draw.normal(size=len(labels)) * (np.sqrt(0.5) if size > 1 else 1.0)
        noise = shared * np.sqrt(0.5) + own
        values = 1 / (1 + np.exp(noise + labels))
        curves = Curves.from_scores(values[:, None].tolist())
        data = LabelledCurves(curves, labels, np.full(len(labels), 2**63 - 1), groups)
        found = roc(data, replay_of(data), OFF, Grid.even(2))
        areas = (found.areas[0], found.average_precisions[0])
        n_covered += [area.low <= truth <= area.high for area, truth in zip(areas, truths)]
    assert (n_covered >= 182).all(), n_covered


@pytest.mark.slow
def test_an_interval_is_as_wide_as_groups_drawn_again_make_it() -> None:
    draw = np.random.default_rng(7)
    groups = np.repeat(np.arange(40), 4)
    labels = np.arange(160) % 2
    noise = np.repeat(draw.normal(size=40), 4) + draw.normal(size=160)
    values = 1 / (1 + np.exp(noise + labels))

    def areas(drawn: np.ndarray) -> list[Area]:
        rows = np.concatenate([np.flatnonzero(groups == group) for group in drawn])
        curves = Curves.from_scores(values[rows, None].tolist())
        data = LabelledCurves(
            curves, labels[rows], np.full(len(rows), 2**63 - 1), np.repeat(np.arange(40), 4)
        )
        found = roc(data, replay_of(data), OFF, Grid.even(2))
        return [found.areas[0], found.average_precisions[0]]

    shown = areas(np.arange(40))
    again = [areas(draw.integers(0, 40, 40)) for _ in range(200)]
    for place, area in enumerate(shown):
        width = float(logit(area.high) - logit(area.low)) / (2 * 1.96)
        spread = np.std([logit(each[place].value) for each in again])
        assert width == pytest.approx(spread, rel=0.2)


def test_a_perfect_order_has_an_interval_below_one_and_cut_recordings_are_left_out() -> None:
    scores = [[0.9]] * 10 + [[0.2]] * 10
    data = LabelledCurves.from_scores(scores, labels=[0] * 10 + [1] * 10)

    found = roc(data, replay_of(data), OFF, Grid.even(3))

    assert found.areas[0].value == 1.0
    assert 0.6 < found.areas[0].low < 1.0
    complete = np.array([False] + [True] * 19)
    cut = LabelledCurves(
        replace(data.curves, complete=complete),
        data.labels,
        data.onsets,
        data.groups,
    )
    assert roc(cut, replay_of(cut), OFF, Grid.even(3)).n_left_out == 1
    assert roc(cut, replay_of(cut), OFF, Grid.even(3)).areas[0].n_good == 9
