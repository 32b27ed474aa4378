"""The bars of an archive over time."""

import json
from datetime import timedelta, timezone

import pytest

from director_ai.figures.archive_strip import NAMES, strip_alt, strip_data, strip_figure
from director_ai.figures.theme import DARK, LIGHT

HOUR = 3_600_000_000


def test_every_session_is_in_exactly_one_bar_and_one_series() -> None:
    data = strip_data(
        [
            (0, HOUR, {"completed": 3, "hard_limit": 2, "recording": 1, "abandoned": 1}),
            (HOUR, 2 * HOUR, {"window_avg": 4, "infrastructure": 5, "who_knows": 6}),
        ]
    )

    assert data.counts == {
        "completed": [3, 0],
        "hard_limit": [2, 0],
        "window_avg": [0, 4],
        "infrastructure": [0, 5],
        "unended": [2, 0],
        "other": [0, 6],
    }
    assert data.n_sessions == 22


def test_sessions_of_one_moment_make_a_bar_wide_enough_to_see_and_click() -> None:
    figure = strip_figure(strip_data([(7, 8, {"completed": 1}), (8, 9, {})]), LIGHT)

    assert figure["data"][0]["width"] == [60_000]
    assert figure["data"][0]["customdata"] == [(7, 9)]


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_no_two_series_look_alike(palette) -> None:
    every = dict.fromkeys(["completed", *NAMES, "recording"], 1)
    figure = strip_figure(strip_data([(0, HOUR, every)]), palette)

    looks = {(t["marker"]["color"], t["marker"]["pattern"]["shape"]) for t in figure["data"]}
    assert len(looks) == len(figure["data"]) == len(NAMES)
    json.dumps(figure, allow_nan=False)


def test_the_time_axis_is_the_readers_wall_clock() -> None:
    zone = timezone(timedelta(hours=2))

    figure = strip_figure(strip_data([(0, 2 * HOUR, {"completed": 1})]), LIGHT, zone=zone)

    assert figure["data"][0]["x"] == ["1970-01-01 03:00:00.000"]


def test_an_empty_archive_has_a_sentence_and_a_figure() -> None:
    data = strip_data([])

    assert strip_alt(data) == "No session to show over time."
    assert strip_figure(data, LIGHT)["data"][0]["y"] == []
