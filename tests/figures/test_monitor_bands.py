"""Halts by day with their band, and the path of the evidence."""

import json
import math

from director_ai.figures import DARK, LIGHT
from director_ai.figures.monitor_bands import Mark, bands_alt, bands_data, bands_figure
from director_ai.monitoring import DayRow


def day(name: str, n: int, rules: dict[str, int], log_change: float = 0.0) -> DayRow:
    low, high = (0.02, 0.3) if n else (None, None)
    return DayRow(name, n, sum(rules.values()), 0, 0, 0, 0, low, high, log_change, rules)


DAYS = [
    day("2026-03-02", 100, {"hard_limit": 2, "window_avg": 6}, -40.0),
    day("2026-03-03", 0, {}),
    day("2026-03-04", 50, {"downward_trend": 10}, 2 * math.log(365)),
]


def test_each_day_has_the_share_of_its_own_sessions_by_rule() -> None:
    data = bands_data(DAYS, c_days=365)

    assert data.halted == [0.08, None, 0.2]
    assert data.rules == {
        "hard": [0.02, None, 0.0],
        "window": [0.06, None, 0.0],
        "trend": [0.0, None, 0.2],
    }
    assert data.evidence[2] == 2.0
    assert -1.0 < data.evidence[0] < data.evidence[1] == 0.0


def test_the_alarm_and_the_change_are_drawn_and_said() -> None:
    marks = [
        Mark("2026-02-01T10:00", "deployment 1", is_alarm=False),
        Mark("2026-03-02T10:00", "deployment 2", is_alarm=False),
        Mark("2026-03-04", "change", is_alarm=True),
    ]
    data = bands_data(DAYS, c_days=365, marks=marks)

    for palette in (LIGHT, DARK):
        figure = bands_figure(data, palette)
        json.dumps(figure, allow_nan=False)
        alarm, deployed, change = figure["layout"]["shapes"]
        assert (alarm["y0"], alarm["yref"], change["x0"]) == (1, "y2", "2026-03-04")
        assert (deployed["x0"], deployed["line"]["dash"]) == ("2026-03-02T10:00", "dot")
        captions = [each["text"] for each in figure["layout"]["annotations"]]
        assert captions == ["┊ deployment 2", "▲ change"]
    assert bands_alt(data) == (
        "Halted by day from 2026-03-02 to 2026-03-04: between 8.0 and 20.0 % of counted sessions; "
        "deployment 2 2026-03-02; change 2026-03-04."
    )


def test_hours_are_drawn_over_the_evidence_of_the_days() -> None:
    hours = [day("2026-03-04T05:00", 10, {"hard_limit": 1}), day("2026-03-04T07:00", 0, {})]
    data = bands_data(DAYS, c_days=365, hours=hours)

    assert (data.days, data.halted) == (["2026-03-04T05:00", "2026-03-04T07:00"], [0.1, None])
    assert data.evidence_days == ["2026-03-02", "2026-03-03", "2026-03-04"]
    assert bands_alt(data).startswith("Halted by hour from 2026-03-04T05:00")
