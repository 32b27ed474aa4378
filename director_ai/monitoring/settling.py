"""Tick: settle the sessions sealed since the last one, and fix tomorrow's audit plan."""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.scoring.identity import ScorerIdentity
from director_ai.errors import InvalidRequestError, NotCertifiedError
from director_ai.monitoring.certified import uncovered
from director_ai.monitoring.plan import BLOCK_DAYS, Plan, check_alpha, draw_numbers, plan_for
from director_ai.storage.monitor_log import (
    DAY_US,
    Audit,
    AuditPlan,
    Deployment,
    MonitorLog,
    SealedSession,
)
from director_ai.storage.store import Store

AUDITS_A_DAY = 20.0
"""Audits a day unless somebody says otherwise."""

_FORTNIGHT = 14
_BATCH = 2_000
_FIRST_GUESS = (50.0, 950.0)
"""Halts and passes a day, as long as none was seen."""


class Promise(NamedTuple):
    """A promised false-halt rate.

    Attributes
    ----------
    alpha
        Largest share of good sessions that may be halted, in (0, 0.2).
    attempt
        Number of the certificate that promises it; None if it is only declared.
    """

    alpha: float
    attempt: int | None = None


class Tick(NamedTuple):
    """Outcome of a tick: sessions that were settled, and those of them drawn for an audit."""

    n_settled: int
    n_drawn: int


