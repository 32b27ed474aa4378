"""Two thresholds at once, against judging by each pair."""

import json

import numpy as np
import pytest

from director_ai.core.halting.policy import HaltPolicy
from director_ai.figures.theme import DARK, LIGHT
from director_ai.figures.threshold_curve import best_under, threshold_curve_data
from director_ai.figures.threshold_map import (
    PAIRS,
    threshold_map_alt,
    threshold_map_data,
    threshold_map_figure,
)
from director_ai.replay.crossings import NEVER
from director_ai.replay.curves import Curves
from director_ai.replay.engine import HARD, Replay
from director_ai.tuning.evaluation.metrics import METRICS, Counts
from director_ai.tuning.evaluation.outcome_classes import classify
from director_ai.tuning.labelled import LabelledCurves
from director_ai.tuning.synthetic import make_sessions
from director_ai.tuning.thresholds import moved

POLICY = HaltPolicy(hard_limit=0.4, window_threshold=0.6, trend_threshold=0.4)


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("metric", ["catch rate", "F1"])
def test_every_cell_is_what_its_pair_of_limits_does(pair: str, metric: str) -> None:
    data = make_sessions(80, seed=2)
    replay = Replay(data.curves, window_size=10, trend_window=5)
    rules = PAIRS[pair]

    drawn = threshold_map_data(data, replay, POLICY, rules=rules, metric=metric, n_cells=9)

    for row in range(0, 9, 3):
        for column in range(0, 9, 2):
            policy = moved(POLICY, rules[0], float(drawn.x[column]))
            policy = moved(policy, rules[1], float(drawn.y[row]))
            found = classify(data, replay.outcomes(policy))
            wanted = float(METRICS[metric](Counts.of(found, good=data.good)))
            assert float(drawn.values[row, column]) == pytest.approx(wanted, nan_ok=True)


def test_the_front_rises_in_both() -> None:
    data = make_sessions(300, seed=2)
    replay = Replay(data.curves, window_size=10, trend_window=5)

    drawn = threshold_map_data(
        data, replay, POLICY, rules=PAIRS["hard × window"], metric="catch rate"
    )

    places = [(drawn.x.tolist().index(x), drawn.y.tolist().index(y)) for x, y in drawn.front]
    rates = [(drawn.false_halt_rate[row, col], drawn.catch_rate[row, col]) for col, row in places]
    assert rates == sorted(rates)
    assert len(rates) > 3


@pytest.mark.parametrize("palette", [LIGHT, DARK])
@pytest.mark.parametrize("metric", METRICS)
def test_the_figure_can_be_sent(palette, metric: str) -> None:
    data = make_sessions(40, seed=2)
    replay = Replay(data.curves, window_size=10, trend_window=5)
    drawn = threshold_map_data(
        data, replay, POLICY, rules=PAIRS["window × max drop"], metric=metric
    )

    figure = threshold_map_figure(drawn, palette, marks=[("in use", POLICY, "cross")], budget=0.05)

    json.dumps(figure, allow_nan=False)
    assert (figure["data"][0]["zmin"], figure["data"][0]["zmax"]) == (0, 1)


def test_one_label_alone_has_no_best() -> None:
    data = LabelledCurves.from_scores([[0.9], [0.4]], labels=[0, 0])
    replay = Replay(data.curves, window_size=10, trend_window=5)

    drawn = threshold_map_data(
        data, replay, POLICY, rules=PAIRS["hard × window"], metric="catch rate"
    )

    assert drawn.front == []
    assert "no pair is known" in threshold_map_alt(drawn, 0.05)
    json.dumps(threshold_map_figure(drawn, LIGHT, marks=[], budget=0.05), allow_nan=False)


def test_the_budget_is_held_against_the_worst_case_and_few_have_no_best() -> None:
    scores, labels = [[0.9]] * 20 + [[0.4]] * 20, [0] * 20 + [1] * 20
    curves = Curves.from_scores(scores, complete=[False] + [True] * 39)
    data = LabelledCurves(curves, np.array(labels), np.full(40, NEVER), np.arange(40))
    ready = Replay(curves, window_size=10, trend_window=5)
    few = LabelledCurves.from_scores(scores[1:], labels=labels[1:])
    few_ready = Replay(few.curves, window_size=10, trend_window=5)
    how = {"rules": PAIRS["hard × window"], "metric": "catch rate", "n_cells": 3}

    drawn = threshold_map_data(data, ready, POLICY, **how)

    assert drawn.false_halt_rate[0, 0] == 0.0
    assert drawn.worst_false_halts[0, 0] == 0.05
    assert "no pair is known" in threshold_map_alt(drawn, 0.04)
    assert "the best catches" in threshold_map_alt(drawn, 0.05)
    said = threshold_map_alt(threshold_map_data(few, few_ready, POLICY, **how), 0.05)
    assert "only 19 sessions of a kind none" in said


def test_no_limit_is_the_best_as_what_it_misses_is_unknown() -> None:
    # Above 0.4 all 20 bad sessions are caught; at 0.3 one is, and of 19 cut ones nothing is known.
    scores, labels = [[0.9]] * 20 + [[0.2]] + [[0.4]] * 19, np.repeat([0, 1], 20)
    curves = Curves.from_scores(scores, complete=[True] * 21 + [False] * 19)
    data = LabelledCurves(curves, labels, np.full(40, NEVER), np.arange(40))
    ready = Replay(curves, window_size=10, trend_window=5)

    star = best_under(threshold_curve_data(data, ready, POLICY, HARD), 0.05)
    drawn = threshold_map_data(
        data, ready, POLICY, rules=PAIRS["hard × window"], metric="catch rate", n_cells=11
    )

    assert star == (pytest.approx(0.65), 1.0)
    assert "the best catches 100.0 %, at 0.500 and" in threshold_map_alt(drawn, 0.05)
