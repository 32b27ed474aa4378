"""Every caution is given at its trigger and not a hair before."""

import math

import numpy as np
import pytest

from director_ai.tuning.evaluation.sweep import Grid
from director_ai.tuning.search import cautions
from director_ai.tuning.validation import validation
from director_ai.tuning.validation.out_of_bag import OBJECTIVE, OptimismEstimate, OutOfBag

GRID = Grid(np.array([0.0, 0.3, 0.5]), np.array([0.2, 0.4, 1.0]), np.array([0.4, 0.2, 0.0]))


def estimate(*, displayed: float = 0.8, mean: float = 0.8, votes: tuple[int, ...] = (20,)):
    chosen = np.zeros(GRID.shape, np.int64)
    chosen.flat[: len(votes)] = votes
    near = np.zeros(GRID.shape, bool)
    near.flat[:3] = True
    return OutOfBag(
        cell=(1, 1, 1),
        family=0,
        metrics={OBJECTIVE: OptimismEstimate(displayed, mean, 0.0, 1.0)},
        n_replicates=sum(votes),
        n_failed=0,
        selection_counts=chosen,
        near_best=near,
        standard_error=0.01,
    )


CASES = {
    "too few to certify": (
        lambda n: cautions.certificate_caution(n_good=n, alpha=0.02, delta=0.1, attempt=0),
        113,
        114,
    ),
    "too few to choose": (lambda n: cautions.sample_size_caution(n_good=n, n_bad=20), 19, 20),
    "inflated": (
        lambda mean: validation.optimism_caution(estimate(mean=mean), "balanced accuracy"),
        0.769,
        0.771,
    ),
    "noise": (lambda shown: validation.noise_caution(displayed=shown, floor=0.6), 0.59, 0.6),
    "edge of the grid": (lambda cell: cautions.grid_edge_caution(cell, GRID), (2, 1, 1), (1, 1, 1)),
    "unstable": (
        lambda votes: validation.stability_caution(estimate(votes=votes)),
        (19,) * 5 + (5,),
        (20,) * 5,
    ),
    "not grouped": (
        lambda n: cautions.grouping_caution(n_sessions=100, n_prompts=50, n_groups=n),
        100,
        50,
    ),
    "not replayable": (
        lambda n: cautions.replay_caution(n_sessions=9, n_cut=n, n_adaptive=0, n_other_cadence=0),
        1,
        0,
    ),
    "other lengths": (
        lambda n: cautions.length_caution(tuned_median=100, deployed_median=n),
        126,
        125,
    ),
    "percentile bootstrap": (lambda n: validation.small_cell_caution(smallest_cell=n), 4, 5),
}


@pytest.mark.parametrize("code", CASES)
def test_a_caution_is_given_on_one_side_of_its_trigger(code) -> None:
    check, over, within = CASES[code]

    found = check(over)

    assert check(within) is None
    assert found.code == code
    assert found.sentence.endswith(".")
    assert all(isinstance(value, (int, float)) for value in found.values.values())


def test_every_caution_has_its_case() -> None:
    from typing import get_args

    assert set(get_args(cautions.Code)) == set(CASES)


def test_the_sentences_hold_their_numbers() -> None:
    said = cautions.certificate_caution(n_good=113, alpha=0.02, delta=0.1)

    assert said.sentence == (
        "A false-halt rate of 2 % cannot be certified at 90 % confidence: 149 held-out good "
        "sessions are needed, there are 113. That takes about 199 good sessions in all. A rate "
        "of 2.7 % could be certified now."
    )
    counted = cautions.certificate_caution(n_good=0, alpha=0.1, delta=0.1, n_in_all=60)
    assert counted.sentence == (
        "A false-halt rate of 10 % cannot be certified at 90 % confidence: 29 held-out good "
        "sessions are needed, there are 0. That takes about 104 good sessions in all; there are 60."
    )
    by_lot = cautions.certificate_caution(n_good=113, alpha=0.02, delta=0.1, n_in_all=200)
    assert "in all" not in by_lot.sentence
    now = said.values["alpha_now"]
    assert cautions.certificate_caution(n_good=113, alpha=now, delta=0.1) is None
    assert cautions.certificate_caution(n_good=113, alpha=now - 0.001, delta=0.1) is not None
    assert (
        "edge of what was tried: hard limit 0.5."
        in cautions.grid_edge_caution((2, 1, 1), GRID).sentence
    )
    assert (
        "19 % of resampled tunings, and 3 comb" in CASES["unstable"][0]((19,) * 5 + (5,)).sentence
    )


def test_matthews_may_be_inflated_a_little_more() -> None:
    assert validation.optimism_caution(estimate(mean=0.76), "MCC") is None
    assert validation.optimism_caution(estimate(mean=0.74), "MCC").values[
        "optimism"
    ] == pytest.approx(0.06)


def test_a_rule_at_the_end_of_its_own_range_is_no_edge() -> None:
    assert cautions.grid_edge_caution((0, 2, 2), GRID) is None
    assert cautions.grid_edge_caution((1, 0, 1), GRID).values == {"window threshold": 0.2}
    assert cautions.grid_edge_caution((1, 1, 0), GRID).values == {"trend threshold": 0.4}
    fixed = Grid(np.array([0.3]), GRID.window_thresholds, GRID.trend_thresholds)
    assert cautions.grid_edge_caution((0, 1, 1), fixed) is None


def test_shorter_streams_and_fewer_bad_sessions_are_seen_too() -> None:
    assert cautions.length_caution(tuned_median=100, deployed_median=74)
    assert cautions.length_caution(tuned_median=100, deployed_median=75) is None
    assert cautions.sample_size_caution(n_good=20, n_bad=19)


def test_what_is_not_known_gives_no_caution() -> None:
    assert validation.noise_caution(displayed=0.5, floor=math.nan) is None
    assert validation.optimism_caution(estimate(mean=math.nan), "F1") is None
    assert cautions.grouping_caution(n_sessions=100, n_prompts=100, n_groups=100) is None


def test_a_window_at_the_end_of_those_tried_is_an_edge_unless_its_rule_is_off() -> None:
    grid = Grid(np.array([0.0, 0.5, 1.0]), np.array([0.0, 0.4, 1.0]), np.array([1.5, 0.2, 0.0]))
    tried = ((5, 10, 40), (5, 10, 20))

    def edges(cell, sizes):
        found = cautions.grid_edge_caution(cell, grid, sizes=sizes, tried=tried)
        return {} if found is None else dict(found.values)

    assert edges((0, 1, 1), (40, 10)) == {"window size": 40.0}
    assert edges((0, 1, 1), (10, 5)) == {"trend window": 5.0}
    assert edges((0, 1, 1), (10, 10)) == {}
    assert edges((1, 0, 0), (40, 5)) == {}
