"""Files of others are understood, and what cannot be is said line by line."""

import gzip
import io
import json
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from director_ai.errors import ImportRefusedError
from director_ai.storage.transfer import import_plan
from director_ai.storage.transfer.column_mapping import ColumnMapping
from director_ai.storage.transfer.file_reader import read_upload
from director_ai.storage.transfer.import_plan import ImportPlan
from director_ai.storage.transfer.limits import MAX_PROBLEMS

REAL = Path(os.environ.get("DIRECTOR_LABELLED", "nowhere"))


def lines(*rows: dict[str, Any]) -> bytes:
    return "".join(f"{json.dumps(row)}\n" for row in rows).encode()


def plan_of(*rows: dict[str, Any]) -> ImportPlan:
    return read_upload(lines(*rows), "answers.jsonl")


ROW = {"id": "a", "tokens": ["Paris", " is", " big"], "token_scores": [0.9, 0.8, 0.7]}


@pytest.mark.parametrize(
    ("columns", "field", "column"),
    [
        (["response", "coherence"], "tokens", "response"),
        (["tokens", "text", "token_scores"], "tokens", "tokens"),
        (["Token-Scores"], "scores", "Token-Scores"),
        (["coherence"], "scores", "coherence"),
        (["is_hallucination", "model_name"], "label", "is_hallucination"),
        (["question"], "prompt", "question"),
        (["dataset"], "source", "dataset"),
        (["outcome"], "ended_by", "outcome"),
        (["word_count"], "tokens", None),
    ],
)
def test_common_names_are_known(columns: list[str], field: str, column: str | None) -> None:
    assert getattr(ColumnMapping.guess(columns), field) == column


@pytest.mark.parametrize(
    ("name", "value", "label"),
    [
        ("label", 0, "good"),
        ("label", 1, "bad"),
        ("label", 1.0, "bad"),
        ("label", "Good", "good"),
        ("label", "unsure", "unsure"),
        ("is_hallucination", True, "bad"),
        ("is_hallucination", "false", "good"),
        ("is_correct", 1, "good"),
        ("is_correct", False, "bad"),
        ("label", None, None),
        ("label", "", None),
    ],
)
def test_a_label_means_what_its_column_says(name: str, value: object, label: str | None) -> None:
    (record,) = plan_of({**ROW, name: value}).records

    assert record.label == label


@pytest.mark.parametrize(
    ("spans", "onset"),
    [
        ([[5, 8]], 1),
        ([[8, 12], [0, 5]], 0),
        ([{"start": 7, "end": 9}], 1),
        ([[5, 5]], None),
        ([], None),
    ],
)
def test_the_onset_is_the_first_token_of_the_first_span(spans: Any, onset: int | None) -> None:
    (record,) = plan_of({**ROW, "label": 1, "spans": spans}).records

    assert (record.label, record.onset) == ("bad", onset)


def test_a_text_stands_for_its_words() -> None:
    (record,) = plan_of({"id": "a", "response": "[So] it is.", "coherence": [1, 0.5, 0.2]}).records

    assert record.tokens == ("[So]", " it", " is.")
    assert record.scores == (1.0, 0.5, 0.2)


def test_sessions_without_an_id_are_named_by_file_and_line() -> None:
    import_plan = plan_of(*[{"tokens": ["x"], "token_scores": [0.5]}] * 2)

    assert [record.id for record in import_plan.records] == ["answers-1", "answers-2"]


@pytest.mark.parametrize(
    ("value", "started_us"),
    [
        (1_700_000_000, 1_700_000_000_000_000),
        (1_700_000_000.5, 1_700_000_000_500_000),
        (1_700_000_000_123, 1_700_000_000_123_000),
        (1_700_000_000_123_456, 1_700_000_000_123_456),
        (1_700_000_000_123_456_789, 1_700_000_000_123_456),
        ("2023-11-14T22:13:20", 1_700_000_000_000_000),
        ("2023-11-14T23:13:20+01:00", 1_700_000_000_000_000),
        (None, 0),
    ],
)
def test_a_time_is_read_in_its_unit(value: object, started_us: int) -> None:
    (record,) = plan_of({**ROW, "created_at": value}).records

    assert record.started_us == started_us


