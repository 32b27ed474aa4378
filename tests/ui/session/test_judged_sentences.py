"""Judged sentences of a session: the lowest first, with what is not supported and when known."""

from director_ai import HaltPolicy
from director_ai.core.records.record_json import from_line
from director_ai.ui.components.stream_view import StreamView
from director_ai.ui.session.judged_sentences import MOST_SHOWN, verdict_rows
from director_ai.ui.session.page import _basis
from director_ai.ui.session.tables import token_table

RECORD = from_line(
    '{"id": "a", "tokens": ["Bees", " fly.", " They", " sing\\u202e.", " So"],'
    ' "scores": [0.7, 0.7, 0.6, 0.3, 0.3], "held": [4], "verdicts": ['
    '{"start": 0, "end": 9, "support": 0.6, "at": 14},'
    '{"start": 10, "end": 21, "support": 0.3, "at": 21, "spans": [[5, 9, 0.8]]}]}'
)
FAST = from_line('{"id": "a", "tokens": ["a", "b", "c"], "scores": [0.9, 0.8, 0.7]}')


def test_sentences_come_with_their_support_the_lowest_first() -> None:
    assert verdict_rows(RECORD) == [
        ("Support 0.30", "They sing⟨U+202E⟩. (known at token 3) Not supported: “sing”."),
        ("Support 0.60", "Bees fly. (known at token 2)"),
    ]


def test_no_more_are_listed_than_fit() -> None:
    verdicts = ", ".join('{"start": 0, "end": 1, "support": 0.5, "at": 1}' for _ in range(9))
    many = from_line(f'{{"id": "a", "tokens": ["x"], "scores": [0.5], "verdicts": [{verdicts}]}}')

    assert len(verdict_rows(many)) == MOST_SHOWN


def test_each_token_says_what_its_score_rests_on() -> None:
    assert RECORD.judged == (False, False, True, True, True)
    assert [_basis(RECORD, token) for token in (1, 2)] == [
        ", by the words",
        ", judged by the model",
    ]
    assert _basis(FAST, 0) == ""


def test_the_table_has_a_column_of_it_where_sentences_were_judged() -> None:
    judged, fast = (
        token_table(record, StreamView.of_record(record, HaltPolicy())) for record in (RECORD, FAST)
    )

    assert judged["judged"].tolist() == [False, False, True, True, True]
    assert "judged" not in fast
