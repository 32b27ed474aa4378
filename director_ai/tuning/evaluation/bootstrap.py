"""Smoothed bootstrap intervals of the metrics of one policy."""

import math
from typing import Final

import numpy as np

from director_ai.tuning.evaluation.intervals import Interval
from director_ai.tuning.evaluation.metrics import METRICS, Counts, cost, metric_range
from director_ai.tuning.evaluation.outcome_classes import OutcomeClasses, may_be_early
from director_ai.tuning.evaluation.population import Population
from director_ai.tuning.labelled import LabelledCurves

SEED: Final = 20261129
"""Of the draws wherever figures are shown, so that page and notebook have the same intervals."""

_METRICS: Final = {**METRICS, "cost": cost}
_GAMMA_COSTS = 6
"""Exponential draws that take as long as a gamma draw."""


def bootstrap_intervals(
    data: LabelledCurves,
    classes: OutcomeClasses,
    *,
    population: Population | None = None,
    seed: int,
    n_draws: int = 1000,
    confidence: float = 0.95,
) -> dict[str, Interval]:
    """Return an interval of every metric of one policy, by name, and of its ``"cost"``.

    A smoothed bootstrap that keeps the number of each label: every group of sessions weighs as
    much as an exponential draw says, and half a session is added to either side of each label.
    For sessions that are each their own group this draws a label's share of halts from
    Beta(k + 1/2, n - k + 1/2). Unlike the plain percentile bootstrap it keeps its coverage where
    few sessions are of a kind. For a plain rate use
    :func:`director_ai.tuning.evaluation.intervals.wilson`.

    Parameters
    ----------
    data, classes
        The sessions, and what became of each; unknown ones are left out.
    population
        Mixture that the metrics are of; by default that of the sessions.
    seed
        Of the draws.
    n_draws
        Draws, at least 1.
    confidence
        Two-sided.

    Returns
    -------
    dict
        ``(nan, nan)`` where a metric needs a label there is none of.

    References
    ----------
    D. B. Rubin, "The Bayesian bootstrap", Annals of Statistics 9 (1981) 130-134, for exponential
    weights; L. D. Brown, T. T. Cai, A. DasGupta, "Interval estimation for a binomial proportion",
    Statistical Science 16 (2001) 101-133, for the half counts of Jeffreys' prior.

    Examples
    --------
    >>> data = LabelledCurves.from_scores([[0.4]] * 10 + [[0.9]] * 10, labels=[1] * 10 + [0] * 10)
    >>> from director_ai.tuning.evaluation.outcome_classes import classify, outcomes_under
    >>> from director_ai.core.halting.policy import HaltPolicy
    >>> classes = classify(data, outcomes_under(data, HaltPolicy()))
    >>> intervals = bootstrap_intervals(data, classes, seed=1)
    >>> intervals["F1"].low < intervals["F1"].high < 1
    True
    """
    random = np.random.default_rng(seed)
    cells = np.stack(
        [classes.false, classes.passed, classes.early, classes.detected, classes.missed], 1
    )
    is_known = cells.any(axis=1)
    _, groups = np.unique(data.groups[is_known], return_inverse=True)
    sizes = np.stack([np.bincount(groups, weights=cells[is_known, n]) for n in range(5)], 1)
    # Groups that are alike together weigh as much as a gamma draw of their number.
    patterns, alike = np.unique(sizes, axis=0, return_counts=True)
    if len(sizes) < _GAMMA_COSTS * len(alike):
        drawn = random.standard_exponential((n_draws, len(sizes))) @ sizes
    else:
        drawn = random.standard_gamma(alike, size=(n_draws, len(alike))) @ patterns
    for first, second, members in ((0, 1, (0, 1)), (3, 4, (2, 3, 4))):
        n = sizes[:, members].sum()
        if n == 0:
            continue
        n_groups = int((sizes[:, members].sum(axis=1) > 0).sum())
        for side in (first, second):
            drawn[:, side] += random.gamma(0.5, size=n_draws) * n / n_groups
        drawn[:, members] *= n / drawn[:, members].sum(axis=1, keepdims=True)
    nothing = np.zeros(n_draws)
    false, passed, early, detected, missed = drawn.T
    counts = Counts(false, passed, early, detected, missed, nothing, nothing)
    if population is not None:
        counts = counts.weighted(population)
    tail = (1.0 - confidence) / 2.0
    intervals = {}
    for name, metric in _METRICS.items():
        values = metric(counts)
        # nan if any is: they all are.
        low, high = np.quantile(values, (tail, 1.0 - tail))
        intervals[name] = Interval(float(low), float(high))
    return intervals


def ranged_intervals(
    data: LabelledCurves, classes: OutcomeClasses, *, population: Population, seed: int
) -> dict[str, Interval]:
    """Return intervals of every metric that hold however unknown sessions would have ended.

    From the lower end with all of them at their worst, good ones halted and bad ones missed or
    halted early where they may be, to the upper end with all at their best, and the other way
    round of a cost. Each holds the metric's own range, of which a draw may fall short at 0 or 1.

    Parameters
    ----------
    data, classes, population, seed
        As of :func:`bootstrap_intervals`.
    """
    intervals = [
        bootstrap_intervals(data, settled, population=population, seed=seed)
        for settled in _settlements(data, classes)
    ]
    counts = Counts.of(classes, good=data.good)
    n_may_be_early = int(may_be_early(data, classes).sum())
    ranged = {}
    for name, metric in _METRICS.items():
        ends = [end for each in intervals for end in each[name] if not math.isnan(end)]
        if ends:
            found = metric_range(metric, counts, population, n_may_be_early=n_may_be_early)
            ends += [end for end in (found.least, found.most) if not math.isnan(end)]
        ranged[name] = Interval(min(ends, default=math.nan), max(ends, default=math.nan))
    return ranged


def _settlements(data: LabelledCurves, classes: OutcomeClasses) -> list[OutcomeClasses]:
    if not classes.unknown.any():
        return [classes]
    nobody = np.zeros_like(classes.unknown)
    good, bad = classes.unknown & data.good, classes.unknown & data.bad
    best = classes._replace(
        passed=classes.passed | good, caught=classes.caught | bad, unknown=nobody
    )
    worst = classes._replace(
        false=classes.false | good, missed=classes.missed | bad, unknown=nobody
    )
    too_early = may_be_early(data, classes)
    if not too_early.any():
        return [best, worst]
    early = worst._replace(
        early=classes.early | too_early, missed=classes.missed | bad & ~too_early
    )
    return [best, worst, early]
