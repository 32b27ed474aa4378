import random
from math import nextafter

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from director_ai import HaltPolicy
from director_ai.core.halting import downward_trend, window_average
from director_ai.core.halting.machine import SOFT_HALT_CAP, HaltMachine

OFF = {"hard_limit": 0.0, "window_threshold": 0.0, "trend_threshold": 1.5, "soft_limit": 0.0}
WINDOW = {**OFF, "window_size": 4, "window_threshold": 0.55}
TREND = {**OFF, "trend_window": 3, "trend_threshold": 0.2}


def actions(policy, scores, tokens=None):
    machine = HaltMachine(policy)
    return [
        machine.push(token, score).action
        for token, score in zip(tokens or [" a"] * len(scores), scores, strict=True)
    ]


def first_alarm(policy, scores):
    machine = HaltMachine(policy)
    for score in scores:
        for alarm in machine.push("", score).alarms:
            return alarm.mechanism, alarm.index
    return None


def test_a_score_at_the_hard_limit_goes_on_and_one_ulp_below_stops():
    policy = HaltPolicy(**{**OFF, "hard_limit": 0.5, "soft_limit": 0.5})

    assert actions(policy, [0.5]) == ["go"]
    assert actions(policy, [nextafter(0.5, 0.0)]) == ["stop"]


@pytest.mark.parametrize("n", [10, 11, 500, 3000])
def test_a_constant_score_at_the_window_threshold_completes(n):
    policy = HaltPolicy(**{**OFF, "window_size": 10, "window_threshold": 0.55})

    assert first_alarm(policy, [0.55] * n) is None


def test_a_constant_score_below_the_window_threshold_halts_when_the_window_is_full():
    policy = HaltPolicy(**{**OFF, "window_size": 10, "window_threshold": 0.55})

    assert first_alarm(policy, [0.54] * 30) == ("window_avg", 9)


def test_the_window_mean_is_compared_with_a_tolerance():
    tie = 0.55 - 1e-9

    assert first_alarm(HaltPolicy(**{**WINDOW, "window_size": 1}), [tie]) is None
    assert first_alarm(HaltPolicy(**{**WINDOW, "window_size": 1}), [nextafter(tie, 0)]) == (
        "window_avg",
        0,
    )


def test_a_long_stream_ends_where_its_window_first_falls_short():
    scores = [0.55] * 2000 + [0.5499999]

    assert first_alarm(HaltPolicy(**WINDOW), scores) == ("window_avg", 2000)


def test_nine_eight_seven_tenths_complete_at_a_trend_threshold_of_two_tenths():
    assert first_alarm(HaltPolicy(**TREND), [0.9, 0.8, 0.7]) is None


def test_a_drop_of_a_hair_more_halts():
    assert first_alarm(HaltPolicy(**TREND), [0.9, 0.8, 0.69999]) == ("downward_trend", 2)


def test_the_drop_is_compared_with_a_tolerance():
    policy = HaltPolicy(**{**OFF, "trend_window": 2, "trend_threshold": 0.0})

    assert first_alarm(policy, [1.0, 1.0 - 0.99e-9]) is None
    assert first_alarm(policy, [1.0, 1.0 - 1.01e-9]) == ("downward_trend", 1)


def test_a_trend_threshold_of_zero_halts_at_any_fall_and_at_no_rise():
    policy = HaltPolicy(**{**OFF, "trend_window": 2, "trend_threshold": 0.0})

    assert first_alarm(policy, [0.5, 0.5, 0.6, 0.7]) is None
    assert first_alarm(policy, [0.5, 0.5, 0.6, 0.59]) == ("downward_trend", 3)


def test_windows_are_judged_only_when_full():
    policy = HaltPolicy(**{**WINDOW, "trend_window": 5, "trend_threshold": 0.0})

    assert first_alarm(policy, [0.5, 0.4, 0.3]) is None
    assert first_alarm(policy, [0.5, 0.4, 0.3, 0.2]) == ("window_avg", 3)


