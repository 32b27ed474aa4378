"""Deployments, ticks and reports of a store."""

import json
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from director_ai import HaltPolicy
from director_ai.core.halting.policy_text import limits_text
from director_ai.core.records.record import Annotation
from director_ai.core.scoring.identity import ScorerIdentity
from director_ai.errors import InvalidRequestError, NotCertifiedError
from director_ai.monitoring import Promise, ReportQuery, deploy, draw_numbers, report, tick
from director_ai.storage import Store
from director_ai.storage.monitor_log import DAY_US, MonitorLog
from tests.storage.records import streamed
from tests.tuning.guarantee.test_certificate import given_certificate

POLICY = HaltPolicy(hard_limit=0.5, window_threshold=0.0, trend_threshold=1.5)
SCORER = ScorerIdentity("lexical", "1", "lexical")
START = 20_000 * DAY_US


@pytest.fixture
def store(tmp_path: Path):
    with Store(tmp_path / "s.db") as opened:
        yield opened


def ran(id: str, *, day: float = 0.5, halted: bool = False, **how):
    scores = [0.9, 0.8, 0.2] if halted else [0.9, 0.8, 0.7]
    values = {"scorer": SCORER, "prompt": id, "started_us": 0, **how}
    ended_us = START + round(day * DAY_US)
    return streamed(id, scores, values.pop("policy", POLICY), ended_us=ended_us, **values)


def add(store: Store, *records) -> None:
    store.add(list(records), as_recorded=True)


def test_a_group_that_ends_in_half_an_emoji_is_a_family_like_any_other(store: Store) -> None:
    deploy(store, POLICY, SCORER, Promise(0.02), now_us=START)
    add(store, *(ran(name, group="Why? \ud83d") for name in "ab"))

    tick(store, now_us=START + DAY_US)

    kinds = sorted(audit.kind for audit in MonitorLog(store).audits(1))
    assert kinds == ["counted", "repeated"]


def test_each_session_is_settled_once_under_the_deployment_of_its_time(store: Store) -> None:
    deploy(store, POLICY, SCORER, Promise(0.02), now_us=START)
    add(store, ran("a"), ran("b", halted=True), ran("before", day=-1))
    assert tick(store, now_us=START + DAY_US).n_settled == 2
    other = replace(POLICY, hard_limit=0.4)
    deploy(store, other, SCORER, Promise(0.02), now_us=START + 2 * DAY_US)
    add(store, ran("c", day=1), ran("d", day=3, policy=other))

    assert tick(store, now_us=START + 3 * DAY_US).n_settled == 2
    assert tick(store, now_us=START + 3 * DAY_US).n_settled == 0
    log = MonitorLog(store)
    settled = {audit.id: audit for n in (1, 2) for audit in log.audits(n)}
    assert {name: audit.deployment for name, audit in settled.items()} == {
        "a": 1,
        "b": 1,
        "c": 1,
        "d": 2,
    }
    assert [settled[name].halted for name in "abcd"] == [False, True, False, False]
    assert (settled["b"].cut, settled["b"].mechanism) == (True, "hard_limit")
    assert settled["b"].average == pytest.approx(np.mean([0.9, 0.8, 0.2]))
    assert settled["b"].n_warned == 1


def test_two_sets_of_limits_side_by_side_have_a_report_each(store: Store) -> None:
    other = replace(POLICY, hard_limit=0.4)
    deploy(store, POLICY, SCORER, Promise(0.02), now_us=START)
    deploy(store, other, SCORER, Promise(0.05), now_us=START + 1)
    add(store, *(ran(f"a{n}") for n in range(3)), *(ran(f"b{n}", policy=other) for n in range(4)))
    tick(store, now_us=START + DAY_US)

    newest = report(store, now_us=START + DAY_US)
    first = report(store, now_us=START + DAY_US, query=ReportQuery(deployment=1))
    assert (newest.days[0].n_counted, newest.others, newest.living.alpha) == (4, (1,), 0.05)
    assert (first.days[0].n_counted, first.others, first.living.alpha) == (3, (2,), 0.02)
    with pytest.raises(InvalidRequestError, match="deployment must be one of 1, 2, got 7"):
        report(store, now_us=START, query=ReportQuery(deployment=7))


