"""Rules, delay and length: the pictures behind the other tabs of the Tune page."""

import json
from dataclasses import replace

import numpy as np
import pytest

from director_ai.core.halting.policy import HaltPolicy
from director_ai.figures.delay_curve import (
    delay_curve_alt,
    delay_curve_data,
    delay_curve_figure,
)
from director_ai.figures.length_hazard import (
    length_hazard_alt,
    length_hazard_data,
    length_hazard_figure,
)
from director_ai.figures.rule_attribution import (
    RuleAttributionData,
    advice,
    rule_attribution_data,
    rule_attribution_figure,
)
from director_ai.figures.theme import DARK, LIGHT
from director_ai.replay.engine import Replay
from director_ai.tuning.evaluation.attribution import attribute_halts
from director_ai.tuning.evaluation.outcome_classes import classify, outcomes_under
from director_ai.tuning.labelled import LabelledCurves
from director_ai.tuning.synthetic import make_sessions


def ready(n_sessions: int = 200):
    data = make_sessions(n_sessions, seed=2)
    return data, Replay(data.curves, window_size=10, trend_window=5)


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_every_halt_is_in_one_combination(palette) -> None:
    data, replay = ready()
    policy = HaltPolicy()

    drawn = rule_attribution_data(attribute_halts(data, replay, policy))

    found = classify(data, replay.outcomes(policy))
    assert sum(right for _, right, _ in drawn.combinations) == found.detected.sum()
    assert sum(false for _, _, false in drawn.combinations) == found.false.sum()
    assert drawn.false_only == [false for _, _, false in drawn.combinations[:3]]
    json.dumps(rule_attribution_figure(drawn, palette), allow_nan=False)


def test_the_axis_of_combinations_holds_right_and_false_halts_stacked() -> None:
    nothing = [0, 0, 0]
    drawn = RuleAttributionData(nothing, nothing, nothing, nothing, [("hard", 60, 50), ("", 70, 1)])

    layout = rule_attribution_figure(drawn, LIGHT)["layout"]

    assert layout["barmode"] == "stack"
    assert layout["xaxis2"]["range"][1] > 60 + 50


def test_advice_names_the_rule_that_does_most_harm() -> None:
    harm = RuleAttributionData([5, 9, 2], [0, 0, 0], [1, 9, 30], [0, 0, 0], [])
    idle = RuleAttributionData([5, 0, 0], [3, 3, 0], [0, 0, 0], [0, 0, 0], [])

    assert advice(harm).startswith("Trend: 30 false halts only it causes, 2 right ones")
    assert advice(harm).endswith("Loosen it?")
    # The trend rule halts nothing at all: to say one could do without it would say nothing.
    assert advice(idle) == "Without window the same sessions would be halted."


def test_missed_and_early_sessions_keep_the_delay_curve_below_one() -> None:
    data = LabelledCurves.from_scores(
        [[0.9, 0.9, 0.2], [0.2, 0.9, 0.9], [0.9] * 3], labels=[1, 1, 1], onsets=[1, 1, 1]
    )

    drawn = delay_curve_data(data, outcomes_under(data, HaltPolicy()))

    assert drawn.delay.tolist() == [0.0, 1.0]
    assert drawn.share.tolist() == [0.0, pytest.approx(1 / 3)]
    assert drawn.early == pytest.approx(1 / 3)
    assert np.isnan(drawn.within(0.5))
    assert (drawn.missed, drawn.unknown) == (pytest.approx(1 / 3), 0.0)


def test_the_delay_sentence_takes_no_early_halt_for_a_miss() -> None:
    early, timely, missed = [0.2, 0.9, 0.9], [0.9, 0.9, 0.2], [0.9] * 3
    data = LabelledCurves.from_scores(
        [early, early, early, early, timely, timely, timely, missed],
        labels=[1] * 8,
        onsets=[1] * 8,
    )
    cut = LabelledCurves.from_scores(
        [timely, timely, missed], labels=[1] * 3, onsets=[1] * 3, complete=[True, True, False]
    )

    sentences = [
        delay_curve_alt(delay_curve_data(each, outcomes_under(each, HaltPolicy())))
        for each in (data, cut)
    ]

    assert sentences == [
        "Of 8 bad sessions with a known onset 37.5 % are caught; "
        "50.0 % are halted before their onset, 12.5 % are never halted.",
        "Of 3 bad sessions with a known onset 66.7 % are caught, half of all within 1 token; "
        "0.0 % are halted before their onset, 0.0 % are never halted, 33.3 % are unknown.",
    ]


def test_the_delay_figure_can_be_sent() -> None:
    data, replay = ready()
    drawn = delay_curve_data(data, replay.outcomes(HaltPolicy(trend_threshold=1.5)))

    figure = delay_curve_figure([("in use", drawn, "solid"), ("recorded", drawn, "dot")], DARK)

    json.dumps(figure, allow_nan=False)


def test_the_risk_of_a_halt_grows_with_length_within_its_band() -> None:
    data, replay = ready(600)

    drawn = length_hazard_data(data, replay, HaltPolicy(trend_threshold=0.3))

    line = drawn.all_rules
    assert (np.diff(line.risk) >= 0).all()
    assert (line.low <= line.risk + 1e-12).all()
    assert (line.risk <= line.high + 1e-12).all()
    for alone in drawn.by_rule:
        shared = min(len(alone.risk), len(line.risk))
        assert (alone.risk[:shared] <= line.risk[:shared] + 0.05).all()
    json.dumps(length_hazard_figure(drawn, LIGHT), allow_nan=False)


def test_copies_of_a_session_in_its_group_do_not_narrow_the_band() -> None:
    once = make_sessions(100, seed=6)
    copied = once.select(np.repeat(np.arange(once.n_sessions), 4))
    policy = HaltPolicy(trend_threshold=0.3)

    lines = [
        length_hazard_data(
            data, Replay(data.curves, window_size=10, trend_window=5), policy
        ).all_rules
        for data in (once, copied, replace(copied, groups=np.arange(copied.n_sessions)))
    ]

    # At the last token of which all three tell.
    at = len(lines[0].risk) - 1
    alone, together, wrong = (float(line.high[at] - line.low[at]) for line in lines)
    assert together == pytest.approx(alone)
    assert wrong < 0.6 * alone


def test_few_sessions_have_no_length_curve() -> None:
    data = LabelledCurves.from_scores([[0.9, 0.4]], labels=[0])
    replay = Replay(data.curves, window_size=10, trend_window=5)

    drawn = length_hazard_data(data, replay, HaltPolicy())

    assert length_hazard_alt(drawn).startswith("Too few sessions (1)")
