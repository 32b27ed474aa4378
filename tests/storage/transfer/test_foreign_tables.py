"""Tables as researchers have them: read right, or refused with what to choose."""

import gzip
import io
import json
import math
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from director_ai import CoherenceScorer
from director_ai.core.scoring.fact_set import FactSet
from director_ai.errors import ImportRefusedError
from director_ai.storage.transfer.column_mapping import ColumnMapping
from director_ai.storage.transfer.file_reader import read_upload
from director_ai.storage.transfer.import_plan import ImportPlan
from director_ai.storage.transfer.limits import MAX_LINE_BYTES

Rows = list[dict[str, Any]]


def cell(value: Any) -> str:
    if value is None:
        return ""
    text = json.dumps(value) if isinstance(value, (list, dict)) else str(value)
    quoted = text.replace('"', '""')
    return f'"{quoted}"'


def separated(rows: Rows, delimiter: str) -> bytes:
    names = list(rows[0])
    lines = [names, *([cell(row[name]) for name in names] for row in rows)]
    return "".join(f"{delimiter.join(line)}\n" for line in lines).encode()


def parquet(rows: Rows) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), file)
    return file.getvalue()


TWINS = {
    "csv": lambda rows: separated(rows, ","),
    "semicolons": lambda rows: separated(rows, ";"),
    "tabs": lambda rows: separated(rows, "\t"),
    "bars": lambda rows: separated(rows, "|"),
    "jsonl": lambda rows: "".join(f"{json.dumps(row)}\n" for row in rows).encode(),
    "json": lambda rows: json.dumps(rows, indent=1).encode(),
    "parquet": parquet,
}


@pytest.fixture(params=TWINS)
def written(request: pytest.FixtureRequest) -> Any:
    """Every format a table comes in."""
    return TWINS[request.param]


def token_rows(*rows: tuple[Any, ...], names: str = "session_id token score label") -> Rows:
    return [dict(zip(names.split(), row, strict=True)) for row in rows]


def sessions(plan: ImportPlan) -> dict[str, tuple[Any, ...]]:
    assert plan.ok, plan.problems
    return {r.id: ("".join(r.tokens), r.scores, r.label, r.onset) for r in plan.records}


def messages(plan: ImportPlan) -> list[str]:
    return [problem.message for problem in plan.problems if problem.severity == "error"]


def offers(plan: ImportPlan) -> list[tuple[str, str]]:
    return [(offer.kind, offer.column) for offer in plan.report.offers]


def test_a_label_that_varies_within_a_session_is_its_tokens_own(written: Any) -> None:
    rows = token_rows(
        ("A", "x", 0.9, 0), ("A", "y", 0.8, 0),
        ("B", "x", 0.9, 0), ("B", "y", 0.3, 1), ("B", "z", 0.2, 1),
        ("C", "x", 0.1, 1),
    )  # fmt: skip

    plan = read_upload(written(rows), "x")

    assert sessions(plan) == {
        "A": ("xy", (0.9, 0.8), "good", None),
        "B": ("xyz", (0.9, 0.3, 0.2), "bad", 1),
        "C": ("x", (0.1,), "bad", 0),
    }
    assert "label varies within 1 session" in plan.report.notes[0]


def test_a_label_that_never_varies_says_nothing_of_the_onset(written: Any) -> None:
    rows = token_rows(("A", "x", 0.9, 1), ("A", "y", 0.8, 1), ("B", "x", 0.9, 0))

    assert [value[2:] for value in sessions(read_upload(written(rows), "x")).values()] == [
        ("bad", None),
        ("good", None),
    ]


def test_a_label_given_once_is_the_sessions(written: Any) -> None:
    rows = token_rows(("A", "x", 0.9, 1), ("A", "y", 0.8, None), ("B", "x", 0.9, 0))

    assert sessions(read_upload(written(rows), "x"))["A"] == ("xy", (0.9, 0.8), "bad", None)


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ((0.0, 1.0, None), ("good", "bad", None)),
        ((True, False, None), ("bad", "good", None)),
        (("Supported", "HALLUCINATED", "FAIL"), ("good", "bad", "bad")),
        (("pass", "failed", "unsure"), ("good", "bad", "unsure")),
        (("yes", "no", ""), ("bad", "good", None)),
    ],
)
def test_labels_of_any_type_are_read_alike(written: Any, values: Any, labels: Any) -> None:
    rows = token_rows(*[(f"s{n}", "x", 0.9, value) for n, value in enumerate(values)])

    assert tuple(value[2] for value in sessions(read_upload(written(rows), "x")).values()) == labels


def test_the_meaning_of_each_value_is_said() -> None:
    rows = token_rows(("A", "x", 0.9, "ok"), ("B", "x", 0.9, "FAIL"))

    assert read_upload(TWINS["csv"](rows), "x").report.notes == [
        "label: 'fail' is bad, 'ok' is good"
    ]


def test_a_column_that_may_hold_labels_is_named_and_offered(written: Any) -> None:
    rows = token_rows(
        ("A", "x", 0.9, 1, 7.25), ("B", "x", 0.9, 0, 8.5),
        names="session_id token score rater_says_ok seconds",
    )  # fmt: skip

    plan = read_upload(written(rows), "x")

    assert plan.ok
    assert plan.report.unused == ["rater_says_ok", "seconds"]
    assert offers(plan) == [("label", "rater_says_ok")]


def test_a_direction_nobody_has_said_is_asked(written: Any) -> None:
    rows = token_rows(("A", "x", 0.9, 1), ("B", "x", 0.4, 0), names="id token score rated")
    mapping = ColumnMapping(id="id", tokens="token", scores="score", label="rated")

    plan = read_upload(written(rows), "x", mapping)
    good = read_upload(written(rows), "x", replace(mapping, one_is="good"))

    assert messages(plan) == ["rated must say whether 1 is good or bad, got 0 and 1"]
    assert not plan.can_skip
    assert offers(plan) == [("direction", "rated")]
    assert [value[2] for value in sessions(good).values()] == ["good", "bad"]


def test_words_of_a_file_are_mapped_by_hand(written: Any) -> None:
    rows = token_rows(("A", "x", 0.9, "rot"), ("B", "x", 0.9, "grün"), ("C", "x", 0.9, "blau"))
    mapping = ColumnMapping(id="session_id", tokens="token", scores="score", label="label")

    refused = read_upload(written(rows), "x", mapping)
    two = read_upload(written(rows[:2]), "x", replace(mapping, bad_words=("rot",)))
    three = read_upload(written(rows), "x", replace(mapping, bad_words=("rot",)))
    all_said = replace(mapping, bad_words=("rot", "blau"), good_words=("grün",))

    assert messages(refused)[0] == "label must be good, bad, unsure, 0 or 1, got 'rot'"
    assert ("word", "label") in offers(refused)
    assert [value[2] for value in sessions(two).values()] == ["bad", "good"]
    assert messages(three) == ["label must be good, bad, unsure, 0 or 1, got 'blau'"]
    assert [value[2] for value in sessions(read_upload(written(rows), "x", all_said)).values()] == [
        *("bad", "good", "bad"),
    ]


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_decimal_commas_are_read(delimiter: str) -> None:
    rows = token_rows(("A", "0,9", "0,9", "0,0"), ("B", "y", "0,4", "1,0"))

    plan = read_upload(separated(rows, delimiter), "x.csv")

    assert sessions(plan) == {
        "A": ("0,9", (0.9,), "good", None),
        "B": ("y", (0.4,), "bad", None),
    }
    assert "score: decimal commas are read" in plan.report.notes


