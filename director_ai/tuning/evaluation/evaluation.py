"""Evaluation of one policy: rates, delays and leaked tokens with intervals, as numbers and text."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.halting.policy_text import limits_text
from director_ai.replay.crossings import NEVER
from director_ai.replay.curves import BoolArray, FloatArray, IntArray
from director_ai.replay.engine import Outcomes
from director_ai.tuning.evaluation.attribution import Flips, flips
from director_ai.tuning.evaluation.intervals import effective_n, grouped_wilson, wilson
from director_ai.tuning.evaluation.metrics import Counts, MetricRange, metric_range
from director_ai.tuning.evaluation.outcome_classes import (
    OutcomeClasses,
    classify,
    delays,
    may_be_early,
    released,
)
from director_ai.tuning.evaluation.population import Population
from director_ai.tuning.evaluation.token_counts import TokenCounts
from director_ai.tuning.labelled import LabelledCurves

FEW: Final = 30
"""A rate of fewer sessions is shown grey: its interval says more than it does."""


class Rate(NamedTuple):
    """A share that was counted, unknown sessions counted both ways.

    Attributes
    ----------
    least, most
        Cases if every unknown session completed, and if every one halted; of a rate weighted to a
        population no whole numbers.
    n
        Of how many.
    low, high
        Ends of the 95 % Wilson intervals of the two; nan of nothing. Sessions of one group are
        not independent: see :func:`director_ai.tuning.evaluation.intervals.effective_n`.
    n_groups
        Groups that those counted are of; 0 if each is its own.
    """

    least: float
    most: float
    n: int
    low: float
    high: float
    n_groups: int = 0

    @property
    def is_few(self) -> bool:
        """Whether so few were counted that only the interval should be read."""
        return (self.n_groups or self.n) < FEW

    @property
    def text(self) -> str:
        """The share in percent; a range where some sessions are unknown, a dash of nothing.

        >>> Rate(5, 6, 10, 0.24, 0.83).text
        '50.0–60.0 %'
        """
        if not self.n:
            return "–"
        return span(self.least / self.n, self.most / self.n)

    @property
    def interval(self) -> str:
        """The interval in percent.

        >>> Rate(6, 6, 135, 0.0205, 0.0936).interval
        '2.1–9.4 %'
        """
        return "no session" if not self.n else span(self.low, self.high)

    @property
    def counted(self) -> str:
        """The counts behind it.

        >>> Rate(1200, 1210, 2000, 0.57, 0.63).counted
        '1,200–1,210 of 2,000'
        """
        least, most = f"{self.least:,.0f}", f"{self.most:,.0f}"
        return f"{least if least == most else f'{least}–{most}'} of {self.n:,}"


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """Rates, delays and classes of labelled sessions under one policy.

    Attributes
    ----------
    policy, outcomes, classes, counts
        The limits, the outcome of every session, by class, and counted.
    population
        Mixture of sessions that precision, F1, MCC, cost and halt rate are of.
    catch, false, halted
        Shares of the bad and the good sessions, and of all of the population.
    early, missed
        Shares of the bad sessions that are halted before their onset, or let through.
    delay
        Tokens from onset to halt of bad sessions detected.
    leaked
        Tokens after the onset that the reader gets, of every bad session whose end is known.
    n_unknown
        Sessions, labelled or not, whose recording ends before any rule holds.
    n_may_be_early
        Bad ones of those whose onset lies past the end of their recording.
    """

    policy: HaltPolicy
    outcomes: Outcomes
    classes: OutcomeClasses
    counts: Counts
    population: Population
    catch: Rate
    false: Rate
    halted: Rate
    early: Rate
    missed: Rate
    delay: TokenCounts
    leaked: TokenCounts
    n_unknown: int
    n_may_be_early: int

    @property
    def weighted(self) -> Counts:
        """The counts weighted to the population, for metrics that depend on prevalence."""
        return self.counts.weighted(self.population)

    def range_of(self, metric: Callable[[Counts], FloatArray]) -> MetricRange:
        """Return a metric at the population's mixture, and its range over unknown sessions."""
        return metric_range(
            metric, self.counts, self.population, n_may_be_early=self.n_may_be_early
        )