def test_all_mechanisms_that_hold_are_recorded_in_their_order():
    machine = HaltMachine(HaltPolicy(window_size=2, trend_window=2, trend_threshold=0.1))
    machine.push("", 0.9)

    alarms = machine.push("", 0.1).alarms

    assert [(alarm.mechanism, alarm.index) for alarm in alarms] == [
        ("hard_limit", 1),
        ("window_avg", 1),
        ("downward_trend", 1),
    ]
    assert machine.trigger == alarms


def test_a_score_below_the_soft_limit_warns():
    machine = HaltMachine(HaltPolicy(soft_limit=0.6))

    verdicts = [machine.push("", score).warning for score in (0.6, nextafter(0.6, 0), 0.7)]

    assert verdicts == [False, True, False]


SOFT = HaltPolicy(**{**WINDOW, "hard_limit": 0.2, "halt_mode": "soft", "soft_limit": 0.5})


def test_a_soft_halt_stops_at_the_end_of_the_sentence():
    tokens = [" a", " b", " c", " d", " e", " f.", " g"]

    assert actions(SOFT, [0.5] * 7, tokens)[3:6] == ["go", "go", "soft_stop"]


def test_a_soft_halt_that_triggers_at_a_sentence_end_stops_there():
    assert actions(SOFT, [0.5] * 4, [" a", " b", " c", " d."])[3] == "soft_stop"


def test_a_soft_halt_lets_at_most_fifty_more_tokens_through():
    got = actions(SOFT, [0.5] * (4 + SOFT_HALT_CAP))

    assert got == ["go"] * (3 + SOFT_HALT_CAP) + ["soft_stop"]


def test_tokens_under_a_pending_soft_halt_carry_a_warning():
    machine = HaltMachine(SOFT)

    warnings = [machine.push(" a", score).warning for score in (0.5, 0.5, 0.5, 0.5, 0.9, 0.9)]

    assert warnings == [False, False, False, True, True, True]


def test_the_hard_limit_cuts_a_soft_halt_short():
    assert actions(SOFT, [0.5, 0.5, 0.5, 0.5, 0.19])[-1] == "stop"


def test_a_soft_halt_on_a_closing_quote_releases_no_further_sentence():
    machine = HaltMachine(HaltPolicy(window_size=1, window_threshold=0.6, halt_mode="soft"))

    actions = [
        machine.push(token, score).action
        for token, score in zip(['"', "No", ".", '"'], [0.9, 0.9, 0.9, 0.55])
    ]

    assert actions == ["go", "go", "go", "soft_stop"]


def test_a_token_taken_back_leaves_no_sentence_end():
    machine = HaltMachine(HaltPolicy(window_size=1, window_threshold=0.6, halt_mode="soft"))
    machine.push("No", 0.9)
    machine.push(".", 0.9)
    machine.retract(with_decision=False)

    assert machine.push(" more", 0.55).action == "go"
    assert machine.push('"', 0.9).action == "go"


def test_observing_stops_nothing_and_remembers_the_first_alarm():
    machine = HaltMachine(HaltPolicy(**{**WINDOW, "halt_mode": "observe"}))

    got = {machine.push("", score).action for score in [0.9] * 4 + [0.1] * 10 + [0.9] * 10}

    assert got == {"go"}
    assert [(alarm.mechanism, alarm.index) for alarm in machine.trigger] == [("window_avg", 5)]


def test_a_score_taken_back_leaves_no_trace():
    policy = HaltPolicy(**{**WINDOW, "trend_window": 3, "trend_threshold": 0.1})
    once, twice = HaltMachine(policy), HaltMachine(policy)
    for n, score in enumerate([0.9, 0.8, 0.7, 0.9, 0.6, 0.9, 0.8] * 60):
        if n in (0, 2, 3, 4, 5, 100, 300):
            twice.push("", 0.0)
            twice.retract(with_decision=False)

        assert once.push("", score).alarms == twice.push("", score).alarms