@pytest.mark.parametrize(
    ("changed", "field", "message"),
    [
        (
            {"token_scores": None},
            "token_scores",
            "token_scores must be a list of scores, got None; score the text first",
        ),
        (
            {"token_scores": [0.5]},
            "token_scores",
            "token_scores must be one a token (3), got 1",
        ),
        (
            {"token_scores": [0.9, 7, None]},
            "token_scores[1]",
            "token_scores[1] must be a number in [0, 1], got 7",
        ),
        ({"label": "maybe"}, "label", "label must be good, bad, unsure, 0 or 1, got 'maybe'"),
        ({"onset": 1.5}, "onset", "onset must be a whole number, got 1.5"),
        (
            {"spans": [[1]]},
            "spans[0]",
            "spans[0] must be the start and end of characters, got [1]",
        ),
        ({"tags": "x"}, "tags", "tags must be a JSON list, got 'x'"),
        ({"onset": 3}, "onset", "onset must be a token of the answer, 0 to 2, or blank, got 3"),
        ({"onset": -1}, "onset", "onset must be a token of the answer, 0 to 2, or blank, got -1"),
        (
            {"created_at": "yesterday"},
            "created_at",
            "created_at must be an ISO 8601 time, got 'yesterday'",
        ),
        ({"enforced": 7}, "enforced", "enforced must be true or false, got 7"),
        (
            {"spans": [[99, 100]]},
            "spans[0]",
            "spans[0] must be a start and an end in the 12 characters of the tokens, got 99 to 100",
        ),
        ({"created_at": [1]}, "created_at", "created_at must be a time since 1970, got [1]"),
    ],
)
def test_a_bad_value_is_named_by_line_session_and_field(
    changed: dict[str, Any], field: str, message: str
) -> None:
    import_plan = plan_of({**ROW, "id": "fine"}, {**ROW, **changed})

    (problem,) = import_plan.problems
    assert not import_plan.ok
    assert (problem.line, problem.session_id, problem.severity) == (2, "a", "error")
    assert (problem.field, problem.message) == (field, message)


def test_scores_out_of_range_are_counted() -> None:
    import_plan = plan_of(
        {**ROW, "token_scores": [0.5, None, -2]}, {**ROW, "id": "b", "token_scores": [5, 0.5, 0.5]}
    )

    assert import_plan.counts.n_out_of_range == 3
    assert import_plan.problems[0].value == "None"


def test_scores_of_another_kind_are_warned_of() -> None:
    import_plan = plan_of({**ROW, "score_kind": "logprob"})

    (problem,) = import_plan.problems
    assert import_plan.ok
    assert (problem.severity, problem.value) == ("warning", "logprob")


def test_every_bad_line_is_named() -> None:
    data = lines(ROW) + b'nonsense\n{"id": NaN}\n\n[1]\n{"id": "b", "id": "c"}\n' + lines(ROW)

    import_plan = read_upload(data, "answers.jsonl")

    assert not import_plan.ok
    assert [(problem.line, problem.message) for problem in import_plan.problems] == [
        (2, "JSON must be valid: Expecting value: line 1 column 1 (char 0)"),
        (3, "token_scores must be a list of scores, got None; score the text first"),
        (5, "a line must be an object, got list"),
        (6, "JSON must be valid: key 'id' stands twice in one object"),
        (7, "id must be unique, got 'a' of line 1 again"),
    ]


def test_no_more_than_a_thousand_problems_are_listed_and_all_are_counted() -> None:
    import_plan = read_upload(lines(ROW) + b"{}}\n" * 1_234, "answers.jsonl")

    assert len(import_plan.problems) == MAX_PROBLEMS
    assert import_plan.n_problems_not_listed == 234
    assert import_plan.counts.n_errors == 1_234


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        ("MAX_SESSIONS", "a file must be at most 2 sessions, got 3"),
        ("MAX_TOKENS", "a file must be at most 2 tokens, got 3"),
    ],
)
def test_a_file_of_too_much_is_refused(
    limit: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_plan, limit, 2)

    with pytest.raises(ImportRefusedError, match=f"^{message}$"):
        plan_of(*[{"tokens": ["x"], "coherence": [0.5]}] * 3)


