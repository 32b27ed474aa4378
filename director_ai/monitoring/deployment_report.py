"""Report: what a store's audits tell of its newest deployment, for page, command and metrics."""

import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise, takewhile
from typing import Any, Literal, NamedTuple

import numpy as np

from director_ai.errors import InvalidRequestError
from director_ai.monitoring.audit_drift import Drift, drift_of
from director_ai.monitoring.audit_labels import (
    SETTLED,
    AuditVerdict,
    SecondLooks,
    audit_verdicts,
    second_looks,
)
from director_ai.monitoring.certified import certificate_of, uncovered
from director_ai.monitoring.comparison import Comparison, Period, compare_periods, newest_weeks
from director_ai.monitoring.early_halts import early_share
from director_ai.monitoring.evidence import share_detector
from director_ai.monitoring.group_rates import Facet, GroupRow, breakdown, cell_counts
from director_ai.monitoring.living import Living, Tally, change_path, living_certificate
from director_ai.monitoring.plan import Plan
from director_ai.monitoring.rates import rate_band
from director_ai.monitoring.timeline import ClosestCall, MarginDay, closest_calls, margin_days
from director_ai.replay.curves import FloatArray
from director_ai.storage.monitor_log import (
    DAY_US,
    Acknowledgement,
    Audit,
    AuditPlan,
    Deployment,
    MonitorLog,
    iso_day,
)
from director_ai.storage.store import Store

FEWEST_FOR_BANDS = 30
"""Counted sessions below which no band of a rate is shown."""

DELTA = 0.05
"""Risk that a band of a rate was ever left."""

USUAL_FAULTS = 0.01
"""Largest usual share of sessions that end by a fault."""

ONE_REVIEWER = (
    "One person's word makes a halt good: where 1 in 20 right halts is called good by mistake, a "
    "promise that holds is called lost one time in five."
)
"""Caution where a false halt needs no second person."""

RUNNING_DAYS = 7
"""A deployment with a session in so many days is still running."""

HOUR_US = 3_600_000_000
HOURS_DAYS = 7
"""Newest days whose hours are told of."""

Bucket = Literal["day", "hour"]


@dataclass(frozen=True, slots=True)
class ReportQuery:
    """View of a report; the state of the promise is the same in every view.

    Attributes
    ----------
    n_days
        Newest days whose sessions are shown; None for all.
    by
        Facet by which sessions are grouped.
    bucket
        Width of a step of time.
    periods
        Periods to compare; None for the newest week and the one before.
    deployment
        Number of the deployment; None for the newest.
    """

    n_days: int | None = None
    by: Facet = "model"
    bucket: Bucket = "day"
    periods: tuple[Period, Period] | None = None
    deployment: int | None = None


@dataclass(frozen=True, slots=True)
class DayRow:
    """One day of a deployment, or one hour.

    Attributes
    ----------
    day
        ISO date, UTC; of an hour its date and time.
    n_counted, n_halted, n_warned
        Counted sessions, those of them halted by the policy, and those with a warned token.
    n_faults, n_stopped, n_other
        Sessions that ended by a fault, those that an operator stopped or their reader left, and
        those not under the deployed limits and scorer.
    halted_low, halted_high
        Band of the share halted since the deployment, at every look; None below 30 sessions.
    log_change
        Natural logarithm of the change statistic of the promise after the day; None before the
        first session.
    rules
        Halts by the rule that came first.
    """

    day: str
    n_counted: int
    n_halted: int
    n_warned: int
    n_faults: int
    n_stopped: int
    n_other: int
    halted_low: float | None
    halted_high: float | None
    log_change: float | None
    rules: dict[str, int]


