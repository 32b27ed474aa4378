"""The coherence curve and what is drawn on it."""

import json

import numpy as np

from director_ai import HaltPolicy
from director_ai.figures.halt_curve import (
    MOST_POINTS,
    halt_curve_alt,
    halt_curve_data,
    halt_curve_figure,
)
from director_ai.figures.theme import DARK, LIGHT
from director_ai.replay.judgement import judge

POLICY = HaltPolicy(window_size=4, trend_window=3)


def data_of(scores, *, policy=POLICY, **options):
    tokens = [f"t{index}" for index in range(len(scores))]
    judgement = judge(tokens, list(scores), policy, complete=True)
    return halt_curve_data(np.asarray(scores, dtype=float), tokens, policy, judgement, **options)


def names(figure):
    return [trace["name"] for trace in figure["data"]]


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

    halt = halt_curve_figure(data_of(scores, policy=rules_off), LIGHT, uirevision="a")["data"][-1]

    assert (halt["x"], halt["y"]) == ([4_001], [0.49])


def test_what_came_after_the_halt_is_a_curve_of_its_own():
    figure = halt_curve_figure(data_of([0.9, 0.9, 0.2, 0.8]), LIGHT, uirevision="a")

    assert names(figure)[-3:] == ["Coherence", "After the halt", "Halt"]
    assert figure["data"][-2]["x"] == [2, 3]
    assert figure["data"][-1]["x"] == [2]


def test_a_stream_that_completes_has_no_halt():
    figure = halt_curve_figure(data_of([0.9] * 6), DARK, uirevision="a")

    assert names(figure) == [
        "Hard limit",
        "Window floor",
        "Trend floor",
        "Rolling mean",
        "Coherence",
    ]


def said(data):
    notes = halt_curve_figure(data, LIGHT, uirevision="a")["layout"]["annotations"]
    return [note["text"] for note in notes]


def test_a_rule_that_cannot_judge_yet_says_from_which_token_on_it_will():
    window_off = HaltPolicy(window_size=9, window_threshold=0.0, trend_window=3)

    assert "window rule starts at token 3 · trend rule starts at token 2" in said(
        data_of([0.9] * 2)
    )
    assert "window rule starts at token 3" in said(data_of([0.9] * 3))
    assert not any("starts" in text for text in said(data_of([0.9] * 4)))
    assert "trend rule starts at token 2" in said(data_of([0.9], policy=window_off))


def test_the_bands_of_window_and_trend_are_filled():
    traces = halt_curve_figure(data_of([0.9] * 6), LIGHT, uirevision="a")["data"]

    assert [trace.get("fill") for trace in traces[:3]] == [None, "tozeroy", "tozeroy"]


def test_the_figure_is_json_without_nan_at_every_length():
    for n_tokens in range(12):
        figure = halt_curve_figure(
            data_of([0.9] * n_tokens, cursor=max(0, n_tokens - 1)), LIGHT, uirevision="a"
        )
        json.dumps(figure, allow_nan=False)


def test_the_cursor_shows_the_window_and_the_fitted_line():
    data = data_of(
        [0.9, 0.8, 0.7, 0.6, 0.6], policy=HaltPolicy(window_size=4, trend_window=3), cursor=3
    )

    assert data.cursor_lines["window"][0] == [0, 3]
    assert np.allclose(data.cursor_lines["window"][1], 0.75)
    xs, ys = data.cursor_lines["trend"]
    assert xs == [1, 3]
    assert np.allclose(ys, [0.8, 0.6])


def test_following_draws_the_newest_tokens_only():
    data = data_of([0.9] * 500, last=200)

    assert (data.token[0], data.token[-1]) == (300, 499)


def test_the_finding_is_said_in_words():
    assert halt_curve_alt(data_of([0.9, 0.2])) == (
        "Coherence over 2 tokens, lowest coherence 0.20; halts at token 1 by hard_limit."
    )
    assert "no rule is broken" in halt_curve_alt(data_of([0.9, 0.9]))
    assert "no token" in halt_curve_alt(data_of([]))
