"""The coherence curve and what is drawn on it."""

import json

import numpy as np
import pytest

from director_ai import HaltPolicy
from director_ai.figures.curve_data import MOST_POINTS, halt_curve_alt, halt_curve_data
from director_ai.figures.floor_curve import floor_curve_figure
from director_ai.figures.halt_curve import halt_curve_figure
from director_ai.figures.theme import LIGHT
from director_ai.replay.judgement import judge

POLICY = HaltPolicy(window_size=4, trend_window=3)


def data_of(scores, *, policy=POLICY, **options):
    tokens = [f"t{index}" for index in range(len(scores))]
    judgement = judge(tokens, list(scores), policy, complete=True)
    return halt_curve_data(np.asarray(scores, dtype=float), tokens, policy, judgement, **options)


def traces(data, figure=halt_curve_figure):
    return {trace["name"]: trace for trace in figure(data, LIGHT, uirevision="a")["data"]}


def test_a_long_stream_keeps_its_lowest_and_highest_scores():
    scores = np.full(50_000, 0.8)
    scores[31_234], scores[7] = 0.51, 0.99
    rules_off = HaltPolicy(window_threshold=0, trend_threshold=1.5)

    data = data_of(scores, policy=rules_off)

    assert len(data.token) <= MOST_POINTS + 2
    assert {7, 31_234} <= set(data.token.tolist())
    assert data.n_tokens == 50_000


def test_the_lowest_score_is_told_of_all_tokens_whichever_are_drawn():
    scores = [0.9] * 10
    scores[2] = 0.61

    data = data_of(scores, policy=HaltPolicy(window_size=4, trend_threshold=1.5), last=5)

    assert data.token.tolist() == [5, 6, 7, 8, 9]
    assert halt_curve_alt(data) == (
        "Coherence over 10 tokens, lowest coherence 0.61; no rule is broken."
    )


def test_the_halt_is_drawn_however_long_the_stream():
    scores = np.full(9_000, 0.8)
    scores[4_000:4_004] = [0.5, 0.49, 0.48, 0.1]
    rules_off = HaltPolicy(window_threshold=0, trend_threshold=1.5)

    halt = traces(data_of(scores, policy=rules_off))["Halt"]

    assert (halt["x"], halt["y"]) == ([4_001], [0.49])


def test_what_came_after_the_halt_is_a_curve_of_its_own():
    drawn = traces(data_of([0.9, 0.9, 0.2, 0.8]))

    assert drawn["Coherence"]["x"] == [0, 1, 2]
    assert drawn["After the halt"]["x"] == [2, 3]
    assert drawn["Halt"]["x"] == [2]


def test_a_stream_that_completes_has_no_halt_and_no_area_of_alarm():
    drawn = traces(data_of([0.9] * 6))

    assert "Halt" not in drawn
    assert not drawn["Mean below its limit"]["x"]
    assert not drawn["Mean close to its limit"]["x"]
    assert not drawn["Fall above its limit"]["x"]


def test_the_window_is_shaded_from_where_its_mean_crosses_the_limit():
    policy = HaltPolicy(
        hard_limit=0.0,
        window_size=1,
        window_threshold=0.5,
        trend_threshold=1.5,
        halt_mode="observe",
    )

    drawn = traces(data_of([0.9, 0.9, 0.55, 0.45, 0.45, 0.65], policy=policy))

    below, close = drawn["Mean below its limit"], drawn["Mean close to its limit"]
    assert below["x"] == pytest.approx([2.5, 3, 4, 4.25, 4.25, 4, 3, 2.5, None])
    assert below["y"] == pytest.approx([0.5, 0.45, 0.45, 0.5, 0.5, 0.5, 0.5, 0.5, None])
    assert close["x"] == pytest.approx([2, 2.5, 2.5, 2, None])


def test_the_strip_shades_a_fall_above_its_limit_and_goes_with_the_rule():
    policy = HaltPolicy(window_threshold=0.0, trend_window=2, trend_threshold=0.25)
    off = HaltPolicy(window_threshold=0.0, trend_threshold=1.5)
    scores = [0.9, 0.9, 0.4]

    over = traces(data_of(scores, policy=policy))["Fall above its limit"]

    assert over["yaxis"] == "y2"
    assert over["x"] == pytest.approx([1.5, 2, 2, 1.5, None])
    assert over["y"] == pytest.approx([0.25, 0.5, 0.25, 0.25, None])
    assert (
        "yaxis2"
        not in halt_curve_figure(data_of(scores, policy=off), LIGHT, uirevision="a")["layout"]
    )


