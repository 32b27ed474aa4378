"""The interval of a median, by how often it holds the true one."""

import math

import numpy as np
import pytest

from director_ai.tuning.evaluation.token_counts import TokenCounts, mean_interval, quantile_interval


@pytest.mark.parametrize(("n_groups", "size", "likeness"), [(25, 1, 0.0), (20, 5, 0.9)])
def test_the_interval_holds_the_true_median(n_groups: int, size: int, likeness: float) -> None:
    random = np.random.default_rng(5)
    groups = np.repeat(np.arange(n_groups), size)
    n_held = n_naive = 0
    for _ in range(400):
        shared = random.normal(size=n_groups)[groups]
        own = random.normal(size=len(groups))
        drawn = np.exp(2.5 + math.sqrt(likeness) * shared + math.sqrt(1 - likeness) * own)
        values = np.floor(drawn).astype(np.int64)
        low, high = quantile_interval(values, groups, 0.5)
        n_held += low <= math.floor(math.exp(2.5)) <= high
        low, high = quantile_interval(values, np.arange(len(values)), 0.5)
        n_naive += low <= math.floor(math.exp(2.5)) <= high

    # 0.9 lies five standard errors under 0.95.
    assert n_held / 400 > 0.9
    assert likeness == 0 or n_naive / 400 < 0.85


@pytest.mark.parametrize(
    ("share", "n", "is_told"), [(0.5, 5, False), (0.5, 6, True), (0.9, 28, False), (0.9, 29, True)]
)
def test_few_sessions_tell_an_interval_that_holds_or_none(share, n, is_told) -> None:
    random = np.random.default_rng(7)
    drawn = random.integers(0, 10**6, (300, n))

    ends = np.array([quantile_interval(values, np.arange(n), share) for values in drawn])

    held = (ends[:, 0] <= share * 10**6) & (share * 10**6 <= ends[:, 1])
    # The first is five standard errors under 0.95.
    assert held.mean() > 0.88 if is_told else np.isnan(ends).all()
    assert (TokenCounts.of(drawn[0], np.arange(n)).interval == "–") == (n == 5)


def test_the_ends_are_tokens_that_were_counted() -> None:
    values = np.array([3, 3, 8, 20, 41, 41, 60])

    low, high = quantile_interval(values, np.arange(7), 0.5)

    assert low in values
    assert high in values
    assert low <= 20 <= high


def test_one_group_tells_no_interval() -> None:
    found = TokenCounts.of(np.array([3, 5, 9]), np.array([4, 4, 4]))

    assert (found.text, found.interval, found.n) == ("5", "–", 3)


@pytest.mark.parametrize("likeness", [0.0, 0.9])
def test_the_interval_of_a_mean_holds_the_true_mean_of_groups(likeness: float) -> None:
    random = np.random.default_rng(6)
    groups = np.repeat(np.arange(30), 5)
    n_held = 0
    for _ in range(400):
        shared, own = random.normal(size=30)[groups], random.normal(size=150)
        drawn = 40 + 8 * (math.sqrt(likeness) * shared + math.sqrt(1 - likeness) * own)
        low, high = mean_interval(np.rint(drawn).astype(np.int64), groups)
        n_held += low <= 40 <= high

    assert n_held / 400 > 0.9