def test_imported_sessions_are_never_counted(store: Store) -> None:
    deploy(store, POLICY, SCORER, Promise(0.02), now_us=START)
    store.add([ran("imported")])

    assert tick(store, now_us=START + DAY_US) == (0, 0)


def test_what_did_not_run_as_deployed_is_told_apart(store: Store) -> None:
    deploy(store, POLICY, SCORER, Promise(0.02), now_us=START)
    fault = ran("fault")
    fault = replace(fault, ended_by="fault", halt=streamed("x", [0.9, float("nan")], POLICY).halt)
    add(
        store,
        ran("counted"),
        ran("watched", policy=replace(POLICY, halt_mode="observe"), halted=True),
        ran("limits", policy=replace(POLICY, hard_limit=0.1)),
        ran("scorer", scorer=ScorerIdentity("lexical", "2", "lexical")),
        replace(ran("left"), ended_by="abandoned"),
        fault,
    )
    tick(store, now_us=START + DAY_US)

    kinds = {audit.id: audit.kind for audit in MonitorLog(store).audits(1)}
    assert kinds == {
        "counted": "counted",
        "watched": "counted",
        "limits": "other",
        "scorer": "other",
        "left": "stopped",
        "fault": "fault",
    }
    (day, _) = report(store, now_us=START + DAY_US).days
    assert (day.n_counted, day.n_halted, day.n_faults) == (2, 1, 1)
    assert (day.n_stopped, day.n_other) == (1, 2)
    # Of fewer than thirty sessions no band is shown.
    assert (day.halted_low, day.halted_high) == (None, None)


def test_of_a_family_the_first_in_28_days_is_counted(store: Store) -> None:
    deploy(store, POLICY, SCORER, Promise(0.02), now_us=START)
    for name, day in (("one", 0.1), ("two", 1.5), ("three", 27.9), ("later", 28.1)):
        add(store, ran(name, day=day, group="family"))
        tick(store, now_us=START + round((day + 0.1) * DAY_US))

    kinds = {audit.id: audit.kind for audit in MonitorLog(store).audits(1)}
    assert kinds == {
        "one": "counted",
        "two": "repeated",
        "three": "repeated",
        "later": "counted",
    }