@pytest.mark.parametrize("delimiter", ["~", ":", " ", "^"])
def test_columns_that_something_else_separates_are_told_what_may(delimiter: str) -> None:
    rows = token_rows(("A", "x", 0.9, 0))

    assert messages(read_upload(separated(rows, delimiter), "x.csv")) == [
        "columns must be separated by commas, semicolons, tabs or bars, got "
        f"'{delimiter.join(rows[0])}'"
    ]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("twin", ["csv", "tabs", "jsonl"])
def test_text_is_read_by_the_mark_of_its_encoding(encoding: str, twin: str) -> None:
    rows = token_rows(("A", "zwölf", 0.9, 0))

    plan = read_upload(TWINS[twin](rows).decode().encode(encoding), "x")

    assert sessions(plan)["A"][0] == "zwölf"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            "id,token,score\nA,zwölf,0.9\n".encode("latin-1"),
            "text of line 2 must be UTF-8, got b'\\xf6' after 'A,zw'; save it as UTF-8",
        ),
        (b"id,token,score\rA,x,0.9\r", "lines must end with a line feed"),
        (b"# of today\nid,token,score\nA,x,0.9\n", "cells must be one a column (1), got 3"),
    ],
)
def test_a_table_without_a_row_that_can_be_read_says_why(data: bytes, message: str) -> None:
    assert messages(read_upload(data, "x"))[0].startswith(message)


def test_blank_lines_before_the_names_of_columns_are_passed_over() -> None:
    plan = read_upload(b"\n \nid,token,score\nA,x,0.9\nA,y\n", "x")

    assert [problem.line for problem in plan.skipped] == [4, 5]


def test_a_line_that_names_the_separator_is_obeyed() -> None:
    plan = read_upload(b"sep=;\nid;token;score\na;x,y;0.5\na;z;7\n", "x.csv")

    assert [problem.line for problem in plan.problems] == [4]
    assert plan.columns == ("id", "token", "score")


def test_rows_of_a_session_that_stand_apart_are_gathered(written: Any) -> None:
    rows = token_rows(
        ("A", "x", 0.9, 0), ("B", "x", 0.5, 1), ("A", "y", 0.8, 0), ("B", "x", 0.4, 1)
    )

    plan = read_upload(written(rows), "x")

    assert sessions(plan) == {
        "A": ("xy", (0.9, 0.8), "good", None),
        "B": ("xx", (0.5, 0.4), "bad", None),
    }


@pytest.mark.parametrize("first", [0, 1])
def test_rows_follow_their_index_wherever_it_starts(written: Any, first: int) -> None:
    names = "id position token score"
    rows = token_rows(
        ("A", 1 + first, "y", 0.8), ("B", first, "x", 0.5), ("A", first, "x", 0.9), names=names
    )

    assert sessions(read_upload(written(rows), "x")) == {
        "A": ("xy", (0.9, 0.8), None, None),
        "B": ("x", (0.5,), None, None),
    }


def test_a_number_of_the_row_is_no_index_of_the_token(written: Any) -> None:
    rows = token_rows(
        (0, "A", "x", 0.9), (1, "A", "y", 0.8), (2, "B", "x", 0.5), names="index id token score"
    )

    assert [value[0] for value in sessions(read_upload(written(rows), "x")).values()] == ["xy", "x"]


def test_an_onset_beside_an_index_from_1_must_say_where_it_counts_from(written: Any) -> None:
    names = "id token_index token score onset"
    rows = token_rows(("A", 1, "x", 0.9, 2), ("A", 2, "y", 0.2, 2), names=names)

    plan = read_upload(written(rows), "x")
    assert plan.mapping is not None
    from_one = read_upload(written(rows), "x", replace(plan.mapping, onset_from=1))

    assert messages(plan) == [
        "onset must say whether it counts from 0 or from 1, as token_index counts from 1, got 2"
    ]
    assert sessions(from_one)["A"][3] == 1


def test_a_bad_score_is_named_by_its_own_row(written: Any) -> None:
    rows = token_rows(
        ("B", 0, "x", 0.9), ("A", 1, "x", 0.9), ("A", 0, "y", 1.5), names="id index token score"
    )

    (problem,) = read_upload(written(rows), "x").problems

    # The names of columns are a line of CSV.
    assert problem.line in (3, 4)
    assert problem.message == "score must be a number in [0, 1], got 1.5"


def test_rows_that_come_twice_are_named(written: Any) -> None:
    rows = token_rows(
        ("A", "x", 0.9, 0), ("A", "y", 0.8, 0), ("B", "x", 0.5, 1), ("A", "x", 0.9, 0)
    )

    plan = read_upload(written(rows), "x")

    (message,) = messages(plan)
    assert "must be another token, got line" in message
    assert [record.id for record in plan.records] == ["B"]
    assert plan.can_skip


def test_an_index_that_comes_twice_is_named(written: Any) -> None:
    names = "id index token score"
    rows = token_rows(("A", 0, "x", 0.9), ("A", 1, "y", 0.9), ("A", 1, "z", 0.8), names=names)

    (message,) = messages(read_upload(written(rows), "x"))

    assert message.startswith("index must be new, got ")


def test_words_that_repeat_in_a_row_are_tokens_and_are_said() -> None:
    rows = token_rows(("A", "ha", 0.9, 0), ("A", "ha", 0.9, 0))

    plan = read_upload(TWINS["csv"](rows), "x")

    assert sessions(plan)["A"][0] == "haha"
    assert "line 3 repeats the row before it; kept as a token of its own" in plan.report.notes


def test_tokens_of_several_answers_without_an_id_are_not_taken_for_one(written: Any) -> None:
    rows = token_rows(
        ("a1", "x", 0.9), ("a1", "y", 0.8), ("a2", "x", 0.4), names="nr_id token score"
    )

    plan = read_upload(written(rows), "x")

    assert "a column must be chosen for id, as rows are tokens, got nr_id" in messages(plan)
    assert not plan.can_skip


def test_percent_is_offered_and_taken_when_chosen(written: Any) -> None:
    rows = token_rows(("A", "x", 90, 0), ("A", "y", 85, 0), ("B", "x", 0.5, 1), ("B", "y", 41, 1))

    plan = read_upload(written(rows), "x")
    assert plan.mapping is not None
    chosen = read_upload(written(rows), "x", replace(plan.mapping, scale="percent"))

    (message,) = messages(plan)
    assert message.endswith("scores look like percent: 0 to 100")
    assert offers(plan) == [("percent", "score")]
    assert [value[1] for value in sessions(chosen).values()] == [(0.9, 0.85), (0.005, 0.41)]


