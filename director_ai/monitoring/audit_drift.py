"""Drift of audited sessions, which needs no labels: of all, and of families that came before."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from director_ai.monitoring.conformal_ranks import family_ranks, ranks
from director_ai.monitoring.drift_detector import DriftPath, drift
from director_ai.replay.curves import FloatArray
from director_ai.storage.monitor_log import Audit, iso_day

DRIFT_C = 1_000.0
"""Drift is told of when the statistic reaches this: falsely within d days in at most d / 1,000."""

VALUES = ("closest call", "mean score")
"""Values of a session whose drift is watched."""


@dataclass(frozen=True, slots=True)
class Drift:
    """Drift of unlabelled sessions since the deployment.

    Attributes
    ----------
    n_sessions
        Counted sessions with a score.
    log_statistic
        Natural logarithm of the newest value of the detector.
    n_recurring, log_recurring
        Sessions of families that came before, and the same of a second detector, which ranks each
        among its family's earlier ones; None without any.
    is_seen
        Whether one ever reached ``DRIFT_C``, or twice that where there are two.
    seen_on, since
        Day it did, and the day since which the strongest bet gained most; ISO dates, or None.
    strongest
        The change that most speaks for it, such as "mean score lower"; empty without any.
    """

    n_sessions: int
    log_statistic: float
    n_recurring: int
    log_recurring: float | None
    is_seen: bool
    seen_on: str | None
    since: str | None
    strongest: str


def drift_of(audits: Sequence[Audit]) -> Drift | None:
    """Return the drift of the counted sessions among audits; None if none has a score."""
    scored = [audit for audit in audits if audit.kind == "counted" and _has_values(audit)]
    if not scored:
        return None
    path = drift_path(scored)
    recurring, family_path = _family_drift(audits)
    c = DRIFT_C if family_path is None else 2.0 * DRIFT_C
    paths = [(path, scored)] + ([] if family_path is None else [(family_path, recurring)])
    alarms = [
        (own[at].day, number)
        for number, (each, own) in enumerate(paths)
        if (at := each.alarm_at(c)) is not None
    ]
    strongest, own = paths[min(alarms)[1] if alarms else 0]
    value, bet = strongest.strongest
    is_gaining = strongest.log_statistic[-1] > 0.0
    within = " within families" if own is recurring else ""
    return Drift(
        n_sessions=len(scored),
        log_statistic=float(path.log_statistic[-1]),
        n_recurring=len(recurring),
        log_recurring=None if family_path is None else float(family_path.log_statistic[-1]),
        is_seen=bool(alarms),
        seen_on=iso_day(min(alarms)[0]) if alarms else None,
        since=iso_day(own[strongest.start].day) if is_gaining else None,
        strongest=f"{VALUES[value]} {bet}{within}" if is_gaining else "",
    )


def drift_path(scored: Sequence[Audit]) -> DriftPath:
    """Return the path of the drift detector over counted sessions with margin and mean score."""
    values, ties = _values_and_ties(scored)
    none = np.empty(0)
    p_values = [ranks(none, values[:, at], ties[:, at]) for at in range(2)]
    return _path(np.stack(p_values, axis=1), scored)


def _family_drift(audits: Sequence[Audit]) -> tuple[list[Audit], DriftPath | None]:
    """Return the sessions of families that came before, and the detector's path over them."""
    own = [
        audit
        for audit in audits
        if audit.kind in ("counted", "repeated") and audit.family and _has_values(audit)
    ]
    families = [audit.family for audit in own]
    values, ties = _values_and_ties(own)
    columns = [family_ranks(families, values[:, at], ties[:, at]) for at in range(2)]
    recurring = [own[position] for position in columns[0][0].tolist()]
    if not recurring:
        return [], None
    return recurring, _path(np.stack([p for _, p in columns], axis=1), recurring)


def _values_and_ties(audits: Sequence[Audit]) -> tuple[FloatArray, FloatArray]:
    """Return closest call and mean score, and a number of its own for each, the same always."""
    rows = [(audit.margin, audit.average) for audit in audits]
    draws = np.array([audit.draw for audit in audits])
    ties = np.stack([draws, (draws * 7919.0) % 1.0], axis=1)
    return np.array(rows, np.float64).reshape(-1, 2), np.clip(ties, 1e-9, 1.0 - 1e-9)


def _has_values(audit: Audit) -> bool:
    return audit.margin is not None and audit.average is not None


def _path(p_values: FloatArray, audits: Sequence[Audit]) -> DriftPath:
    days = np.array([audit.day for audit in audits])
    return drift(np.clip(p_values, 1e-12, 1.0 - 1e-12), days)
