"""The proposal is the best of all combinations, judged one by one."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from director_ai.errors import InvalidRequestError
from director_ai.replay.engine import Replay
from director_ai.tuning.evaluation import metrics
from director_ai.tuning.evaluation.metrics import Counts
from director_ai.tuning.evaluation.outcome_classes import classify
from director_ai.tuning.evaluation.sweep import Grid, sweep
from director_ai.tuning.evaluation.weighted_sweep import Cells
from director_ai.tuning.labelled import BAD, GOOD, LabelledCurves
from director_ai.tuning.search.selection import (
    Goal,
    Search,
    best_cell,
    select_thresholds,
    select_windows,
)
from director_ai.tuning.synthetic import make_sessions
from tests.examples import one_in
from tests.tuning.archives import GRID, POLICY, STRICT_GRID, archives, replay_of

AXES = (GRID.hard_limits, GRID.window_thresholds, GRID.trend_thresholds)
WEIGHTS = {"F1": metrics.f_score, "balanced accuracy": metrics.balanced_accuracy}


def judged(data: LabelledCurves, replay: Replay, objective: str, budget: float):
    """Return (objective, minus unjustified halts) of every combination within the budget."""
    found = {}
    for cell in product(*(range(len(axis)) for axis in AXES)):
        hard, window, trend = (float(axis[n]) for axis, n in zip(AXES, cell, strict=True))
        policy = replace(POLICY, hard_limit=hard, window_threshold=window, trend_threshold=trend)
        outcomes = replay.outcomes(policy)
        became = classify(data, outcomes)
        false = int((data.good & (outcomes.halts | outcomes.unknown)).sum())
        if false > budget * data.n_good:
            continue
        caught, early = int(became.detected.sum()), int(became.early.sum())
        missed = data.n_bad - caught - early
        counts = Counts(
            *(np.asarray(float(n)) for n in (false, data.n_good - false, early, caught, missed)),
            np.asarray(0.0),
            np.asarray(0.0),
        )
        value = {
            "catch": metrics.catch_rate,
            "MCC": metrics.matthews,
            "cost": lambda counts: -metrics.cost(counts, false_halts_per_miss=3.0),
            **WEIGHTS,
        }[objective](counts)
        if not np.isnan(value):
            found[cell] = (round(float(value), 12), -(false + early))
    return found


@one_in(3)
@given(
    archives(),
    st.sampled_from(["catch", "F1", "balanced accuracy", "MCC", "cost"]),
    st.sampled_from([0.0, 0.25, 0.5, 1.0]),
)
def test_a_proposal_is_the_best_of_all_combinations(data, objective, budget) -> None:
    replay = replay_of(data)

    found = select_thresholds(data, replay, GRID, Goal(budget, objective, 3.0))

    alone = judged(data, replay, objective, budget)
    if found is None:
        assert not alone
        return
    assert alone[found.cell] == max(alone.values())
    assert found.value == pytest.approx(alone[found.cell][0])
    assert found.policy.hard_limit == AXES[0][found.cell[0]]
    assert found.policy.trend_threshold == AXES[2][found.cell[2]]
    became = classify(data, replay.outcomes(found.policy))
    alone_counts = Counts.of(became, good=data.good)
    for name in Counts.__dataclass_fields__:
        assert getattr(found.counts, name) == getattr(alone_counts, name)


@one_in(3)
@given(archives(), st.sampled_from([GRID, STRICT_GRID]), st.data())
def test_a_weighted_table_counts_each_session_as_often_as_it_weighs(data, grid, more) -> None:
    n = data.n_sessions
    weights = more.draw(st.lists(st.integers(0, 3), min_size=n, max_size=n))
    repeated = data.select(np.repeat(np.arange(n), weights))

    cells = Cells.of(data, replay_of(data), grid)
    table = cells.weighted(np.array(weights, float))

    wanted = Counts.of(sweep(repeated, replay_of(repeated), grid))
    for name in Counts.__dataclass_fields__:
        assert (getattr(table, name) == getattr(wanted, name)).all(), name
        one = getattr(cells.at((1, 2, 1), np.array(weights, float)), name)
        assert one == getattr(wanted, name)[1, 2, 1], name


def test_with_weights_of_one_a_table_is_the_sweep() -> None:
    data = make_sessions(300, seed=2)
    replay = Replay(data.curves, window_size=10, trend_window=5)
    grid = Grid.even(9)

    table = Cells.of(data, replay, grid).weighted(np.ones(300))

    wanted = Counts.of(sweep(data, replay, grid))
    for name in Counts.__dataclass_fields__:
        assert (getattr(table, name) == getattr(wanted, name)).all()


def test_of_equals_the_middle_of_the_run_is_taken_and_a_needless_rule_is_off() -> None:
    data = LabelledCurves.from_scores(
        [[0.92, 0.92], [0.92, 0.33], [0.92, 0.75]], labels=[GOOD, BAD, GOOD]
    )
    replay = Replay(data.curves, window_size=5, trend_window=5)

    found = select_thresholds(data, replay, Grid.even(11), Goal(budget=0.0))

    assert found.policy.hard_limit == 0.5
    assert found.policy.window_threshold == 0.0
    assert found.policy.trend_threshold == 1.5


def test_unknown_sessions_count_against_a_policy() -> None:
    scores = [[0.9] * 3, [0.9] * 3, [0.2] * 3]
    cut = LabelledCurves.from_scores(
        scores, labels=[GOOD, GOOD, BAD], complete=[False, True, False]
    )
    replay = Replay(cut.curves, window_size=5, trend_window=5)

    assert select_thresholds(cut, replay, Grid.even(11), Goal(budget=0.4)) is None
    found = select_thresholds(cut, replay, Grid.even(11), Goal(budget=0.5))
    assert found.value == 1.0
    assert found.counts.good_unknown == 1


def test_without_bad_sessions_there_is_nothing_to_catch() -> None:
    data = LabelledCurves.from_scores([[0.9]], labels=[GOOD])

    assert select_thresholds(data, replay_of(data), GRID) is None


def test_a_cost_weighs_false_halts() -> None:
    # One bad session can only be caught together with two good ones.
    data = LabelledCurves.from_scores([[0.4], [0.4], [0.4], [0.9]], labels=[GOOD, GOOD, BAD, GOOD])
    replay = Replay(data.curves, window_size=5, trend_window=5)

    values = [
        select_thresholds(
            data, replay, Grid.even(11), Goal(objective="cost", false_halts_per_miss=price)
        ).counts.detected
        for price in (1.0, 3.0)
    ]

    assert values == [0, 1]


def test_the_search_over_windows_ends_where_no_single_size_helps() -> None:
    data = make_sessions(200, seed=4)
    goal = Goal(budget=0.05)

    found = select_windows(data, Grid.even(12), Search((10, 4, 20), (5, 12)), goal)

    best = (found.policy.window_size, found.policy.trend_window)
    assert found.tried == tuple(product([10, 4, 20], [5, 12]))
    values = {}
    for window, trend in found.tried:
        replay = Replay(data.curves, window_size=window, trend_window=trend)
        values[window, trend] = select_thresholds(data, replay, Grid.even(12), goal).value
    assert values[best] == found.value == max(values.values())


def test_a_product_that_misses_its_whole_number_is_still_in_the_budget() -> None:
    # 0.07 * 100 is 7.000000000000001, 0.29 * 100 is 28.999999999999996.
    counts = Counts(*(np.full((1, 1, 1), n) for n in (29.0, 71.0, 0.0, 1.0, 0.0, 0.0, 0.0)))

    assert best_cell(counts, Goal(0.29)) == (0, 0, 0)
    assert best_cell(counts, Goal(0.28)) is None


@pytest.mark.parametrize("values", [{"budget": 1.1}, {"budget": -0.1}, {"false_halts_per_miss": 0}])
def test_a_goal_that_cannot_be_is_refused(values) -> None:
    with pytest.raises(InvalidRequestError, match="must be"):
        Goal(**values)
