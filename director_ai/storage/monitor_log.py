"""Monitor log: deployments, audit plans, audited sessions and alerts of a store."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, RowMapping, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.scoring.identity import ScorerIdentity, as_identity
from director_ai.storage.codec import scorer_text
from director_ai.storage.engine.schema import (
    acknowledgements,
    alerts,
    annotations,
    audit_plans,
    audits,
    bodies,
    deployments,
    sessions,
)
from director_ai.storage.store import Store
from director_ai.storage.writer import refresh_labels

DAY_US = 86_400_000_000


def iso_day(day: int) -> str:
    """Return the ISO date of a number of days since the Unix epoch.

    >>> iso_day(20_000)
    '2024-10-04'
    """
    return (date(1970, 1, 1) + timedelta(days=day)).isoformat()


class Deployment(NamedTuple):
    """Limits and scorer that went live.

    Attributes
    ----------
    number
        1 for the store's first.
    at_us
        When, in microseconds since the Unix epoch.
    policy, scorer
        What runs from then on.
    alpha
        Largest share of good sessions that may be halted.
    attempt
        Number of the certificate that promises it; ``None`` if it is only declared.
    note
        Of whoever deployed.
    audits_a_day
        Sessions a day to draw for labelling; ``None`` for the default.
    """

    number: int
    at_us: int
    policy: HaltPolicy
    scorer: ScorerIdentity
    alpha: float
    attempt: int | None
    note: str
    audits_a_day: float | None = None

    @property
    def day(self) -> int:
        """Days from the Unix epoch to that of the deployment, UTC."""
        return self.at_us // DAY_US

    def runs(self, policy: HaltPolicy, scorer: ScorerIdentity) -> bool:
        """Return whether these are its limits and its scorer, in whatever mode."""
        own, other = (replace(each, halt_mode="hard") for each in (self.policy, policy))
        return own == other and scorer == self.scorer


class AuditPlan(NamedTuple):
    """Probabilities of being drawn, from a day on until the next plan.

    Attributes
    ----------
    number
        Of the plan.
    from_day
        Days since the Unix epoch, UTC.
    p_halt, p_pass
        Of sessions with and without a policy halt.
    """

    number: int
    from_day: int
    p_halt: float
    p_pass: float


class SealedSession(NamedTuple):
    """Columns of a session that a recorder sealed, as monitoring reads them.

    ``scores`` is packed float64.
    """

    id: str
    sealed_us: int
    model: str
    family: str
    policy: HaltPolicy
    scorer: ScorerIdentity
    enforced: bool
    ended_by: str
    halt_class: str | None
    halt_index: int | None
    rules: str
    margin: float | None
    scores: bytes


class Audit(NamedTuple):
    """One monitored session.

    Attributes
    ----------
    id, sealed_us, day, model
        Of the session; ``day`` in days since the Unix epoch, UTC.
    deployment, plan
        Numbers of those in force when it was sealed.
    kind
        ``counted``; ``repeated``, of a family that was counted in its block; ``fault``;
        ``stopped``, by an operator or because its reader left; ``other``, under limits or a scorer
        that were not deployed.
    halted, cut, mechanism
        Whether the policy halted it, the text ended there, and by which rule first.
    drawn, draw
        Whether it is to be labelled, and its permanent random number.
    family
        Digest of its prompt family; empty: a family of its own.
    margin, average, n_warned
        Closest call, mean score and tokens under the soft limit, up to the halt.
    """

    id: str
    sealed_us: int
    day: int
    deployment: int
    plan: int
    kind: str
    halted: bool
    drawn: bool
    draw: float
    cut: bool
    mechanism: str
    model: str
    family: str
    margin: float | None
    average: float | None
    n_warned: int


class Acknowledgement(NamedTuple):
    """Word of somebody that the alarm of a deployment was seen: what came before counts no more."""

    at_us: int
    author: str
    note: str


class ObservedHalt(NamedTuple):
    """A labelled session that a kernel only watched and would have halted."""

    policy: HaltPolicy
    scorer: ScorerIdentity
    halt_index: int
    label: str
    onset: int | None


class Origin(NamedTuple):
    """Source, tags, policy (a JSON object of limits) and scorer of a session."""

    source: str
    tags: tuple[str, ...]
    policy: str
    scorer: str


class AuditLabel(NamedTuple):
    """One person's newest label of a drawn session."""

    id: str
    author: str
    label: str