def test_the_allowed_fall_is_a_wedge_and_what_goes_beyond_it_an_alarm():
    policy = HaltPolicy(window_threshold=0.0, trend_window=3, trend_threshold=0.2)

    drawn = traces(data_of([0.9, 0.8, 0.6], policy=policy))

    assert drawn["Fall allowed"]["y"] == pytest.approx([0.9167, 0.9167, 0.7167], abs=1e-4)
    assert drawn["Fall beyond it"]["y"] == pytest.approx([0.9167, 0.7167, 0.6167], abs=1e-4)
    assert "Fall beyond it" not in traces(data_of([0.9, 0.9, 0.8], policy=policy))


def test_a_rule_that_is_off_has_no_line():
    drawn = traces(data_of([0.9], policy=HaltPolicy(hard_limit=0.0, soft_limit=0.0)))

    assert "hard limit" not in drawn
    assert "window limit" in drawn


def said(data):
    notes = halt_curve_figure(data, LIGHT, uirevision="a")["layout"]["annotations"]
    return [note["text"] for note in notes]


@pytest.mark.parametrize(("onset", "side"), [(2, "left"), (6, "right")])
def test_the_words_at_the_onset_stand_where_the_halt_leaves_them_room(onset: int, side: str):
    data = data_of([0.9] * 9 + [0.2] * 11, onset=onset)
    assert data.judgement.trigger == 9

    notes = halt_curve_figure(data, LIGHT, uirevision="a")["layout"]["annotations"]

    (words,) = (note for note in notes if "goes wrong here" in note["text"])
    assert words["xanchor"] == side


def test_a_rule_that_cannot_judge_yet_says_from_which_token_on_it_will():
    window_off = HaltPolicy(window_size=9, window_threshold=0.0, trend_window=3)

    assert "window rule starts at token 3 · trend rule starts at token 2" in said(
        data_of([0.9] * 2)
    )
    assert "window rule starts at token 3" in said(data_of([0.9] * 3))
    assert not any("starts" in text for text in said(data_of([0.9] * 4)))
    assert "trend rule starts at token 2" in said(data_of([0.9], policy=window_off))


def test_the_floors_of_window_and_trend_are_filled_and_say_what_they_mean():
    drawn = list(traces(data_of([0.9] * 6), floor_curve_figure).values())[:3]

    assert [trace.get("fill") for trace in drawn] == [None, "tozeroy", "tozeroy"]
    assert all(trace["name"].endswith("halts below") for trace in drawn)


def test_a_long_token_is_no_label_of_the_axis():
    scores, policy = np.array([0.9, 0.9]), HaltPolicy()
    tokens = [" short", "一个很长的没有空格的句子"]
    data = halt_curve_data(scores, tokens, policy, judge(tokens, scores, policy, complete=True))

    axis = halt_curve_figure(data, LIGHT, uirevision="a")["layout"]["xaxis"]

    assert axis["ticktext"] == ["short", "1"]


def test_the_figure_is_json_without_nan_at_every_length():
    for n_tokens in range(12):
        data = data_of([0.9] * n_tokens, cursor=max(0, n_tokens - 1))
        for figure in (halt_curve_figure, floor_curve_figure):
            json.dumps(figure(data, LIGHT, uirevision="a"), allow_nan=False)


def test_the_windows_at_halt_and_cursor_are_looked_at():
    policy = HaltPolicy(
        hard_limit=0.65, window_size=4, window_threshold=0.0, trend_window=3, trend_threshold=0.5
    )

    data = data_of([0.9, 0.8, 0.7, 0.6, 0.6], policy=policy, cursor=4)

    halt, cursor = data.windows
    assert (halt.token, cursor.token) == (3, 4)
    assert halt.mean == pytest.approx(0.75)
    assert halt.fit == pytest.approx((0.8, 0.6))
    assert halt.drop == pytest.approx(0.2)


def test_without_halt_and_cursor_the_newest_token_is_looked_at():
    assert [at.token for at in data_of([0.9] * 3).windows] == [2]


def test_following_draws_the_newest_tokens_only():
    data = data_of([0.9] * 500, last=200)

    assert (data.token[0], data.token[-1]) == (300, 499)


def test_the_finding_is_said_in_words():
    assert halt_curve_alt(data_of([0.9, 0.2])) == (
        "Coherence over 2 tokens, lowest coherence 0.20; halts at token 1 by hard limit."
    )
    assert "no rule is broken" in halt_curve_alt(data_of([0.9, 0.9]))
    assert "no token" in halt_curve_alt(data_of([]))


def test_a_halt_that_was_only_watched_is_named_as_such():
    def named(acted):
        notes = halt_curve_figure(data_of([0.9, 0.2], acted=acted), LIGHT, uirevision="a")
        return notes["layout"]["annotations"][0]["text"]

    assert "stopped at 1" in named(acted=True)
    assert "would stop at 1" in named(acted=False)
