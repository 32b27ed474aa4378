"""A sweep counts what judging every combination alone would count."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from director_ai import HaltPolicy
from director_ai.replay.crossings import NEVER
from director_ai.replay.engine import Replay
from director_ai.tuning.evaluation.metrics import Counts
from director_ai.tuning.evaluation.outcome_classes import (
    classify,
    delays,
    outcomes_under,
    released,
)
from director_ai.tuning.evaluation.sweep import Grid, SortedLows, halting_cells, sweep
from director_ai.tuning.labelled import BAD, GOOD, UNLABELLED, LabelledCurves
from tests.examples import one_in

SCORE = st.integers(0, 100).map(lambda n: n / 100)
GRID = Grid(
    np.array([0.0, 0.3, 0.5, 0.55, 1.0]),
    np.array([0.0, 0.4, 0.55, 0.7]),
    np.array([1.5, 0.4, 0.2, 0.15, 0.0]),
)


@st.composite
def archives(draw: st.DrawFn) -> LabelledCurves:
    n_sessions = draw(st.integers(1, 10))
    scores = [draw(st.lists(SCORE, max_size=14)) for _ in range(n_sessions)]
    labels = [draw(st.sampled_from([GOOD, BAD, BAD, UNLABELLED])) for _ in range(n_sessions)]
    onsets = [
        draw(st.sampled_from([NEVER, 0, 3, 6, 20])) if label == BAD else NEVER for label in labels
    ]
    complete = [draw(st.booleans()) for _ in range(n_sessions)]
    return LabelledCurves.from_scores(scores, labels=labels, onsets=onsets, complete=complete)


POLICY = HaltPolicy(window_size=4, trend_window=3, soft_limit=1.0)


@one_in(3)
@given(archives(), st.integers(0, 3))
def test_a_sweep_counts_what_each_policy_alone_would(data: LabelledCurves, tolerance: int) -> None:
    replay = Replay(data.curves, window_size=4, trend_window=3)

    swept = Counts.of(sweep(data, replay, GRID, tolerance=tolerance))

    axes = (GRID.hard_limits, GRID.window_thresholds, GRID.trend_thresholds)
    for cell in product(*(range(len(axis)) for axis in axes)):
        hard, window, trend = (float(axis[n]) for axis, n in zip(axes, cell, strict=True))
        policy = replace(POLICY, hard_limit=hard, window_threshold=window, trend_threshold=trend)
        found = classify(data, replay.outcomes(policy), tolerance=tolerance)
        alone = Counts.of(found, good=data.good)
        for name in Counts.__dataclass_fields__:
            assert getattr(swept, name)[cell] == getattr(alone, name), (name, cell)


@one_in(3)
@given(archives(), st.sampled_from([GRID, Grid.even(2), Grid(*np.array([[0.5], [0.4], [0.2]]))]))
def test_sorted_lows_count_what_a_look_at_each_session_counts(
    data: LabelledCurves, grid: Grid
) -> None:
    replay = Replay(data.curves, window_size=4, trend_window=3)
    complete = data.curves.complete

    counts = SortedLows.of(replay.extremes(), complete).cell_counts(grid)

    cells = halting_cells(replay, grid)
    expected = np.zeros((2, *(n + 1 for n in grid.shape)), np.int64)
    np.add.at(expected, (np.where(complete, 0, 1), *cells.T), 1)
    assert np.array_equal(counts, expected)


@one_in(3)
@given(archives(), st.sampled_from(["hard", "soft"]), SCORE, SCORE)
def test_every_labelled_session_is_of_one_class_and_every_token_somewhere(
    data: LabelledCurves, mode: str, hard: float, window: float
) -> None:
    policy = replace(POLICY, halt_mode=mode, hard_limit=hard, window_threshold=window)
    outcomes = outcomes_under(data, policy)

    found = classify(data, outcomes, grace=2)

    assert (np.sum(found, axis=0) == (data.labels != UNLABELLED)).all()
    assert (released(data, outcomes, policy) >= 0).all()
    assert (released(data, outcomes, policy) <= data.curves.lengths).all()
    known = delays(data, outcomes, found)
    assert (known[found.timely] <= 2).all()
    assert (known[found.late] > 2).all()
    assert (known[found.late] != NEVER).all()
    assert (known[~(found.timely | found.late)] == NEVER).all()


def test_each_class_is_what_its_name_says() -> None:
    fall = [0.9, 0.9, 0.9, 0.9, 0.2, 0.9]
    calm = [0.9] * 6
    data = LabelledCurves.from_scores(
        [fall, calm, fall, fall, fall, fall, calm, calm],
        labels=[GOOD, GOOD, BAD, BAD, BAD, BAD, BAD, BAD],
        onsets=[NEVER, NEVER, 5, 4, 1, NEVER, 2, 2],
        complete=[True] * 7 + [False],
    )
    policy = HaltPolicy(trend_threshold=1.5)

    found = classify(data, outcomes_under(data, policy), grace=2)

    assert {name: np.flatnonzero(mask).tolist() for name, mask in found._asdict().items()} == {
        "false": [0],
        "passed": [1],
        "early": [2],
        "timely": [3],
        "late": [4],
        "caught": [5],
        "missed": [6],
        "unknown": [7],
    }
    assert classify(data, outcomes_under(data, policy), tolerance=1).timely[2]


def test_a_soft_halt_passes_its_last_token_and_a_hard_one_does_not() -> None:
    data = LabelledCurves.from_scores([[0.9, 0.52, 0.52, 0.9], [0.9, 0.2]], labels=[GOOD, GOOD])
    policy = HaltPolicy(window_size=2, window_threshold=0.55, trend_threshold=1.5, halt_mode="soft")

    assert released(data, outcomes_under(data, policy), policy).tolist() == [4, 1]


def test_where_nothing_is_enforced_every_token_is_released() -> None:
    data = LabelledCurves.from_scores([[0.9, 0.2, 0.9]], labels=[BAD], onsets=[1])
    policy = HaltPolicy(halt_mode="observe")
    outcomes = outcomes_under(data, policy)

    assert (outcomes.trigger.tolist(), outcomes.stop.tolist()) == ([1], [2])
    assert released(data, outcomes, policy).tolist() == [3]


def test_unknown_sessions_bound_every_rate() -> None:
    counts = Counts(*(np.asarray(float(n)) for n in (1, 2, 3, 4, 5, 6, 7)))

    all_halt, none_halts = counts.settled(unknown_halt=True), counts.settled(unknown_halt=False)

    assert (all_halt.false, all_halt.passed, all_halt.detected) == (7, 2, 11)
    assert (none_halts.false, none_halts.passed, none_halts.missed) == (1, 8, 12)
    assert all_halt.n_good == none_halts.n_good == counts.n_good == 9
    assert all_halt.n_bad == none_halts.n_bad == counts.n_bad == 19


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        (([], [0.5], [0.5]), "hard_limits must be a non-empty ascending array"),
        (([0.5], [0.5, 0.4], [0.5]), "window_thresholds must be a non-empty ascending array"),
        (([0.5], [0.5], [0.4, 0.5]), "trend_thresholds must be a non-empty descending array"),
    ],
)
def test_a_grid_in_no_order_is_refused(axes: tuple[list[float], ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Grid(*(np.array(axis) for axis in axes))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"labels": [GOOD]}, r"labels must have shape \(2,\), got \(1,\)"),
        ({"labels": [GOOD, 7]}, "labels must be GOOD, BAD or UNLABELLED"),
        ({"labels": [GOOD, BAD], "onsets": [3, 3]}, "onsets must be token indices of bad"),
        ({"labels": [GOOD, BAD], "onsets": [NEVER, -1]}, "onsets must be token indices of bad"),
    ],
)
def test_labels_that_do_not_fit_are_refused(values: dict[str, list[int]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LabelledCurves.from_scores([[0.5], [0.6]], **values)