def evaluate(
    data: LabelledCurves,
    outcomes: Outcomes,
    policy: HaltPolicy,
    population: Population | None = None,
) -> Evaluation:
    """Return the evaluation of one policy.

    Parameters
    ----------
    data, outcomes, policy
        Sessions, and their outcomes under the policy.
    population
        Mixture of sessions to weight to; by default that of ``data``.
    """
    classes = classify(data, outcomes)
    population = population or Population.of(data)
    late = delays(data, outcomes, classes)
    too_early = may_be_early(data, classes)
    return Evaluation(
        policy=policy,
        outcomes=outcomes,
        classes=classes,
        counts=Counts.of(classes, good=data.good),
        population=population,
        catch=rate_of(data, data.bad, classes.detected, outcomes.unknown),
        false=rate_of(data, data.good, classes.false, outcomes.unknown),
        halted=halt_rate(data, outcomes, population),
        early=rate_of(data, data.bad, classes.early, too_early),
        missed=rate_of(data, data.bad, classes.missed, outcomes.unknown),
        delay=TokenCounts.of(late[late != NEVER], data.groups[late != NEVER]),
        leaked=_leaked(data, outcomes, policy),
        n_unknown=int(outcomes.unknown.sum()),
        n_may_be_early=int(too_early.sum()),
    )


def rate_of(data: LabelledCurves, among: BoolArray, cases: BoolArray, unknown: BoolArray) -> Rate:
    """Return a share of some sessions, its interval by their groups.

    Parameters
    ----------
    data
        The sessions.
    among, cases, unknown
        Which to count, which of them are cases, and which may be; masks of (n_sessions,).

    Examples
    --------
    >>> from director_ai.tuning.evaluation.intervals import wilson
    >>> data = LabelledCurves.from_scores([[0.9]] * 4, labels=[0] * 4, groups=[0, 0, 1, 1])
    >>> halted = np.array([True, True, False, False])
    >>> found = rate_of(data, data.good, halted, ~data.good)
    >>> found.counted, found.n_groups, found.low < wilson(2, 4).low
    ('2 of 4', 2, True)
    """
    return rate_of_tally(GroupTally.of(data, among, cases, unknown))


class GroupTally(NamedTuple):
    """Sessions counted by group; arrays of the same length, in any order.

    Attributes
    ----------
    sizes
        Sessions of a group, at least 1.
    least, most
        Cases among them, unknown sessions not counted and counted.
    alike
        Groups of which all this is true; one each by default.
    """

    sizes: IntArray
    least: IntArray
    most: IntArray
    alike: IntArray | int = 1

    @property
    def n_sessions(self) -> int:
        """Sessions of all groups."""
        return int((self.alike * self.sizes).sum())

    @property
    def n_groups(self) -> int:
        """Groups in all."""
        return int(np.broadcast_to(self.alike, self.sizes.shape).sum())

    @classmethod
    def of(
        cls, data: LabelledCurves, among: BoolArray, cases: BoolArray, unknown: BoolArray
    ) -> "GroupTally":
        """Return the tally of some sessions; masks as of :func:`rate_of`."""
        _, groups = np.unique(data.groups[among], return_inverse=True)
        sizes = np.bincount(groups)

        def counted(mask: BoolArray) -> IntArray:
            return np.bincount(groups[mask[among]], minlength=len(sizes))

        return cls(sizes, counted(cases), counted(cases | unknown))


def rate_of_tally(tally: GroupTally) -> Rate:
    """Return the share of cases among sessions that were counted by group."""
    n = tally.n_sessions
    return Rate(
        int((tally.alike * tally.least).sum()),
        int((tally.alike * tally.most).sum()),
        n,
        grouped_wilson(tally.least, tally.sizes, alike=tally.alike).low,
        grouped_wilson(tally.most, tally.sizes, alike=tally.alike).high,
        tally.n_groups if tally.n_groups < n else 0,
    )


def withheld_share(data: LabelledCurves, numbers: Evaluation) -> float:
    """Return the share of the text of falsely halted sessions that readers do not get.

    Of sessions recorded whole; nan without any.
    """
    false = numbers.classes.false & data.curves.complete
    n_tokens = int(data.curves.lengths[false].sum())
    sent = int(released(data, numbers.outcomes, numbers.policy)[false].sum())
    return 1 - sent / n_tokens if n_tokens else math.nan


def halt_rate(data: LabelledCurves, outcomes: Outcomes, population: Population) -> Rate:
    """Return the share of a population that is halted; see :func:`weighted_rate`.

    Parameters
    ----------
    data, outcomes
        Sessions, and their outcomes under a policy.
    population
        Mixture of sessions to weight to.

    Examples
    --------
    >>> data = LabelledCurves.from_scores([[0.9]] * 3 + [[0.2]], labels=[0, 0, 0, 1])
    >>> from director_ai.tuning.evaluation.outcome_classes import outcomes_under
    >>> halts = outcomes_under(data, HaltPolicy())
    >>> [halt_rate(data, halts, each).text for each in (Population(3, 1, 0), Population(9, 1, 0))]
    ['25.0 %', '10.0 %']
    """
    if population == Population.of(data):
        return rate_of(data, np.ones(data.n_sessions, bool), outcomes.halts, outcomes.unknown)
    masks = (data.good, data.bad, ~(data.good | data.bad))
    strata = [GroupTally.of(data, mask, outcomes.halts, outcomes.unknown) for mask in masks]
    return weighted_rate(strata, population)


