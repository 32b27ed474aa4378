"""ROC curves of the rules: against brute force over the kernel's decisions, and by simulation."""

from dataclasses import replace

import numpy as np
import pytest

from director_ai.core.halting.policy import HaltPolicy
from director_ai.replay.curves import Curves
from director_ai.replay.engine import Replay
from director_ai.tuning.evaluation.outcome_classes import outcomes_under
from director_ai.tuning.evaluation.roc import roc
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
        points = set(zip(*(part.round(9).tolist() for part in found.curves[rule]), strict=True))
        for value in (0.05, 0.2, 0.4, 0.6):
            halts = outcomes_under(data, replace(OFF, **{field: value})).halts
            point = (halts[data.good].mean(), halts[data.bad].mean())
            assert tuple(np.round(point, 9)) in points


def test_the_front_is_the_best_recall_at_every_false_halt_rate() -> None:
    data, grid = make_sessions(60, seed=4), Grid.even(6)
    found = roc(data, replay_of(data), OFF, grid)

    best: dict[float, float] = {}
    for hard in grid.hard_limits:
        for window in grid.window_thresholds:
            for drop in grid.trend_thresholds:
                policy = replace(
                    OFF,
                    hard_limit=float(hard),
                    soft_limit=1.0,
                    window_threshold=float(window),
                    trend_threshold=float(drop),
                )
                halts = replay_of(data).outcomes(policy).halts
                false, caught = float(halts[data.good].mean()), float(halts[data.bad].mean())
                best[false] = max(best.get(false, 0.0), caught)
    expected, highest = [], -1.0
    for false in sorted(best):
        if best[false] > highest:
            highest = best[false]
            expected.append((false, highest))
    assert found.front.fpr.tolist() == pytest.approx([false for false, _ in expected])
    assert found.front.recall.tolist() == pytest.approx([caught for _, caught in expected])


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
def test_the_interval_covers_the_true_area_whatever_the_size_of_groups(size: int) -> None:
    # Normal scores a distance of 1 apart: the area is Phi(1 / sqrt(2)).
    truth, n_groups, draw = 0.7602, 40, np.random.default_rng(size)
    labels = np.arange(n_groups * size) // size % 2
    groups = np.repeat(np.arange(n_groups), size)
    n_covered = 0
    for _ in range(200):
        shared = np.repeat(draw.normal(size=n_groups), size) * (size > 1)
        own = draw.normal(size=len(labels)) * (np.sqrt(0.5) if size > 1 else 1.0)
        noise = shared * np.sqrt(0.5) + own
        values = 1 / (1 + np.exp(noise + labels))
        curves = Curves.from_scores(values[:, None].tolist())
        data = LabelledCurves(curves, labels, np.full(len(labels), 2**63 - 1), groups)
        area = roc(data, replay_of(data), OFF, Grid.even(2)).areas[0]
        n_covered += area.low <= truth <= area.high
    assert n_covered >= 182


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