def deploy(
    store: Store,
    policy: HaltPolicy,
    scorer: ScorerIdentity,
    promise: Promise,
    *,
    now_us: int,
    note: str = "",
    audits_a_day: float = AUDITS_A_DAY,
) -> Deployment:
    """Record that limits and a scorer went live, with the audit plan of the first day.

    Parameters
    ----------
    store
        Store that the deployed process records into.
    policy, scorer
        What runs from now on.
    promise
        The false-halt rate to hold.
    now_us
        Now, in microseconds since the Unix epoch.
    note
        Kept with it.
    audits_a_day
        Sessions a day to draw for labelling, above 0.

    Raises
    ------
    NotCertifiedError
        If the certificate of the promise does not cover these limits or this scorer, or its
        attempt gave none.

    Examples
    --------
    >>> from director_ai.core.scoring.identity import UNKNOWN_SCORER
    >>> with Store(getfixture("tmp_path") / "s.db") as store:
    ...     deploy(store, HaltPolicy(), UNKNOWN_SCORER, Promise(0.02), now_us=0).number
    1
    """
    check_alpha(promise.alpha)
    reason = uncovered(store, promise.attempt, policy, scorer)
    if reason:
        raise NotCertifiedError(
            f"{reason}; certify what is to run, or declare its rate without an attempt"
        )
    log = MonitorLog(store)
    halts, passes = _per_day(log, now_us // DAY_US) or _FIRST_GUESS
    first = plan_for(audits_a_day, n_halts=halts, n_passes=passes, alpha=promise.alpha)
    settle(store, now_us=now_us)
    number = log.deploy(
        policy,
        scorer,
        at_us=now_us,
        alpha=promise.alpha,
        attempt=promise.attempt,
        note=note,
        audits_a_day=audits_a_day,
    )
    log.add_plan(number, now_us // DAY_US, first.p_halt, first.p_pass)
    return Deployment(number, now_us, policy, scorer, *promise, note, audits_a_day)


def tick(store: Store, *, now_us: int, audits_a_day: float | None = None) -> Tick:
    """Settle what was sealed since the last tick, and fix tomorrow's plan if there is none.

    Any number of processes may do so at any time: an audit and a plan are made once.

    Parameters
    ----------
    store
        The store that is monitored.
    now_us
        Now, in microseconds since the Unix epoch.
    audits_a_day
        Sessions to draw on the days that have no plan yet, above 0; by default as many as were
        deployed with.

    Raises
    ------
    InvalidRequestError
        If ``audits_a_day`` is not above 0.
    """
    if audits_a_day is not None and not audits_a_day > 0.0:
        raise InvalidRequestError(f"audits_a_day must be above 0, got {audits_a_day!r}")
    settled = settle(store, now_us=now_us)
    log = MonitorLog(store)
    deployments = log.deployments()
    if deployments:
        newest = deployments[-1]
        tomorrow = now_us // DAY_US + 1
        if log.plans(newest.number)[-1].from_day < tomorrow:
            halts, passes = _per_day(log, tomorrow) or _FIRST_GUESS
            budget = audits_a_day or newest.audits_a_day or AUDITS_A_DAY
            plan = plan_for(budget, n_halts=halts, n_passes=passes, alpha=newest.alpha)
            log.add_plan(newest.number, tomorrow, plan.p_halt, plan.p_pass)
    return settled


def settle(store: Store, *, now_us: int) -> Tick:
    """Settle every session sealed by ``now_us``, under the deployment of its time."""
    log = MonitorLog(store)
    deployments = log.deployments()
    if not deployments:
        return Tick(0, 0)
    key = _draw_key(store)
    plans = {each.number: log.plans(each.number) for each in deployments}
    seen: dict[tuple[int, int], set[str]] = {}
    n_settled = n_drawn = 0
    while True:
        batch = [
            session
            for session in log.unsettled(deployments[0].at_us, limit=_BATCH)
            if session.sealed_us <= now_us
        ]
        if not batch:
            return Tick(n_settled, n_drawn)
        draws = draw_numbers([session.id for session in batch], key=key)
        audits = []
        for session, draw in zip(batch, draws.tolist(), strict=True):
            deployment = _deployment_of(session, deployments)
            block = (session.sealed_us // DAY_US - deployment.day) // BLOCK_DAYS
            of = (deployment.number, block)
            if of not in seen:
                first_day = deployment.day + block * BLOCK_DAYS
                seen[of] = log.families(deployment.number, first_day)
            audits.append(_audit(session, deployment, plans[deployment.number], draw, seen[of]))
        log.settle(audits)
        n_settled += len(audits)
        n_drawn += sum(audit.drawn for audit in audits)


def _audit(
    session: SealedSession,
    deployment: Deployment,
    plans: Sequence[AuditPlan],
    draw: float,
    families: set[str],
) -> Audit:
    day = session.sealed_us // DAY_US
    plan = next(each for each in reversed(plans) if each.from_day <= day)
    halted = session.halt_class == "policy"
    family = _digest(session.family)
    kind = _kind(session, deployment)
    if kind == "counted" and family:
        kind = "repeated" if family in families else kind
        families.add(family)
    scores = np.frombuffer(session.scores, np.float64)
    if session.halt_index is not None:
        scores = scores[: session.halt_index + 1]
    p = Plan(plan.p_halt, plan.p_pass)
    return Audit(
        id=session.id,
        sealed_us=session.sealed_us,
        day=day,
        deployment=deployment.number,
        plan=plan.number,
        kind=kind,
        halted=halted,
        drawn=kind == "counted" and draw < (p.p_halt if halted else p.p_pass),
        draw=draw,
        cut=session.enforced and halted,
        mechanism=session.rules.split(",")[0] if halted else "",
        model=session.model,
        family=family,
        margin=session.margin,
        average=float(scores.mean()) if len(scores) and np.isfinite(scores).all() else None,
        n_warned=int((scores < deployment.policy.soft_limit).sum()),
    )


def _kind(session: SealedSession, deployment: Deployment) -> str:
    if session.halt_class == "fault":
        return "fault"
    if not deployment.runs(session.policy, session.scorer):
        return "other"
    return "stopped" if session.ended_by in ("operator", "abandoned") else "counted"


def _deployment_of(session: SealedSession, deployments: Sequence[Deployment]) -> Deployment:
    """Return the newest deployment of a session's limits and scorer; without one, the newest."""
    live = [each for each in reversed(deployments) if each.at_us <= session.sealed_us]
    own = (each for each in live if each.runs(session.policy, session.scorer))
    return next(own, live[0])


def _per_day(log: MonitorLog, before_day: int) -> tuple[float, float] | None:
    """Return counted halts and passes a day, over the fortnight before a day; None without any."""
    days: dict[int, list[int]] = {}
    for deployment in log.deployments():
        for audit in log.audits(deployment.number):
            if audit.kind == "counted" and before_day - _FORTNIGHT <= audit.day < before_day:
                days.setdefault(audit.day, [0, 0])[not audit.halted] += 1
    if not days:
        return None
    halts, passes = np.sum(list(days.values()), axis=0) / len(days)
    return float(halts), float(passes)


def _draw_key(store: Store) -> bytes:
    """Return the key of the draws, derived from the store's secret."""
    return hashlib.blake2b(store.vault_key().encode(), person=b"director-audits").digest()


def _digest(family: str) -> str:
    # A family may be a prompt, and a prompt that was cut may end in half a surrogate pair.
    data = family.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(data, digest_size=16).hexdigest() if family else ""
