"""Breakdown of a deployment's sessions by model, source, tag, policy or scorer."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from director_ai.monitoring.audit_labels import SETTLED, AuditVerdict
from director_ai.monitoring.evidence import CELLS, estimated_rate, rate_interval
from director_ai.monitoring.plan import Plan
from director_ai.replay.curves import IntArray
from director_ai.storage.monitor_log import Audit, AuditPlan, iso_day

Facet = Literal["model", "source", "tag", "policy", "scorer"]
FACETS: tuple[Facet, ...] = get_args(Facet)


@dataclass(frozen=True, slots=True)
class GroupRow:
    """One group's sessions since the deployment.

    Attributes
    ----------
    name
        Its model, source, tag, policy or scorer; empty where it has none.
    first_day
        ISO date of its first session.
    n_sessions, n_halted, n_audited
        Sessions that ended by themselves or by a policy halt, those halted, and those with a
        settled label.
    estimate, low, high
        False-halt rate of its counted sessions, with its interval at every look; None without one.
    """

    name: str
    first_day: str
    n_sessions: int
    n_halted: int
    n_audited: int
    estimate: float | None
    low: float
    high: float


def breakdown(
    audits: Sequence[Audit],
    groups: Mapping[str, Sequence[str]],
    plans: Sequence[AuditPlan],
    verdicts: Mapping[str, AuditVerdict],
    *,
    delta: float,
) -> tuple[GroupRow, ...]:
    """Return each group's rates, the highest false-halt rate first.

    Parameters
    ----------
    audits
        Of the sessions to look at.
    groups
        Groups of each session by its id; a session may be in several.
    plans, verdicts
        Of the deployment.
    delta
        Risk that a rate was ever outside its interval.

    Examples
    --------
    >>> breakdown([], {}, [], {}, delta=0.05)
    ()
    """
    members: dict[str, list[Audit]] = {}
    for audit in audits:
        for name in groups.get(audit.id, ("",)):
            members.setdefault(name, []).append(audit)
    of = tuple(Plan(plan.p_halt, plan.p_pass) for plan in plans)
    rows = []
    for name, own in members.items():
        first = min(audit.day for audit in own)
        n_days = max(audit.day for audit in own) - first + 1
        counts, waiting = (
            table.sum(axis=0) for table in cell_counts(plans, own, verdicts, first, n_days)
        )
        estimate = estimated_rate(counts, of)
        low, high = rate_interval(counts, waiting, of, delta=delta)
        rows.append(
            GroupRow(
                name=name,
                first_day=iso_day(first),
                n_sessions=len(own),
                n_halted=sum(audit.halted for audit in own),
                n_audited=sum(verdicts.get(audit.id) in SETTLED for audit in own),
                estimate=None if math.isnan(estimate) else estimate,
                low=low,
                high=high,
            )
        )
    rows.sort(key=lambda row: (-(row.estimate or 0.0), row.name))
    return tuple(rows)


def cell_counts(
    plans: Sequence[AuditPlan],
    audits: Sequence[Audit],
    verdicts: Mapping[str, AuditVerdict],
    first_day: int,
    n_days: int,
) -> tuple[IntArray, IntArray]:
    """Return counted sessions by day, plan and cell, and those that wait for a label.

    Returns
    -------
    counts, waiting
        Shapes (n_days, n_plans, 6) and (n_days, n_plans, 2); see
        :data:`director_ai.monitoring.evidence.CELLS`.
    """
    places = {plan.number: place for place, plan in enumerate(plans)}
    counts = np.zeros((n_days, len(plans), len(CELLS)), np.int64)
    waiting = np.zeros((n_days, len(plans), 2), np.int64)
    for audit in audits:
        if audit.kind != "counted":
            continue
        at = (audit.day - first_day, places[audit.plan])
        verdict = verdicts.get(audit.id)
        if not audit.drawn:
            counts[(*at, 3 * audit.halted)] += 1
        elif verdict in SETTLED:
            counts[(*at, 3 * audit.halted + 1 + (verdict == "bad"))] += 1
        else:
            waiting[(*at, int(audit.halted))] += 1
    return counts, waiting
