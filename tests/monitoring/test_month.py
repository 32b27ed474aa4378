"""The month of production: the promise is lost, by which model, and what labels decide."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from director_ai.monitoring import (
    Month,
    ReportQuery,
    fill_month,
    firing,
    label_draws,
    report,
    update_alerts,
)
from director_ai.monitoring.month import ALPHA, MODEL_DAY, NEW_MODEL, SCORER_DAY
from director_ai.storage import Store
from director_ai.storage.monitor_log import DAY_US, MonitorLog

pytestmark = pytest.mark.slow

NOW_US = 20_541 * DAY_US + DAY_US // 2
"""29 March 2026."""


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, Month]]:
    with Store(tmp_path_factory.mktemp("month") / "s.db") as store:
        yield store, fill_month(store, now_us=NOW_US, per_day=120)


def day(index: int) -> str:
    return date.fromordinal(date(2026, 3, 2).toordinal() + index).isoformat()


def test_the_promise_is_lost_from_about_the_day_of_the_new_model(labelled) -> None:
    store, month = labelled
    seen = report(store, now_us=month.now_us)

    assert seen.living.state == "no longer holds"
    assert day(MODEL_DAY) <= seen.living.changed_on <= day(MODEL_DAY + 3)
    worst, other = seen.models
    assert (worst.name, worst.first_day) == (NEW_MODEL, day(MODEL_DAY))
    assert worst.low > ALPHA > other.estimate
    assert day(MODEL_DAY) <= seen.drift.seen_on <= day(MODEL_DAY + 2)
    assert seen.deployment.number == 2
    assert seen.days[0].day == day(SCORER_DAY)


def test_its_alerts_are_told_of_once_reminded_of_daily_and_resolved(labelled) -> None:
    store, month = labelled
    now = month.now_us
    seen = report(store, now_us=now)
    assert [each.kind for each in firing(seen, now_us=now)] == [
        "certificate_lost",
        "drift",
        "infrastructure",
    ]

    first = update_alerts(store, seen, now_us=now)
    assert [message.status for message in first] == ["firing"] * 3
    log = MonitorLog(store)
    for message in first:
        assert log.claim(message.alert, at_us=now, lease_us=1)
        assert not log.claim(message.alert, at_us=now, lease_us=1)
        log.mark_sent(message.alert.fingerprint, now)
    assert update_alerts(store, seen, now_us=now + 1) == []
    again = update_alerts(store, seen, now_us=now + DAY_US)
    assert "certificate_lost" in [message.alert.alert for message in again]

    # A report of the deployment before tells nothing of these, nor of its own silence.
    before = report(store, now_us=now + DAY_US, query=ReportQuery(deployment=1))
    assert before.is_over
    assert before.days[-1].day == day(SCORER_DAY - 1)
    assert "From 2 March to 6 March 2026 at most" in before.living.sentence
    assert update_alerts(store, before, now_us=now + DAY_US) == []

    silent = report(store, now_us=now + DAY_US)
    assert "silent" in [each.kind for each in firing(silent, now_us=now + DAY_US)]


def test_labels_turn_not_enough_evidence_into_a_verdict(tmp_path: Path) -> None:
    with Store(tmp_path / "s.db") as store:
        month = fill_month(store, now_us=NOW_US, per_day=120, labelled_days=7)
        before = report(store, now_us=month.now_us)
        assert before.living.state == "not enough evidence"
        assert len(before.waiting) > 100

        label_draws(store, month.truth, at_us=month.now_us)
        after = report(store, now_us=month.now_us)
    assert after.living.state == "no longer holds"
    assert after.waiting == ()
