"""Two sessions on one axis."""

import json

import numpy as np
import pytest

from director_ai import HaltPolicy
from director_ai.figures.compare_curve import (
    aligned,
    compare_curve_alt,
    compare_curve_figure,
    smallest_margins,
)
from director_ai.figures.curve_data import HaltCurveData, halt_curve_data
from director_ai.figures.theme import LIGHT
from director_ai.replay.floors import floors, statistic_margins
from director_ai.replay.judgement import judge

POLICY = HaltPolicy(window_size=2, trend_window=3)


def side(scores: list[float], onset: int | None = None) -> HaltCurveData:
    tokens = ["w "] * len(scores)
    verdict = judge(tokens, scores, POLICY, complete=True)
    return halt_curve_data(np.array(scores), tokens, POLICY, verdict, onset=onset)


GOOD = side([0.9, 0.9, 0.88, 0.9, 0.91])
BAD = side([0.9, 0.85, 0.8, 0.2], onset=2)


def traces(alignment, sides=(GOOD, BAD)):
    figure = compare_curve_figure(
        sides, ["one", "two"], alignment, LIGHT, uirevision="a", font_size=12
    )
    json.dumps(figure, allow_nan=False)
    return {trace["name"]: trace for trace in figure["data"]}


def test_each_session_keeps_its_scores_whatever_they_are_aligned_by():
    for alignment in ("token", "percent"):
        drawn = traces(alignment)
        assert drawn["one"]["y"] == [0.9, 0.9, 0.88, 0.9, 0.91]
        assert drawn["two"]["y"] == [0.9, 0.85, 0.8, 0.2]


def test_by_share_both_end_together():
    drawn = traces("percent")

    assert drawn["one"]["x"] == [0, 25, 50, 75, 100]
    assert drawn["two"]["x"] == pytest.approx([0, 33.3333, 66.6667, 100])


def test_by_onset_both_go_wrong_at_nought():
    early = side([0.9, 0.3, 0.3], onset=1)
    drawn = traces("onset", (early, BAD))

    assert drawn["one"]["x"] == [-1, 0, 1]
    assert drawn["two"]["x"] == [-2, -1, 0, 1]


def test_without_an_onset_there_is_nothing_to_align_by():
    with pytest.raises(ValueError, match="onset must be a token index"):
        aligned(np.arange(3), 3, "onset", None)


def test_the_margin_is_the_smallest_of_the_rules():
    scores = np.array([0.9, 0.85, 0.8, 0.2])
    own = statistic_margins(scores, floors(scores, POLICY), POLICY)

    assert smallest_margins(BAD) == pytest.approx(np.nanmin(own, axis=0))
    assert traces("token")["two: margin"]["y"] == pytest.approx(np.nanmin(own, axis=0), abs=1e-4)


def test_with_every_rule_off_there_is_no_margin():
    off = HaltPolicy(hard_limit=0, window_threshold=0, trend_threshold=1.5)
    scores = [0.5, 0.6]
    verdict = judge(["a", "b"], scores, off, complete=True)
    data = halt_curve_data(np.array(scores), ["a", "b"], off, verdict)

    assert np.isnan(smallest_margins(data)).all()
    assert traces("token", (data, GOOD))["one: margin"]["y"] == [None, None]


def test_halt_and_onset_are_marked_where_they_are():
    drawn = traces("token")
    halt, onset = drawn["✖ halt, two"], drawn["▽ onset, two"]

    assert (halt["x"], halt["y"]) == ([3], [0.2])
    assert (onset["x"], onset["y"]) == ([2], [0.8])
    assert not any(name.endswith(", one") for name in drawn)


def test_a_session_without_a_score_is_drawn_as_nothing():
    empty = side([])

    assert traces("percent", (empty, BAD))["one"]["x"] == []


def test_the_finding_is_told_in_words():
    said = compare_curve_alt([GOOD, BAD], ["one", "two"])

    assert "one, 5 tokens, lowest coherence 0.88, no rule is broken" in said
    assert "two, 4 tokens, lowest coherence 0.20, halts at token 3" in said
