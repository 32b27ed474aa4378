"""Metrics of one policy or of a whole grid, from the counts of outcome classes.

Every function takes counts as floats or as arrays of one shape, so that one policy and a whole
grid are served alike. An undefined value, such as a rate of nothing, is nan.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from director_ai.replay.curves import FloatArray
from director_ai.tuning.evaluation.outcome_classes import OutcomeClasses
from director_ai.tuning.evaluation.population import Population
from director_ai.tuning.evaluation.sweep import Sweep


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """Labelled sessions by what became of them; arrays of one shape, or numbers.

    Attributes
    ----------
    false, passed
        Good sessions halted, and let through.
    early, detected, missed
        Bad sessions halted before their onset, halted otherwise, and let through.
    good_unknown, bad_unknown
        Sessions whose recording ends before any rule holds.
    """

    false: FloatArray
    passed: FloatArray
    early: FloatArray
    detected: FloatArray
    missed: FloatArray
    good_unknown: FloatArray
    bad_unknown: FloatArray

    @classmethod
    def of(cls, classes: OutcomeClasses | Sweep, *, good: ArrayLike = ()) -> "Counts":
        """Return the counts of classes (``good``: which sessions are good) or of a sweep."""
        if isinstance(classes, Sweep):
            counted: list[ArrayLike] = [
                classes.false,
                classes.passed,
                classes.early,
                classes.detected,
                classes.missed,
                classes.good_unknown,
                classes.bad_unknown,
            ]
        else:
            unknown_good = classes.unknown & np.asarray(good, bool)
            counted = [
                classes.false.sum(),
                classes.passed.sum(),
                classes.early.sum(),
                classes.detected.sum(),
                classes.missed.sum(),
                unknown_good.sum(),
                (classes.unknown & ~unknown_good).sum(),
            ]
        return cls(*(np.asarray(value, np.float64) for value in counted))

    @property
    def n_good(self) -> FloatArray:
        """Good sessions."""
        return self.false + self.passed + self.good_unknown

    @property
    def n_bad(self) -> FloatArray:
        """Bad sessions."""
        return self.early + self.detected + self.missed + self.bad_unknown

    def weighted(self, population: Population) -> "Counts":
        """Return the counts with either label weighted to its number in a population.

        Sessions that are unknown are taken to be as the known ones of their label.

        Examples
        --------
        >>> numbers = (np.asarray(float(n)) for n in (1, 9, 0, 5, 5, 0, 0))
        >>> counts = Counts(*numbers)
        >>> float(precision(counts)), float(precision(counts.weighted(Population(40, 10, 0))))
        (0.8333333333333334, 0.5555555555555556)
        """
        good = _weight(population.n_good, self.false + self.passed)
        bad = _weight(population.n_bad, self.early + self.detected + self.missed)
        return Counts(
            good * self.false,
            good * self.passed,
            bad * self.early,
            bad * self.detected,
            bad * self.missed,
            good * self.good_unknown,
            bad * self.bad_unknown,
        )

    def settlements(self, *, n_may_be_early: int = 0) -> tuple["Counts", ...]:
        """Return the counts for each way in which all unknown sessions of a label go alike.

        Good ones are halted or let through; bad ones are detected, missed, or ``n_may_be_early``
        of them are halted early and the others missed. Every metric takes its extremes there.
        """
        nothing = np.zeros_like(self.false)
        bad = self.bad_unknown
        early = np.minimum(n_may_be_early, bad)
        ends = ((nothing, bad, nothing), (nothing, nothing, bad), (early, nothing, bad - early))
        return tuple(
            Counts(
                self.false + false,
                self.passed + self.good_unknown - false,
                self.early + too_early,
                self.detected + detected,
                self.missed + missed,
                nothing,
                nothing,
            )
            for false in (nothing, self.good_unknown)
            for too_early, detected, missed in ends
        )

    def settled(self, *, unknown_halt: bool) -> "Counts":
        """Return the counts as if every unknown session halted, or completed.

        The two bound what the policy would have done; a bad session that halts is taken as
        detected.
        """
        nothing = np.zeros_like(self.false)
        if unknown_halt:
            return Counts(
                self.false + self.good_unknown,
                self.passed,
                self.early,
                self.detected + self.bad_unknown,
                self.missed,
                nothing,
                nothing,
            )
        return Counts(
            self.false,
            self.passed + self.good_unknown,
            self.early,
            self.detected,
            self.missed + self.bad_unknown,
            nothing,
            nothing,
        )


class MetricRange(NamedTuple):
    """A metric, and its range over everything that unknown sessions may do.

    Attributes
    ----------
    value
        Of the known sessions alone, the unknown ones being as they are; nan where it is undefined.
    least, most
        Smallest and largest value, each unknown session halted or let through; nan likewise.
    """

    value: float
    least: float
    most: float


def metric_range(
    metric: Callable[[Counts], FloatArray],
    counts: Counts,
    population: Population,
    *,
    n_may_be_early: int = 0,
) -> MetricRange:
    """Return a metric and its range, so that no policy is better by not being known.

    Parameters
    ----------
    metric
        A function of counts.
    counts
        Of one policy, not weighted.
    population
        Mixture to weight to.
    n_may_be_early
        Unknown bad sessions whose onset lies past the end of their recording: a halt that comes
        later may still come too early.

    References
    ----------
    C. F. Manski, "Partial Identification of Probability Distributions", Springer, 2003: bounds
    without an assumption on what is not observed.

    Examples
    --------
    >>> counts = Counts(*(np.asarray(float(n)) for n in (1, 8, 0, 5, 5, 1, 2)))
    >>> [round(end, 2) for end in metric_range(f_score, counts, Population(10, 12, 0))]
    [0.63, 0.53, 0.7]
    """
    values = [
        float(metric(each.weighted(population)))
        for each in counts.settlements(n_may_be_early=n_may_be_early)
    ]
    value = float(metric(counts.weighted(population)))
    known = [each for each in values if not math.isnan(each)]
    return MetricRange(value, min(known, default=math.nan), max(known, default=math.nan))


def false_halt_rate(counts: Counts) -> FloatArray:
    """Return the share of good sessions that are halted; those unknown are left out."""
    return _ratio(counts.false, counts.false + counts.passed)


def catch_rate(counts: Counts) -> FloatArray:
    """Return the share of bad sessions halted at or after their onset; recall."""
    return _ratio(counts.detected, counts.detected + counts.early + counts.missed)


def early_rate(counts: Counts) -> FloatArray:
    """Return the share of bad sessions halted before their onset."""
    return _ratio(counts.early, counts.detected + counts.early + counts.missed)


def precision(counts: Counts) -> FloatArray:
    """Return the share of halts that are right.

    It depends on the prevalence of bad sessions, as F1, MCC and cost do: see
    :meth:`Counts.weighted`.
    """
    return _ratio(counts.detected, counts.detected + counts.early + counts.false)


def f_score(counts: Counts, *, beta: float = 1.0) -> FloatArray:
    """Return F_beta: precision and catch rate in one, the latter ``beta`` times as important.

    References
    ----------
    C. J. van Rijsbergen, "Information Retrieval", second edition, Butterworths, 1979.
    """
    weight = beta * beta
    right = (1 + weight) * counts.detected
    return _ratio(
        right, right + weight * (counts.early + counts.missed) + counts.false + counts.early
    )


def balanced_accuracy(counts: Counts) -> FloatArray:
    """Return the mean of the catch rate and the share of good sessions let through.

    References
    ----------
    K. H. Brodersen, C. S. Ong, K. E. Stephan, J. M. Buhmann, "The balanced accuracy and its
    posterior distribution", International Conference on Pattern Recognition (2010) 3121-3124.
    """
    return (catch_rate(counts) + 1.0 - false_halt_rate(counts)) / 2.0


def matthews(counts: Counts) -> FloatArray:
    """Return Matthews' correlation coefficient; nan where a row or column is empty.

    A halt before its onset is a miss here.

    References
    ----------
    B. W. Matthews, "Comparison of the predicted and observed secondary structure of T4 phage
    lysozyme", Biochimica et Biophysica Acta 405 (1975) 442-451.
    """
    right, wrong = counts.detected, counts.false
    missed, passed = counts.early + counts.missed, counts.passed
    margins = (right + wrong) * (right + missed) * (passed + wrong) * (passed + missed)
    return _ratio(right * passed - wrong * missed, np.sqrt(margins))


def cost(
    counts: Counts,
    *,
    false_halts_per_miss: float = 1.0,
    leaked: ArrayLike = 0.0,
    leaked_per_miss: float = np.inf,
) -> FloatArray:
    """Return the mean cost of a session, where a miss or an early halt costs 1.

    Parameters
    ----------
    counts
        The sessions.
    false_halts_per_miss
        How many false halts are as bad as one miss.
    leaked
        Tokens that readers get from the onset on, of all sessions together; see
        :func:`director_ai.tuning.evaluation.delay_sweep.sweep_delays`.
    leaked_per_miss
        How many of them are as bad as one miss.
    """
    wrong = counts.early + counts.missed + counts.false / false_halts_per_miss
    wrong = wrong + np.asarray(leaked, np.float64) / leaked_per_miss
    known = counts.false + counts.passed + counts.early + counts.detected + counts.missed
    return _ratio(wrong, known)


METRICS = {
    "catch rate": catch_rate,
    "false-halt rate": false_halt_rate,
    "precision": precision,
    "F1": f_score,
    "balanced accuracy": balanced_accuracy,
    "MCC": matthews,
}
"""Metrics by display name."""


def _weight(number: float, known: FloatArray) -> FloatArray:
    """Return the weight of each known session; nan where none stands for a number above 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(known > 0, number / known, np.nan if number else 1.0)


def _ratio(part: FloatArray, whole: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(whole > 0, np.asarray(part) / whole, np.nan)
