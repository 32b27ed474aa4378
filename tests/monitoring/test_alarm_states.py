"""Alarms that somebody acknowledged, cut text, and drift within families, in reports of a store."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from director_ai.core.records.record import Annotation
from director_ai.monitoring import Promise, deploy, firing, report, tick
from director_ai.storage import Store
from director_ai.storage.monitor_log import DAY_US, MonitorLog
from tests.monitoring.test_settling import POLICY, SCORER, START, add, ran
from tests.storage.records import streamed


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Two days on which a fifth of the good sessions was halted, each audited by two people."""
    with Store(tmp_path / "s.db") as opened:
        deploy(opened, POLICY, SCORER, Promise(0.05), now_us=START, audits_a_day=999)
        day_of(opened, 0, n_halts=10)
        day_of(opened, 1, n_halts=10)
        yield opened


def day_of(store: Store, day: int, *, n_halts: int) -> None:
    add(store, *(ran(f"h{day}.{n}", day=day + 0.5, halted=True) for n in range(n_halts)))
    add(store, *(ran(f"p{day}.{n}", day=day + 0.5) for n in range(40)))
    tick(store, now_us=START + (day + 1) * DAY_US - 1)
    for author in ("Ann", "Bo"):
        store.annotate_all(audited(store, day), Annotation("good", author=author, at_us=START))


@pytest.mark.slow
def test_an_alarm_stays_until_it_is_acknowledged_and_then_half_the_risk_is_left(
    store: Store,
) -> None:
    now_us = START + 2 * DAY_US - 1
    lost = report(store, now_us=now_us)
    assert lost.living.state == "no longer holds"
    assert "certificate_lost" in [each.kind for each in firing(lost, now_us=now_us)]
    day_of(store, 2, n_halts=0)
    assert report(store, now_us=now_us + DAY_US).living.state == "no longer holds"

    MonitorLog(store).acknowledge(1, at_us=now_us + DAY_US, author="Ann", note="rolled back")
    day_of(store, 3, n_halts=0)
    seen = report(store, now_us=now_us + 2 * DAY_US)
    assert seen.living.state != "no longer holds"
    assert (seen.living.delta, seen.living.n_audited) == (0.05, len(audited(store, 3)))
    assert any("what came before 7 October counts no more" in text for text in seen.living.notes)
    assert "certificate_lost" not in [each.kind for each in firing(seen, now_us=now_us)]
    # What was seen before stays on the picture.
    assert [day.log_change for day in seen.days][:3] == [
        day.log_change for day in report(store, now_us=now_us + DAY_US).days
    ][:3]
    for day in (4, 5):
        day_of(store, day, n_halts=10)
    again = report(store, now_us=START + 6 * DAY_US - 1)
    assert again.living.state == "no longer holds"
    assert again.living.changed_on >= "2024-10-08"


def audited(store: Store, day: int) -> list[str]:
    drawn = MonitorLog(store).audits(1, drawn_only=True)
    return [audit.id for audit in drawn if audit.day == START // DAY_US + day]


@pytest.mark.slow
def test_halts_that_were_only_watched_tell_how_many_come_early(store: Store) -> None:
    now_us = START + 2 * DAY_US - 1
    blind = report(store, now_us=now_us).living
    assert "is not known and taken as none" in blind.notes[0]
    watching = replace(POLICY, halt_mode="observe")
    names = [f"w{n}" for n in range(60)]
    scores = [0.9, 0.8, 0.2, 0.2]
    store.add([streamed(name, scores, watching, scorer=SCORER) for name in names])
    # Of sixty halts, fifteen came before the answer went wrong, fifteen after.
    store.annotate_all(names[:30], Annotation("good"))
    store.annotate_all(names[30:45], Annotation("bad", 3))
    store.annotate_all(names[45:], Annotation("bad", 1))

    seen = report(store, now_us=now_us).living
    # Clopper-Pearson: 15 of 45, at 95 %.
    assert "is at most 46.6 %." in seen.notes[0]
    assert seen.log_above < blind.log_above
    assert seen.log_change < blind.log_change


@pytest.mark.slow
def test_recurring_families_have_a_detector_of_their_own(tmp_path: Path) -> None:
    random = np.random.default_rng(1)

    def session(id: str, day: float, *, level: float, family: str):
        scores = (level + random.normal(0, 0.002, 3)).tolist()
        how = {"group": family, "scorer": SCORER, "started_us": 0}
        return streamed(id, scores, POLICY, ended_us=START + round(day * DAY_US), **how)

    with Store(tmp_path / "s.db") as store:
        deploy(store, POLICY, SCORER, Promise(0.05), now_us=START)
        # Each family has a level of its own; on the last days each scores a little lower.
        levels = random.uniform(0.6, 0.95, 40)
        for day in range(14):
            fall = 0.01 * (day >= 9)
            add(
                store,
                *(
                    session(f"{day}.{n}", day + 0.5, level=level - fall, family=f"f{n}")
                    for n, level in enumerate(levels)
                ),
            )
        tick(store, now_us=START + 14 * DAY_US - 1)
        drift = report(store, now_us=START + 14 * DAY_US - 1).drift

    assert (drift.n_sessions, drift.n_recurring) == (40, 13 * 40)
    assert drift.is_seen
    assert "2024-10-13" <= drift.seen_on <= "2024-10-15"
    assert drift.strongest.endswith("within families")
    assert drift.log_recurring > np.log(2_000)
    assert drift.log_statistic < np.log(2_000)
