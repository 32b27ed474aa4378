"""The interval of a rate, against its definition."""

import math

import numpy as np
import pytest

from director_ai.tuning.evaluation.intervals import Z_95, grouped_wilson, wilson


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


def test_sessions_that_are_each_their_own_group_tell_as_much_as_ever() -> None:
    assert grouped_wilson(np.array([1, 0, 1]), np.array([1, 1, 1])) == wilson(2, 3)


def test_ten_alike_sessions_tell_hardly_more_than_one() -> None:
    sizes = np.full(60, 10)
    alike = np.repeat([10, 0], 30)

    found, alone = grouped_wilson(alike, sizes), wilson(30, 60)

    assert abs(found.low - alone.low) < 0.02
    assert abs(found.high - alone.high) < 0.02


def test_groups_that_are_alike_are_counted_once() -> None:
    cases, sizes, alike = np.array([10, 3, 0, 2]), np.array([10, 4, 1, 0]), np.array([7, 0, 25, 9])

    assert grouped_wilson(cases, sizes, alike=alike) == grouped_wilson(
        np.repeat(cases, alike), np.repeat(sizes, alike)
    )


def test_without_a_case_the_interval_still_goes_by_groups() -> None:
    none = grouped_wilson(np.zeros(40), np.full(40, 10))

    assert 3 * wilson(0, 400).high < none.high < 1.1 * wilson(0, 40).high
    assert np.isnan(grouped_wilson(np.array([0]), np.array([0])).low)


@pytest.mark.slow
@pytest.mark.parametrize("rate", [0.02, 0.1, 0.5])
@pytest.mark.parametrize("likeness", [0.1, 0.3, 0.7])
def test_an_interval_of_grouped_sessions_covers_the_true_rate(rate: float, likeness: float) -> None:
    random = np.random.default_rng(9)
    n_draws, sizes = 500, np.full(60, 8)
    covers = covers_alone = 0

    for _ in range(n_draws):
        # A beta-binomial: the chance of a case is its group's own.
        own = random.beta(rate * (1 / likeness - 1), (1 - rate) * (1 / likeness - 1), len(sizes))
        cases = random.binomial(sizes, own)
        found, alone = grouped_wilson(cases, sizes), wilson(int(cases.sum()), int(sizes.sum()))
        covers += found.low <= rate <= found.high
        covers_alone += alone.low <= rate <= alone.high

    assert covers / n_draws > 0.93
    assert covers_alone < covers
