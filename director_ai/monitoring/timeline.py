"""Timeline of closest calls: quantiles by day, and the sessions that came closest to a halt."""

from collections.abc import Sequence
from heapq import nsmallest
from typing import NamedTuple

import numpy as np

from director_ai.monitoring.rates import quantile_band
from director_ai.storage.monitor_log import Audit, iso_day

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Shares of a day's sessions whose closest call is at most the value."""


class MarginDay(NamedTuple):
    """Closest calls of a day's counted sessions.

    Attributes
    ----------
    day
        ISO date, UTC.
    quantiles
        One for each of :data:`QUANTILES`; a negative closest call is a halt.
    median_low, median_high
        Values between which the day's median lies; None while there are too few sessions.
    """

    day: str
    quantiles: tuple[float, ...]
    median_low: float | None
    median_high: float | None


class ClosestCall(NamedTuple):
    """A session that was nearly halted.

    Attributes
    ----------
    id, day, model
        The session, its day as an ISO date, and its model.
    margin
        By how much its limits were not broken.
    """

    id: str
    day: str
    model: str
    margin: float


def margin_days(audits: Sequence[Audit], *, delta: float) -> tuple[MarginDay, ...]:
    """Return the quantiles of the closest calls of each day that has any.

    Parameters
    ----------
    audits
        Of a deployment; those that count are looked at.
    delta
        Risk that a day's median was ever outside its band.

    Examples
    --------
    >>> margin_days([], delta=0.05)
    ()
    """
    by_day: dict[int, list[float]] = {}
    for audit in audits:
        if audit.kind == "counted" and audit.margin is not None:
            by_day.setdefault(audit.day, []).append(audit.margin)
    rows = []
    for day, margins in sorted(by_day.items()):
        values = np.array(margins)
        low, high = quantile_band(values, 0.5, delta=delta)
        rows.append(
            MarginDay(
                iso_day(day),
                tuple(np.quantile(values, QUANTILES).tolist()),
                low if np.isfinite(low) else None,
                high if np.isfinite(high) else None,
            )
        )
    return tuple(rows)


def closest_calls(audits: Sequence[Audit], *, most: int = 10) -> tuple[ClosestCall, ...]:
    """Return the counted sessions that passed by the smallest margins, the closest first.

    Parameters
    ----------
    audits
        Of the sessions to look at.
    most
        How many at most.

    Examples
    --------
    >>> closest_calls([])
    ()
    """
    near = (
        (audit.margin, audit.sealed_us, audit)
        for audit in audits
        if audit.kind == "counted" and not audit.halted and audit.margin is not None
    )
    return tuple(
        ClosestCall(audit.id, iso_day(audit.day), audit.model, margin)
        for margin, _, audit in nsmallest(most, near)
    )