@given(
    st.lists(st.integers(0, 1000).map(lambda k: k / 1000), min_size=40, max_size=900),
    st.integers(1, 30),
    st.integers(2, 30),
    st.data(),
)
def test_the_running_sums_decide_as_the_definition(scores, window_size, trend_window, data):
    index = data.draw(st.integers(max(window_size, trend_window), len(scores) - 1))
    mean = window_average.statistic(scores[index + 1 - window_size : index + 1])
    drop = downward_trend.statistic(scores[index + 1 - trend_window : index + 1])
    assume(0 < mean < 0.999 and 0 <= drop < 1.5)
    # Thresholds within a hair of what the stream does at this very token.
    hair = data.draw(st.sampled_from([0.0, 1e-9, -1e-9, 1.1e-9, -1.1e-9, 1e-6, -1e-6, 1e-4]))
    policy = HaltPolicy(
        **{
            **OFF,
            "window_size": window_size,
            "trend_window": trend_window,
            "window_threshold": max(0.0, mean + hair),
            "trend_threshold": max(0.0, drop - hair),
            "halt_mode": "observe",
        }
    )
    machine = HaltMachine(policy)
    for n, score in enumerate(scores, start=1):
        held = [alarm.mechanism for alarm in machine.push("", score).alarms]

        defined = []
        if n >= window_size and window_average.holds(
            window_average.statistic(scores[n - window_size : n]), policy.window_threshold
        ):
            defined.append("window_avg")
        if n >= trend_window and downward_trend.holds(
            downward_trend.statistic(scores[n - trend_window : n]), policy.trend_threshold
        ):
            defined.append("downward_trend")
        assert held == defined


def decisions_by_definition(policy, scores):
    """Return for each token whether it warns and which mechanisms hold, without any short cut."""
    expected = []
    for n, score in enumerate(scores, start=1):
        held = ["hard_limit"] if score < policy.hard_limit else []
        if n >= policy.window_size and window_average.holds(
            window_average.statistic(scores[n - policy.window_size : n]), policy.window_threshold
        ):
            held.append("window_avg")
        if n >= policy.trend_window and downward_trend.holds(
            downward_trend.statistic(scores[n - policy.trend_window : n]), policy.trend_threshold
        ):
            held.append("downward_trend")
        expected.append((score < policy.soft_limit, held))
    return expected


def decisions(policy, scores):
    machine = HaltMachine(policy)
    verdicts = [machine.push("", score) for score in scores]
    return [(each.warning, [alarm.mechanism for alarm in each.alarms]) for each in verdicts]


def assert_decides_as_defined(scores, **limits):
    policy = HaltPolicy(**limits, halt_mode="observe")

    assert decisions(policy, scores) == decisions_by_definition(policy, scores)


