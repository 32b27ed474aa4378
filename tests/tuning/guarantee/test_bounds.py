"""The exact bounds, against scipy's own, their definitions and published tables."""

import math
from math import comb

import pytest
from scipy.stats import binom, binomtest

from director_ai.errors import InvalidRequestError
from director_ai.tuning.guarantee.bounds import (
    allowed_steps,
    exact_upper,
    least_good_sessions,
    least_good_tuned,
    uniform_upper,
)


@pytest.mark.parametrize("n", [1, 5, 60, 400])
@pytest.mark.parametrize("delta", [0.05, 0.1])
def test_the_bound_of_one_fixed_policy_is_that_of_clopper_and_pearson(n, delta) -> None:
    for k in {0, 1, n // 3, n - 1}:
        interval = binomtest(k, n, alternative="less").proportion_ci(1 - delta, method="exact")
        assert exact_upper(k, n, delta=delta) == pytest.approx(interval.high)
    assert exact_upper(n, n, delta=delta) == 1.0


@pytest.mark.parametrize(("k", "n", "d"), [(0, 120, 3), (2, 300, 3), (5, 600, 2), (7, 50, 1)])
def test_the_uniform_bound_is_where_the_discarding_inequality_is_tight(k, n, d) -> None:
    bound = uniform_upper(k, n, n_rules=d, delta=0.1)

    assert comb(k + d - 1, k) * binom.cdf(k + d - 1, n, bound) == pytest.approx(0.1)


def test_families_that_were_tried_are_paid_for() -> None:
    twelve = uniform_upper(2, 300, n_rules=3, delta=0.1, n_families=12)

    assert twelve == pytest.approx(uniform_upper(2, 300, n_rules=3, delta=0.1 / 12))
    assert twelve > uniform_upper(2, 300, n_rules=3, delta=0.1)


def test_the_published_figures() -> None:
    shown = [
        uniform_upper(0, 120, n_rules=1, delta=0.1),
        uniform_upper(0, 120, n_rules=3, delta=0.1),
        uniform_upper(2, 300, n_rules=1, delta=0.1),
        uniform_upper(2, 300, n_rules=3, delta=0.1),
        uniform_upper(5, 600, n_rules=1, delta=0.1),
        uniform_upper(5, 600, n_rules=3, delta=0.1),
    ]

    assert [round(100 * bound, 1) for bound in shown] == [1.9, 4.4, 1.8, 3.6, 1.5, 2.8]


@pytest.mark.parametrize(
    ("alpha", "n", "k"),
    [(0.02, 113, -1), (0.02, 114, 0), (0.02, 300, 2), (0.02, 600, 7), (0.02, 1000, 13)]
    + [(0.05, 120, 2), (0.05, 600, 22), (0.1, 120, 7)],
)
def test_the_allowed_counts_of_the_table(alpha, n, k) -> None:
    m = allowed_steps(n, alpha=alpha, delta=0.1)

    assert m == k + 1
    assert m == 0 or binom.cdf(m - 1, n, alpha) <= 0.1
    assert binom.cdf(m, n, alpha) > 0.1


def test_the_fewest_good_sessions_of_the_table() -> None:
    shares = (0.01, 0.02, 0.05, 0.1)

    assert [least_good_sessions(alpha=a, delta=0.1) for a in shares] == [230, 114, 45, 22]
    assert [least_good_sessions(alpha=a, delta=0.05) for a in shares] == [299, 149, 59, 29]


@pytest.mark.parametrize("alpha", [1e-6, 0.003, 0.3])
def test_the_fewest_good_sessions_that_bound_a_choice_are_found_by_halving(alpha) -> None:
    n = least_good_tuned(alpha=alpha, delta=0.1, n_families=12)

    before, there = (
        uniform_upper(0, each, n_rules=3, delta=0.1, n_families=12) for each in (n - 1, n)
    )
    assert there <= alpha < before


@pytest.mark.parametrize("alpha", [0.003, 0.02, 0.3])
@pytest.mark.parametrize("delta", [0.01, 0.1, 0.5])
def test_the_fewest_good_sessions_allow_one_spend_and_one_fewer_none(alpha, delta) -> None:
    n = least_good_sessions(alpha=alpha, delta=delta)

    assert allowed_steps(n, alpha=alpha, delta=delta) == 1
    assert allowed_steps(n - 1, alpha=alpha, delta=delta) == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: exact_upper(3, 2, delta=0.1), "k must be in"),
        (lambda: exact_upper(1, 2, delta=1.0), "delta must be between"),
        (lambda: uniform_upper(1, 9, n_rules=0, delta=0.1), "n_rules must be at least 1"),
        (lambda: allowed_steps(9, alpha=0.0, delta=0.1), "alpha must be between"),
        (lambda: least_good_tuned(alpha=0.0, delta=0.1), "alpha must be between"),
        (lambda: least_good_tuned(alpha=math.nan, delta=0.1), "alpha must be between"),
    ],
)
def test_what_cannot_be_is_refused(call, message) -> None:
    with pytest.raises(InvalidRequestError, match=message):
        call()
