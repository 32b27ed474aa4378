"""How far one token is from each rule."""

import json

import numpy as np

from director_ai import HaltPolicy
from director_ai.figures.margins import SCALE, MarginsData, margins_data, margins_figure
from director_ai.figures.theme import LIGHT


def test_a_rule_that_holds_says_so():
    figure = margins_figure(MarginsData(-0.02, 0.11, float("nan")), LIGHT)

    said = [note["text"] for note in figure["layout"]["annotations"]]
    assert said == ["too few tokens", "+0.110", "<b>-0.020 broken</b>"]


def test_a_rule_that_is_off_is_not_short_of_tokens():
    policy = HaltPolicy(hard_limit=0.0, window_threshold=0.5)

    for margins in (np.full((3, 1), np.nan), np.empty((3, 0))):
        figure = margins_figure(margins_data(margins, 0, policy), LIGHT)
        said = [note["text"] for note in figure["layout"]["annotations"]]
        assert said == ["too few tokens", "too few tokens", "off"]


def test_a_rule_barely_broken_has_the_banners_decimals():
    figure = margins_figure(MarginsData(-2e-7, 0.0, 4e-5), LIGHT)

    said = [note["text"] for note in figure["layout"]["annotations"]]
    assert said == ["+0.00004", "+0.000", "<b>-0.0000002 broken</b>"]
    json.dumps(figure, allow_nan=False)


def test_a_margin_off_the_scale_is_cut_and_its_value_kept():
    figure = margins_figure(MarginsData(3.2, -2.0, 0.1), LIGHT)

    assert np.allclose(figure["data"][0]["x"], [0.1, SCALE[0], SCALE[1]])
    assert figure["layout"]["annotations"][2]["text"] == "+3.200"