@pytest.mark.slow
def test_draws_are_by_the_stores_secret_and_the_plan_of_the_day(store: Store) -> None:
    deploy(store, POLICY, SCORER, Promise(0.05), now_us=START, audits_a_day=10)
    add(store, *(ran(f"p{n}") for n in range(300)), *(ran(f"h{n}", halted=True) for n in range(60)))
    # As many as it was deployed with.
    tick(store, now_us=START + DAY_US // 2 + 1)

    log = MonitorLog(store)
    today, tomorrow = log.plans(1)
    audits = log.audits(1)
    assert (today.from_day, tomorrow.from_day) == (20_000, 20_001)
    for audit in audits:
        assert audit.drawn == (audit.draw < (today.p_halt if audit.halted else today.p_pass))
    # The plan of tomorrow follows what came today; that of today was fixed before.
    assert tomorrow.p_halt == pytest.approx(10 / (60 + 2 * 0.05 * 300))
    names = [audit.id for audit in audits]
    assert draw_numbers(names, key=b"another secret").tolist() != [a.draw for a in audits]


def test_a_late_or_second_tick_changes_no_plan_and_no_audit(store: Store) -> None:
    deploy(store, POLICY, SCORER, Promise(0.05), now_us=START)
    add(store, *(ran(f"s{n}") for n in range(20)))
    tick(store, now_us=START + DAY_US // 2 + 1, audits_a_day=5)
    before = (MonitorLog(store).plans(1), MonitorLog(store).audits(1))
    tick(store, now_us=START + DAY_US // 2 + 2, audits_a_day=500)

    assert (MonitorLog(store).plans(1), MonitorLog(store).audits(1)) == before
    with pytest.raises(InvalidRequestError, match="audits_a_day must be above 0, got 0"):
        tick(store, now_us=START, audits_a_day=0)


def test_a_drawn_halt_is_good_when_two_people_say_so_and_waits_till_then(store: Store) -> None:
    deploy(store, POLICY, SCORER, Promise(0.05), now_us=START, audits_a_day=500)
    add(store, *(ran(f"h{n}", halted=True) for n in range(6)))
    tick(store, now_us=START + DAY_US)

    def label(id: str, *labels: str) -> None:
        for author, value in zip(("Ann", "Bo"), labels, strict=False):
            store.annotate(id, Annotation(value, author=author, at_us=START))

    label("h0", "good", "good")
    label("h1", "good")
    label("h2", "bad")
    label("h3", "good", "bad")
    label("h4", "unsure")
    seen = report(store, now_us=START + DAY_US)

    assert (seen.living.n_audited, seen.living.n_waiting, len(seen.disputed)) == (2, 4, 1)
    assert Counter(seen.waiting) == Counter(["h1", "h4", "h5"])
    alone = report(store, now_us=START + DAY_US, two_reviewers=False)
    assert (alone.living.n_audited, alone.living.n_waiting) == (3, 3)
    assert [text for text in alone.living.notes if "One person's word" in text]


def test_labels_of_sessions_that_were_not_drawn_are_no_evidence(store: Store) -> None:
    deploy(store, POLICY, SCORER, Promise(0.05), now_us=START, audits_a_day=1e-9)
    add(store, *(ran(f"h{n}", halted=True) for n in range(30)))
    tick(store, now_us=START + DAY_US)
    for n in range(30):
        for author in ("Ann", "Bo"):
            store.annotate(f"h{n}", Annotation("good", author=author, at_us=START))

    assert report(store, now_us=START + DAY_US).living.n_audited == 0


def test_audits_and_their_labels_outlive_their_sessions(store: Store) -> None:
    deploy(store, POLICY, SCORER, Promise(0.05), now_us=START, audits_a_day=500)
    add(store, *(ran(f"h{n}", halted=True) for n in range(3)), ran("p"))
    tick(store, now_us=START + DAY_US)
    store.annotate("h0", Annotation("bad", author="Ann", at_us=START))
    before = report(store, now_us=START + DAY_US)

    store.delete(["h0", "h1", "h2", "p"])
    tick(store, now_us=START + DAY_US)
    after = report(store, now_us=START + DAY_US)

    assert after.to_json() == before.to_json()
    assert after.living.n_audited == 1


def test_limits_that_were_not_deployed_void_the_promise_from_that_day_on(store: Store) -> None:
    deploy(store, POLICY, SCORER, Promise(0.02), now_us=START)
    add(store, *(ran(f"s{n}") for n in range(5)))
    tick(store, now_us=START + DAY_US)
    assert report(store, now_us=START + DAY_US).living.state == "not enough evidence"
    others = replace(POLICY, hard_limit=0.1)
    add(store, *(ran(f"o{n}", day=1.5, policy=others) for n in range(5)))
    tick(store, now_us=START + 2 * DAY_US)

    living = report(store, now_us=START + 2 * DAY_US).living
    assert living.state == "does not apply"
    words = "Since 5 October most sessions ran under other limits or another scorer"
    assert living.sentence.startswith(words)
    # Until they are deployed, or those that were run again.
    add(store, *(ran(f"n{n}", day=2.5, policy=others) for n in range(5)))
    tick(store, now_us=START + 3 * DAY_US)
    assert report(store, now_us=START + 3 * DAY_US).living.sentence.startswith(words)


def test_sessions_that_their_readers_leave_void_no_promise(store: Store) -> None:
    deploy(store, POLICY, SCORER, Promise(0.02), now_us=START)
    add(store, ran("whole"), *(replace(ran(f"s{n}"), ended_by="abandoned") for n in range(5)))
    tick(store, now_us=START + DAY_US)

    seen = report(store, now_us=START + DAY_US)
    assert seen.living.state == "not enough evidence"
    assert [(count.outcome, count.n_sessions) for count in seen.counts] == [
        ("passed", 1),
        ("stopped", 5),
    ]


CERTIFIED = replace(given_certificate(), scorer=str(SCORER))


@pytest.mark.parametrize(
    ("result", "policy", "reason"),
    [
        ("{}", POLICY, "attempt 1 gave no certificate"),
        (
            replace(CERTIFIED, scorer="onnx:nli@1").to_json(),
            CERTIFIED.policy,
            "certificate 1 is of the scorer onnx:nli@1, not of lexical:lexical@1",
        ),
        (
            CERTIFIED.to_json(),
            replace(CERTIFIED.policy, hard_limit=0.9, soft_limit=0.9),
            f"certificate 1 does not cover these limits: it halts {limits_text(CERTIFIED.policy)} "
            "(scored: every token); they halt below 0.90, or",
        ),
        (
            CERTIFIED.to_json(),
            replace(CERTIFIED.policy, score_every_n=2, adaptive=True, score_final=True),
            "(scored: every 2 tokens to every 8 and the finished text)",
        ),
    ],
    ids=["refused", "scorer", "stricter", "cadence"],
)
def test_no_certificate_promises_what_it_does_not_cover(
    store: Store, result: str, policy: HaltPolicy, reason: str
) -> None:
    number = store.begin_attempt("f" * 64)
    store.finish_attempt(number, result)
    with pytest.raises(NotCertifiedError, match=re.escape(reason)):
        deploy(store, policy, SCORER, Promise(0.05, number), now_us=START)
    assert report(store, now_us=START).deployment is None

    # As earlier versions deployed it.
    log = MonitorLog(store)
    at = log.deploy(policy, SCORER, at_us=START, alpha=0.05, attempt=number, note="")
    log.add_plan(at, START // DAY_US, 0.5, 0.05)
    living = report(store, now_us=START).living
    assert living.state == "does not apply"
    assert reason[1:] in living.sentence


def test_a_certificate_promises_what_is_nowhere_stricter(store: Store) -> None:
    number = store.begin_attempt("f" * 64)
    store.finish_attempt(number, CERTIFIED.to_json())
    lenient = replace(CERTIFIED.policy, hard_limit=0.0)
    deploy(store, lenient, SCORER, Promise(0.05, number), now_us=START)
    assert report(store, now_us=START).living.state == "not enough evidence"


def test_a_report_is_one_json_document(store: Store) -> None:
    assert json.loads(report(store, now_us=START).to_json())["deployment"] is None
    deploy(store, POLICY, SCORER, Promise(0.02), now_us=START, note="first")
    add(store, *(ran(f"s{n}", halted=n % 7 == 0) for n in range(40)))
    tick(store, now_us=START + DAY_US)
    document = json.loads(report(store, now_us=START + DAY_US).to_json())

    assert document["deployment"]["scorer"] == "lexical:lexical@1"
    assert document["certificate"]["state"] == "not enough evidence"
    assert document["days"][0]["n_counted"] == 40
    assert document["days"][0]["halted_low"] < 6 / 40 < document["days"][0]["halted_high"]
    assert document["models"][0]["n_halted"] == 6


def test_each_store_draws_by_a_secret_of_its_own(tmp_path: Path) -> None:
    # The same sessions in two stores are drawn by each store's own secret.
    draws = []
    for name in ("one.db", "two.db"):
        with Store(tmp_path / name) as opened:
            deploy(opened, POLICY, SCORER, Promise(0.05), now_us=START)
            add(opened, *(ran(f"s{n}") for n in range(5)))
            tick(opened, now_us=START + DAY_US)
            draws.append([audit.draw for audit in MonitorLog(opened).audits(1)])
    assert draws[0] != draws[1]
