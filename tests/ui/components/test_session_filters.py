"""The address of the Sessions page: what it says, and what is asked for."""

from datetime import timedelta, timezone

import pytest

from director_ai.storage.summary import SessionQuery
from director_ai.ui.components.session_filters import (
    Filters,
    describe,
    describe_time,
    instant,
    instant_us,
    read,
)

HOUR = 3_600_000_000
NOW = 1_790_000_000_123_456


def test_a_link_opens_exactly_what_it_says() -> None:
    filters, problems = read(
        {
            "rule": ["downward_trend"],
            "sort": ["nearest_misses"],
            "since": ["7d"],
            "model": ["a,b", "c"],
            "label": ["bad", "none"],
            "tokens": ["10-200"],
            "margin": ["-0.05"],
            "enforced": ["false"],
            "shadow": ["true"],
            "q": ["moon"],
        }
    )

    assert problems == []
    assert filters.query(NOW) == SessionQuery(
        since_us=NOW // 60_000_000 * 60_000_000 - 7 * 24 * HOUR,
        rules=("downward_trend",),
        labels=("bad", "none"),
        models=("a,b", "c"),
        enforced=False,
        shadow_halted=True,
        least_tokens=10,
        most_tokens=200,
        most_margin=-0.05,
        text="moon",
        order="nearest_misses",
    )


def test_what_is_written_is_what_is_read() -> None:
    filters = Filters(
        since="2026-11-05T10:00:00Z",
        until="2026-11-06T10:00:00Z",
        outcome=("halted", "infrastructure"),
        tag=("<b>", "ü &=?"),
        tokens="-9",
        margin="0.1",
        sort="closest",
        page="3",
    )
    written = filters.parameters()

    given = {name: value if isinstance(value, list) else [value] for name, value in written.items()}
    assert read(given) == (filters, [])
    assert Filters().parameters() == {}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("since", "yesterday"),
        ("since", "0h"),
        ("since", "9999999d"),
        ("since", ""),
        ("until", "24h"),
        ("outcome", "won"),
        ("rule", "HARD"),
        ("label", "positive"),
        ("enforced", "yes"),
        ("tokens", "many"),
        ("tokens", "-"),
        ("tokens", "1-2-3"),
        ("margin", "nan"),
        ("margin", "inf"),
        ("margin", "1e999"),
        ("sort", "best"),
        ("page", "0"),
        ("page", "-1"),
        ("q", "x" * 301),
        ("model", ""),
    ],
)
def test_a_value_that_means_nothing_is_named_and_left_out(name: str, value: str) -> None:
    filters, problems = read({name: [value]})

    assert filters == Filters()
    assert len(problems) == 1
    assert problems[0].startswith(f"{name} '{value[:40]}")
    assert len(problems[0]) < 60


def test_what_is_no_filter_is_named() -> None:
    assert read({"rules": ["hard_limit"]}) == (Filters(), ["parameter 'rules'"])


def test_good_values_count_beside_bad_ones() -> None:
    filters, problems = read({"outcome": ["halted", "x", "halted"], "sort": ["x", "longest"]})

    assert (filters.outcome, filters.sort) == (("halted",), "longest")
    assert problems == ["outcome 'x'", "sort 'x'"]


def test_the_rules_short_names_are_understood() -> None:
    assert read({"rule": ["hard", "window", "trend"]})[0].rule == (
        "hard_limit",
        "window_avg",
        "downward_trend",
    )


def test_a_span_is_asked_for_in_whole_minutes_so_that_answers_can_be_kept() -> None:
    at_the_minute = NOW // 60_000_000 * 60_000_000

    assert Filters(since="36h").query(at_the_minute) == Filters(since="36h").query(NOW)


def test_each_filter_but_the_order_narrows_and_can_be_taken_away() -> None:
    filters = Filters(since="1h", rule=("hard_limit",), q="x", sort="longest", page="2")

    assert filters.narrowing() == ["since", "rule", "q"]
    assert filters.without("rule").narrowing() == ["since", "q"]


def test_nearest_misses_leave_halts_out_and_say_so() -> None:
    assert Filters(sort="nearest_misses").narrowing() == ["sort"]


def test_both_ends_of_a_range_of_time_go_together() -> None:
    filters = Filters(since="2026-11-05T10:00:00Z", until="2026-11-06T10:00:00Z")

    assert filters.narrowing() == ["since"]
    assert filters.without("since") == Filters()
    assert Filters(until="2026-11-06T10:00:00Z").narrowing() == ["since"]


@pytest.mark.parametrize("at", [0, 1, NOW, -HOUR, 253_402_000_000_000_000])
def test_an_instant_survives_the_address(at: int) -> None:
    assert instant_us(instant(at)) == at


def test_times_are_told_in_the_readers_zone() -> None:
    zone = timezone(timedelta(hours=-5))

    assert describe_time("2026-11-05T02:00:00Z", "", zone) == "since 2026-11-04 21:00"
    assert describe_time("all", "2026-11-05T02:00:00Z", zone) == "to 2026-11-04 21:00"


@pytest.mark.parametrize(
    ("filters", "name", "said"),
    [
        (Filters(since="24h"), "since", "time = last 24h"),
        (Filters(label=("none", "bad")), "label", "label = none or bad"),
        (Filters(margin="0.02"), "margin", "closest call ≤ 0.02"),
        (Filters(sort="nearest_misses"), "sort", "sort = nearest misses"),
        (Filters(q="moon"), "q", "text = moon"),
    ],
)
def test_a_filter_is_told_in_words(filters: Filters, name: str, said: str) -> None:
    assert describe(filters, name) == said
