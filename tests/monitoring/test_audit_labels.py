"""Audit labels: what they settle, which session waits for whom, and who may use them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from director_ai.core.records.record import Annotation
from director_ai.monitoring import Promise, audit_queue, deploy, report, tick
from director_ai.monitoring.audit_labels import audit_verdicts, is_seen_twice, second_looks
from director_ai.storage import Store
from director_ai.storage.label_ledger import LabelLedger
from director_ai.storage.monitor_log import DAY_US, Audit, AuditLabel, MonitorLog
from director_ai.storage.summary import SessionQuery
from tests.monitoring.test_settling import POLICY, SCORER, START, add, ran


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store of two days, in which every halt was drawn and about a tenth of the passes."""
    with Store(tmp_path / "s.db") as opened:
        deploy(opened, POLICY, SCORER, Promise(0.05), now_us=START, audits_a_day=500)
        for day in (0, 1):
            halts = [ran(f"h{day}{n}", day=day + 0.5, halted=True) for n in range(20)]
            add(opened, *halts, *(ran(f"p{day}{n}", day=day + 0.5) for n in range(60)))
            tick(opened, now_us=START + day * DAY_US + DAY_US - 1, audits_a_day=500)
        yield opened


def label(store: Store, id: str, **by: str) -> None:
    for author, value in by.items():
        store.annotate(id, Annotation(value, author=author, at_us=START))


def test_the_queue_has_every_draw_by_day_and_number(store: Store) -> None:
    drawn = MonitorLog(store).audits(1, drawn_only=True)
    in_order = [audit.id for audit in sorted(drawn, key=lambda audit: (audit.day, audit.draw))]

    assert list(audit_queue(store, author="Ann")) == in_order
    assert list(report(store, now_us=START + 2 * DAY_US).waiting) == in_order
    assert 40 < len(in_order) < 70


def test_who_labelled_a_session_is_not_asked_again_and_a_false_halt_takes_two(
    store: Store,
) -> None:
    label(store, "h00", Ann="good")
    label(store, "h01", Ann="unsure")
    label(store, "h02", Ann="good", Bo="good")
    label(store, "h03", Ann="good", Bo="bad")
    drawn_pass = next(name for name in audit_queue(store, author="Ann") if name.startswith("p"))
    label(store, drawn_pass, Ann="good")

    ann, bo = audit_queue(store, author="Ann"), audit_queue(store, author="Bo")
    assert not {"h00", "h01", "h02", "h03", drawn_pass} & set(ann)
    assert {"h00", "h01"} <= set(bo)
    assert not {"h02", "h03", drawn_pass} & set(bo)
    assert "h00" not in audit_queue(store, author="Bo", two_reviewers=False)
    seen = report(store, now_us=START + 2 * DAY_US)
    assert (seen.n_once, seen.disputed) == (1, ("h03",))


def test_a_tenth_of_the_halts_called_bad_is_seen_by_a_second_person(store: Store) -> None:
    halts = [audit for audit in MonitorLog(store).audits(1) if audit.halted]
    store.annotate_all([audit.id for audit in halts], Annotation("bad", author="Ann"))
    twice = {audit.id for audit in halts if is_seen_twice(audit)}
    assert 0 < len(twice) < 12

    assert {name for name in audit_queue(store, author="Bo") if name[0] == "h"} == twice
    for name in twice:
        label(store, name, Bo="bad")
    assert not {name for name in audit_queue(store, author="Cy") if name[0] == "h"}


def test_second_looks_count_what_a_second_person_called_otherwise(store: Store) -> None:
    halts = [audit for audit in MonitorLog(store).audits(1) if is_seen_twice(audit)]
    first, *others = (audit.id for audit in halts)
    given = [AuditLabel(first, "Ann", "bad"), AuditLabel(first, "Bo", "good")]
    given += [AuditLabel(name, who, "bad") for name in others for who in ("Ann", "Bo")]

    assert second_looks(halts, given) == (len(halts), 1)
    assert audit_verdicts(halts, given)[first] == "disputed"


def drawn_and_fair(store: Store) -> tuple[list[Audit], set[str]]:
    """Return the draws, and those below the share of passes."""
    log = MonitorLog(store)
    drawn = log.audits(1, drawn_only=True)
    p_pass = {plan.number: plan.p_pass for plan in log.plans(1)}
    return drawn, {audit.id for audit in drawn if audit.draw < p_pass[audit.plan]}


def test_only_draws_below_the_share_of_passes_have_a_label_for_tuning(store: Store) -> None:
    drawn, fair = drawn_and_fair(store)
    assert 0 < len(fair & {audit.id for audit in drawn if audit.halted}) < 20
    for author in ("Ann", "Bo"):
        store.annotate_all([audit.id for audit in drawn], Annotation("bad", author=author))

    assert {curve.id for curve in store.curves() if curve.label} == fair
    labels = store.labels(SessionQuery())
    assert sum(value is not None for value in labels.labels) == len(fair)
    assert report(store, now_us=START + 2 * DAY_US).n_fair == len(fair)
    # Lists and Review show every label.
    assert store.count(SessionQuery(labels=("bad",))) == len(drawn)


def test_only_they_count_in_the_false_halt_rate_of_a_list(store: Store) -> None:
    drawn, fair = drawn_and_fair(store)
    for author in ("Ann", "Bo"):
        store.annotate_all([audit.id for audit in drawn], Annotation("good", author=author))

    kinds = store.family_kinds()

    assert sum(kind.n_good * kind.n_families for kind in kinds) == len(fair)
    n_halted = sum(audit.halted and audit.id in fair for audit in drawn)
    assert sum(kind.n_false_halts * kind.n_families for kind in kinds) == n_halted
    assert store.overview().n_good == len(drawn) > len(fair)


def test_who_remembers_labels_learns_of_a_draw_that_came_after_the_label(store: Store) -> None:
    names = [f"late{number}" for number in range(8)]
    for name in names:
        add(store, ran(name, day=2.5, halted=True))
        label(store, name, Ann="bad")
    ledger = LabelLedger(store, SessionQuery())
    assert ledger.look().labels.count("bad") == 8

    tick(store, now_us=START + 3 * DAY_US)
    drawn = {audit.id: audit for audit in MonitorLog(store).audits(1, drawn_only=True)}
    p_pass = MonitorLog(store).plans(1)[-1].p_pass
    # The store's secret draws, so that how many are fair differs from store to store.
    n_fair = sum(drawn[name].draw < p_pass for name in names)
    assert n_fair < 8
    assert ledger.look().labels.count("bad") == n_fair
