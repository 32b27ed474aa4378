from fractions import Fraction
from math import nextafter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from director_ai.core.halting import window_average

GRID = st.integers(0, 100).map(lambda hundredths: hundredths / 100)


def test_a_mean_equal_to_its_threshold_goes_on():
    assert not window_average.holds(0.55, 0.55)


def test_a_mean_short_of_its_threshold_by_the_tolerance_goes_on():
    assert not window_average.holds(0.55 - 1e-9, 0.55)


def test_a_mean_one_ulp_beyond_the_tolerance_halts():
    assert window_average.holds(nextafter(0.55 - 1e-9, 0.0), 0.55)


@pytest.mark.parametrize("hundredths", range(101))
@pytest.mark.parametrize("size", [1, 3, 7, 10, 200])
def test_a_constant_stream_does_not_fall_below_itself(hundredths, size):
    score = hundredths / 100

    assert not window_average.holds(window_average.statistic([score] * size), score)


def test_the_sum_runs_from_the_oldest_score_to_the_newest():
    window = [0.1, 0.2, 0.3, 0.7]

    assert window_average.statistic(window) == (((0.1 + 0.2) + 0.3) + 0.7) / 4


@pytest.mark.slow
@given(st.lists(GRID, min_size=1, max_size=60))
def test_the_mean_is_the_exact_mean_to_thirteen_places(window):
    exact = sum(map(Fraction, window)) / len(window)

    assert abs(Fraction(window_average.statistic(window)) - exact) < Fraction(1, 10**13)


@given(st.lists(st.lists(st.floats(0, 1), min_size=5, max_size=5), min_size=1, max_size=8))
def test_an_array_of_windows_gets_the_bits_of_each(windows):
    positions = [np.array(column) for column in zip(*windows, strict=True)]

    means = window_average.statistic(positions)

    assert means.tolist() == [window_average.statistic(window) for window in windows]


def test_the_scores_of_the_window_are_left_as_they_were():
    positions = [np.array([0.1]), np.array([0.2])]

    window_average.statistic(positions)

    assert [column.tolist() for column in positions] == [[0.1], [0.2]]
