"""CSV that a spreadsheet opens safely, and that comes back."""

import io
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given

from director_ai.core.records.record import Annotation, SessionRecord
from director_ai.errors import InvalidRecordError
from director_ai.storage.transfer.csv_cells import guard, parse_number, unguard
from director_ai.storage.transfer.export import export_records
from director_ai.storage.transfer.file_reader import read_upload
from director_ai.storage.transfer.limits import MAX_PROBLEMS
from tests.core.records.test_record import TEXT, records
from tests.examples import one_in
from tests.storage.transfer.samples import session, sessions


def exported(records: list[SessionRecord], format: Any) -> bytes:
    file = io.BytesIO()
    export_records(records, file, format)
    return file.getvalue()


def kept(record: SessionRecord, *, wide: bool) -> dict[str, Any]:
    """Return what CSV has a place for."""
    names = ["id", "started_us", "ended_us", "source", "model", "group", "tags", "enforced"]
    names += ["tokens", "scores", "held", "times_us", "ended_by", "label", "onset"]
    names += ["halt_index", "halt_reasons", "prompt", *(("policy",) if wide else ())]
    return {name: getattr(record, name) for name in names}


@pytest.mark.parametrize("format", ["csv_wide", "csv_long"])
def test_values_and_labels_come_back(format: str) -> None:
    written = [*sessions(), replace(session("unlabelled"), annotations=())]

    plan = read_upload(exported(written, format), "upload.csv")

    wide = format == "csv_wide"
    assert plan.problems == ()
    assert [kept(r, wide=wide) for r in plan.records] == [kept(r, wide=wide) for r in written]


@pytest.mark.parametrize("format", ["csv_wide", "csv_long"])
def test_a_token_the_scorer_failed_on_stays_without_a_score(format: str) -> None:
    record = replace(
        session(), scores=(0.9,), held=(False,), tokens=("a", "b"), times_us=(), halt=None
    )

    (read,) = read_upload(exported([record], format), "upload.csv").records

    assert (read.tokens, read.scores) == (("a", "b"), (0.9,))


@one_in(5)
@given(records())
def test_any_text_comes_back_from_either_layout(record: SessionRecord) -> None:
    record = replace(record, halt=None, shadow_halt=None, tokens=(*record.tokens, "x"))
    record = replace(record, scores=(0.5,) * record.n_tokens, held=(False,) * record.n_tokens)
    record = replace(record, times_us=())

    (long,) = read_upload(exported([record], "csv_long"), "upload.csv").records
    assert (long.tokens, long.id, long.model) == (record.tokens, record.id, record.model)

    (wide,) = read_upload(exported([record], "csv_wide"), "upload.csv").records
    assert (wide.prompt, wide.scores, wide.id) == (record.prompt, record.scores, record.id)


@one_in(5)
@given(TEXT)
def test_a_guarded_text_is_no_formula_and_comes_back(text: str) -> None:
    assert not guard(text).startswith(("=", "+", "-", "@", "\t", "\r"))
    assert unguard(guard(text)) == text


@pytest.mark.parametrize("format", ["csv_wide", "csv_long"])
@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "'="])
def test_no_cell_of_an_export_starts_a_formula(format: str, start: str) -> None:
    evil = f"{start}cmd|' /C calc'!A0"
    record = replace(
        session(evil), tokens=(evil,), scores=(0.5,), held=(False,), times_us=(), halt=None,
        model=evil, prompt=evil, group=evil, source=evil, tags=(evil,),
        annotations=(Annotation("good", author=evil),),
    )  # fmt: skip

    data = exported([record], format)

    assert [cell for cell in cells_of(data) if cell.startswith(tuple("=+-@\t\r"))] == []
    (read,) = read_upload(data, "upload.csv").records
    assert (read.id, read.tokens, read.model, read.tags) == (evil, (evil,), evil, (evil,))
    assert read.annotations[0].author == evil


def cells_of(data: bytes) -> list[str]:
    import csv

    return [cell for row in csv.reader(io.StringIO(data.decode(), newline="")) for cell in row]


def test_a_quote_somebody_else_wrote_is_kept() -> None:
    data = b"id,token,score\na,'tis,0.5\na,'=x,0.5\n"

    (read,) = read_upload(data, "upload.csv").records

    assert read.tokens == ("'tis", "'=x")


def test_words_that_pandas_takes_for_blanks_are_tokens() -> None:
    data = b"id,token,score\na,NA,0.5\na,null,0.5\na,nan,0.5\na,,0.5\n"

    (read,) = read_upload(data, "upload.csv").records

    assert read.tokens == ("NA", "null", "nan", "")


@pytest.mark.parametrize(
    "cell", ["nan", "inf", "1_0", "0,5", " 0.5", "0.5 ", "0x1p-1", "١", "1e", ".5", "true"]
)
def test_a_score_is_a_decimal_number_and_nothing_else(cell: str) -> None:
    with pytest.raises(InvalidRecordError, match="must be a decimal number or blank, got"):
        parse_number("score", cell)


