"""Drift by another library: the p-values of MAPIE, and what its martingale makes of ours."""

import numpy as np
import pytest

from director_ai.monitoring import drift, ranks

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def martingale():
    """MAPIE's test of exchangeability; importing it takes longer than all that it does here."""
    library = pytest.importorskip(
        "mapie.exchangeability_testing", reason="NO SECOND OPINION ON DRIFT: pip install mapie"
    )
    return lambda seed=0: library.OnlineMartingaleTest(random_state=seed, warn=False)


def test_ranks_are_the_p_values_of_mapie_ties_too(martingale) -> None:
    # MAPIE draws twice for the first value, and counts the larger ones where we count the smaller.
    draws = np.random.default_rng(5).random(401)
    values = np.random.default_rng(6).integers(0, 60, 400) / 60
    theirs = martingale(seed=5)

    p_values = [theirs.compute_p_value(-values[at], -values[:at]) for at in range(400)]
    assert ranks(np.empty(0), values, draws[1:]).tolist() == p_values


def test_what_mapie_calls_a_change_is_one_and_what_it_does_not_is_none(martingale) -> None:
    random = np.random.default_rng(7)
    level = 1_000
    for shift, is_change in ((0.0, False), (-0.05, True)):
        values = random.normal(0.75, 0.05, 2_000)
        values[1_000:] += shift
        p_values = ranks(np.empty(0), values, random.random(2_000))
        theirs = martingale()
        wealth = np.array([theirs.update_simple_jumper_martingale(p) for p in p_values])
        ours = drift(p_values[:, None], np.arange(2_000) // 100).alarm_at(level)

        assert (wealth.max() >= level) == (ours is not None) == is_change
        if is_change:
            # Bets that begin anew each day see it sooner.
            assert 1_000 < ours < np.argmax(wealth >= level)
