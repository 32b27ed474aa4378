"""Every value of one threshold, against judging by each value."""

import json
from dataclasses import replace

import numpy as np
import pytest

from director_ai.core.halting.policy import HaltPolicy
from director_ai.figures.theme import DARK, LIGHT
from director_ai.figures.threshold_curve import (
    MOST_STEPS,
    best_under,
    merged_line,
    threshold_curve_alt,
    threshold_curve_data,
    threshold_curve_figure,
)
from director_ai.replay.engine import HARD, TREND, WINDOW, Replay
from director_ai.tuning.evaluation import metrics
from director_ai.tuning.evaluation.evaluation import evaluate
from director_ai.tuning.evaluation.metrics import Counts
from director_ai.tuning.evaluation.outcome_classes import classify
from director_ai.tuning.labelled import LabelledCurves
from director_ai.tuning.synthetic import make_sessions
from director_ai.tuning.thresholds import moved

POLICY = HaltPolicy(hard_limit=0.4, window_threshold=0.6, trend_threshold=0.4)


def replay(data: LabelledCurves) -> Replay:
    return Replay(data.curves, window_size=10, trend_window=5)


@pytest.mark.parametrize("rule", [HARD, WINDOW, TREND])
def test_every_step_is_what_a_policy_in_its_middle_does(rule: int) -> None:
    data = make_sessions(60, seed=2)
    ready = replay(data)

    drawn = threshold_curve_data(data, ready, POLICY, rule)

    for step in range(0, len(drawn.edges) - 1, 7):
        middle = float(drawn.edges[step] + drawn.edges[step + 1]) / 2
        outcomes = ready.outcomes(moved(POLICY, rule, middle))
        counts = Counts.of(classify(data, outcomes), good=data.good)
        assert drawn.values["catch rate"][step] == metrics.catch_rate(counts)
        assert drawn.values["false-halt rate"][step] == metrics.false_halt_rate(counts)
        assert drawn.values["halt rate"][step] == outcomes.halts.mean()


@pytest.mark.parametrize("rule", [HARD, WINDOW, TREND])
def test_on_a_plateau_the_same_sessions_are_halted(rule: int) -> None:
    data = make_sessions(60, seed=2)
    ready = replay(data)

    drawn = threshold_curve_data(data, ready, POLICY, rule)

    assert drawn.plateaus
    for start, end in drawn.plateaus:
        inner = [start + share * (end - start) for share in (0.001, 0.5, 0.999)]
        halts = [ready.outcomes(moved(POLICY, rule, value)).halts for value in inner]
        assert (halts[0] == halts[1]).all()
        assert (halts[1] == halts[2]).all()


@pytest.mark.parametrize("rule", [HARD, WINDOW, TREND])
@pytest.mark.parametrize("n_groups", [20, 60])
def test_the_bands_are_the_intervals_of_the_card_by_groups(rule: int, n_groups: int) -> None:
    drawn_at_random = make_sessions(60, seed=2)
    cut = np.arange(60) % 5 != 0
    data = replace(
        drawn_at_random,
        groups=np.arange(60) % n_groups,
        curves=replace(drawn_at_random.curves, complete=cut),
    )
    ready = replay(data)

    drawn = threshold_curve_data(data, ready, POLICY, rule)

    for step in range(0, len(drawn.edges) - 1, 7):
        middle = float(drawn.edges[step] + drawn.edges[step + 1]) / 2
        policy = moved(POLICY, rule, middle)
        card = evaluate(data, ready.outcomes(policy), policy)
        for name, rate in (("catch rate", card.catch), ("false-halt rate", card.false)):
            assert drawn.bands[name][:, step] == pytest.approx([rate.low, rate.high])


def test_the_bands_hold_the_rates() -> None:
    data = make_sessions(200, seed=4)

    drawn = threshold_curve_data(data, replay(data), POLICY, HARD)

    for name, (low, high) in drawn.bands.items():
        assert (low <= drawn.values[name]).all()
        assert (drawn.values[name] <= high).all()


