"""Closest calls by day as a fan."""

import json

from director_ai.figures import DARK
from director_ai.figures.margin_fan import margin_fan_alt, margin_fan_data, margin_fan_figure
from director_ai.monitoring import MarginDay

DAYS = [
    MarginDay("2026-03-02", (-0.1, 0.0, 0.1, 0.2, 0.3), 0.05, 0.15),
    MarginDay("2026-03-03", (-0.2, -0.1, 0.0, 0.1, 0.2), None, None),
]


def test_each_quantile_is_a_line_and_the_median_has_its_band() -> None:
    data = margin_fan_data(DAYS)
    figure = margin_fan_figure(data, DARK)
    json.dumps(figure, allow_nan=False)

    assert [trace["name"] for trace in figure["data"]] == ["5%", "25%", "median", "75%", "95%"]
    median = figure["data"][2]
    assert median["y"] == [0.1, 0.0]
    assert [round(value, 3) for value in median["error_y"]["arrayminus"]] == [0.05, 0.0]
    assert figure["layout"]["shapes"][0]["y0"] == 0
    assert margin_fan_alt(data) == (
        "Closest calls by day from 2026-03-02 to 2026-03-03: the median between 0.000 and 0.100; "
        "below 0 is a halt."
    )
