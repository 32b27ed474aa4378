"""The interval of a rate, against its definition."""

import math

import pytest

from director_ai.tuning.intervals import Z_95, wilson


@pytest.mark.parametrize("n", [1, 2, 7, 40, 1000])
def test_each_end_is_a_rate_from_which_the_count_lies_z_standard_errors_away(n: int) -> None:
    for k in range(0, n + 1, max(1, n // 7)):
        for end in wilson(k, n):
            if 0 < end < 1:
                error = math.sqrt(end * (1 - end) / n)
                assert abs(k / n - end) == pytest.approx(Z_95 * error)


@pytest.mark.parametrize("n", [1, 5, 10_000_000])
def test_a_rate_of_nothing_and_of_everything_reaches_the_end(n: int) -> None:
    assert wilson(0, n).low == 0
    assert wilson(n, n).high == 1
    assert 0 < wilson(0, n).high < 1
    assert wilson(n, n).low == pytest.approx(1 - wilson(0, n).high)


def test_of_nothing_counted_nothing_is_known() -> None:
    assert all(math.isnan(end) for end in wilson(0, 0))


@pytest.mark.parametrize(
    ("k", "n", "z"), [(-1, 5, 2.0), (6, 5, 2.0), (1, 5, 0.0), (1, 5, math.inf)]
)
def test_counts_that_cannot_be_are_refused(k: int, n: int, z: float) -> None:
    with pytest.raises(ValueError, match="must be"):
        wilson(k, n, z)