def test_a_percent_sign_is_no_number_until_percent_is_chosen() -> None:
    rows = token_rows(("A", "x", "0.9%", 0), ("B", "x", "85 %", 1))
    mapping = ColumnMapping(id="session_id", tokens="token", scores="score", scale="percent")

    plan = read_upload(TWINS["csv"](rows), "x")
    chosen = read_upload(TWINS["csv"](rows), "x", mapping)

    assert messages(plan)[0] == "score must be a number in [0, 1], got '0.9%'"
    assert ("percent", "score") in offers(plan)
    assert [value[1] for value in sessions(chosen).values()] == [(0.9 / 100,), (0.85,)]


@pytest.mark.parametrize("scores", [(0.9, 1.5), (3, 5), (0.5, -0.2)])
def test_a_slip_is_not_taken_for_another_scale(scores: Any) -> None:
    rows = token_rows(*[("A", "x", score, 0) for score in scores])

    plan = read_upload(TWINS["jsonl"](rows), "x")

    assert "must be a number in [0, 1]" in messages(plan)[0]
    assert offers(plan) == []


def test_log_probabilities_are_offered_and_taken_when_chosen(written: Any) -> None:
    rows = token_rows(("A", "x", -0.5), ("A", "y", 0.0), names="id token lp")
    mapping = ColumnMapping(id="id", tokens="token", scores="lp")

    missing = read_upload(written(rows), "x")
    mapped = read_upload(written(rows), "x", mapping)
    chosen = read_upload(written(rows), "x", replace(mapping, scale="logprob"))

    assert messages(missing) == ["a column must be chosen for scores, got columns id, token, lp"]
    assert ("logprob", "lp") in offers(missing)
    assert messages(mapped)[0].endswith("scores look like log-probabilities: 0 or less")
    assert sessions(chosen)["A"][1] == (0.6065306597126334, 1.0)


def test_a_positive_log_probability_is_refused() -> None:
    mapping = ColumnMapping(id="id", tokens="token", scores="lp", scale="logprob")

    plan = read_upload(b"id,token,lp\na,x,0.3\n", "x", mapping)

    assert messages(plan) == ["lp must be a log-probability, 0 or less, got 0.3"]


@pytest.mark.parametrize("scale", [None, "percent", "logprob"])
@pytest.mark.parametrize("score", [10**400, -(10**400)], ids=["high", "low"])
def test_an_integer_beyond_all_floats_is_refused_like_any_other_number(
    scale: Any, score: int
) -> None:
    rows = [{"id": "a", "tokens": ["x"], "scores": [score]}]
    mapping = replace(ColumnMapping.guess(rows[0]), scale=scale)

    plan = read_upload(json.dumps(rows).encode(), "a.json", mapping)

    (message,) = messages(plan)
    assert message.startswith("scores[0] must be ")


@pytest.mark.parametrize("cell", [10**400, [10**400, 0.5]], ids=["number", "list"])
def test_a_column_of_integers_beyond_all_floats_is_passed_over(cell: Any) -> None:
    rows = [{"id": "a", "size": cell}]

    plan = read_upload(json.dumps(rows).encode(), "a.json")

    assert messages(plan) == ["a column must be chosen for tokens and scores, got columns id, size"]


def test_a_probability_of_nearly_1_is_no_label() -> None:
    rows = [{"id": "a", "tokens": ["x"], "scores": [0.5], "label": 0.9999999}]

    plan = read_upload(json.dumps(rows).encode(), "a.json")

    assert messages(plan) == ["label must be good, bad, unsure, 0 or 1, got 0.9999999"]


@pytest.mark.parametrize("name", ["nll", "perplexity", "uncertainty", "hallucination_score"])
def test_a_column_that_is_good_where_it_is_low_is_not_offered_for_scores(name: str) -> None:
    rows = token_rows(("A", "x", 0.25), ("A", "y", 0.5), names=f"id token {name}")

    plan = read_upload(TWINS["csv"](rows), "x")

    assert ("columns", name) not in offers(plan)
    assert plan.report.unused == [name]


def test_what_is_missing_is_said_with_the_files_own_columns(written: Any) -> None:
    rows = token_rows(
        ("a1", "The", 0.95, 0), ("a1", " cat", 0.93, 0), ("a2", "The", 0.4, 1),
        names="answer_id piece conf judged",
    )  # fmt: skip

    plan = read_upload(written(rows), "x")

    assert messages(plan) == [
        "a column must be chosen for tokens and scores, got columns answer_id, piece, conf, judged"
    ]
    assert {("columns", "piece"), ("columns", "conf"), ("label", "judged")} <= set(offers(plan))


ENTRIES: list[Any] = [
    [{"token": "a", "prob": 0.9}, {"token": " b", "prob": 0.8}],
    [{"text": "a", "score": 0.9}, {"text": " b", "score": 0.8}],
    [["a", 0.9], [" b", 0.8]],
    {"content": [{"token": "a", "p": 0.9}, {"token": " b", "p": 0.8}]},
    {"tokens": ["a", " b"], "token_logprobs": [0.9, 0.8]},
]


@pytest.mark.parametrize("entries", ENTRIES)
@pytest.mark.parametrize("column", ["tokens", "token_scores", "details"])
def test_lists_of_tokens_with_their_scores_are_read(entries: Any, column: str) -> None:
    rows = [{"id": "A", "text": "not these words", column: entries, "label": "good"}]

    for twin in ("csv", "jsonl", "json"):
        plan = read_upload(TWINS[twin](rows), "x")
        assert sessions(plan) == {"A": ("a b", (0.9, 0.8), "good", None)}, twin


def test_nested_lists_of_parquet_are_read() -> None:
    rows = [{"id": "A", "token_scores": ENTRIES[0], "label": 1}]

    assert sessions(read_upload(parquet(rows), "x"))["A"][:2] == ("a b", (0.9, 0.8))


@pytest.mark.parametrize(
    ("tokens", "scores"),
    [
        ("['The', ' sky']", "[0.9, 0.8]"),
        ("('The', ' sky')", "(0.9, 0.8)"),
        ("['The', \" sky\"]", "[0.9 0.8]"),
        ("['The', ' sky']", "[np.float64(0.9), np.float64(0.8)]"),
        ("array(['The', ' sky'], dtype=object)", "array([0.9, 0.8])"),
        ("[np.str_('The'), np.str_(' sky')]", "[0.9\n 0.8]"),
        ("[u'The', u' sky',]", "[.9, 8e-1]"),
        ("[('The', 0.9), (' sky', 0.8)]", ""),
        ("[{'token': 'The', 'prob': 0.9}, {'token': ' sky', 'prob': 0.8}]", ""),
    ],
)
def test_a_list_as_python_prints_it_is_read(tokens: str, scores: str) -> None:
    rows = [{"id": "A", "tokens": tokens, "scores": scores}]

    for twin in ("csv", "jsonl", "parquet"):
        assert sessions(read_upload(TWINS[twin](rows), "x"))["A"][:2] == ("The sky", (0.9, 0.8))


