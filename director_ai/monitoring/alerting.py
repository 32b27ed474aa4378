"""Alerts of a monitored deployment: which fire, since when, and who sends word of them."""

import hashlib
import math
from collections.abc import Iterator
from datetime import date
from typing import Literal, NamedTuple, get_args

from director_ai.monitoring.deployment_report import Report
from director_ai.monitoring.living import STALE_DAYS
from director_ai.storage.monitor_log import DAY_US, Alert, MonitorLog
from director_ai.storage.store import Store

AlertKind = Literal[
    "certificate_lost", "certificate_void", "drift", "infrastructure", "silent", "audit_stale"
]
ALERTS: tuple[AlertKind, ...] = get_args(AlertKind)

FAULT_DAYS = 365.0
"""While faults are as rare as usual, their alert comes at most once in so many days on average."""

SILENT_GAPS = 6
"""Usual longest pauses of a day without any session, after which silence is told of."""

REMINDER_US = DAY_US
LEASE_US = 60_000_000
"""Time a process has to send a message that it claimed, before another may."""

Status = Literal["firing", "resolved"]


class Firing(NamedTuple):
    """An alert that fires.

    Attributes
    ----------
    kind
        What it is about.
    since_us
        Start of what it tells of, in microseconds since the Unix epoch.
    text
        One sentence or two; it holds no text of a session.
    """

    kind: AlertKind
    since_us: int
    text: str


class Message(NamedTuple):
    """A message to send about an alert."""

    alert: Alert
    status: Status
    text: str


def firing(report: Report, *, now_us: int) -> list[Firing]:
    """Return the alerts that fire, in the order of :data:`ALERTS`.

    >>> from director_ai.monitoring.deployment_report import NO_REPORT
    >>> firing(NO_REPORT, now_us=0)
    []
    """
    return list(_firing(report, now_us))


def _firing(report: Report, now_us: int) -> Iterator[Firing]:
    deployment, living, drift = report.deployment, report.living, report.drift
    if deployment is None or living is None or report.is_over:
        return
    if living.state == "no longer holds":
        yield Firing(
            "certificate_lost", _day_us(living.changed_on, deployment.at_us), living.sentence
        )
    if living.state == "does not apply":
        yield Firing("certificate_void", deployment.at_us, living.sentence)
    if drift is not None and drift.is_seen:
        text = f"Scores are not as they were: {drift.strongest or 'a change'}. Label, then judge."
        yield Firing("drift", _day_us(drift.seen_on, deployment.at_us), text)
    if report.log_faults >= math.log(FAULT_DAYS):
        worst = max(report.days, key=lambda day: day.n_faults)
        share = worst.n_faults / (worst.n_faults + worst.n_counted)
        text = f"Most faults on {worst.day}: {100 * share:.1f} % of its sessions ended by one."
        yield Firing("infrastructure", deployment.at_us, text)
    gap_us = SILENT_GAPS * report.usual_gap_us
    if gap_us and now_us - report.last_us > gap_us:
        hours = (now_us - report.last_us) / 3.6e9
        yield Firing("silent", report.last_us, f"No session for {hours:.1f} hours.")
    if living.is_stale and report.waiting:
        n = len(report.waiting)
        yield Firing(
            "audit_stale",
            deployment.at_us,
            f"{n} drawn sessions wait, and none was labelled in {STALE_DAYS} days.",
        )


def update_alerts(store: Store, report: Report, *, now_us: int) -> list[Message]:
    """Keep the alerts that fire and end the others; return the messages that are due.

    A message is due at the start of an alert, at its end if the start was told of, and every 24 h
    while it fires. Alerts of deployments that run beside it are left to their own report. Sending
    is claimed apart; see :func:`send_due`.

    Parameters
    ----------
    store
        The store that is monitored.
    report
        Its report.
    now_us
        Now, in microseconds since the Unix epoch.
    """
    if report.deployment is None:
        return []
    log = MonitorLog(store)
    number, texts = report.deployment.number, dict[str, str]()
    for each in firing(report, now_us=now_us):
        alerts = [a for a in log.alerts() if (a.alert, a.deployment) == (each.kind, number)]
        ends = [alert.ended_us for alert in alerts if alert.ended_us is not None]
        if len(ends) < len(alerts):
            # The estimate of its start may move; the alert stays the one that was told of.
            name = next(alert.fingerprint for alert in alerts if alert.ended_us is None)
        elif max(ends, default=0) < now_us:
            # One that comes again, maybe on the same day, is another.
            parts = (each.kind, str(number), str(each.since_us // DAY_US), str(len(ends)))
            name = hashlib.sha256("\n".join(parts).encode()).hexdigest()
            log.open_alert(Alert(name, each.kind, number, now_us, None, None))
        else:
            # Another process, which looked later, has seen its end.
            continue
        texts[name] = each.text
    own = {number} | {each.number for each in report.deployments} - {*report.others}
    for alert in log.alerts():
        is_own = alert.deployment in own
        if is_own and alert.ended_us is None and alert.fingerprint not in texts:
            log.end_alert(alert.fingerprint, now_us)
    due = []
    for alert in log.alerts():
        if alert.fingerprint in texts:
            if alert.sent_us is None or now_us - alert.sent_us >= REMINDER_US:
                due.append(Message(alert, "firing", texts[alert.fingerprint]))
        elif alert.deployment in own and _is_end_untold(alert):
            due.append(Message(alert, "resolved", f"{alert.alert} is over."))
    return due


def _is_end_untold(alert: Alert) -> bool:
    if alert.sent_us is None or alert.ended_us is None:
        return False
    return alert.sent_us < alert.ended_us


def _day_us(day: str | None, default_us: int) -> int:
    if day is None:
        return default_us
    return (date.fromisoformat(day) - date(1970, 1, 1)).days * DAY_US
