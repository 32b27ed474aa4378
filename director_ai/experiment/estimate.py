"""Estimate: one figure with its interval, its number of sessions and its range."""

import math
from typing import NamedTuple

from director_ai.tuning.evaluation.evaluation import Rate
from director_ai.tuning.evaluation.intervals import Interval
from director_ai.tuning.evaluation.metrics import MetricRange
from director_ai.tuning.evaluation.token_counts import TokenCounts


class Estimate(NamedTuple):
    """A figure and all that is known of it.

    Attributes
    ----------
    value
        The figure; sessions whose end is unknown are left out. nan where it is undefined.
    low, high
        Ends of its 95 % interval, by groups of sessions, unknown ones taken both ways.
    n
        Sessions it is of, unknown ones among them.
    least, most
        The figure with every unknown session taken one way and the other: one number where all
        ends are known.

    Examples
    --------
    >>> Estimate(0.71, 0.67, 0.75, 810, 0.71, 0.71)
    0.71 [0.67, 0.75], n = 810
    >>> float(Estimate(0.71, 0.67, 0.75, 810, 0.71, 0.71))
    0.71
    """

    value: float
    low: float
    high: float
    n: int
    least: float
    most: float

    @classmethod
    def of_rate(cls, rate: Rate) -> "Estimate":
        """Return the estimate of a counted share."""
        if not rate.n:
            return cls(math.nan, math.nan, math.nan, 0, math.nan, math.nan)
        n_known = rate.n - (rate.most - rate.least)
        value = rate.least / n_known if n_known > 0 else math.nan
        return cls(value, rate.low, rate.high, rate.n, rate.least / rate.n, rate.most / rate.n)

    @classmethod
    def of_metric(cls, metric: MetricRange, interval: Interval, n: int) -> "Estimate":
        """Return the estimate of a metric with its interval."""
        return cls(metric.value, interval.low, interval.high, n, metric.least, metric.most)

    def __float__(self) -> float:
        return float(self.value)

    def __repr__(self) -> str:
        if math.isnan(self.value) and math.isnan(self.least):
            return f"undefined, n = {self.n:,}"
        first, last, low, high = map(self._text, (self.least, self.most, self.low, self.high))
        value = first if first == last else f"{first} to {last}"
        return f"{value} [{low}, {high}], n = {self.n:,}"

    def __str__(self) -> str:
        return repr(self)

    def __format__(self, spec: str) -> str:
        return format(self.value, spec) if spec else repr(self)

    @staticmethod
    def _text(value: float) -> str:
        """Return a share as it is read: two decimals, three of a small one."""
        if math.isnan(value):
            return "–"
        return f"{value:.2f}" if abs(value) >= 0.095 or value == 0.0 else f"{value:.3f}"


class TokenEstimate(Estimate):
    """A figure in tokens.

    Examples
    --------
    >>> TokenEstimate(12.5, 9.0, 140.0, 80, 12.5, 12.5)
    12.5 [9, 140], n = 80
    """

    __slots__ = ()

    @staticmethod
    def _text(value: float) -> str:
        if math.isnan(value):
            return "–"
        return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


class TokenEstimates(NamedTuple):
    """Tokens over some sessions, each figure an estimate.

    Attributes
    ----------
    median, mean, p90
        In tokens.
    """

    median: TokenEstimate
    mean: TokenEstimate
    p90: TokenEstimate

    @classmethod
    def of(cls, tokens: TokenCounts) -> "TokenEstimates":
        """Return the estimates of counted tokens."""

        def each(value: float, interval: tuple[float, float]) -> TokenEstimate:
            return TokenEstimate(value, *interval, tokens.n, value, value)

        return cls(
            each(tokens.median, (tokens.low, tokens.high)),
            each(tokens.mean, tokens.mean_interval),
            each(tokens.p90, tokens.p90_interval),
        )

    def __repr__(self) -> str:
        return f"median {self.median}; mean {self.mean}; 90 % {self.p90}"