@pytest.mark.parametrize(
    "tokens",
    [
        *("['The' ' sky']", "['The', ' sk", "['The', sky]", "[0.1, ..., 0.9]", "['a', b'b']"),
        *("[b'The', b' sky']", "[The, sky]", "[['The'], ['sky]"),
    ],
)
def test_a_list_that_is_not_sure_is_refused_and_never_garbled(tokens: str) -> None:
    rows = [{"id": "A", "tokens": tokens, "scores": [0.9, 0.8]}]

    for twin in ("csv", "jsonl", "parquet"):
        (message,) = messages(read_upload(TWINS[twin](rows), "x"))
        assert message.startswith(
            "tokens must be a JSON list, got a Python list or array, not JSON"
        )


@pytest.mark.parametrize(
    "text",
    [
        "[So] it is.",
        "[INST] Say it [/INST]",
        "[1] says so.",
        "[1] says so [2]",
        "(1) No (2)",
        "(1) No.",
    ],
)
def test_a_sentence_in_brackets_is_text(text: str) -> None:
    n_words = len(text.split())
    rows = [{"id": "A", "response": text, "scores": [0.5] * n_words}]

    assert sessions(read_upload(TWINS["csv"](rows), "x"))["A"][0] == text


def test_a_session_with_a_bad_row_is_left_out_whole(written: Any) -> None:
    rows = token_rows(
        ("A", "x", 0.9, 0), ("A", "y", 7.5, 0), ("B", "x", 0.5, 1), ("C", "x", 0.6, 0)
    )

    plan = read_upload(written(rows), "x")

    assert plan.can_skip
    assert [record.id for record in plan.records] == ["B", "C"]
    assert [problem.session_id for problem in plan.skipped] == ["A"]


def test_a_row_that_cannot_be_read_breaks_the_session_it_names_or_stands_in() -> None:
    csv = b"id,token,score\nA,x,0.9\nA,y\nA,z,0.7\nB,x,0.5\n"
    jsonl = (
        b'{"id":"A","token":"x","score":0.9}\n{"id":"A","tok\n'
        b'{"id":"B","token":"x","score":0.5}\n{"id":"C","token":"x","score":0.5}\n'
    )

    assert [record.id for record in read_upload(csv, "x").records] == ["B"]
    assert [record.id for record in read_upload(jsonl, "x").records] == ["C"]


def test_a_file_that_breaks_off_offers_no_part_of_itself() -> None:
    plan = read_upload(b'id,token,score\nA,x,0.9\nB,"y,0.5\n', "x")

    assert plan.counts.n_errors
    assert not plan.can_skip


def test_texts_without_scores_are_scored_here_when_facts_are_given(written: Any) -> None:
    rows = [
        {"id": "A", "response": "The cat sat on the mat.", "score": 0.9},
        {"id": "B", "response": "Elvis sold Jupiter to 16 angry Vikings.", "score": 0.3},
    ]

    offered = read_upload(written(rows), "x")
    plan = read_upload(written(rows), "x", facts="The cat sat on the mat.")

    assert offers(offered) == [("facts", "response")]
    read = sessions(plan)
    assert (read["A"][0], len(read["A"][1])) == ("The cat sat on the mat.", 6)
    assert min(read["B"][1]) < min(read["A"][1])


def test_each_text_is_scored_by_its_own_facts(written: Any) -> None:
    rows = [
        {"id": "A", "answer": "Oil and gold.", "context": "There is oil and gold."},
        {"id": "B", "answer": "Oil and gold.", "context": "Only sheep live there."},
    ]
    mapping = ColumnMapping(id="id", tokens="answer", facts="context")

    a, b = sessions(read_upload(written(rows), "x", mapping)).values()

    assert a[1] > b[1]


def test_a_text_that_is_scored_here_has_our_scorer_and_its_facts(written: Any) -> None:
    rows = [{"id": "A", "answer": "Oil.", "context": "There is oil.", "scorer": "other@1"}]
    mapping = ColumnMapping(id="id", tokens="answer", facts="context", scorer="scorer")

    (read,) = read_upload(written(rows), "x", mapping).records

    assert read.scorer == CoherenceScorer().scorer_identity
    assert read.facts == FactSet({"fact 1": "There is oil."})


def test_a_table_with_facts_as_text_is_none_of_ours() -> None:
    row = {"id": "A", "tokens": ["Oil."], "scores": [0.5], "evidence": [], "facts": "There is oil."}

    plan = read_upload(f"{json.dumps(row)}\n".encode(), "x")

    assert plan.mapping is not None
    assert not plan.problems


@pytest.mark.parametrize(
    ("labels", "label", "onset"),
    [([0, 1, 1], "bad", 1), ([0.0, 0.0, 0.0], "good", None), ([None, 1, None], "bad", None)],
)
def test_a_list_of_labels_is_its_tokens_own(labels: Any, label: str, onset: int | None) -> None:
    rows = [{"id": "A", "tokens": ["x", "y", "z"], "scores": [0.9, 0.8, 0.7], "labels": labels}]

    for twin in ("csv", "jsonl", "parquet"):
        assert sessions(read_upload(TWINS[twin](rows), "x"))["A"][2:] == (label, onset), twin


@pytest.mark.parametrize("scores", [[0.9, 0.8], [0.9, 0.8, 0.7, 0.6]])
def test_scores_of_another_number_than_tokens_are_refused(scores: Any) -> None:
    rows = [
        {"id": "A", "tokens": ["x", "y", "z"], "scores": scores},
        {"id": "B", "tokens": "one two three", "scores": scores},
    ]

    assert (
        messages(read_upload(TWINS["jsonl"](rows), "x"))
        == [f"scores must be one a token (3), got {len(scores)}"] * 2
    )


def test_values_of_other_types_in_parquet_are_read_as_what_they_stand_for() -> None:
    file = io.BytesIO()
    columns = {
        "id": pa.array([b"A", b"A"]),
        "token": pa.array(["x", "y"]).dictionary_encode(),
        "score": pa.array([Decimal("0.90"), Decimal("0.25")]),
        "is_correct": pa.array([False, False]),
        "embedding": pa.array([b"\xff", b"\xfe"]),
    }
    pq.write_table(pa.table(columns), file)

    assert sessions(read_upload(file.getvalue(), "x")) == {"A": ("xy", (0.9, 0.25), "bad", None)}


