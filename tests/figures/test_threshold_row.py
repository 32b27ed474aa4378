"""A row of maps, the star under the budget, and the spread of the scores."""

import json

import numpy as np
import pytest

from director_ai.core.halting.policy import HaltPolicy
from director_ai.figures.score_density import score_density_data, score_density_figure
from director_ai.figures.theme import DARK, LIGHT
from director_ai.figures.threshold_curve import (
    best_under,
    threshold_curve_data,
    threshold_curve_figure,
)
from director_ai.figures.threshold_map import threshold_map_data
from director_ai.figures.threshold_row import (
    CELLS,
    N_MAPS,
    threshold_row_data,
    threshold_row_figure,
)
from director_ai.replay.engine import HARD, TREND, WINDOW, Replay
from director_ai.tuning.evaluation.evaluation import evaluate
from director_ai.tuning.labelled import LabelledCurves
from director_ai.tuning.synthetic import make_sessions
from director_ai.tuning.thresholds import moved

POLICY = HaltPolicy(hard_limit=0.4, trend_threshold=0.4)


def scene(n_sessions: int = 300):
    data = make_sessions(n_sessions, seed=6)
    return data, Replay(data.curves, window_size=10, trend_window=5)


def test_each_map_of_the_row_is_the_map_at_its_value() -> None:
    data, replay = scene()

    row = threshold_row_data(data, replay, POLICY, rules=(HARD, WINDOW), metric="catch rate")

    assert len(row.values) == N_MAPS
    assert row.values == sorted(row.values, reverse=True)
    assert POLICY.trend_threshold in row.values
    for value, small in zip(row.values, row.maps, strict=True):
        alone = threshold_map_data(
            data,
            replay,
            moved(POLICY, TREND, value),
            rules=(HARD, WINDOW),
            metric="catch rate",
            n_cells=CELLS,
        )
        assert (small.values == alone.values).all()
    figure = threshold_row_figure(row, DARK, policy=POLICY, budget=0.05)
    json.dumps(figure, allow_nan=False)
    assert [trace["type"] for trace in figure["data"][:N_MAPS]] == ["heatmap"] * N_MAPS


@pytest.mark.parametrize("value", [0.0, 0.01, 0.3, 0.45, 0.6, 1.0])
def test_a_row_has_five_maps_and_the_last_its_colour_bar(value) -> None:
    data = LabelledCurves.from_scores([[0.9], [0.3]], labels=[0, 1])
    replay = Replay(data.curves, window_size=10, trend_window=5)
    policy = moved(POLICY, HARD, value)

    row = threshold_row_data(data, replay, policy, rules=(WINDOW, TREND), metric="F1")

    assert (len(row.values), row.values[0]) == (N_MAPS, 0.0)
    assert row.values == sorted(set(row.values))
    assert value in row.values
    heat = threshold_row_figure(row, DARK, policy=policy, budget=0.05)["data"][:N_MAPS]
    assert [trace["showscale"] for trace in heat] == [False] * 4 + [True]


@pytest.mark.slow
def test_the_star_is_the_best_threshold_that_keeps_to_the_budget() -> None:
    data, replay = scene()

    drawn = threshold_curve_data(data, replay, POLICY, HARD)
    star = best_under(drawn, 0.05)

    grid = np.linspace(0.0, 1.0, 501)
    tried = [moved(POLICY, HARD, value) for value in grid]
    numbers = [evaluate(data, replay.outcomes(policy), policy) for policy in tried]
    allowed = [each.catch.least for each in numbers if each.false.most <= 0.05 * data.n_good]
    at_star = moved(POLICY, HARD, star.threshold)
    there = evaluate(data, replay.outcomes(at_star), at_star)
    assert there.false.most <= 0.05 * data.n_good
    assert there.catch.least >= max(allowed)
    assert star.catch_rate == there.catch.least / there.catch.n
    assert best_under(drawn, -0.1) is None


def test_what_is_in_use_is_in_ink_and_what_it_is_compared_with_is_muted() -> None:
    data, replay = scene(60)
    drawn = threshold_curve_data(data, replay, POLICY, HARD)

    figure = threshold_curve_figure(
        drawn, LIGHT, marks=[("recorded", HaltPolicy(), "dot"), ("in use", POLICY, "solid")]
    )

    lines = {
        shape["x0"]: shape["line"]["color"]
        for shape in figure["layout"]["shapes"]
        if shape["type"] == "line"
    }
    assert lines == {0.5: LIGHT.muted, 0.4: LIGHT.ink}
    assert not [trace for trace in figure["data"] if trace["mode"] == "markers"]


def test_bad_scores_count_from_the_onset_on() -> None:
    data, _ = scene()

    drawn = score_density_data(data)

    curves, bad = data.curves, np.flatnonzero(data.bad)
    wanted = np.concatenate([curves.session(row)[data.onsets[row] :] for row in bad])
    assert drawn.n_bad == len(wanted)
    assert drawn.bad.argmax() == np.bincount((wanted * 50).astype(int).clip(max=49)).argmax()
    assert drawn.good.sum() == 1.0 or abs(drawn.good.sum() - 1.0) < 1e-9
    figure = score_density_figure(drawn, LIGHT, marks=[("in use", POLICY, "solid")])
    json.dumps(figure, allow_nan=False)
    assert max(figure["data"][1]["y"]) <= 0
