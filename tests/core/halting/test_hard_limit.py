from math import nextafter

from director_ai.core.halting import hard_limit


def test_a_score_equal_to_the_hard_limit_goes_on():
    assert not hard_limit.holds(0.5, 0.5)


def test_a_score_one_ulp_below_the_hard_limit_halts():
    assert hard_limit.holds(nextafter(0.5, 0.0), 0.5)


def test_a_score_one_ulp_above_the_hard_limit_goes_on():
    assert not hard_limit.holds(nextafter(0.5, 1.0), 0.5)
