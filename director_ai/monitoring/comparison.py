"""Comparison of two periods: shares halted and warned with bands, and whether scores differ."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np

from director_ai.errors import InvalidRequestError
from director_ai.monitoring.conformal_ranks import ranks
from director_ai.monitoring.drift_detector import drift
from director_ai.monitoring.rates import difference_band, rate_band
from director_ai.replay.curves import FloatArray
from director_ai.storage.monitor_log import Audit


class Period(NamedTuple):
    """Days from the first to the last, both included."""

    first: date
    last: date

    @classmethod
    def parse(cls, text: str) -> "Period":
        """Return the period of ``FIRST..LAST``, or of one day, ISO dates.

        Raises
        ------
        InvalidRequestError
            If it is none, or ends before it begins.

        Examples
        --------
        >>> Period.parse("2026-03-01..2026-03-07").last
        datetime.date(2026, 3, 7)
        >>> Period.parse("March")
        Traceback (most recent call last):
        director_ai.errors.InvalidRequestError: period must be FIRST..LAST, ISO dates, got 'March'
        """
        first, _, last = text.partition("..")
        try:
            period = cls(date.fromisoformat(first), date.fromisoformat(last or first))
        except ValueError:
            raise InvalidRequestError(
                f"period must be FIRST..LAST, ISO dates, got {text!r}"
            ) from None
        if period.last < period.first:
            raise InvalidRequestError(f"period must not end before it begins, got {text!r}")
        return period

    def __str__(self) -> str:
        return f"{self.first}..{self.last}"

    def select(self, audits: Sequence[Audit]) -> list[Audit]:
        """Return the sessions that were sealed within the period."""
        first, last = ((day - date(1970, 1, 1)).days for day in self)
        return [audit for audit in audits if first <= audit.day <= last]


@dataclass(frozen=True, slots=True)
class PeriodRow:
    """One of two periods.

    Attributes
    ----------
    period
        Its days, as ``FIRST..LAST``.
    n_counted, n_halted, n_warned
        Counted sessions, those of them halted by the policy, and those with a warned token.
    low, high
        Band of the share halted, at every look.
    """

    period: str
    n_counted: int
    n_halted: int
    n_warned: int
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two periods of one deployment compared.

    Attributes
    ----------
    first, second
        The periods.
    halted_low, halted_high
        Band of the second's share halted minus the first's.
    warned_low, warned_high
        The same of shares with a warned token.
    scores_differ
        Whether closest calls or mean scores of the second are unlike those of the first; None
        where a period has none.
    is_chosen
        Whether somebody chose the periods: whoever looked for a difference finds one more often
        than the risk says.
    """

    first: PeriodRow
    second: PeriodRow
    halted_low: float
    halted_high: float
    warned_low: float
    warned_high: float
    scores_differ: bool | None
    is_chosen: bool


def newest_weeks(last_day: date) -> tuple[Period, Period]:
    """Return the week before the newest, and the newest, which ends on ``last_day``.

    >>> [str(week) for week in newest_weeks(date(2026, 3, 14))]
    ['2026-03-01..2026-03-07', '2026-03-08..2026-03-14']
    """
    week, day = timedelta(days=7), timedelta(days=1)
    return (
        Period(last_day - 2 * week + day, last_day - week),
        Period(last_day - week + day, last_day),
    )


def compare_periods(
    audits: Sequence[Audit], first: Period, second: Period, *, delta: float, is_chosen: bool
) -> Comparison:
    """Return two periods compared.

    Parameters
    ----------
    audits
        Of a deployment; those that count are looked at.
    first, second
        The periods, which share no day.
    delta
        Risk of each statement, in (0, 1).
    is_chosen
        Whether somebody chose the periods.

    Raises
    ------
    InvalidRequestError
        If the periods share a day.
    """
    if first.first <= second.last and second.first <= first.last:
        raise InvalidRequestError(f"periods must share no day, got {first} and {second}")
    counted = [audit for audit in audits if audit.kind == "counted"]
    one, two = first.select(counted), second.select(counted)
    rows = _row(first, one, delta), _row(second, two, delta)
    halted, warned = (
        difference_band(
            (getattr(rows[0], name), rows[0].n_counted),
            (getattr(rows[1], name), rows[1].n_counted),
            delta=delta,
        )
        for name in ("n_halted", "n_warned")
    )
    return Comparison(*rows, *halted, *warned, _scores_differ(one, two, delta), is_chosen)


def comparison_lines(compared: Comparison) -> list[str]:
    """Return a comparison in words, a line each.

    Examples
    --------
    >>> one, two = PeriodRow("A", 100, 5, 9, 0.01, 0.1), PeriodRow("B", 100, 30, 9, 0.2, 0.4)
    >>> compared = Comparison(one, two, 0.1, 0.39, -0.1, 0.1, True, False)
    >>> for line in comparison_lines(compared):
    ...     print(line)
    A: 5.0 % of 100 halted (1.0 to 10.0) · B: 30.0 % of 100 halted (20.0 to 40.0)
    Halted +10.0 to +39.0 points · warned -10.0 to +10.0 points · scores differ
    """
    rows = (compared.first, compared.second)
    shares = " · ".join(map(_share, rows))
    if not all(row.n_counted for row in rows):
        return [shares]
    differ = {
        True: "scores differ",
        False: "no difference of scores seen",
        None: "no scores to compare",
    }
    points = (
        f"Halted {100 * compared.halted_low:+.1f} to {100 * compared.halted_high:+.1f} points · "
        f"warned {100 * compared.warned_low:+.1f} to {100 * compared.warned_high:+.1f} points · "
        f"{differ[compared.scores_differ]}"
    )
    chosen = ["Chosen by looking: a difference is found more often than the 5 % each may be wrong."]
    return [shares, points, *(chosen if compared.is_chosen else [])]


def _share(row: PeriodRow) -> str:
    if not row.n_counted:
        return f"{row.period}: no session"
    return (
        f"{row.period}: {100 * row.n_halted / row.n_counted:.1f} % of {row.n_counted:,} halted "
        f"({100 * row.low:.1f} to {100 * row.high:.1f})"
    )


def _row(period: Period, audits: Sequence[Audit], delta: float) -> PeriodRow:
    n_halted = sum(audit.halted for audit in audits)
    low, high = rate_band(np.array(n_halted), np.array(len(audits)), delta=delta / 2.0)
    n_warned = sum(audit.n_warned > 0 for audit in audits)
    return PeriodRow(str(period), len(audits), n_halted, n_warned, float(low), float(high))


def _scores_differ(first: Sequence[Audit], second: Sequence[Audit], delta: float) -> bool | None:
    """Return whether ranks of the second among the first are unlike uniform ones.

    One start alone: the wealth of the bets ever reaches 1 / delta with probability at most delta.
    """
    one, two = _values(first), _values(second)
    if not len(one) or not len(two):
        return None
    ties = np.array([[audit.draw, (audit.draw * 7919.0) % 1.0] for audit in second if _has(audit)])
    p_values = np.stack(
        [ranks(one[:, at], two[:, at], np.clip(ties[:, at], 1e-9, 1 - 1e-9)) for at in range(2)],
        axis=1,
    )
    path = drift(np.clip(p_values, 1e-12, 1 - 1e-12), np.zeros(len(two), np.int64))
    return path.alarm_at(1.0 / delta) is not None


def _values(audits: Sequence[Audit]) -> FloatArray:
    values = [(audit.margin, audit.average) for audit in audits if _has(audit)]
    return np.array(values, np.float64).reshape(-1, 2)


def _has(audit: Audit) -> bool:
    return audit.margin is not None and audit.average is not None
