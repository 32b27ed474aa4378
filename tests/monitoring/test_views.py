"""Views of a report: groups, hours, closest calls, earlier deployments, two periods compared."""

from collections.abc import Iterator
from datetime import date

import numpy as np
import pytest

from director_ai.core.records.record import Annotation
from director_ai.core.scoring.identity import ScorerIdentity
from director_ai.errors import InvalidRequestError
from director_ai.monitoring import (
    Period,
    Promise,
    ReportQuery,
    closest_calls,
    compare_periods,
    deploy,
    margin_days,
    report,
    tick,
)
from director_ai.monitoring.comparison import comparison_lines
from director_ai.storage import Store
from director_ai.storage.monitor_log import DAY_US, Audit, MonitorLog
from tests.monitoring.test_settling import POLICY, SCORER, START, add, ran

END_US = START + 14 * DAY_US - 1


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Five days under one scorer, nine under another, of two sources."""
    with Store(tmp_path_factory.mktemp("views") / "s.db") as opened:
        deploy(opened, POLICY, ScorerIdentity("old"), Promise(0.05), now_us=START - 5 * DAY_US)
        add(opened, *(ran(f"o{n}", day=-3.5, scorer=ScorerIdentity("old")) for n in range(40)))
        tick(opened, now_us=START - DAY_US)
        deploy(opened, POLICY, SCORER, Promise(0.05), now_us=START, audits_a_day=999)
        for day in range(14):
            at = day + 0.5
            where = {"source": "api", "tags": ("a", "b"), "model": "m1"}
            add(opened, *(ran(f"p{day}.{n}", day=at, **where) for n in range(30)))
            halts = 3 if day < 7 else 9
            where = {"source": "web", "model": "m2", "halted": True}
            add(opened, *(ran(f"h{day}.{n}", day=at, **where) for n in range(halts)))
        add(opened, ran("foreign", day=13.5, scorer=ScorerIdentity("new"), halted=True))
        tick(opened, now_us=END_US)
        yield opened


def seen(store: Store, **how: object):
    return report(store, now_us=END_US, query=ReportQuery(**how))


@pytest.mark.slow
def test_sessions_are_grouped_by_where_they_came_from(store: Store) -> None:
    drawn = [audit.id for audit in MonitorLog(store).audits(2, drawn_only=True)]
    for author in ("Ann", "Bo"):
        store.annotate_all(drawn, Annotation("good", author=author, at_us=START))

    def rows(by: str) -> dict[str, tuple[int, int]]:
        groups = seen(store, by=by).groups
        return {row.name: (row.n_sessions, row.n_halted) for row in groups}

    assert rows("model") == {"m1": (420, 0), "m2": (84, 84)}
    assert rows("source") == {"api": (420, 0), "web": (84, 84), "test": (1, 1)}
    assert rows("tag") == {"a": (420, 0), "b": (420, 0), "": (85, 85)}
    assert rows("scorer") == {str(SCORER): (504, 84), "new": (1, 1)}
    assert list(rows("policy").values()) == [(505, 85)]
    worst, other = seen(store).models
    assert (worst.name, worst.estimate, other.estimate) == ("m2", 1.0, 0.0)
    assert worst.first_day == "2024-10-04"


def test_hours_and_earlier_deployments_are_told_of(store: Store) -> None:
    plain, hourly = seen(store), seen(store, bucket="hour")

    assert plain.hours == ()
    assert [hour.day for hour in hourly.hours] == [f"2024-10-{11 + n}T12:00" for n in range(7)]
    assert [hour.n_halted for hour in hourly.hours] == [9] * 7
    assert [row.day for row in plain.earlier] == [
        f"2024-{d}" for d in ("09-29", "09-30", "10-01", "10-02", "10-03")
    ]
    assert [row.n_counted for row in plain.earlier] == [0, 40, 0, 0, 0]
    assert [each.number for each in plain.deployments] == [1, 2]
    assert hourly.living.to_json() == plain.living.to_json()


def audit(id: str, margin: float, *, day: int = 0, halted: bool = False) -> Audit:
    how = {"kind": "counted", "halted": halted, "drawn": False, "draw": 0.37, "cut": False}
    how |= {"mechanism": "", "model": "m", "family": "", "margin": margin, "average": margin}
    return Audit(id, 0, day, 1, 1, n_warned=0, **how)


def test_the_closest_calls_are_those_that_passed_by_least() -> None:
    audits = [audit(f"s{n}", n / 100) for n in range(20, 0, -1)]
    audits += [audit("halted", -0.2, halted=True)]

    calls = closest_calls(audits)
    assert [call.id for call in calls] == [f"s{n}" for n in range(1, 11)]
    assert (calls[0].margin, calls[0].day) == (0.01, "1970-01-01")


def test_the_fan_has_the_quantiles_of_each_day() -> None:
    values = np.arange(101) / 100
    days = margin_days([audit(f"s{v}", v, day=3) for v in values], delta=0.05)
    few = margin_days([audit("a", 0.5), audit("b", 0.7)], delta=0.05)

    assert days[0].day == "1970-01-04"
    assert days[0].quantiles == pytest.approx((0.05, 0.25, 0.5, 0.75, 0.95))
    assert 0.3 < days[0].median_low < 0.5 < days[0].median_high < 0.7
    assert (few[0].median_low, few[0].median_high) == (None, None)


def test_two_weeks_are_compared_by_default_and_looked_for_ones_say_so(store: Store) -> None:
    weeks = seen(store).comparison
    assert (weeks.first.period, weeks.second.period) == (
        "2024-10-04..2024-10-10",
        "2024-10-11..2024-10-17",
    )
    assert (weeks.first.n_counted, weeks.first.n_halted) == (7 * 33, 21)
    assert (weeks.second.n_counted, weeks.second.n_halted) == (7 * 39, 63)
    assert weeks.halted_low < 63 / 273 - 21 / 231 < weeks.halted_high
    assert not weeks.is_chosen
    usual = (Period.parse(weeks.first.period), Period.parse(weeks.second.period))
    assert not seen(store, periods=usual).comparison.is_chosen
    chosen = (
        Period(date(2024, 10, 4), date(2024, 10, 5)),
        Period(date(2024, 10, 8), date(2024, 10, 9)),
    )
    assert seen(store, periods=chosen).comparison.is_chosen
    with pytest.raises(InvalidRequestError, match="periods must share no day"):
        seen(store, periods=(chosen[0], chosen[0]))


def test_scores_that_fell_are_seen_and_equal_ones_are_not() -> None:
    random = np.random.default_rng(1)
    draws = random.random(800)

    def days(shift: float) -> list[Audit]:
        values = random.normal(0.3, 0.05, 800) - shift * (np.arange(800) >= 400)
        return [
            audit(f"s{n}", value, day=n // 400)._replace(draw=draws[n])
            for n, value in enumerate(values)
        ]

    one, two = Period.parse("1970-01-01"), Period.parse("1970-01-02")
    how = {"delta": 0.05, "is_chosen": False}
    assert compare_periods(days(0.02), one, two, **how).scores_differ is True
    assert compare_periods(days(0.0), one, two, **how).scores_differ is False
    none = compare_periods(days(0.0)[:400], one, two, **how)
    assert none.scores_differ is None
    assert comparison_lines(none)[0].endswith("1970-01-02..1970-01-02: no session")
    assert len(comparison_lines(none)) == 1