class SessionCount(NamedTuple):
    """Sessions of one outcome, rule and model since the deployment.

    Attributes
    ----------
    outcome
        ``passed`` or ``halted`` of the counted ones; ``repeated``, ``fault``, ``stopped`` or
        ``other``.
    rule
        Mechanism that came first, of halted ones; else empty.
    model
        Its name.
    n_sessions, n_drawn
        How many, and how many of them were drawn for an audit.
    """

    outcome: str
    rule: str
    model: str
    n_sessions: int
    n_drawn: int


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """State of a deployment.

    Attributes
    ----------
    deployment
        The one reported; None where nothing was ever deployed.
    living
        State of its promise; None without a deployment.
    days
        Each day since the deployment, until its last session if it is over.
    earlier
        Days of the deployments before, each until the day of the next.
    hours
        Hours of the newest days that have a session, where they were asked for.
    deployments
        Those up to it, oldest first.
    others
        Numbers of other deployments that sessions ran under in the last week.
    is_over
        Whether another was deployed later, and no session ran under this one in the last week.
    models
        Each model's sessions, the highest false-halt rate first.
    counts
        Every session since the deployment, by outcome, rule and model.
    log_faults
        Natural logarithm of the change statistic of the share of faults.
    last_us
        Newest seal, in microseconds since the Unix epoch; 0 without any.
    usual_gap_us
        Usual longest pause between two seals of a day; 0 as long as there is none.
    drift
        Of unlabelled sessions; None without any.
    waiting
        Ids of drawn sessions that wait for a label, oldest day first, then by draw; disputed ones
        apart.
    disputed
        Ids of drawn sessions whose authors do not agree.
    n_once
        Drawn halts that one person called good and that wait for a second.
    n_fair
        Settled labels that are a fair sample of all counted sessions, which alone the Tune page
        and certificates use.
    second_looks
        Halts called bad that a second person saw.
    by, groups
        The facet that was asked for, and its groups.
    margins
        Closest calls of each day.
    closest
        The sessions that came closest to a halt.
    comparison
        Two periods; None without a deployment.
    """

    deployment: Deployment | None
    living: Living | None
    days: tuple[DayRow, ...]
    models: tuple[GroupRow, ...]
    counts: tuple[SessionCount, ...]
    log_faults: float
    last_us: int
    usual_gap_us: int
    drift: Drift | None
    waiting: tuple[str, ...]
    disputed: tuple[str, ...]
    n_once: int
    n_fair: int
    second_looks: SecondLooks
    earlier: tuple[DayRow, ...] = ()
    hours: tuple[DayRow, ...] = ()
    deployments: tuple[Deployment, ...] = ()
    others: tuple[int, ...] = ()
    is_over: bool = False
    by: Facet = "model"
    groups: tuple[GroupRow, ...] = ()
    margins: tuple[MarginDay, ...] = ()
    closest: tuple[ClosestCall, ...] = ()
    comparison: Comparison | None = None

    @property
    def fault_rate(self) -> float:
        """Share of sessions that ended by a fault; nan without any."""
        n = sum(day.n_counted + day.n_faults for day in self.days)
        return sum(day.n_faults for day in self.days) / n if n else math.nan

    def to_json(self) -> str:
        """Return the report as one JSON object."""
        document: dict[str, Any] = {
            "version": 1,
            "deployment": self.deployment and _deployment(self.deployment),
            "certificate": self.living and json.loads(self.living.to_json()),
            "days": [asdict(day) for day in self.days],
            "models": [asdict(model) for model in self.models],
            "counts": [count._asdict() for count in self.counts],
            "drift": self.drift and asdict(self.drift),
            "fault_rate": None if math.isnan(self.fault_rate) else self.fault_rate,
            "waiting": list(self.waiting),
            "disputed": list(self.disputed),
            "n_once": self.n_once,
            "n_fair": self.n_fair,
            "second_looks": self.second_looks._asdict(),
            "earlier": [asdict(day) for day in self.earlier],
            "hours": [asdict(hour) for hour in self.hours],
            "deployments": [_deployment(each) for each in self.deployments],
            "others": list(self.others),
            "is_over": self.is_over,
            "by": self.by,
            "groups": [asdict(group) for group in self.groups],
            "margins": [day._asdict() for day in self.margins],
            "closest": [call._asdict() for call in self.closest],
            "comparison": self.comparison and asdict(self.comparison),
        }
        return json.dumps(document, ensure_ascii=False, indent=2)


NO_REPORT = Report(
    deployment=None,
    living=None,
    days=(),
    models=(),
    counts=(),
    log_faults=-math.inf,
    last_us=0,
    usual_gap_us=0,
    drift=None,
    waiting=(),
    disputed=(),
    n_once=0,
    n_fair=0,
    second_looks=SecondLooks(0, 0),
)
"""Report of a store from which nothing was ever deployed."""