def test_an_id_that_is_no_text_is_refused_and_a_chat_is_kept_as_json() -> None:
    row = {"id": ["A"], "tokens": ["x"], "scores": [0.9]}
    chat = [{"role": "user", "content": "Hi"}]

    plan = read_upload(TWINS["jsonl"]([row, {**row, "id": "B", "prompt": chat}]), "x")

    assert messages(plan) == ["id must be a text or a number, got ['A']"]
    assert json.loads(plan.records[0].prompt) == chat


def test_labels_of_another_number_than_tokens_are_refused() -> None:
    rows = [{"id": "A", "tokens": ["x", "y"], "scores": [0.9, 0.8], "labels": [0]}]

    assert messages(read_upload(TWINS["jsonl"](rows), "x")) == [
        "labels must be one a token (2), got 1"
    ]


def test_a_label_that_few_rows_far_down_have_is_not_lost() -> None:
    row = {"tokens": ["x"], "scores": [0.9]}
    rows: Rows = [{"id": f"s{number}", **row} for number in range(200)]
    rows[-1]["label"] = 1

    for twin in ("jsonl", "json"):
        plan = read_upload(TWINS[twin](rows), "x")
        assert (plan.counts.n_bad, plan.mapping and plan.mapping.label) == (1, "label"), twin


def test_a_session_that_stands_in_a_file_twice_is_named() -> None:
    rows = token_rows(*[("A", "x", 0.9, 0), ("A", "y", 0.8, 0)] * 2)

    (message,) = messages(read_upload(TWINS["csv"](rows), "x"))

    assert message.startswith("line 4 must be another token, got line 2 again, whole")


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"PK\x03\x04rest", "an archive or a workbook of Excel; unpack it, or save it as CSV"),
        (b"\xd0\xcf\x11\xe0rest", "a workbook of Excel; save it as CSV"),
        (b"BZh91AY&SY", "bzip2; unpack it, or pack it with gzip"),
        (b"\x28\xb5\x2f\xfdrest", "Zstandard; unpack it, or pack it with gzip"),
        (gzip.compress(gzip.compress(b"id", mtime=0), mtime=0), "gzip within gzip; unpack it once"),
        (bytes(257) + b"ustar", "an archive of tar; unpack it, or pack it with gzip"),
        (b"SQLite format 3\0", "a database of SQLite; export its table as CSV"),
        (b"<!DOCTYPE html>", "HTML; save its table as CSV"),
        (
            "id,token".encode("utf-16-be"),
            "bytes of zero, as in UTF-16 without its mark; save it as UTF-8",
        ),
    ],
)
def test_a_file_of_another_kind_is_told_what_to_do(start: bytes, kind: str) -> None:
    (message,) = messages(read_upload(start, "x.xlsx"))

    assert message == f"the file must be JSON, CSV or Parquet, got {kind}"


@pytest.mark.parametrize(
    "table",
    [
        {"id": {"0": "A", "1": "B"}, "scores": {"0": [0.9], "1": [0.3]}},
        {"A": {"tokens": ["x"], "scores": [0.9]}, "B": {"tokens": ["x"], "scores": [0.3]}},
        {"columns": ["id", "scores"], "index": [0, 1], "data": [["A", [0.9]], ["B", [0.3]]]},
        {
            "schema": {},
            "data": [{"index": 0, "id": "A", "scores": [0.9]}, {"id": "B", "scores": [0.3]}],
        },
        {"sessions": [{"id": "A", "scores": [0.9]}, {"id": "B", "scores": [0.3]}]},
        {"id": ["A", "B"], "scores": [[0.9], [0.3]]},
    ],
)
@pytest.mark.parametrize("indent", [None, 1])
def test_a_table_in_one_object_of_json_is_read(table: Any, indent: int | None) -> None:
    plan = read_upload(json.dumps(table, indent=indent).encode(), "x", text_needed=False)

    assert [(r.id, r.scores) for r in plan.records] == [("A", (0.9,)), ("B", (0.3,))]


def test_a_table_in_one_object_may_be_longer_than_a_line() -> None:
    table = {"id": {"0": "A", "1": "B"}, "scores": {"0": [0.9], "1": [0.3]}}
    long = {**table, "prompt": {"0": "x" * MAX_LINE_BYTES, "1": ""}}
    one_line = json.dumps(long).encode() + b"\n"
    plan = read_upload(one_line, "x", text_needed=False)

    assert [(r.id, r.scores, len(r.prompt)) for r in plan.records] == [
        ("A", (0.9,), MAX_LINE_BYTES),
        ("B", (0.3,), 0),
    ]
    with pytest.raises(ImportRefusedError, match="line 1 must be at most 1,048,576 bytes"):
        read_upload(one_line * 2, "x", text_needed=False)


@pytest.mark.parametrize(
    "moment",
    ["2024-01-31 15:30", "20240131T1530", "202401311530", 20240131153000, 1_706_715_000_000.0],
)
def test_a_start_is_a_time_however_it_is_written(moment: Any) -> None:
    row = {"id": "A", "tokens": ["x"], "scores": [0.9], "started": moment}
    for twin in ("csv", "jsonl"):
        (record,) = read_upload(TWINS[twin]([row]), "x").records

        assert record.started_us == 1_706_715_000_000_000, twin


def test_not_a_number_is_a_blank_cell_and_no_score() -> None:
    rows = [
        {"id": 7.0, "tokens": ["x"], "scores": [0.9], "label": 1, "onset": float("nan")},
        {"id": 8.0, "tokens": ["x"], "scores": [float("nan")], "label": float("nan")},
    ]
    plan = read_upload(TWINS["jsonl"](rows), "x")

    assert [(r.id, r.label, r.onset) for r in plan.records] == [("7", "bad", None)]
    assert messages(plan) == ["scores[0] must be a number in [0, 1], got nan"]


def test_separators_without_a_value_are_no_row_and_no_column() -> None:
    plan = read_upload(b"id,token,score,,\nA,x,0.9,,\n,,,,\nA,y,0.8,,\n,,,,\n", "x")

    assert sessions(plan)["A"][:2] == ("xy", (0.9, 0.8))
    assert plan.report.unused == ["", "Unnamed: 4"]


def test_what_is_the_sessions_may_stand_on_any_of_its_rows(written: Any) -> None:
    rows = token_rows(
        ("A", "x", 0.9, None, "m"), ("A", "y", 0.8, 1, "m"), names="id token score onset model"
    )  # fmt: skip

    assert sessions(read_upload(written(rows), "x"))["A"][2:] == ("bad", 1)


@pytest.mark.parametrize("column", ["model", "prompt", "group", "onset", "author", "tags"])
def test_what_is_the_sessions_must_be_the_same_on_its_rows(column: str) -> None:
    rows = token_rows(("A", "x", 0.9, "1"), ("A", "y", 0.8, "2"), names=f"id token score {column}")
    without_id = [{name: value for name, value in row.items() if name != "id"} for row in rows]

    says = f"{column} must be the same on every row of a session, got '2' after '1'"
    assert messages(read_upload(TWINS["csv"](rows), "x")) == [says]
    assert messages(read_upload(TWINS["csv"](without_id), "x")) == [
        f"{says}; choose a column for id"
    ]


