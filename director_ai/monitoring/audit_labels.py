"""Audit labels: what reviewers' labels of drawn sessions settle, and which session waits for whom.

A drawn halt counts as good only when two people say so, as a few per cent of right halts called
good by mistake would raise false alarms. A random tenth of the halts called bad is seen by a second
person, too, which tells how often that is a mistake.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from director_ai.storage.monitor_log import Audit, AuditLabel, MonitorLog
from director_ai.storage.store import Store

AuditVerdict = Literal["good", "bad", "disputed", "unsure", "once"]
"""Settled labels; labels that differ; nobody could tell; and a good halt that one person saw."""

SETTLED: tuple[AuditVerdict, ...] = ("good", "bad")

SHARE_SEEN_TWICE = 0.1
"""Share of the halts called bad that a second person sees."""


class SecondLooks(NamedTuple):
    """Halts called bad by one person and seen by a second.

    Attributes
    ----------
    n_seen
        Halts drawn for it that two people labelled.
    n_differing
        Those of them whose labels differ.
    """

    n_seen: int
    n_differing: int


def audit_verdicts(
    audits: Sequence[Audit], labels: Sequence[AuditLabel], *, two_reviewers: bool = True
) -> dict[str, AuditVerdict]:
    """Return what the labels of each labelled draw settle, by the session's id.

    Parameters
    ----------
    audits
        Of a deployment.
    labels
        Every author's newest label of its drawn sessions.
    two_reviewers
        Whether a halt is good only when two authors say so; one alone gives ``once``.

    Examples
    --------
    >>> audit_verdicts([], [])
    {}
    """
    halted = {audit.id: audit.halted for audit in audits if audit.drawn}
    return {
        name: _verdict(list(given.values()), needs_two=halted[name] and two_reviewers)
        for name, given in _by_session(labels).items()
    }


def _verdict(labels: Sequence[str], *, needs_two: bool) -> AuditVerdict:
    kinds = {label for label in labels if label != "unsure"}
    if len(kinds) > 1:
        return "disputed"
    if not kinds:
        return "unsure"
    if kinds == {"bad"}:
        return "bad"
    return "once" if needs_two and labels.count("good") < 2 else "good"


def audit_queue(store: Store, *, author: str, two_reviewers: bool = True) -> tuple[str, ...]:
    """Return the ids of the drawn sessions that a person may label, oldest day first, then by draw.

    Sessions that the person has labelled are left out, and those that are settled or disputed; of
    the halts that somebody else called bad, a random tenth is among them.

    Parameters
    ----------
    store
        The store, ticked; see :func:`director_ai.monitoring.settling.tick`.
    author
        Name the person labels under.
    two_reviewers
        Whether a halt is good only when two people say so.

    Examples
    --------
    >>> with Store(getfixture("tmp_path") / "s.db") as store:
    ...     audit_queue(store, author="Ann")
    ()
    """
    log = MonitorLog(store)
    deployments = log.deployments()
    if not deployments:
        return ()
    drawn = log.audits(deployments[-1].number, drawn_only=True)
    labels = log.labels(deployments[-1].number)
    verdicts = audit_verdicts(drawn, labels, two_reviewers=two_reviewers)
    given = _by_session(labels)
    waiting = [
        audit
        for audit in drawn
        if author not in given.get(audit.id, {})
        and _is_open(audit, verdicts.get(audit.id), len(given.get(audit.id, {})))
    ]
    waiting.sort(key=lambda audit: (audit.day, audit.draw))
    return tuple(audit.id for audit in waiting)


def second_looks(audits: Sequence[Audit], labels: Sequence[AuditLabel]) -> SecondLooks:
    """Return how many halts called bad first were seen by a second person, and called good.

    Parameters
    ----------
    audits, labels
        As for :func:`audit_verdicts`, the labels in the order they were given.
    """
    given = _by_session(labels)
    seen = [
        set(list(given[audit.id].values())[:2])
        for audit in audits
        if is_seen_twice(audit) and len(given.get(audit.id, {})) > 1
        if next(iter(given[audit.id].values())) == "bad"
    ]
    return SecondLooks(len(seen), sum("good" in both for both in seen))


def is_seen_twice(audit: Audit) -> bool:
    """Return whether a second person sees a drawn halt even if the first calls it bad."""
    # Later digits of its number, of which nothing else depends.
    return audit.drawn and audit.halted and (audit.draw * 104_729.0) % 1.0 < SHARE_SEEN_TWICE


def _is_open(audit: Audit, verdict: AuditVerdict | None, n_authors: int) -> bool:
    if verdict == "bad":
        return n_authors < 2 and is_seen_twice(audit)
    return verdict in (None, "unsure", "once")


def _by_session(labels: Sequence[AuditLabel]) -> Mapping[str, dict[str, str]]:
    """Return each session's labels by author, in the order they were given."""
    given: dict[str, dict[str, str]] = {}
    for entry in labels:
        given.setdefault(entry.id, {})[entry.author] = entry.label
    return given