def test_a_large_archive_is_thinned_with_both_ends_kept() -> None:
    data = make_sessions(1500, seed=4)

    drawn = threshold_curve_data(
        data, replay(data), HaltPolicy(window_threshold=0.0, trend_threshold=1.5), HARD
    )

    assert len(drawn.edges) <= MOST_STEPS + 1 < drawn.n_breakpoints
    assert (drawn.edges[0], drawn.edges[-1]) == (0.0, 1.0)
    assert merged_line(drawn) == (
        f"Showing {len(drawn.edges) - 1:,} of {drawn.n_breakpoints + 1:,} steps; the card is exact."
    )


def test_of_few_sessions_no_value_is_the_best() -> None:
    for n_bad, has_best in ((19, False), (20, True)):
        data = LabelledCurves.from_scores(
            [[0.9]] * 30 + [[0.2]] * n_bad, labels=[0] * 30 + [1] * n_bad
        )
        drawn = threshold_curve_data(data, replay(data), POLICY, HARD)

        assert merged_line(drawn) == ""
        assert (best_under(drawn, 0.05) is not None) == has_best


@pytest.mark.parametrize("palette", [LIGHT, DARK])
@pytest.mark.parametrize("rule", [HARD, TREND])
def test_the_figure_can_be_sent_and_stricter_is_to_the_right(palette, rule) -> None:
    data = make_sessions(60, seed=2)
    drawn = threshold_curve_data(data, replay(data), POLICY, rule)

    figure = threshold_curve_figure(
        drawn, palette, marks=[("in use", POLICY, "solid")], budget=0.05
    )

    json.dumps(figure, allow_nan=False)
    low, high = figure["layout"]["xaxis"]["range"]
    assert (low > high) == (rule == TREND)


def test_without_labels_the_halt_rate_is_left() -> None:
    data = make_sessions(20, seed=2)
    bare = LabelledCurves(
        data.curves, np.full(20, -1), np.full(20, np.iinfo(np.int64).max), data.groups
    )

    drawn = threshold_curve_data(bare, replay(bare), POLICY, HARD)

    assert np.isnan(drawn.values["catch rate"]).all()
    assert not np.isnan(drawn.values["halt rate"]).any()
    assert "halt rate" in threshold_curve_alt(drawn, POLICY)
    json.dumps(threshold_curve_figure(drawn, LIGHT, marks=[]), allow_nan=False)


def test_the_legend_names_every_area_once() -> None:
    data = make_sessions(60, seed=2)
    drawn = threshold_curve_data(data, replay(data), POLICY, HARD)

    figure = threshold_curve_figure(drawn, LIGHT, marks=[], budget=0.05)

    filled = [trace for trace in figure["data"] if "fill" in trace]
    areas = [shape for shape in figure["layout"]["shapes"] if shape["type"] == "rect"]
    named = [each["name"] for each in [*filled, *areas] if each["showlegend"]]
    assert sorted(named) == ["95 % interval", "over the target", "same sessions halted"]
    assert {each["name"] for each in [*filled, *areas]} == set(named)


def test_the_side_over_the_budget_is_shaded() -> None:
    data = LabelledCurves.from_scores([[0.9], [0.7], [0.2]], labels=[0, 0, 1])
    drawn = threshold_curve_data(data, replay(data), HaltPolicy(window_size=10), HARD)

    def shaded(budget: float) -> list[tuple[float, float]]:
        figure = threshold_curve_figure(drawn, LIGHT, marks=[], budget=budget)
        shapes = figure["layout"]["shapes"]
        return [(s["x0"], s["x1"]) for s in shapes if s.get("name") == "over the target"]

    assert shaded(0.05) == [(0.7, 1.0)]
    assert shaded(0.6) == [(0.9, 1.0)]
    assert shaded(1.0) == []
