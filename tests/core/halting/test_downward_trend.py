from fractions import Fraction
from math import nextafter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from director_ai.core.halting import downward_trend
from tests.core import oracle

GRID = st.integers(0, 100).map(lambda hundredths: hundredths / 100)


def test_a_drop_equal_to_its_threshold_goes_on():
    assert not downward_trend.holds(0.15, 0.15)


def test_a_drop_over_its_threshold_by_the_tolerance_goes_on():
    assert not downward_trend.holds(0.15 + 1e-9, 0.15)


def test_a_drop_one_ulp_beyond_the_tolerance_halts():
    assert downward_trend.holds(nextafter(0.15 + 1e-9, 1.0), 0.15)


def test_nine_eight_seven_tenths_do_not_drop_by_more_than_two():
    drop = downward_trend.statistic([0.9, 0.8, 0.7])

    # In floats it comes out above 0.2, which is what the tolerance is for.
    assert drop > 0.2
    assert not downward_trend.holds(drop, 0.2)


def test_the_drop_of_a_rise_is_negative():
    assert downward_trend.statistic([0.2, 0.4]) == -0.2


def test_one_score_has_no_drop():
    assert downward_trend.statistic([0.7]) == 0.0


@pytest.mark.parametrize("n", range(2, 30))
def test_the_largest_drop_is_never_exceeded(n):
    step = [1.0] * (n // 2) + [0.0] * (n - n // 2)

    assert not downward_trend.holds(downward_trend.statistic(step), downward_trend.LARGEST_DROP)


@given(st.lists(GRID, min_size=2, max_size=40))
def test_the_drop_is_that_of_the_least_squares_line(window):
    exact = oracle.drop([Fraction(score) for score in window])

    assert abs(Fraction(downward_trend.statistic(window)) - exact) < Fraction(1, 10**13)


def test_the_terms_are_added_from_the_oldest_to_the_newest():
    a, b, c, d = downward_trend.coefficients(4)

    drop = downward_trend.statistic([0.1, 0.2, 0.3, 0.7])

    assert drop == ((a * 0.1 + b * 0.2) + c * 0.3) + d * 0.7


@given(st.lists(st.lists(st.floats(0, 1), min_size=5, max_size=5), min_size=1, max_size=8))
def test_an_array_of_windows_gets_the_bits_of_each(windows):
    positions = [np.array(column) for column in zip(*windows, strict=True)]

    drops = downward_trend.statistic(positions)

    assert drops.tolist() == [downward_trend.statistic(window) for window in windows]