def report(
    store: Store,
    *,
    now_us: int,
    query: ReportQuery = ReportQuery(),
    two_reviewers: bool = True,
) -> Report:
    """Return what the audits of a store tell of its newest deployment.

    Parameters
    ----------
    store
        The store, ticked; see :func:`director_ai.monitoring.settling.tick`.
    now_us
        Now, in microseconds since the Unix epoch.
    query
        What is shown beside the state of the promise.
    two_reviewers
        Whether a drawn halt counts as good only when two people say so.

    Raises
    ------
    InvalidRequestError
        If the periods to compare share a day, or there is no such deployment.

    Examples
    --------
    >>> with Store(getfixture("tmp_path") / "s.db") as store:
    ...     report(store, now_us=0).living is None
    True
    """
    log = MonitorLog(store)
    deployments = log.deployments()
    if not deployments:
        return NO_REPORT
    deployment = _chosen(deployments, query.deployment)
    is_newest = deployment == deployments[-1]
    deployments = deployments[: deployments.index(deployment) + 1]
    audits = log.audits(deployment.number)
    plans = log.plans(deployment.number)
    counted = [audit for audit in audits if audit.kind == "counted"]
    running_since = now_us // DAY_US - RUNNING_DAYS
    is_over = not is_newest and all(audit.day < running_since for audit in counted)
    last_day = max((audit.day for audit in audits), default=deployment.day)
    if not is_over:
        last_day = max(last_day, now_us // DAY_US, deployment.day)
    labels = log.labels(deployment.number)
    verdicts = audit_verdicts(audits, labels, two_reviewers=two_reviewers)

    n_days = last_day - deployment.day + 1
    tally = _tally(log, store, deployment, audits, verdicts, n_days)
    promised = certificate_of(store, deployment.attempt) or deployment.alpha
    *before, now = _between_acknowledgements(tally, log.acknowledgements(deployment.number))
    path = np.concatenate([change_path(promised, part) for part in (*before, now)])
    living = living_certificate(promised, now)
    if not two_reviewers:
        living = replace(living, notes=(*living.notes, ONE_REVIEWER))
    days = _days(deployment, audits, path)

    models = breakdown(
        counted, {audit.id: (audit.model,) for audit in counted}, plans, verdicts, delta=DELTA
    )
    groups = models
    if query.by != "model":
        ended = [audit for audit in audits if audit.kind in ("counted", "other")]
        of = _groups(log, deployment, query.by)
        groups = breakdown(ended, of, plans, verdicts, delta=DELTA)
    shown = audits
    if query.n_days is not None:
        shown = [audit for audit in audits if audit.day > last_day - query.n_days]
    usual_periods = newest_weeks(_date(last_day))
    periods = query.periods or usual_periods
    return Report(
        deployment=deployment,
        living=living,
        days=days,
        models=models,
        counts=_counts(audits),
        log_faults=_log_faults(days),
        last_us=audits[-1].sealed_us if audits else 0,
        usual_gap_us=_usual_gap(audits),
        drift=drift_of(audits),
        waiting=_waiting(audits, verdicts),
        disputed=tuple(name for name, verdict in verdicts.items() if verdict == "disputed"),
        n_once=sum(verdict == "once" for verdict in verdicts.values()),
        n_fair=_n_fair(audits, plans, verdicts),
        second_looks=second_looks(audits, labels),
        earlier=_earlier(store, deployments, two_reviewers=two_reviewers),
        hours=_hours(audits, last_day) if query.bucket == "hour" else (),
        deployments=tuple(deployments),
        others=log.running(since_day=running_since, but=deployment.number),
        is_over=is_over,
        by=query.by,
        groups=groups,
        margins=margin_days(shown, delta=DELTA),
        closest=closest_calls(shown),
        comparison=compare_periods(
            audits, *periods, delta=DELTA, is_chosen=periods != usual_periods
        ),
    )


def _waiting(audits: Sequence[Audit], verdicts: dict[str, AuditVerdict]) -> tuple[str, ...]:
    waiting = [
        audit
        for audit in audits
        if audit.drawn and verdicts.get(audit.id) not in (*SETTLED, "disputed")
    ]
    return tuple(audit.id for audit in sorted(waiting, key=lambda each: (each.day, each.draw)))


def _n_fair(
    audits: Sequence[Audit], plans: Sequence[AuditPlan], verdicts: dict[str, AuditVerdict]
) -> int:
    # A halt is drawn more often than a pass: fair are those that a pass would have been drawn by.
    p_pass = {plan.number: plan.p_pass for plan in plans}
    return sum(
        audit.drawn and audit.draw < p_pass[audit.plan] and verdicts.get(audit.id) in SETTLED
        for audit in audits
    )


def _log_faults(days: Sequence[DayRow]) -> float:
    faults = np.array([day.n_faults for day in days])
    sessions = faults + np.array([day.n_counted for day in days])
    return float(share_detector(faults, sessions, share=USUAL_FAULTS)[-1])


def _chosen(deployments: Sequence[Deployment], number: int | None) -> Deployment:
    for each in deployments:
        if each.number == number:
            return each
    if number is not None:
        there = ", ".join(str(each.number) for each in deployments)
        raise InvalidRequestError(f"deployment must be one of {there}, got {number}")
    return deployments[-1]


def _groups(log: MonitorLog, deployment: Deployment, by: Facet) -> dict[str, tuple[str, ...]]:
    """Return the groups of each session that is still there."""
    origins = log.origins(deployment.number)
    if by == "tag":
        return {name: origin.tags or ("",) for name, origin in origins.items()}
    return {name: (getattr(origin, by),) for name, origin in origins.items()}


def _earlier(
    store: Store, deployments: Sequence[Deployment], *, two_reviewers: bool
) -> tuple[DayRow, ...]:
    """Return the days of all deployments but the newest, each until the day of the next."""
    log = MonitorLog(store)
    rows: list[DayRow] = []
    for deployment, following in pairwise(deployments):
        own = log.audits(deployment.number)
        audits = [audit for audit in own if audit.day < following.day]
        names = {audit.id for audit in audits}
        n_days = following.day - deployment.day
        if not audits:
            continue
        labels = [each for each in log.labels(deployment.number) if each.id in names]
        verdicts = audit_verdicts(audits, labels, two_reviewers=two_reviewers)
        tally = _tally(log, store, deployment, audits, verdicts, n_days)
        promised = certificate_of(store, deployment.attempt) or deployment.alpha
        rows += _days(deployment, audits, change_path(promised, tally))
    return tuple(rows)


def _tally(
    log: MonitorLog,
    store: Store,
    deployment: Deployment,
    audits: Sequence[Audit],
    verdicts: dict[str, AuditVerdict],
    n_days: int,
) -> Tally:
    plans = log.plans(deployment.number)
    counts, waiting = cell_counts(plans, audits, verdicts, deployment.day, n_days)
    counted = [audit for audit in audits if audit.kind == "counted"]
    return Tally(
        _date(deployment.day),
        tuple(Plan(plan.p_halt, plan.p_pass) for plan in plans),
        counts,
        waiting,
        is_cut=any(audit.cut for audit in counted),
        early_share=early_share(deployment, log.observed_halts()),
        conflict=_conflict(store, deployment, audits),
    )


def _between_acknowledgements(tally: Tally, acknowledged: Sequence[Acknowledgement]) -> list[Tally]:
    """Return the parts of a tally, each from the day after an acknowledgement on."""
    first = (tally.first_day - date(1970, 1, 1)).days
    starts = [0, *(min(tally.n_days, each.at_us // DAY_US + 1 - first) for each in acknowledged)]
    return [
        replace(
            tally,
            first_day=tally.day(start),
            counts=tally.counts[start:end],
            waiting=tally.waiting[start:end],
            n_acknowledged=place,
        )
        for place, (start, end) in enumerate(pairwise([*starts, tally.n_days]))
    ]


def _counts(audits: Sequence[Audit]) -> tuple[SessionCount, ...]:
    n_sessions: Counter[tuple[str, str, str]] = Counter()
    n_drawn: Counter[tuple[str, str, str]] = Counter()
    for audit in audits:
        outcome = ("passed", "halted")[audit.halted] if audit.kind == "counted" else audit.kind
        of = (outcome, audit.mechanism if outcome == "halted" else "", audit.model)
        n_sessions[of] += 1
        n_drawn[of] += audit.drawn
    return tuple(SessionCount(*of, n, n_drawn[of]) for of, n in sorted(n_sessions.items()))


def _usual_gap(audits: Sequence[Audit]) -> int:
    """Return the median over days of the longest pause between two seals."""
    longest: dict[int, int] = {}
    for before, after in pairwise(audits):
        pause = after.sealed_us - before.sealed_us
        longest[after.day] = max(longest.get(after.day, 0), pause)
    return int(np.median(list(longest.values()))) if longest else 0


def _conflict(store: Store, deployment: Deployment, audits: Sequence[Audit]) -> str:
    """Return why the promise does not apply to what ran; empty if it does."""
    # Stores of earlier versions may hold such a deployment, which is refused now.
    reason = uncovered(store, deployment.attempt, deployment.policy, deployment.scorer)
    if reason:
        return f"{reason[0].upper()}{reason[1:]}. Certify again."
    days: dict[int, list[bool]] = {}
    for audit in audits:
        if audit.kind in ("other", "counted"):
            days.setdefault(audit.day, []).append(audit.kind == "other")
    newest_first = sorted(days.items(), reverse=True)
    foreign = list(takewhile(lambda day: np.mean(day[1]) > 0.5, newest_first))
    if foreign:
        since = _date(foreign[-1][0])
        return (
            f"Since {since.day} {since:%B} most sessions ran under other limits or another scorer "
            "than were deployed. Record what went live with `director-ai deploy`."
        )
    return ""


def _days(
    deployment: Deployment, audits: Sequence[Audit], changes: FloatArray
) -> tuple[DayRow, ...]:
    n_days = len(changes)
    by_day: list[list[Audit]] = [[] for _ in range(n_days)]
    for audit in audits:
        by_day[audit.day - deployment.day].append(audit)
    counted = [[audit for audit in day if audit.kind == "counted"] for day in by_day]
    halted = np.cumsum([sum(audit.halted for audit in day) for day in counted])
    total = np.cumsum([len(day) for day in counted])
    low, high = rate_band(halted, total, delta=DELTA)
    rows = []
    for at, day in enumerate(by_day):
        row = _row(iso_day(deployment.day + at), day)
        if total[at] >= FEWEST_FOR_BANDS:
            row = replace(row, halted_low=float(low[at]), halted_high=float(high[at]))
        if np.isfinite(changes[at]):
            row = replace(row, log_change=float(changes[at]))
        rows.append(row)
    return tuple(rows)


def _hours(audits: Sequence[Audit], last_day: int) -> tuple[DayRow, ...]:
    by_hour: dict[int, list[Audit]] = {}
    for audit in audits:
        if audit.day > last_day - HOURS_DAYS:
            by_hour.setdefault(audit.sealed_us // HOUR_US, []).append(audit)
    return tuple(_row(moment(hour * HOUR_US)[:16], own) for hour, own in sorted(by_hour.items()))


def _row(name: str, audits: Sequence[Audit]) -> DayRow:
    """Return the counts of a step of time, without what is known of the time before."""
    kinds = Counter(audit.kind for audit in audits)
    counted = [audit for audit in audits if audit.kind == "counted"]
    return DayRow(
        day=name,
        n_counted=len(counted),
        n_halted=sum(audit.halted for audit in counted),
        n_warned=sum(audit.n_warned > 0 for audit in counted),
        n_faults=kinds["fault"],
        n_stopped=kinds["stopped"],
        n_other=kinds["other"],
        halted_low=None,
        halted_high=None,
        log_change=None,
        rules=dict(Counter(audit.mechanism for audit in counted if audit.halted)),
    )


def _deployment(of: Deployment) -> dict[str, Any]:
    return {
        "number": of.number,
        "at": moment(of.at_us),
        "policy": of.policy.to_dict(),
        "scorer": str(of.scorer),
        "alpha": of.alpha,
        "attempt": of.attempt,
        "note": of.note,
    }


def _date(day: int) -> date:
    return date(1970, 1, 1) + timedelta(days=day)


def moment(at_us: int) -> str:
    """Return the ISO date and time of microseconds since the Unix epoch, UTC."""
    return datetime.fromtimestamp(at_us / 1e6, UTC).isoformat(timespec="seconds")