@pytest.mark.parametrize(
    ("column", "moments"),
    [
        ("timestamp", ("2024-01-01T00:00:02", "2024-01-01T00:00:00", "2024-01-01T00:00:02")),
        ("created_at", (1_700_000_002, 1_700_000_000, 1_700_000_002)),
        ("time_us", (2_000_000, 0, 2_000_000)),
    ],
)
def test_tokens_of_their_own_times_stand_in_their_order(column: str, moments: Any) -> None:
    rows = [
        {"id": "A", "token": token, "score": score, column: moment}
        for token, score, moment in zip("yxz", (0.8, 0.9, 0.7), moments, strict=True)
    ]
    for twin in ("csv", "jsonl", "parquet"):
        plan = read_upload(TWINS[twin](rows), "x")

        assert sessions(plan)["A"][:2] == ("xyz", (0.9, 0.8, 0.7)), twin
        assert plan.records[0].times_us == (0, 2_000_000, 2_000_000)
        assert f"rows were put in the order of {column}" in plan.report.notes


@pytest.mark.parametrize("column", ["step", "pos", "idx", "token-pos", "__index_level_0__"])
def test_a_column_that_numbers_tokens_is_known_by_its_values(written: Any, column: str) -> None:
    rows = token_rows(("A", 1, "y", 0.8), ("A", 0, "x", 0.9), names=f"id {column} token score")
    constant = [{**row, column: 5} for row in rows]

    assert sessions(read_upload(written(rows), "x"))["A"][0] == "xy"
    assert sessions(read_upload(written(constant), "x"))["A"][0] == "yx"


@pytest.mark.parametrize(
    ("names", "id"),
    [
        ("id session_id", "session_id"),
        ("conversation_id response_id", "response_id"),
        ("run_id request_id", "request_id"),
    ],
)
def test_rows_of_tokens_are_gathered_by_the_finest_name_they_share(names: str, id: str) -> None:
    rows = token_rows(
        (1, "A", "x", 0.9), (2, "A", "y", 0.8), (3, "B", "x", 0.3), names=f"{names} token score"
    )  # fmt: skip
    if "session_id" not in names:
        rows = [{**row, names.split(maxsplit=1)[0]: "c"} for row in rows]

    plan = read_upload(TWINS["csv"](rows), "x")

    assert (plan.mapping and plan.mapping.id, sorted(sessions(plan))) == (id, ["A", "B"])


def test_whole_answers_keep_their_own_name_and_share_a_group() -> None:
    rows = [
        {"run_id": "r", "id": name, "answer": "It is.", "score": 0.9, "scores": [0.9, 0.8]}
        for name in ("A", "B", "C")
    ]
    wide = [
        {"conversation_id": group, "uuid": row["id"], "answer": "It is.", "scores": [0.9, 0.8]}
        for row, group in zip(rows, "ccd", strict=True)
    ]
    one_score = [{name: row[name] for name in row if name != "scores"} for row in rows]

    assert [r.id for r in read_upload(TWINS["csv"](one_score), "x").records] == ["A", "B", "C"]
    assert [(r.id, r.group) for r in read_upload(TWINS["csv"](wide), "x").records] == [
        ("A", "c"),
        ("B", "c"),
        ("C", "d"),
    ]


def test_a_time_that_a_row_lacks_makes_none_of_the_others_a_tokens_time() -> None:
    rows = token_rows(
        *(("A", 0, "x", 0.9, 1_700_000_000), ("A", 1, "y", 0.8, None)),
        *(("A", 2, "z", 0.7, 1_700_000_002),),
        names="id index token score timestamp",
    )
    (record,) = read_upload(TWINS["jsonl"](rows), "x").records

    assert (record.started_us, record.times_us) == (1_700_000_000_000_000, ())


def test_a_list_of_tokens_with_one_score_is_left_out() -> None:
    rows = token_rows(("A", ["x", "y"], 0.9), ("B", "z", 0.8), names="id token score")
    plan = read_upload(TWINS["csv"](rows), "x")

    assert [record.id for record in plan.records] == ["B"]
    assert messages(plan) == ["score must be one a token (2), got one for the whole list"]


def test_two_columns_of_one_name_in_one_object_of_json_are_refused() -> None:
    table = {"columns": ["id", "scores", "scores"], "data": [["A", [0.9], [0.1]]]}
    plan = read_upload(json.dumps(table).encode(), "x", text_needed=False)

    assert messages(plan) == ["columns must have different names, got 'scores' twice"]
    row = {"columns": 2, "data": [["x"]], "id": "A", "tokens": ["x"], "scores": [0.9]}
    assert read_upload(json.dumps(row).encode(), "x").ok


@pytest.mark.parametrize("name", ["coherence_score", "log_probability"])
def test_a_score_of_a_nested_token_goes_by_a_known_name_alone(name: str) -> None:
    entry = {"e": 0.1, "token": "x", "pos": "DET", name: 0.9}
    plan = read_upload(TWINS["jsonl"]([{"id": "A", "tokens": [entry]}]), "x")

    assert sessions(plan)["A"][:2] == ("x", (0.9,))


def test_labels_of_nested_tokens_mean_what_is_said_of_them() -> None:
    entries = [{"token": "x", "score": 0.9, "label": 1}, {"token": "y", "score": 0.8, "label": 0}]
    mapping = ColumnMapping(id="id", tokens="tokens", scores="tokens")
    data = TWINS["jsonl"]([{"id": "A", "tokens": entries}])

    assert sessions(read_upload(data, "x", mapping))["A"][2:] == ("bad", 0)
    said = replace(mapping, one_is="good")
    assert sessions(read_upload(data, "x", said))["A"][2:] == ("bad", 1)


def test_entries_of_nested_lists_keep_their_order_and_labels() -> None:
    entries = [
        {"index": 1, "token": "y", "score": 0.3, "hallucinated": True},
        {"index": 0, "token": "x", "score": 0.9, "hallucinated": False},
    ]
    for twin in ("jsonl", "csv", "parquet"):
        plan = read_upload(TWINS[twin]([{"id": "A", "tokens": entries}]), "x")

        assert sessions(plan)["A"] == ("xy", (0.9, 0.3), "bad", 1), twin


LOGPROBS = [{"token": "Hi", "logprob": -0.1}, {"token": " you", "logprob": -0.3}]


