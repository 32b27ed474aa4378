"""Data and figure of the ROC and precision-recall curves."""

import math

import pytest

from director_ai.core.halting.policy import HaltPolicy
from director_ai.figures.roc_curve import roc_curve_alt, roc_curve_data, roc_curve_figure
from director_ai.figures.theme import LIGHT
from director_ai.replay.engine import Replay
from director_ai.tuning.evaluation.population import Population
from director_ai.tuning.labelled import LabelledCurves

DATA = LabelledCurves.from_scores([[0.9], [0.7], [0.8], [0.3]], labels=[0, 0, 1, 1])
REPLAY = Replay(DATA.curves, window_size=10, trend_window=5)


def test_precision_is_of_the_stated_mixture() -> None:
    drawn = roc_curve_data(
        DATA, REPLAY, HaltPolicy(hard_limit=0.75), "precision-recall", Population.stated(0.1)
    )

    # Half of the good and half of the bad sessions are halted.
    assert drawn.in_use == pytest.approx((0.5, 0.1))
    assert math.isnan(drawn.rules[0].y[0])
    assert drawn.rules[0].y[-1] == pytest.approx(0.1)


def test_the_picture_names_the_areas_and_has_no_number_that_json_lacks() -> None:
    drawn = roc_curve_data(DATA, REPLAY, HaltPolicy(hard_limit=0.5))

    figure = roc_curve_figure(drawn, LIGHT)

    assert figure["data"][0]["name"] == "hard limit, AUC 0.750"
    assert figure["data"][3]["name"] == "all three, best of any limits, AUC 0.750"
    assert figure["data"][-1]["x"] == [0.0]
    # The area of the picture is not that of another one.
    precision = roc_curve_data(DATA, REPLAY, HaltPolicy(), "precision-recall")
    assert roc_curve_figure(precision, LIGHT)["data"][0]["name"] == "hard limit, AP 0.833"
    assert roc_curve_alt(precision).startswith("Average precision by rule")
    assert "hard limit 0.750 [" in roc_curve_alt(drawn)


def test_with_one_label_alone_there_is_a_picture_without_areas() -> None:
    good = LabelledCurves.from_scores([[0.9], [0.7]], labels=[0, 0])
    replay = Replay(good.curves, window_size=10, trend_window=5)

    drawn = roc_curve_data(good, replay, HaltPolicy())

    assert roc_curve_alt(drawn).endswith(
        "hard limit –; window –; trend –; all three, best of any limits –, in sample."
    )
    assert roc_curve_figure(drawn, LIGHT)["data"][0]["y"] == [None, None, None]