class Alert(NamedTuple):
    """An alert that fires, or fired.

    Attributes
    ----------
    fingerprint
        SHA-256 of what fires, for which deployment and since when.
    alert
        Its kind, such as ``certificate_lost``.
    deployment
        Number of the deployment it is about.
    started_us, ended_us
        When it was first seen, and seen to be over; ``None`` while it fires.
    sent_us
        When a message about it was last delivered; ``None`` before the first.
    """

    fingerprint: str
    alert: str
    deployment: int
    started_us: int
    ended_us: int | None
    sent_us: int | None


class MonitorLog:
    """Deployments, plans, audits and alerts kept in a store.

    Parameters
    ----------
    store
        The store; what only reads works on one that is read-only, too.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def deploy(
        self,
        policy: HaltPolicy,
        scorer: ScorerIdentity,
        *,
        at_us: int,
        alpha: float,
        attempt: int | None = None,
        note: str = "",
        audits_a_day: float | None = None,
    ) -> int:
        """Record that limits and a scorer went live, and return the deployment's number."""

        def work(connection: Connection) -> int:
            last = connection.execute(select(func.coalesce(func.max(deployments.c.number), 0)))
            number = int(last.scalar_one()) + 1
            row = {
                "number": number,
                "at_us": at_us,
                "policy": json.dumps(policy.to_dict()),
                "scorer": scorer_text(scorer),
                "alpha": alpha,
                "attempt": attempt,
                "note": note,
                "audits_a_day": audits_a_day,
            }
            connection.execute(insert(deployments), row)
            return number

        return self._store.transaction(work, durable=True)

    def deployments(self) -> list[Deployment]:
        """Return every deployment, oldest first."""
        statement = select(deployments).order_by(deployments.c.at_us, deployments.c.number)
        with self._store.read() as connection:
            return [
                Deployment(
                    row["number"],
                    row["at_us"],
                    HaltPolicy.from_dict(json.loads(row["policy"])),
                    as_identity(row["scorer"]),
                    row["alpha"],
                    row["attempt"],
                    row["note"],
                    row["audits_a_day"],
                )
                for row in connection.execute(statement).mappings()
            ]

    def add_plan(self, deployment: int, from_day: int, p_halt: float, p_pass: float) -> None:
        """Fix the probabilities from a day on; a plan of that day stays as it is."""
        row = {"deployment": deployment, "from_day": from_day, "p_halt": p_halt, "p_pass": p_pass}

        def work(connection: Connection) -> None:
            of = audit_plans.c
            same = (of.deployment == deployment, of.from_day == from_day)
            if connection.execute(select(of.number).where(*same)).first() is None:
                connection.execute(insert(audit_plans), row)

        self._retry_once(work)

    def plans(self, deployment: int) -> list[AuditPlan]:
        """Return a deployment's plans, in the order of their days."""
        columns = (audit_plans.c[name] for name in AuditPlan._fields)
        statement = (
            select(*columns)
            .where(audit_plans.c.deployment == deployment)
            .order_by(audit_plans.c.from_day)
        )
        with self._store.read() as connection:
            return [AuditPlan(*row) for row in connection.execute(statement)]

    def unsettled(self, since_us: int, *, limit: int) -> list[SealedSession]:
        """Return sessions sealed from ``since_us`` on that are not audited, oldest seal first."""
        of = sessions.c
        columns = (
            *(of.id, of.sealed_us, of.model, of.prompt_family, of.policy, of.scorer, of.enforced),
            *(of.ended_by, of.halt_class, of.halt_index, of.rules, of.margin, bodies.c.scores),
        )
        statement = (
            select(*columns)
            .join(bodies, bodies.c.session == of.key)
            .outerjoin(audits, audits.c.id == of.id)
            .where(of.sealed_us >= since_us, audits.c.id.is_(None))
            .order_by(of.sealed_us, of.key)
            .limit(limit)
        )
        with self._store.read() as connection:
            return [_sealed(row) for row in connection.execute(statement).mappings()]

    def settle(self, settled: Sequence[Audit]) -> None:
        """Keep audits; one that is there already stays as it is."""

        def work(connection: Connection) -> None:
            names = [audit.id for audit in settled]
            there = set(
                connection.execute(select(audits.c.id).where(audits.c.id.in_(names))).scalars()
            )
            fresh = [audit for audit in settled if audit.id not in there]
            if not fresh:
                return
            connection.execute(insert(audits), [audit._asdict() for audit in fresh])
            drawn = [audit.id for audit in fresh if audit.drawn]
            of = sessions.c
            labelled = select(of.key).where(of.id.in_(drawn), of.label.is_not(None))
            for key in connection.execute(labelled).scalars().all():
                # Who keeps labels by the time of their change learns of the draw.
                refresh_labels(connection, key)

        self._retry_once(work)

    def families(self, deployment: int, from_day: int) -> set[str]:
        """Return the digests of families that were counted in a deployment from a day on."""
        of = audits.c
        statement = select(of.family).where(
            of.deployment == deployment, of.kind == "counted", of.day >= from_day, of.family != ""
        )
        with self._store.read() as connection:
            return set(connection.execute(statement).scalars())

    def audits(self, deployment: int, *, drawn_only: bool = False) -> list[Audit]:
        """Return a deployment's audits, or those of them to be labelled, as they were sealed."""
        columns = (audits.c[name] for name in Audit._fields)
        where = [audits.c.deployment == deployment, *([audits.c.drawn] if drawn_only else [])]
        statement = select(*columns).where(*where).order_by(audits.c.sealed_us, audits.c.id)
        with self._store.read() as connection:
            return [Audit(*row) for row in connection.execute(statement)]

    def running(self, *, since_day: int, but: int) -> tuple[int, ...]:
        """Return the numbers of other deployments that have counted a session since a day."""
        of = audits.c
        statement = (
            select(of.deployment)
            .where(of.day >= since_day, of.kind == "counted", of.deployment != but)
            .distinct()
            .order_by(of.deployment)
        )
        with self._store.read() as connection:
            return tuple(connection.execute(statement).scalars())

    def acknowledge(self, deployment: int, *, at_us: int, author: str, note: str = "") -> None:
        """Keep that somebody saw the alarm of a deployment."""
        row = {"deployment": deployment, "at_us": at_us, "author": author, "note": note}
        self._store.transaction(
            lambda connection: connection.execute(insert(acknowledgements), row), durable=True
        )

    def acknowledgements(self, deployment: int) -> list[Acknowledgement]:
        """Return a deployment's acknowledgements, oldest first."""
        of = acknowledgements.c
        columns = (of[name] for name in Acknowledgement._fields)
        statement = select(*columns).where(of.deployment == deployment).order_by(of.at_us)
        with self._store.read() as connection:
            return [Acknowledgement(*row) for row in connection.execute(statement)]

    def observed_halts(self) -> list[ObservedHalt]:
        """Return every labelled session that a kernel only watched and would have halted."""
        of = sessions.c
        statement = select(of.policy, of.scorer, of.halt_index, of.label, of.onset).where(
            of.enforced.is_(False), of.halt_class == "policy", of.label.in_(("good", "bad"))
        )
        with self._store.read() as connection:
            return [
                ObservedHalt(HaltPolicy.from_dict(json.loads(policy)), as_identity(scorer), *values)
                for policy, scorer, *values in connection.execute(statement)
            ]

    def origins(self, deployment: int) -> dict[str, Origin]:
        """Return where the sessions of a deployment came from, by id; not those removed since."""
        of = sessions.c
        statement = (
            select(of.id, of.source, of.tags, of.policy, of.scorer)
            .join(audits, audits.c.id == of.id)
            .where(audits.c.deployment == deployment)
        )
        with self._store.read() as connection:
            return {
                name: Origin(source, tuple(json.loads(tags)), policy, str(as_identity(scorer)))
                for name, source, tags, policy, scorer in connection.execute(statement)
            }

    def labels(self, deployment: int) -> list[AuditLabel]:
        """Return every author's newest label of each drawn session, and those of removed ones."""
        of = audits.c
        drawn = (of.deployment == deployment, of.drawn, of.kind == "counted")
        given = (
            select(of.id, annotations.c.author, annotations.c.label)
            .join(sessions, sessions.c.id == of.id)
            .join(annotations, annotations.c.session == sessions.c.key)
            .where(*drawn)
            .order_by(annotations.c.key)
        )
        kept = select(of.id, of.label).where(*drawn, of.label.is_not(None))
        with self._store.read() as connection:
            newest = {(name, who): label for name, who, label in connection.execute(given)}
            labels = [AuditLabel(*of_whom, label) for of_whom, label in newest.items()]
            for name, value in connection.execute(kept):
                labels += [AuditLabel(name, *entry) for entry in json.loads(value).items()]
        return labels

    def alerts(self) -> list[Alert]:
        """Return every alert, oldest first."""
        columns = (alerts.c[name] for name in Alert._fields)
        statement = select(*columns).order_by(alerts.c.started_us, alerts.c.fingerprint)
        with self._store.read() as connection:
            return [Alert(*row) for row in connection.execute(statement)]

    def open_alert(self, alert: Alert) -> None:
        """Keep an alert that fires; one that is there already stays as it is."""

        def work(connection: Connection) -> None:
            same = alerts.c.fingerprint == alert.fingerprint
            if connection.execute(select(alerts.c.alert).where(same)).first() is None:
                connection.execute(insert(alerts), alert._asdict())

        self._retry_once(work)

    def end_alert(self, fingerprint: str, at_us: int) -> None:
        """Note that an alert no longer fires."""
        of = alerts.c
        ended = update(alerts).where(of.fingerprint == fingerprint, of.ended_us.is_(None))
        self._store.transaction(
            lambda connection: connection.execute(ended.values(ended_us=at_us)), durable=True
        )

    def claim(self, alert: Alert, *, at_us: int, lease_us: int) -> bool:
        """Return whether this process may send the message of an alert now: one of many may.

        Parameters
        ----------
        alert
            As it was read when the message was due: one that was sent since is not sent again.
        at_us
            Now.
        lease_us
            Time after which the claim of a process that ended is void.
        """
        of = alerts.c
        free = or_(of.claimed_us.is_(None), of.claimed_us < at_us - lease_us)
        same = (of.fingerprint == alert.fingerprint, of.sent_us.is_not_distinct_from(alert.sent_us))
        statement = update(alerts).where(*same, free).values(claimed_us=at_us)

        def work(connection: Connection) -> bool:
            return connection.execute(statement).rowcount == 1

        return self._store.transaction(work, durable=True)

    def mark_sent(self, fingerprint: str, at_us: int) -> None:
        """Note that the message of an alert was delivered."""
        statement = update(alerts).where(alerts.c.fingerprint == fingerprint)
        values: Mapping[str, int | None] = {"sent_us": at_us, "claimed_us": None}
        self._store.transaction(
            lambda connection: connection.execute(statement.values(values)), durable=True
        )

    def _retry_once(self, work: Callable[[Connection], None]) -> None:
        """Run ``work`` in one transaction, again where another process was first."""
        try:
            self._store.transaction(work, durable=True)
        except IntegrityError:
            self._store.transaction(work, durable=True)


def _sealed(row: RowMapping) -> SealedSession:
    values: dict[str, Any] = dict(row)
    policy = HaltPolicy.from_dict(json.loads(values["policy"]))
    scorer = as_identity(values["scorer"])
    values |= {"policy": policy, "scorer": scorer, "family": values.pop("prompt_family")}
    return SealedSession(**values)