@pytest.mark.parametrize(
    "response",
    [
        {"choices": [{"index": 0, "logprobs": {"content": LOGPROBS}}]},
        {"choices": [{"logprobs": {"tokens": ["Hi", " you"], "token_logprobs": [-0.1, -0.3]}}]},
        {"response": {"body": {"choices": [{"logprobs": {"content": LOGPROBS}}]}}},
        {"candidates": [{"logprobsResult": {"chosenCandidates": [
            {"token": "Hi", "logProbability": -0.1}, {"token": " you", "logProbability": -0.3}
        ]}}]},
    ],
)  # fmt: skip
def test_log_probabilities_of_responses_are_offered_and_taken(response: Any) -> None:
    data = json.dumps({"id": "A", "model": "m", **response}).encode()
    plan = read_upload(data, "x")

    assert plan.mapping is not None
    assert [kind for kind, _ in offers(plan)][:1] == ["logprob"]
    taken = sessions(read_upload(data, "x", replace(plan.mapping, scale="logprob")))
    assert taken["A"][0] == "Hi you"
    assert taken["A"][1] == pytest.approx((math.exp(-0.1), math.exp(-0.3)))


def test_texts_that_were_found_with_a_score_are_no_tokens() -> None:
    contexts = [{"text": "a page of it", "score": 0.9}, {"text": "more", "score": 0.8}]
    row = {"id": "A", "answer": "Hi you", "contexts": contexts}

    assert messages(read_upload(json.dumps(row).encode(), "x")) == [
        "a column must be chosen for scores, got columns id, answer, contexts"
    ]


def test_a_list_of_spans_is_a_label_and_none_of_them_is_good(written: Any) -> None:
    spans = [{"start": 3, "end": 6, "label_type": "conflict"}]
    rows = [
        {"id": name, "response": "Hi you", "scores": [0.9, 0.3], "labels": labels}
        for name, labels in (("A", spans), ("B", []))
    ]

    read = sessions(read_upload(written(rows), "x"))
    assert {name: values[2:] for name, values in read.items()} == {
        "A": ("bad", 1),
        "B": ("good", None),
    }


def test_spans_need_the_text_whose_characters_they_count() -> None:
    rows = [{"id": "A", "scores": [0.9, 0.8], "spans": [[1, 2]]}]

    plan = read_upload(TWINS["jsonl"](rows), "x", text_needed=False)

    assert messages(plan) == [
        "spans must stand beside tokens, whose characters they count, got none"
    ]


@pytest.mark.parametrize("name", ["", "Unnamed: 0"])
def test_a_number_that_pandas_gave_the_row_is_no_label(name: str) -> None:
    plan = read_upload(f"{name},id,token,score\n0,a,x,0.9\n1,a,y,0.8\n".encode(), "x")

    assert (plan.report.unused, offers(plan)) == ([name], [])


def test_a_table_without_rows_is_told_so() -> None:
    assert messages(read_upload(b"id,token,score\n", "x")) == [
        "the file must hold rows of sessions, got none"
    ]


def answers(*keys: tuple[Any, ...], names: str, n_tokens: int) -> Rows:
    return [
        {**dict(zip(names.split(), key, strict=True)), "token": f"t{n}", "score": 0.5}
        for key in keys
        for n in range(n_tokens)
    ]


@pytest.mark.parametrize(
    ("names", "keys", "column"),
    [
        ("session_id response_id", [("s", "a"), ("s", "b")], "response_id"),
        ("example_id run_id", [("e", 0), ("e", 1), ("f", 0), ("f", 1)], "run_id"),
        ("question_id sample_id", [("q", 0), ("q", 1), ("r", 0), ("r", 1)], "question_id"),
        ("id Seed", [("A", 7), ("A", 8)], "Seed"),
        ("id rater", [("A", "x"), ("A", "y")], "rater"),
    ],
)
def test_a_column_that_tells_answers_apart_must_not_change_within_a_session(
    names: str, keys: list[tuple[Any, ...]], column: str
) -> None:
    # Longer than the rows that are looked at first.
    rows = answers(*keys, names=names, n_tokens=60)

    for twin in ("csv", "parquet"):
        plan = read_upload(TWINS[twin](rows), "x")
        (message,) = messages(plan)
        assert message.startswith(f"{column} must be the same on every row of a session, got "), (
            twin
        )
        assert "choose a column for id that names each answer" in message
        assert (("columns", column) in offers(plan)) == (column in ("response_id", "run_id"))
        assert not plan.can_skip


def test_raters_that_take_turns_on_each_token_do_not_double_the_answer() -> None:
    rows = [
        {"id": "A", "token": token, "score": 0.5, "label": 0, "rater": rater}
        for token in "xyz"
        for rater in ("r1", "r2")
    ]

    assert messages(read_upload(TWINS["jsonl"](rows), "x")) == [
        "rater must be the same on every row of a session, got 'r2' after 'r1' in session 'A', "
        "whose rows are several answers; choose a column for id that names each answer, or leave "
        "rater out of the file"
    ]


def test_the_number_of_a_token_and_the_name_of_a_row_change_within_an_answer(written: Any) -> None:
    names = "session_id uid token_id token score sample_weight"
    rows = token_rows(
        *[("A", f"u{n}", (5, 7, 5)[n], "xyx"[n], 0.5, n % 2) for n in range(3)], names=names
    )

    assert list(sessions(read_upload(written(rows), "x"))) == ["A"]


@pytest.mark.parametrize(
    ("indices", "message"),
    [((0, 3), "tokens[1].index must be 1, got 3"), ((2, 3), "tokens[0].index must be 0, got 2")],
)
def test_a_nested_token_that_is_missing_is_named(indices: Any, message: str) -> None:
    entries = [{"index": index, "token": "x", "score": 0.9} for index in indices]

    assert messages(read_upload(TWINS["jsonl"]([{"id": "A", "tokens": entries}]), "x")) == [message]


def test_nested_tokens_may_count_from_1_and_say_where_their_characters_are() -> None:
    entries = [{"index": n, "token": "x", "score": 0.9} for n in (2, 1)]
    characters = [{"pos": n, "token": "x", "score": 0.9} for n in (0, 4)]
    rows = [{"id": "A", "tokens": entries}, {"id": "B", "tokens": characters}]

    assert list(sessions(read_upload(TWINS["jsonl"](rows), "x"))) == ["A", "B"]


def test_a_token_with_a_name_beside_a_window_is_no_snapshot_of_a_log() -> None:
    row = {"session_id": "A", "index": 0, "token": "x", "coherence": 0.9, "window_avg": 0.9}

    plan = read_upload(TWINS["jsonl"]([{**row, "label": 1}]), "x")

    assert sessions(plan) == {"A": ("x", (0.9,), "bad", None)}
    assert plan.report.unused == ["window_avg"]


def test_keys_of_nested_tokens_that_nothing_is_read_from_are_named() -> None:
    entries = [
        {"token": "x", "score": 0.9, "bytes": [120], "is_hallucinated_token": wrong, "speed": 0.7}
        for wrong in (0, 1)
    ]
    plan = read_upload(TWINS["jsonl"]([{"id": "A", "tokens": entries}]), "x")

    assert plan.report.unused == ["tokens[].is_hallucinated_token", "tokens[].speed"]
    assert plan.report.notes == [
        "tokens[].is_hallucinated_token may hold a label of each token; name it label to have it "
        "read"
    ]


