"""Ranks, the drift detector and the bands of rates: definitions, and how often they are wrong."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from director_ai.errors import InvalidRequestError
from director_ai.monitoring import (
    difference_band,
    drift,
    family_ranks,
    quantile_band,
    ranks,
    rate_band,
)

FEW = st.sampled_from([0.0, 0.1, 0.5, 0.9])


def by_definition(reference: list[float], values: list[float], ties: list[float]) -> list[float]:
    p_values = []
    for at, (value, tie) in enumerate(zip(values, ties, strict=True)):
        earlier = [*reference, *values[:at]]
        n_less = sum(other < value for other in earlier)
        n_equal = sum(other == value for other in earlier)
        p_values.append((n_less + tie * (n_equal + 1)) / (len(earlier) + 1))
    return p_values


@given(
    reference=st.lists(FEW, max_size=9),
    stream=st.lists(st.tuples(FEW | st.floats(0, 1), st.floats(0.01, 0.99)), max_size=40),
)
def test_ranks_are_those_of_the_definition_ties_too(
    reference: list[float], stream: list[tuple[float, float]]
) -> None:
    values, ties = [value for value, _ in stream], [tie for _, tie in stream]

    p_values = ranks(np.array(reference), np.array(values), np.array(ties))
    assert p_values.tolist() == by_definition(reference, values, ties)


@given(st.lists(st.tuples(st.sampled_from("abc"), FEW, st.floats(0.01, 0.99)), max_size=25))
def test_a_family_is_ranked_among_its_own(stream: list[tuple[str, float, float]]) -> None:
    families = [family for family, _, _ in stream]
    values, ties = np.array([v for _, v, _ in stream]), np.array([t for _, _, t in stream])

    positions, p_values = family_ranks(families, values, ties)
    assert positions.tolist() == [
        at for at, family in enumerate(families) if family in families[:at]
    ]
    for position, p_value in zip(positions, p_values, strict=True):
        own = [at for at in range(position + 1) if families[at] == families[position]]
        assert p_value == by_definition([], values[own].tolist(), ties[own].tolist())[-1]


def test_a_value_that_is_none_is_named() -> None:
    with pytest.raises(InvalidRequestError, match=r"values must be finite, got .*nan.* at 1"):
        ranks(np.empty(0), np.array([0.5, np.nan]), np.array([0.5, 0.5]))
    with pytest.raises(InvalidRequestError, match="ties must be as many as values, 2, got 1"):
        ranks(np.empty(0), np.array([0.5, 0.4]), np.array([0.5]))
    with pytest.raises(InvalidRequestError, match=r"p_values must be in \(0, 1\)"):
        drift(np.array([[1.0]]), np.array([0]))
    with pytest.raises(InvalidRequestError, match="days must never fall"):
        drift(np.array([[0.5], [0.5]]), np.array([1, 0]))


def test_the_statistic_is_the_mean_over_bets_and_starts() -> None:
    # One bet by hand: linear +1 over two days, the others' mean taken off.
    p = np.random.default_rng(2).random((30, 2))
    days = np.arange(30) // 15
    path = drift(p, days).log_statistic

    restarted = drift(p[15:], days[15:]).log_statistic
    assert (np.exp(path[15:]) > np.exp(restarted)).all()
    assert (path[:15] == drift(p[:15], days[:15]).log_statistic).all()


def scores_of(random: np.random.Generator, n: int, shift: float = 0.0) -> np.ndarray:
    return np.stack(
        [random.normal(0.75 + shift, 0.05, n), random.normal(0.85 + shift, 0.04, n)], axis=1
    )


def path_of(random: np.random.Generator, values: np.ndarray, per_day: int) -> np.ndarray:
    ties = random.random(values.shape)
    none = np.empty(0)
    p_values = np.stack([ranks(none, values[:, v], ties[:, v]) for v in range(2)], axis=1)
    return drift(np.clip(p_values, 1e-9, 1 - 1e-9), np.arange(len(values)) // per_day)


@pytest.mark.slow
@pytest.mark.parametrize("n_runs", [150, pytest.param(600, marks=pytest.mark.soak)])
def test_drift_is_falsely_seen_no_more_often_than_it_says(n_runs: int) -> None:
    c = 365
    random = np.random.default_rng(8)
    alarms = [
        path_of(random, scores_of(random, 2_800), 100).alarm_at(c) is not None
        for _ in range(n_runs)
    ]
    assert np.mean(alarms) <= 28 / c + 3 * np.sqrt(0.077 * 0.923 / n_runs)


@pytest.mark.slow
@pytest.mark.parametrize("n_runs", [20, pytest.param(100, marks=pytest.mark.soak)])
def test_lower_scores_are_seen_within_some_hundred_sessions(n_runs: int) -> None:
    random = np.random.default_rng(9)
    delays = []
    for _ in range(n_runs):
        values = np.concatenate([scores_of(random, 14_000), scores_of(random, 1_000, -0.02)])
        alarm = path_of(random, values, 1_000).alarm_at(1_000)
        delays.append(15_001 if alarm is None or alarm < 14_000 else alarm - 14_000)

    assert np.median(delays) < 250


@given(st.integers(0, 400), st.integers(0, 400))
def test_a_band_holds_the_share_and_ends_where_the_evidence_does(k: int, extra: int) -> None:
    n = k + extra
    low, high = rate_band(np.array(k), np.array(n), delta=0.05)

    assert 0.0 <= low <= (k / n if n else 0.5) <= high <= 1.0
    assert (low == 0.0) == (k == 0) or n < 8
    wider_low, wider_high = rate_band(np.array(k), np.array(n), delta=0.01)
    assert wider_low <= low
    assert wider_high >= high


def test_counts_that_cannot_be_are_refused() -> None:
    with pytest.raises(InvalidRequestError, match=r"k must be in 0\.\.n"):
        rate_band(np.array([3]), np.array([2]), delta=0.05)
    with pytest.raises(InvalidRequestError, match=r"delta must be in \(0, 1\), got 0"):
        rate_band(np.array([1]), np.array([2]), delta=0)


def test_a_quantile_lies_in_its_band_and_few_values_give_none() -> None:
    values = np.random.default_rng(3).random(2_000)

    low, high = quantile_band(values, 0.05, delta=0.05)
    assert 0.02 < low < 0.05 < high < 0.09
    assert quantile_band(values[:3], 0.05, delta=0.05)[0] == -np.inf
    assert quantile_band(np.empty(0), 0.5, delta=0.05) == (-np.inf, np.inf)


def test_two_periods_of_seven_thousand_differ_from_about_three_points() -> None:
    assert difference_band((875, 7_000), (1_000, 7_000), delta=0.1)[0] < 0.0
    assert difference_band((875, 7_000), (1_125, 7_000), delta=0.1)[0] > 0.0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n_runs", "n", "step"),
    [(400, 5_000, 25), pytest.param(500, 20_000, 1, marks=pytest.mark.soak)],
)
def test_a_band_is_left_no_more_often_than_it_says(n_runs: int, n: int, step: int) -> None:
    random = np.random.default_rng(4)
    looks = np.arange(0, n, step)
    n_left = 0
    for _ in range(n_runs):
        hits = np.cumsum(random.random(n) < 0.05)[looks]
        low, high = rate_band(hits, looks + 1, delta=0.05)
        n_left += bool(((low > 0.05) | (high < 0.05)).any())

    assert n_left / n_runs <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / n_runs)
