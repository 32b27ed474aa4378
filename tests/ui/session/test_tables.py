"""Token table of a session, and its downloads."""

import io
from dataclasses import replace

import pandas as pd

from director_ai import HaltPolicy
from director_ai.core.records.record_json import from_line
from director_ai.replay.counterfactual import counterfactuals
from director_ai.reports.sentences import counterfactual_line
from director_ai.ui.components.stream_view import StreamView
from director_ai.ui.session.tables import token_csv, token_table

RECORD = from_line(
    '{"id": "a", "tokens": ["=1+1", " b", "\\u202e", "d"], "scores": [0.9, 0.8, 0.3],'
    ' "held": [1], "ended_by": "fault"}'
)


def test_the_table_has_a_row_a_token_and_no_score_where_there_was_none():
    table = token_table(RECORD, StreamView.of_record(RECORD, HaltPolicy()))

    assert table["index"].tolist() == [0, 1, 2, 3]
    assert table["score"].tolist()[:3] == [0.9, 0.8, 0.3]
    assert pd.isna(table["score"][3])
    assert table["held"].tolist() == [False, True, False, False]
    assert table["margin"][2] == -0.2


def test_the_table_tells_when_each_token_was_judged_where_that_was_kept():
    timed = replace(RECORD, times_us=(0, 1500, 3000, 10_000))

    assert token_table(timed, StreamView.of_record(timed, HaltPolicy()))["ms"].tolist() == [
        0.0,
        1.5,
        3.0,
        10.0,
    ]
    assert token_table(RECORD, StreamView.of_record(RECORD, HaltPolicy()))["ms"].isna().all()


def test_what_cannot_be_seen_is_spelled_out():
    assert token_table(RECORD, StreamView.of_record(RECORD, HaltPolicy()))["token"][2] == "⟨U+202E⟩"


def test_a_spreadsheet_runs_no_token_as_a_formula():
    table = token_table(RECORD, StreamView.of_record(RECORD, HaltPolicy()))

    back = pd.read_csv(io.StringIO(token_csv(table)), keep_default_na=False)

    assert back["token"].tolist() == ["'=1+1", " b", "⟨U+202E⟩", "d"]


def test_a_relief_says_what_would_follow():
    scores = [0.9, 0.4, 0.2]
    policy = HaltPolicy()

    (change,) = counterfactuals(["a", "b", "c"], scores, policy, complete=False)

    assert (
        counterfactual_line(change, policy)
        == "Hard limit 0.5 → 0.4: then halts at token 2 by hard limit"
    )