@pytest.mark.parametrize("n", range(2, 40))
def test_no_scores_in_a_unit_range_drop_by_more_than_the_largest_drop(n):
    steepest = [1.0] * (n // 2) + [0.0] * (n - n // 2)

    assert downward_trend.statistic(steepest) == pytest.approx(downward_trend.largest_drop(n))


@pytest.mark.parametrize("limit", ["soft_limit", "hard_limit", "window_threshold"])
def test_after_a_long_calm_one_ulp_below_a_limit_still_counts(limit):
    limits = {**OFF, "window_size": 1, limit: 0.7}
    if limit == "hard_limit":
        # Only the default may be below the hard limit.
        limits["soft_limit"] = 0.6
    beyond = 0.7 - 1e-9 if limit == "window_threshold" else 0.7
    scores = [0.7] * 300 + [nextafter(beyond, 0.0), beyond]

    assert_decides_as_defined(scores, **limits)
    assert [any(each) for each in decisions(HaltPolicy(**limits), scores)[-2:]] == [True, False]


def test_a_fall_across_a_calm_stretch_is_seen_at_its_first_token():
    limits = {**OFF, "trend_window": 5, "trend_threshold": 0.15}

    # The steepest fall over five tokens is 1.2 times the scores' range: 0.125 is just allowed.
    for step, falls in ((0.1249, False), (0.1251, True)):
        low = 1.0 - step
        # Calm before the fall, and as restless before it as calm may just be.
        for before in ([1.0] * 300, [1.0, low] * 150):
            scores = [*before, 1.0, 1.0, low, low, low]
            assert_decides_as_defined(scores, **limits)
            assert bool(first_alarm(HaltPolicy(**limits), scores)) is falls


def test_scores_a_little_too_far_apart_are_not_taken_for_calm():
    limits = {**OFF, "trend_window": 5, "trend_threshold": 0.15}
    scores = [0.77] * 9 + [0.9] * 2 + [0.773] * 3

    assert first_alarm(HaltPolicy(**limits), scores) == ("downward_trend", 13)


def test_a_ramp_within_reach_of_the_calm_scores_is_fitted_from_its_first_token():
    scores = [0.9] * 300 + [0.9 - 0.06 * k for k in range(5)] + [0.9] * 300

    assert_decides_as_defined(scores, **{**OFF, "trend_threshold": 0.15})
    assert first_alarm(HaltPolicy(), scores) == ("downward_trend", 303)


@pytest.mark.parametrize(("window_size", "trend_window"), [(1, 2), (10, 5), (3, 40), (300, 7)])
@pytest.mark.parametrize("off", ["", "window_threshold", "trend_threshold", "both"])
def test_streams_that_fall_in_and_out_of_calm_are_decided_as_defined(
    window_size, trend_window, off
):
    limits = {"window_size": window_size, "trend_window": trend_window}
    if off in ("window_threshold", "both"):
        limits["window_threshold"] = 0.0
    if off in ("trend_threshold", "both"):
        limits["trend_threshold"] = 1.5
    drawn = random.Random(window_size)
    scores = []
    while len(scores) < 6_000:
        level, spread = drawn.choice([0.6, 0.7, 0.9, 1.0]), drawn.choice([0.0, 0.05, 0.12, 0.13])
        edges = [level, nextafter(level, 0.0), level - spread, nextafter(level - spread, 0.0)]
        scores += drawn.choices(edges, k=drawn.choice([1, 5, 30, 700]))
        scores += drawn.choice([[], [0.3], [0.59], [0.9, 0.7, 0.5]])

    assert_decides_as_defined(scores, **limits)


class Counting(HaltMachine):
    """Counts how often it takes its sums anew."""

    refreshed = 0

    def _refresh(self):
        self.refreshed += 1
        super()._refresh()


def test_a_calm_stream_leaves_its_sums_alone():
    machine = Counting(HaltPolicy())
    for _ in range(12_000):
        machine.push("", 0.9)

    assert machine.refreshed == 1


def test_a_stream_that_drifts_out_of_every_band_pays_for_few_and_is_decided_as_defined():
    limits = {**OFF, "trend_threshold": 0.15}
    scores = [1.0 - 0.4 * k / 11_000 - 0.1245 * (k % 2) for k in range(11_000)]
    machine = Counting(HaltPolicy(**limits))
    for score in scores:
        machine.push("", score)

    assert_decides_as_defined(scores, **limits)
    assert machine.refreshed < 100


def test_calm_scores_under_a_pending_soft_halt_still_warn():
    machine = HaltMachine(HaltPolicy(halt_mode="soft"))
    # Restless until the window falls short, so that the next look for calm falls under the halt.
    scores = [0.9, 0.7] * 125 + [0.5] * 3 + [0.9] * 40

    verdicts = [machine.push(" a", score) for score in scores]

    first = next(n for n, verdict in enumerate(verdicts) if verdict.alarms)
    assert first == 250
    assert [verdict.warning for verdict in verdicts[first:]] == [True] * 43
    assert machine.push(" b.", 0.9).action == "soft_stop"


def test_a_score_taken_back_from_a_calm_stream_leaves_no_trace():
    policy = HaltPolicy(**{**OFF, "trend_threshold": 0.1, "trend_window": 12})
    once, twice = HaltMachine(policy), HaltMachine(policy)
    for score in [0.9] + [0.8] * 20:
        once.push("", score)
        twice.push("", score)
    twice.push("", 0.8)
    twice.retract(with_decision=False)

    for score in (0.7, 0.7, 0.75, 0.6, 0.5):
        assert once.push("", score) == twice.push("", score)
    assert twice.scores == once.scores
    assert twice.trigger
