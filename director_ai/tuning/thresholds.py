"""Thresholds of a policy: reading, moving, rounding and comparing them."""

import math
from dataclasses import replace

import numpy as np

from director_ai.core.halting import downward_trend, window_average
from director_ai.core.halting.policy import DEFAULT_SOFT_LIMIT, HaltPolicy
from director_ai.replay.curves import FloatArray
from director_ai.replay.engine import HARD, TREND, WINDOW, levels

FIELDS = ("hard_limit", "window_threshold", "trend_threshold")
"""The field of a policy each rule compares with, by rule."""

OFF = (0.0, 0.0, downward_trend.LARGEST_DROP)
"""The most lenient threshold of each rule: it never holds."""

STRICTEST = (1.0, 1.0, 0.0)
"""The strictest threshold of each rule that a policy takes."""

DECIMALS = 4


def threshold(policy: HaltPolicy, rule: int) -> float:
    """Return the threshold of one rule.

    >>> threshold(HaltPolicy(hard_limit=0.4), 0)
    0.4
    """
    return float(getattr(policy, FIELDS[rule]))


def moved(policy: HaltPolicy, rule: int, value: float) -> HaltPolicy:
    """Return the policy with one threshold moved; a warning limit under it rises along.

    >>> moved(HaltPolicy(soft_limit=0.62), 0, 0.7).soft_limit
    0.7
    """
    value = float(value)
    if rule == WINDOW:
        return replace(policy, window_threshold=value)
    if rule == TREND:
        return replace(policy, trend_threshold=value)
    soft = policy.soft_limit
    soft = soft if soft == DEFAULT_SOFT_LIMIT else max(soft, value)
    return replace(policy, hard_limit=value, soft_limit=soft)


def with_thresholds(policy: HaltPolicy, values: tuple[float, float, float]) -> HaltPolicy:
    """Return the policy with all three thresholds moved, in the order of the rules."""
    for rule, value in enumerate(values):
        policy = moved(policy, rule, value)
    return policy


def stepped(rule: int, value: float, step: float) -> float:
    """Return a threshold made stricter by ``step`` (lenient by a negative one), in its range.

    >>> stepped(0, 0.995, 0.01), stepped(2, 0.75, 0.25)
    (1.0, 0.5)
    """
    if rule == TREND:
        return min(max(STRICTEST[rule], value - step), max(OFF[rule], value))
    return min(max(OFF[rule], value + step), STRICTEST[rule])


def strictest(rule: int, level: float) -> float:
    """Return the strictest threshold at which a statistic equal to ``level`` still passes.

    To the last bit: the next float halts it. Not cut to what a policy takes.
    """
    if rule == HARD:
        return level
    if rule == WINDOW:
        value, away = level + window_average.TOLERANCE, math.inf
    else:
        value, away = -level - downward_trend.TOLERANCE, -math.inf
    while _level(rule, value) > level:
        value = math.nextafter(value, -away)
    while _level(rule, stricter := math.nextafter(value, away)) <= level:
        value = stricter
    return value


def next_stricter(rule: int, value: float) -> float:
    """Return the float next to a threshold on its strict side."""
    return math.nextafter(value, -math.inf if rule == TREND else math.inf)


def rounded_leniently(bound: FloatArray, policy: HaltPolicy) -> HaltPolicy:
    """Return the strictest policy of four decimals that no statistic at its level is halted by.

    Parameters
    ----------
    bound
        What score, mean and minus the drop must not fall below, shape (3,); ``-inf`` for a rule
        that is off.
    policy
        Gives all other fields.

    Examples
    --------
    >>> found = rounded_leniently(np.array([0.41239, -np.inf, -0.15]), HaltPolicy())
    >>> found.hard_limit, found.window_threshold, found.trend_threshold
    (0.4123, 0.0, 0.15)
    """
    unit = 10.0**DECIMALS
    for rule in (HARD, WINDOW, TREND):
        level = float(bound[rule])
        if level < _level(rule, OFF[rule]):
            policy = moved(policy, rule, OFF[rule])
            continue
        limit = strictest(rule, level) * unit
        # A decimal whose float lies a hair off it is still taken, if the kernel agrees below.
        count = math.ceil(limit - 1e-6) if rule == TREND else math.floor(limit + 1e-6)
        while _level(rule, count / unit) > level:
            count += 1 if rule == TREND else -1
        value = max(0.0, min(1.0, count / unit)) if rule != TREND else max(0.0, count / unit)
        policy = moved(policy, rule, value)
    return policy


def is_as_lenient(policy: HaltPolicy, other: HaltPolicy) -> bool:
    """Return whether a policy halts no session that the other lets pass, whatever its scores.

    Threshold by threshold: a rule that is off is lenient whatever its window, any other must have
    the other's window.

    >>> is_as_lenient(HaltPolicy(hard_limit=0.4), HaltPolicy(hard_limit=0.5))
    True
    """
    for rule, name in ((WINDOW, "window_size"), (TREND, "trend_window")):
        is_off = levels(policy)[rule] <= _level(rule, OFF[rule])
        if not is_off and getattr(policy, name) != getattr(other, name):
            return False
    return bool(np.all(np.array(levels(policy)) <= np.array(levels(other))))


def _level(rule: int, value: float) -> float:
    """Return the level that a statistic must not fall below, in the kernel's own arithmetic."""
    if rule == HARD:
        return value
    if rule == WINDOW:
        return value - window_average.TOLERANCE
    return -(value + downward_trend.TOLERANCE)