def test_one_sentence_tells_what_a_file_holds() -> None:
    rows = [
        {
            "id": f"s{i}",
            "tokens": ["x"] * 100,
            "scores": [0.5] * 100,
            "label": i % 2,
            "enforced": i < 3,
        }
        for i in range(1_001)
    ]

    import_plan = plan_of(*rows)

    assert import_plan.summary == (
        "1,001 sessions, 100k tokens, 500 labelled bad, 501 good; "
        "3 were recorded while enforcing (a halt ends them early)."
    )


def test_a_chosen_mapping_wins_over_the_names() -> None:
    row = {"id": "a", "tokens": ["x"], "scores": [0.1], "mine": ["y"]}

    import_plan = read_upload(
        lines(row), "answers.jsonl", ColumnMapping(id="id", tokens="mine", scores="scores")
    )

    assert [record.tokens for record in import_plan.records] == [("y",)]


def test_a_line_of_ours_may_leave_out_all_but_three_fields() -> None:
    row = {"id": "a", "tokens": ["x"], "scores": [0.5], "label": "bad", "onset": 0}

    import_plan = plan_of(row)

    assert [(record.label, record.onset) for record in import_plan.records] == [("bad", 0)]


def test_a_table_of_others_in_parquet_is_understood() -> None:
    file = io.BytesIO()
    table = pa.table({**{name: [value] for name, value in ROW.items()}, "label": [1], "big": ["x"]})
    pq.write_table(table, file)

    import_plan = read_upload(file.getvalue(), "answers.parquet")

    assert (import_plan.format, import_plan.columns) == (
        "parquet",
        ("id", "tokens", "token_scores", "label", "big"),
    )
    assert [(record.tokens, record.label) for record in import_plan.records] == [
        (("Paris", " is", " big"), "bad")
    ]


def test_a_row_a_token_is_gathered_into_sessions() -> None:
    rows = [{"session": name, "token": "x", "coherence": 0.5} for name in "aab"]

    import_plan = plan_of(*rows)

    assert [(record.id, record.n_tokens) for record in import_plan.records] == [("a", 2), ("b", 1)]


@pytest.mark.parametrize("pack", [lambda data: data, gzip.compress])
@pytest.mark.parametrize("layout", ["lines", "document", "bom"])
def test_json_is_known_however_it_is_written(pack: Any, layout: str) -> None:
    data = {
        "lines": lines(ROW),
        "document": json.dumps([ROW], indent=1).encode(),
        "bom": b"\xef\xbb\xbf" + lines(ROW),
    }[layout]

    import_plan = read_upload(pack(data), "answers")

    assert [record.id for record in import_plan.records] == ["a"]


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[7]", b"\x1f\x8b\x08", gzip.compress(b"x" * 99, mtime=0)[:40]]
)
def test_what_is_no_file_of_sessions_is_a_problem_and_no_crash(data: bytes) -> None:
    assert not read_upload(data, "answers").ok


@pytest.mark.skipif(
    not REAL.is_dir(), reason="DIRECTOR_LABELLED names no folder of labelled answers"
)
@pytest.mark.parametrize("name", ["begin_wow", "haluquestqa", "ragtruth_llama2_7b"])
def test_real_labelled_texts_are_understood_once_they_are_scored(name: str) -> None:
    data = gzip.decompress((REAL / f"{name}.dev.jsonl.gz").read_bytes())
    rows = [json.loads(line) for line in data.splitlines()]
    unscored = read_upload(gzip.compress(data, mtime=0), f"{name}.dev.jsonl.gz")
    for row in rows:
        row |= {"token_scores": [0.5] * len(row["tokens"]), "score_kind": "coherence"}

    import_plan = plan_of(*rows)

    assert unscored.counts.n_errors == len(rows)
    assert import_plan.ok
    assert import_plan.counts.n_bad == sum(row["label"] for row in rows)
    for row, record in zip(rows, import_plan.records, strict=True):
        assert (record.label == "bad") == (row["label"] == 1)
        if row["spans"]:
            start, end = min(row["spans"])
            before = "".join(row["tokens"][: record.onset])
            assert len(before) <= start < len(before) + len(row["tokens"][record.onset])
