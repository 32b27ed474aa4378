"""Thresholds move to the last bit, and are rounded to the lenient side only."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from director_ai import HaltPolicy
from director_ai.replay.engine import HARD, TREND, WINDOW, levels
from director_ai.tuning.thresholds import (
    is_as_lenient,
    moved,
    next_stricter,
    rounded_leniently,
    strictest,
    with_thresholds,
)
from tests.examples import one_in

UNIT = st.floats(0.0, 1.0)
OFF = HaltPolicy(hard_limit=0.0, window_threshold=0.0, trend_threshold=1.5)
BOUND = st.tuples(
    UNIT | st.just(-np.inf), UNIT | st.just(-np.inf), st.floats(-1.5, 0.0) | st.just(-np.inf)
)


@one_in(3)
@given(UNIT | st.integers(0, 100).map(lambda n: n / 100))
def test_the_strictest_passing_threshold_is_exact(value) -> None:
    for rule, level in ((HARD, value), (WINDOW, value), (TREND, -value - 1e-8)):
        limit = strictest(rule, level)

        policy = HaltPolicy(soft_limit=1.0)
        if rule == TREND or limit <= 1:
            assert levels(moved(policy, rule, limit))[rule] <= level
        beyond = next_stricter(rule, limit)
        if beyond <= 1 or rule == TREND:
            assert levels(moved(policy, rule, beyond))[rule] > level


def test_the_strictest_passing_threshold_is_exact_where_sums_round() -> None:
    random = np.random.default_rng(1)
    # Where the tolerance carries a level over a power of two its sum has coarser floats.
    carried = [end - 1e-9 * random.random(500) for end in (0.25, 0.5)]
    for value in np.concatenate([random.random(1000), *carried]):
        for rule, level in ((WINDOW, float(value)), (TREND, -float(value) - 1e-8)):
            limit = strictest(rule, level)

            policy = HaltPolicy()
            assert levels(moved(policy, rule, limit))[rule] <= level
            assert levels(moved(policy, rule, next_stricter(rule, limit)))[rule] > level


@pytest.mark.parametrize("rule", [HARD, WINDOW, TREND])
def test_a_bound_a_hair_under_a_decimal_is_rounded_past_it(rule) -> None:
    bound = np.full(3, -np.inf)
    exact = levels(moved(HaltPolicy(), rule, 0.4123))[rule]
    bound[rule] = np.nextafter(exact, -np.inf)

    policy = rounded_leniently(bound, HaltPolicy())

    assert levels(policy)[rule] <= bound[rule]
    found = (policy.hard_limit, policy.window_threshold, policy.trend_threshold)[rule]
    assert found == (0.4124 if rule == TREND else 0.4122)


@one_in(3)
@given(BOUND)
def test_rounding_never_makes_a_rule_stricter_and_gives_away_little(bound) -> None:
    policy = rounded_leniently(np.array(bound), HaltPolicy())

    for level, wanted, off in zip(levels(policy), bound, levels(OFF), strict=True):
        assert level <= max(wanted, off)
        if wanted > -np.inf:
            assert wanted - level < 1.02e-4
    for name in ("hard_limit", "window_threshold", "trend_threshold"):
        value = getattr(policy, name)
        assert value == round(value, 4)
    if all(level == -np.inf for level in bound):
        assert (policy.hard_limit, policy.window_threshold, policy.trend_threshold) == (0, 0, 1.5)


def test_a_decimal_stays_that_decimal() -> None:
    window, drop = sum([0.5, 0.6, 0.55]) / 3, 0.15
    policy = rounded_leniently(np.array([0.4123, window, -drop]), HaltPolicy())

    assert (policy.hard_limit, policy.window_threshold, policy.trend_threshold) == (
        0.4123,
        0.55,
        0.15,
    )


BASE = HaltPolicy(hard_limit=0.4, window_threshold=0.5, trend_threshold=0.3)


@pytest.mark.parametrize(
    ("changes", "answer"),
    [
        ({}, True),
        ({"hard_limit": 0.3}, True),
        ({"hard_limit": 0.41}, False),
        ({"window_threshold": 0.51}, False),
        ({"trend_threshold": 0.29}, False),
        ({"trend_threshold": 0.31, "hard_limit": 0.0}, True),
        ({"window_size": 11}, False),
        ({"window_size": 11, "window_threshold": 0.0}, True),
        ({"trend_window": 6}, False),
        ({"trend_window": 6, "trend_threshold": 1.5}, True),
        ({"halt_mode": "soft"}, True),
    ],
)
def test_lenient_is_lenient_in_every_rule(changes, answer) -> None:
    assert is_as_lenient(replace(BASE, **changes), BASE) is answer


def test_a_warning_limit_rises_along_with_the_hard_limit() -> None:
    assert moved(HaltPolicy(soft_limit=0.62), HARD, 0.7).soft_limit == 0.7
    assert moved(HaltPolicy(), HARD, 0.7).soft_limit == 0.6
    assert with_thresholds(HaltPolicy(), (0.1, 0.2, 0.3)).trend_threshold == 0.3