@pytest.mark.parametrize("twin", ["csv", "jsonl"])
def test_an_empty_list_of_labels_alone_is_an_answer_without_a_span(twin: str) -> None:
    rows = [{"id": "A", "response": "The sky", "scores": [0.9, 0.8], "labels": []}]

    assert sessions(read_upload(TWINS[twin](rows), "x"))["A"][2:] == ("good", None)


def test_labels_of_tokens_after_rows_of_empty_lists_are_refused() -> None:
    row = {"tokens": ["x"], "scores": [0.9]}
    rows = [{"id": f"s{n}", **row, "labels": [] if n < 50 else [1]} for n in range(51)]

    assert messages(read_upload(TWINS["jsonl"](rows), "x")) == [
        "labels must be spans, as the first rows have none of them, got [1]"
    ]


def test_the_text_of_a_span_must_stand_where_it_counts() -> None:
    row = {"id": "A", "tokens": ["The", "sky"], "scores": [0.9, 0.8]}
    wrong, right = ({"start": start, "end": start + 3, "text": "sky"} for start in (2, 3))

    assert messages(read_upload(TWINS["jsonl"]([{**row, "spans": [wrong]}]), "x")) == [
        "spans[0].text must be the characters 2 to 5 of the tokens, 'esk', got 'sky'"
    ]
    assert sessions(read_upload(TWINS["jsonl"]([{**row, "spans": [right]}]), "x"))["A"][3] == 1


@pytest.mark.parametrize(
    "table",
    [
        {"tokens": {"A": ["x"], "B": ["x"]}, "scores": {"A": [0.9], "B": [0.3]}},
        {"columns": ["scores"], "index": ["A", "B"], "data": [[[0.9]], [[0.3]]]},
    ],
)
def test_the_names_that_pandas_has_for_rows_are_the_sessions(table: Any) -> None:
    plan = read_upload(json.dumps(table).encode(), "x", text_needed=False)

    assert [(r.id, r.scores) for r in plan.records] == [("A", (0.9,)), ("B", (0.3,))]


def test_the_names_that_pandas_has_for_rows_of_tokens_are_no_sessions() -> None:
    table = {"token": {"3": "x", "7": "y"}, "score": {"3": 0.9, "7": 0.3}}

    assert [r.tokens for r in read_upload(json.dumps(table).encode(), "x").records] == [("x", "y")]


def test_a_table_with_times_and_labels_of_numbers_is_none_of_ours() -> None:
    row = {"id": "A", "tokens": ["x"], "scores": [0.9], "times_us": [5], "label": 1}

    (record,) = read_upload(TWINS["jsonl"]([row]), "x").records

    assert (record.label, record.times_us) == ("bad", (5,))


def test_times_since_the_start_are_no_dates() -> None:
    rows = token_rows(("A", "x", 0.9, 0), ("A", "y", 0.8, 120), names="id token score timestamp")

    assert messages(read_upload(TWINS["csv"](rows), "x")) == [
        "timestamp must be a date: ISO 8601, or seconds to nanoseconds since 1970 from 1973 on, "
        "got '120'; a time since the start belongs into time_us, in microseconds, or "
        "choose no column for it"
    ]


WHOLE = {"id": "A", "tokens": ["x", "y"], "scores": [0.9, 0.8]}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"label": 0, "onset": 1}, "onset must be blank where label is good, got token 1"),
        ({"label": 0, "spans": [[0, 1]]}, "spans must be blank where label is good, got token 0"),
        (
            {"started": "2024-01-02", "ended": "2024-01-01"},
            "ended must not be before started, '2024-01-02', got '2024-01-01'",
        ),
        (
            {"policy": "strict"},
            "policy must be limits as JSON, such as {\"hard_limit\": 0.5}, got 'strict'; choose no "
            "column for policy to leave it out",
        ),
    ],
)
def test_what_a_row_says_against_itself_or_in_words_is_refused(
    changed: dict[str, Any], message: str
) -> None:
    assert messages(read_upload(TWINS["jsonl"]([{**WHOLE, **changed}]), "x")) == [message]


def test_reviewers_may_be_numbers() -> None:
    (record,) = read_upload(TWINS["jsonl"]([{**WHOLE, "label": 1, "annotator": 3}]), "x").records

    assert record.annotations[0].author == "3"


def test_the_place_of_a_halt_without_its_reason_is_told_as_not_used() -> None:
    plan = read_upload(TWINS["jsonl"]([{**WHOLE, "halt_index": 1}]), "x")

    assert plan.report.notes == ["halt_index: not used where no reason is given"]


def test_sessions_whose_names_differ_by_blanks_alone_are_refused() -> None:
    plan = read_upload(b"id,token,score\nA,x,0.9\nA ,y,0.8\nB,x,0.7\n", "x")

    assert messages(plan) == ["id must differ by more than blanks, got 'A ' beside 'A'"] * 2
    assert [record.id for record in plan.records] == ["B"]


@pytest.mark.parametrize("in_turn", [True, False])
@pytest.mark.parametrize("twin", ["csv", "parquet"])
def test_tokens_that_another_column_doubles_are_refused(twin: str, in_turn: bool) -> None:
    rows = [
        {"id": "A", "token": token, "score": score, "who": who}
        for who in ("r1", "r2")
        for token, score in (("x", 0.9), ("y", 0.8), ("z", 0.7))
    ]
    rows.sort(key=lambda row: row["token"] if in_turn else "")

    (message,) = messages(read_upload(TWINS[twin](rows), "x"))
    # Parquet is not decoded beyond the columns that are used: its rows come again whole.
    is_whole = twin == "parquet" and not in_turn
    assert ("again, whole" if is_whole else "as all rows of the session come twice") in message
    assert read_upload(TWINS["csv"]([row for row in rows if row["token"] != "z"]), "x").ok


def test_a_list_of_sessions_below_a_header_is_a_table_with_it() -> None:
    rows = [{"id": n, "token": "x", "score": 0.9} for n in "AB"]
    plan = read_upload(json.dumps({"version": 2, "model": "m", "data": rows}).encode(), "x")

    assert [(r.id, r.model) for r in plan.records] == [("A", "m"), ("B", "m")]
    assert plan.report.unused == ["version"]


def test_labels_of_tokens_must_not_speak_against_the_sessions() -> None:
    entries = [{"token": n, "score": 0.9, "label": wrong} for n, wrong in (("x", 0), ("y", 1))]
    rows = [{"id": "A", "label": 0, "tokens": entries}, {"id": "B", "label": 1, "tokens": entries}]
    listed = [{**WHOLE, "label": [0, 1], "onset": onset} for onset in (0, 1)]
    listed[1]["id"] = "B"

    nested, plan = (read_upload(TWINS["jsonl"](table), "x") for table in (rows, listed))

    assert messages(nested) == ["label must be bad where a token is, got good"]
    assert messages(plan) == ["onset must be the first bad token, 1 from 0, got 0"]
    assert [(r.id, r.onset) for r in (*nested.records, *plan.records)] == [("B", 1), ("B", 1)]
