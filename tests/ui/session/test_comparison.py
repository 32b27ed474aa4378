"""Two sessions in numbers."""

from dataclasses import replace

from director_ai.core.records.record_json import from_line
from director_ai.ui.components.stream_view import StreamView
from director_ai.ui.session.comparison import paired_table

GOOD = from_line(
    '{"id": "good", "tokens": ["a", "b", "c"], "scores": [0.9, 0.8, 0.9], "ended_by": "completed"}'
)
BAD = from_line(
    '{"id": "bad", "tokens": ["a", "b"], "scores": [0.9, 0.3], "ended_by": "halted",'
    ' "annotations": [{"label": "bad", "onset": 0}]}'
)


def pairs(first, second):
    table = paired_table(
        first,
        StreamView.of_record(first, first.policy),
        second,
        StreamView.of_record(second, second.policy),
    )
    return {row[0]: tuple(row[1:]) for row in table.itertuples(index=False)}


def test_both_stand_side_by_side_with_what_lies_between():
    rows = pairs(GOOD, BAD)

    assert rows["Ended"] == ("completed", "halted", "")
    assert rows["Label"] == ("none", "bad", "")
    assert rows["Tokens"] == ("3", "2", "-1")
    assert rows["Halt, token"] == ("–", "1", "")
    assert rows["Halt after onset, tokens"] == ("–", "1", "")
    assert rows["Mean coherence"] == ("0.867", "0.600", "-0.267")
    assert rows["Lowest coherence"] == ("0.800", "0.300", "-0.500")
    assert rows["Smallest margin, hard limit"] == (
        "+0.300 at token 1",
        "-0.200 at token 1",
        "-0.500",
    )
    assert rows["Smallest margin, window"] == ("too few tokens", "too few tokens", "")


def test_two_of_one_name_are_two_columns():
    table = paired_table(
        GOOD, StreamView.of_record(GOOD, GOOD.policy), GOOD, StreamView.of_record(GOOD, GOOD.policy)
    )

    assert len(set(table.columns)) == len(table.columns)


def test_a_session_without_a_score_has_dashes():
    empty = replace(GOOD, tokens=(), scores=(), held=())

    assert pairs(empty, BAD)["Mean coherence"] == ("–", "0.600", "")