def weighted_rate(strata: Sequence[GroupTally], population: Population) -> Rate:
    """Return the share of cases in a population.

    Good, bad and unlabelled sessions are strata, each weighted to its number in the population.
    The interval is Wilson's, of as many independent sessions as the strata amount to: the smaller
    of the effective sizes by the strata's own variances and by that of the whole.

    Parameters
    ----------
    strata
        Tallies of the good, the bad and the unlabelled sessions.
    population
        Mixture of sessions to weight to.

    Returns
    -------
    Rate
        Of no session where a part of the population has none to stand for it.

    References
    ----------
    L. Kish, "Survey Sampling", Wiley, 1965, for weights; E. L. Korn, B. I. Graubard, "Confidence
    intervals for proportions with small expected number of positive counts estimated from survey
    data", Survey Methodology 24 (1998) 193-201, for the effective size.
    """
    total = population.n_good + population.n_bad + population.n_unlabelled
    least = most = own = kish = 0.0
    for number, tally in zip(population[:3], strata, strict=True):
        if not number:
            continue
        rate, share = rate_of_tally(tally), number / total
        if not rate.n:
            return Rate(0, 0, 0, np.nan, np.nan)
        n_effective = effective_n(tally.least, tally.sizes, tally.alike)
        halted = rate.least / rate.n
        least += share * halted
        most += share * rate.most / rate.n
        own += share**2 * halted * (1 - halted) / n_effective
        kish += share**2 / n_effective
    variance = least * (1 - least)
    n_effective = 1 / kish if variance <= 0 else min(1 / kish, variance / own if own else np.inf)
    n_labelled = strata[0].n_sessions + strata[1].n_sessions
    n = n_labelled if population.is_stated else round(total)
    return Rate(
        least * n,
        most * n,
        n,
        wilson(min(least, 1.0) * n_effective, n_effective).low,
        wilson(min(most, 1.0) * n_effective, n_effective).high,
    )


def population_text(population: Population) -> str:
    """Return the mixture that results are weighted to, in words.

    >>> population_text(Population(920, 1486, 0)), population_text(Population.stated(0.02))
    ('at 61.8 % bad sessions, as in the archive', 'at 2.0 % bad sessions, as stated')
    """
    source = "as stated" if population.is_stated else "as in the archive"
    return f"at {span(population.prevalence, population.prevalence)} bad sessions, {source}"


def span(low: float, high: float) -> str:
    """Return a range of shares in percent, one number where both ends read alike.

    >>> span(0.0205, 0.0936), span(0.5, 0.5)
    ('2.1–9.4 %', '50.0 %')
    """
    first, last = f"{100 * low:.1f}", f"{100 * high:.1f}"
    return f"{first} %" if first == last else f"{first}–{last} %"


def summary_text(numbers: Evaluation) -> str:
    """Return the evaluation as sentences."""
    parts = [f"Halt {limits_text(numbers.policy)}."]
    if numbers.catch.n:
        delay = numbers.delay
        late = f", median {delay.text} [{delay.interval}] tokens after the onset" if delay.n else ""
        parts.append(
            f"Catches {numbers.catch.text} [{numbers.catch.interval}] of bad sessions{late}."
        )
    if numbers.false.n:
        parts.append(f"False halts {numbers.false.text} [{numbers.false.interval}].")
    if not numbers.catch.n and not numbers.false.n:
        parts.append(f"Halts {numbers.halted.text} of {numbers.halted.n:,} sessions.")
    return " ".join(parts)


class FlipCounts(NamedTuple):
    """Sessions that end otherwise than under the baseline, by kind; see :class:`Flips`."""

    right_gained: int
    right_lost: int
    early_gained: int
    early_lost: int
    false_gained: int
    false_lost: int
    moved: int
    unlabelled: int
    now_unknown: int = 0
    now_known: int = 0

    @property
    def n_sessions(self) -> int:
        """Sessions whose halting changes; one that is only halted elsewhere is not counted."""
        return sum(self) - self.moved


def flips_between(
    data: LabelledCurves, before: Outcomes, after: Outcomes
) -> tuple[Flips, FlipCounts]:
    """Return the sessions that end otherwise, and their number by kind."""
    changed = flips(before, after, data)
    return changed, FlipCounts(*(int(mask.sum()) for mask in changed))


def _leaked(data: LabelledCurves, outcomes: Outcomes, policy: HaltPolicy) -> TokenCounts:
    known = data.bad & (data.onsets != NEVER) & ~outcomes.unknown & ~outcomes.unfinished
    sent = released(data, outcomes, policy)[known]
    return TokenCounts.of(np.maximum(0, sent - data.onsets[known]), data.groups[known])