def test_blank_is_no_score_and_nan_is_an_error() -> None:
    blank = read_upload(b"id,index,token,score\na,0,x,0.5\na,1,y,\n", "upload.csv")
    nan = read_upload(b"id,index,token,score\na,0,x,0.5\na,1,y,nan\n", "upload.csv")

    assert [record.scores for record in blank.records] == [(0.5,)]
    assert [problem.message for problem in nan.problems] == [
        "score must be a decimal number or blank, got 'nan'"
    ]


def test_every_bad_row_is_named() -> None:
    data = b"id,index,token,score\na,0,x,0.5\na,2,y,0.5\nb,0,x\nc,0,x,1.5\nd,0,x,0.5,7\n"

    plan = read_upload(data, "upload.csv")

    assert not plan.ok
    assert [(problem.line, problem.message) for problem in plan.problems] == [
        (3, "index must be 1, got '2'"),
        (4, "cells must be one a column (4), got 3"),
        (5, "score must be a number in [0, 1], got 1.5"),
        (6, "cells must be one a column (4), got 5"),
    ]


def test_one_score_for_a_whole_answer_is_warned_of() -> None:
    data = b"id,response,score\na,Paris is big.,0.5\nb,Paris,0.5\n"

    plan = read_upload(data, "upload.csv")

    assert plan.ok
    (problem,) = plan.problems
    assert (problem.line, problem.session_id, problem.severity) == (2, "a", "warning")
    assert (problem.field, problem.value) == ("score", "0.5")
    assert "got one for 3 words" in problem.message
    assert "score every token" in problem.message


def test_answers_of_one_id_are_warned_of() -> None:
    data = b"id,response,score\na,Paris is big.,0.5\na,It is not.,0.4\nb,Paris,0.5\nb, is,0.5\n"

    (problem,) = read_upload(data, "upload.csv").problems

    assert (problem.line, problem.session_id, problem.severity) == (2, "a", "warning")
    assert "got 3 words in the first of 2 rows" in problem.message


def test_warnings_without_number_do_not_hide_the_error() -> None:
    rows = [f"a{place},Paris is big.,0.5\n" for place in range(MAX_PROBLEMS + 1)]

    data = "".join(["id,response,score\n", *rows, "z,Paris,7\n"])
    plan = read_upload(data.encode(), "upload.csv")

    assert [(p.session_id, p.value) for p in plan.problems if p.severity == "error"] == [
        ("z", "7.0")
    ]
    assert plan.n_problems_not_listed == 1


def test_a_token_with_an_index_may_hold_several_words() -> None:
    plan = read_upload(b"id,index,token,score\na,0,Paris is,0.5\n", "upload.csv")

    assert plan.problems == ()


def test_line_breaks_inside_a_cell_are_text() -> None:
    data = b'id,token,score\r\na,"one\n\n\ntwo\r",0.5\r\n\r\nb,x,1.5\r\n'

    plan = read_upload(data, "upload.csv")

    assert [record.tokens for record in plan.records] == [("one\n\n\ntwo\r",)]
    assert [problem.line for problem in plan.problems if problem.severity == "error"] == [7]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b'id,token,score\na,"x,0.5\n', "line 2 must be CSV, got unexpected end of data"),
        (
            b"id,token,score\na,\xff,0.5\n",
            "text of line 2 must be UTF-8, got b'\\xff' after 'a,'; save it as",
        ),
        (b"id,token,token,score\n", "columns must have different names, got 'token' twice"),
        (b"id,word_count\na,5\n", "a column must be chosen for tokens and scores"),
    ],
)
def test_a_file_that_is_no_table_of_sessions_says_why(data: bytes, message: str) -> None:
    plan = read_upload(data, "upload.csv")

    assert not plan.ok
    assert plan.problems[0].message.startswith(message)


@pytest.mark.parametrize("delimiter", [",", "\t"])
@pytest.mark.parametrize("first", ['"hello', '"'])
def test_rows_between_two_lone_quote_marks_are_not_swallowed(delimiter: str, first: str) -> None:
    last = 'world"' if first != '"' else '"'
    lines = [
        "id,token,score,label",
        "A,x,1e-1,0",
        f"A,{first},0.9,0",
        "A,my,0.1,",
        "",
        f"A,{last},0.2,0",
    ]

    plan = read_upload("\n".join(lines).replace(",", delimiter).encode(), "upload.csv")

    shown = repr(lines[2].replace(",", delimiter))
    assert [problem.message for problem in plan.problems if problem.severity == "error"] == [
        f"lines 3 to 6 must be one row or several, got {shown}, from where they can be read as "
        "either; write a quote mark within a cell twice"
    ]
    assert not plan.can_skip


@pytest.mark.parametrize(
    ("columns", "row"),
    [
        ("id,response,scores", 'A,"Hi\nthere, you","[0.9, 0.8, 0.7]"'),
        ("id,label,response,scores", 'A,0,"Hi\nthere, you, my, friend",[0.5]'),
        ("id,response", 'A,"Hi\nthere, you"'),
        ("id,note,response,scores", 'A,,"Hi\nthere, you,\n\n",[0.5]'),
    ],
)
def test_a_text_of_several_lines_with_commas_is_one_cell(columns: str, row: str) -> None:
    plan = read_upload(f"{columns}\n{row}\n".encode(), "upload.csv")

    assert "one row or" not in "".join(problem.message for problem in plan.problems)
    assert "Hi\nthere, you" in plan.report.sample[0].cells["response"]
