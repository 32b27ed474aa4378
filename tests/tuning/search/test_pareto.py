"""The front is what no combination beats."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from director_ai.tuning.evaluation.sweep import sweep
from director_ai.tuning.search.pareto import front
from tests.examples import one_in
from tests.tuning.archives import GRID, archives, replay_of


@one_in(3)
@given(archives(), st.sampled_from([0.0, 0.3, 1.0]))
def test_the_front_is_what_no_combination_within_the_budget_beats(data, budget) -> None:
    swept = sweep(data, replay_of(data), GRID)

    found = front(swept, budget=budget)

    false = (swept.false + swept.good_unknown).ravel()
    points = {
        (int(x), int(y))
        for x, y in zip(false, swept.detected.ravel(), strict=True)
        if x <= budget * swept.n_good
    }
    best = {
        (x, y)
        for x, y in points
        if not any(a <= x and b >= y and (a, b) != (x, y) for a, b in points)
    }
    assert list(zip(found.false.tolist(), found.caught.tolist(), strict=True)) == sorted(best)
    for cell, x, y in zip(found.cells, found.false, found.caught, strict=True):
        place = tuple(cell)
        assert (swept.false + swept.good_unknown)[place] == x
        assert swept.detected[place] == y
        # No more lenient combination has the same counts.
        inside = tuple(slice(0, n + 1) for n in place)
        same = ((swept.false + swept.good_unknown)[inside] == x) & (swept.detected[inside] == y)
        assert same.sum() == 1
    if swept.n_good:
        assert np.allclose(found.false_halt_rates, found.false / swept.n_good)
