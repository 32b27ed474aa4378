from decimal import Decimal
from fractions import Fraction
from math import inf, nan, nextafter

import numpy as np
import pytest

from director_ai.core.halting.score import as_score
from director_ai.errors import InvalidScoreError


@pytest.mark.parametrize(
    "value",
    [0.5, Fraction(1, 2), Decimal("0.5"), np.float64(0.5), np.float32(0.5), np.array(0.5)],
    ids=lambda value: type(value).__name__,
)
def test_every_kind_of_number_becomes_a_plain_float(value):
    score = as_score(value)

    assert (type(score), score) == (float, 0.5)


@pytest.mark.parametrize("value", [0, 1, np.int64(1)])
def test_whole_numbers_are_scores(value):
    assert as_score(value) == float(value)


@pytest.mark.parametrize("value", [1.0000001, 1 + 1e-6, np.float32(1.0000001)])
def test_float_noise_above_one_is_clamped(value):
    assert as_score(value) == 1.0


@pytest.mark.parametrize("value", [-1e-7, -1e-6])
def test_float_noise_below_zero_is_clamped(value):
    assert as_score(value) == 0.0


@pytest.mark.parametrize(
    "value",
    [nextafter(1 + 1e-6, 2), nextafter(-1e-6, -1), 2, -1, 1e308, inf, -inf, nan, 10**400]
    + [Decimal("NaN"), Decimal("sNaN"), np.array(nan)],
    ids=str,
)
def test_numbers_out_of_range_are_refused(value):
    with pytest.raises(InvalidScoreError):
        as_score(value)


@pytest.mark.parametrize(
    "value",
    [None, True, False, "0.9", b"0.9", (0.9,), {}, 0.9j, np.array([0.9]), np.array(True), object],
    ids=repr,
)
def test_what_is_no_number_is_refused(value):
    with pytest.raises(InvalidScoreError):
        as_score(value)


def test_a_value_that_only_converts_to_a_float_is_refused():
    class Convertible:
        def __float__(self):
            return 0.1

    with pytest.raises(InvalidScoreError):
        as_score(Convertible())


def test_an_array_on_a_device_that_cannot_be_read_is_refused():
    class Unreadable:
        shape = ()

        def item(self):
            raise RuntimeError("no data on the meta device")

    with pytest.raises(InvalidScoreError):
        as_score(Unreadable())


def test_a_value_whose_repr_fails_is_named_by_its_type():
    class Broken:
        def __repr__(self):
            raise RuntimeError

    with pytest.raises(InvalidScoreError, match="Broken"):
        as_score(Broken())
