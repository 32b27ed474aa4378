"""Loading: the same sessions of every kind of table, and errors that say where they are."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from director_ai import HaltPolicy
from director_ai.core.records.record_json import from_line, to_line
from director_ai.errors import DirectorError, InvalidRecordError, InvalidRequestError
from director_ai.experiment import load
from director_ai.experiment.curve_columns import stored_curves
from director_ai.experiment.frame import FrameColumns
from director_ai.storage import SessionQuery, Store, export_records
from director_ai.storage.transfer.column_mapping import ColumnMapping
from director_ai.storage.transfer.curves_file import curve_of
from director_ai.storage.transfer.parquet import write_parquet
from director_ai.storage.transfer.read_report import ReadReport
from director_ai.storage.transfer.rows import SessionReader, sample_of
from tests.examples import one_in
from tests.experiment.tables import awkward_frame, rows
from tests.storage.transfer.test_shard_archive import filled

POLICY = HaltPolicy(0.4, window_threshold=0.6)


class DataSet:
    """A table of a library of its own, known by its method alone."""

    def to_pandas(self) -> pd.DataFrame:
        return awkward_frame()


def long_rows() -> list[dict[str, object]]:
    return [
        {**row, "index": place, "score": score, "scores": None}
        for row in rows()
        for place, score in enumerate(row["scores"])
    ]


def written(path, suffix: str):
    frame = pd.DataFrame(rows())
    if suffix == "parquet":
        frame.to_parquet(path)
    elif suffix == "jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows()), "utf-8")
    else:
        frame.assign(scores=frame["scores"].map(json.dumps)).to_csv(path, index=False)
    return path


@pytest.mark.slow
def test_every_kind_of_table_gives_the_same_numbers(tmp_path) -> None:
    long = pd.DataFrame(long_rows()).drop(columns="scores")
    tables = {
        "dictionaries": rows(),
        "pandas": pd.DataFrame(rows()),
        "awkward pandas": awkward_frame(),
        "indexed pandas": awkward_frame().set_index("id"),
        "a row a token": long,
        "a row a token, indexed": long.set_index(["id", "index"]),
        "polars": pl.DataFrame(rows()),
        "lazy polars": pl.DataFrame(rows()).lazy(),
        "arrow": pa.Table.from_pylist(rows()),
        "columns": {name: [row[name] for row in rows()] for name in rows()[0]},
        "a data set": DataSet(),
        **{
            suffix: written(tmp_path / f"sessions.{suffix}", suffix)
            for suffix in ("parquet", "jsonl", "csv")
        },
        "a glob": str(tmp_path / "*.jsonl"),
    }
    expected = load(rows())
    figures = expected.evaluate(POLICY).to_frame()

    assert not figures.loc["recall"].isna().any()
    for name, table in tables.items():
        exp = load(table)
        assert repr(exp).partition(": ")[2] == repr(expected).partition(": ")[2], name
        pd.testing.assert_frame_equal(exp.evaluate(POLICY).to_frame(), figures, obj=name)
        pd.testing.assert_frame_equal(exp.to_frame(), expected.to_frame(), obj=name)


def test_a_store_gives_the_numbers_of_its_sessions(tmp_path) -> None:
    records = load(rows()).origin.records()
    with Store(tmp_path / "sessions.db") as store:
        store.add(records)
        found = [load(store), load(store.path), load(str(store.path))]
        export = tmp_path / "export.parquet"
        with export.open("wb") as file:
            export_records(records, file, "parquet")
        small = load(store, where=SessionQuery(models=("small",)))

    expected = load(rows()).evaluate(POLICY).to_frame()
    for exp in [*found, load(export), load(records)]:
        pd.testing.assert_frame_equal(exp.evaluate(POLICY).to_frame(), expected)
    assert set(small.to_frame()["model"]) == {"small"}
    assert len(small) == 30


LABEL = st.sampled_from([None, "good", "Bad", "unsure", 0, 1.0, True, float("nan"), "maybe"])
CELLS = st.fixed_dictionaries(
    {
        "id": st.sampled_from(["a", "b", "c", "", None, 7]),
        "scores": st.one_of(
            st.lists(st.sampled_from([0.0, 0.5, 1.0, 1, None, 1.5]), max_size=3), st.just("[0.5]")
        ),
        "tokens": st.lists(st.sampled_from(["a", ".", '"', " "]), max_size=3),
        "label": LABEL,
        "onset": st.sampled_from([None, 1, 2.0, 1.5, -1]),
        "tags": st.sampled_from([None, [], ["x", "y"]]),
        "complete": st.sampled_from([None, True, "no", "?"]),
        "outcome": st.sampled_from([None, "", "halted", "completed"]),
    }
)
CUT = [
    {"id": "a", "scores": [0.5], "tokens": ["a"], "outcome": "halted", "complete": "yes"},
    {"id": "b", "scores": [0.5], "tokens": ["b"], "outcome": "", "complete": "no"},
]


@one_in(2)
@example(CUT, set())
@given(
    st.lists(CELLS, max_size=3),
    st.sets(st.sampled_from(["tokens", "label", "onset", "tags", "complete", "outcome"])),
)
def test_columns_are_read_as_rows_are(table, left_out) -> None:
    table = [{name: row[name] for name in row if name not in left_out} for row in table]
    columns = FrameColumns.of(table)
    mapping = replace(ColumnMapping.guess(columns.cells), one_is="bad")

    fast = stored_curves(columns.cells, columns.n_rows, mapping)

    sample, lines = sample_of(columns.rows())
    reader = SessionReader(mapping, stem="row", report=ReadReport(), text_needed=False)
    slow = [entry for _, entry in reader.sessions(tuple(columns.cells), sample, lines)]
    if fast is not None and table:
        assert fast == [curve_of(record) for record in slow]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ([{"scores": [0.9], "label": "maybe"}], r"row 0.*: label must be good, .* got 'maybe'"),
        ([{"p": [0.9]}], r"a column must be chosen for scores, got columns p; .*columns="),
        ([{"scores": [0.9]}, {"scores": [0.9, 1.5]}], r"row 1.*: scores\[1\] .* got 1.5"),
        ([{"id": "a", "scores": [0.9]}] * 2, "row 1 .*id must be unique, got 'a' of row 0 again"),
        ([{"scores": [0.9], "label": "bad", "onset": -2}], r"row 0.*: onset must be .* got -2"),
        ({"scores": [[0.1]], "label": [1, 2]}, "columns must be of one length, got scores 1"),
        ([5], "row 0 must be a dictionary of column and value, got 5"),
        (5, "data must be a DataFrame, .* got int"),
        (pd.Series([0.9]), "data must be a DataFrame, .* got Series"),
        ([{"scores": [0.9], "label": 1, "onset": 2**63 - 1}], "row 0.*: onset must be .* got 9"),
        ("no/such*.csv", "data must name session files .* got 'no/such"),
        ("no/such.db", "store must be one that is there, got 'no/such.db'"),
    ],
)
def test_an_error_names_row_column_value_and_what_is_allowed(table, message) -> None:
    with pytest.raises((InvalidRecordError, InvalidRequestError), match=message):
        load(table)


def test_an_archive_is_told_from_session_files(tmp_path) -> None:
    filled(tmp_path / "curves")
    with pytest.raises(InvalidRequestError, match="archive .*curves, which keeps no labels"):
        load(tmp_path / "curves")

    (tmp_path / "manifest.json").write_text('[{"id": "a", "scores": [0.9]}]')
    assert len(load(tmp_path)) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"held_out": "half"}, r"held_out must be in \[0, 1\] or None, got 'half'"),
        ({"scale": "pct"}, "scale must be 'percent' or 'logprob', or None, got 'pct'"),
        ({"bad_is": "bad"}, "bad_is must be a list of values, got 'bad'"),
    ],
)
def test_an_option_that_is_none_is_refused_by_name(options, message) -> None:
    with pytest.raises(InvalidRequestError, match=message):
        load([{"scores": [0.9], "label": "good"}], **options)


def test_columns_labels_and_scales_are_named_by_the_user() -> None:
    table = pd.DataFrame({"p": [[90.0, 20.0], [95.0, 90.0]], "verdict": ["FAIL", "fine"]})

    exp = load(table, columns={"scores": "p", "label": "verdict"}, bad_is=["FAIL"], scale="percent")

    assert exp.to_frame()["label"].tolist() == ["bad", "good"]
    assert exp.to_frame()["lowest"].tolist() == [0.2, 0.9]
    with pytest.raises(InvalidRequestError, match="columns must name fields among id, .* 'score'"):
        load(table, columns={"score": "p"})
    with pytest.raises(InvalidRequestError, match=r"columns\['scores'\] must be a column .*'q'"):
        load(table, columns={"scores": "q"})
    with pytest.raises(InvalidRecordError, match=r"p must be numbers in \[0, 1\], got 20 to 95 in"):
        load(table[["p"]], columns={"scores": "p"})


def test_texts_without_scores_are_scored_by_their_facts_when_asked() -> None:
    table = pd.DataFrame(
        {
            "text": ["Returns by post are free.", "Baron Winterbottom polishes every sneaker."],
            "token_scores": [None, None],
            "context": ["Returns by post are free."] * 2,
            "label": [0, 1],
        }
    )

    with pytest.raises(InvalidRecordError, match=r"score the text first, or here .*\"facts\""):
        load(table)
    exp = load(table, columns={"facts": "context"})

    good, bad = exp.to_frame()["lowest"]
    assert bad < good


def test_a_column_that_may_hold_labels_is_named_at_every_door(tmp_path) -> None:
    frame = pd.DataFrame({"id": ["a", "b"], "scores": [[0.9], [0.3]], "human_ok": [1, 0]})
    frame.to_parquet(tmp_path / "table.parquet")
    frame.to_json(tmp_path / "table.json")

    for data in (frame, tmp_path / "table.parquet", tmp_path / "table.json"):
        assert load(data).notes == (
            "human_ok may hold labels (1, 0); take them with columns={'label': 'human_ok'} and "
            "bad_is",
        )


def test_tokens_are_put_in_order_at_every_door(tmp_path) -> None:
    frame = pd.DataFrame({"id": ["a", "a"], "step": [1, 0], "p": [0.4, 0.9], "label": [1, 0]})
    frame.to_csv(tmp_path / "table.csv", index=False)
    frame.to_parquet(tmp_path / "table.parquet")

    for data in (frame, tmp_path / "table.csv", tmp_path / "table.parquet"):
        (record,) = load(data, columns={"scores": "p"}).origin.records()
        assert (record.scores, record.onset) == ((0.9, 0.4), 1)


def test_a_number_of_the_row_is_no_index_and_a_conversation_is_the_group(tmp_path) -> None:
    frame = pd.DataFrame(
        {"response_id": list("xyz"), "conversation_id": list("ccd"), "scores": [[0.9]] * 3}
    ).reset_index()
    frame.to_parquet(tmp_path / "table.parquet")

    for data in (frame, tmp_path / "table.parquet"):
        table = load(data).to_frame()
        assert list(table.index) == ["x", "y", "z"]
        assert list(table["group"]) == ["c", "c", "d"]


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("onset", [None, 1], "row 1 .*: onset must be a token of the answer, 0 to 0, or blank"),
        ("spans", [None, [[0, 9]]], "row 1 .*: spans must stand beside tokens"),
    ],
)
def test_an_onset_outside_the_answer_is_refused(column, values, message) -> None:
    frame = pd.DataFrame({"id": ["a", "b"], "scores": [[0.9], [0.3]], column: values})

    with pytest.raises(InvalidRecordError, match=message):
        load(frame)


def test_rows_without_an_id_go_by_their_index() -> None:
    frame = pd.DataFrame({"scores": [[0.9], [0.8]]})

    assert load(frame).to_frame().index.tolist() == ["0", "1"]
    frame.index = [17, 4]
    assert load(frame).to_frame().index.tolist() == ["17", "4"]


def test_sessions_that_a_fault_ended_are_left_out() -> None:
    exp = load([{"scores": [0.9], "ended_by": "fault"}, {"scores": [0.8], "ended_by": "completed"}])

    assert len(exp) == 1
    assert "1 ended by a fault left out" in repr(exp)


def test_a_table_is_not_added_to_a_store_but_told_how(tmp_path) -> None:
    with Store(tmp_path / "sessions.db") as store:
        assert (len(store), bool(store)) == (0, True)
        with pytest.raises(DirectorError, match=r"session records, got 'id'; .*load\(table\)"):
            store.add(awkward_frame())
        assert repr(store) == f"Store({store.name!r}), 0 sessions"


def test_a_parquet_file_that_columns_cannot_read_is_read_by_rows(tmp_path) -> None:
    path = tmp_path / "lists.parquet"
    pd.DataFrame({"scores": ["[0.9, 0.8]", "[0.9 0.3]"], "label": [0, 1]}).to_parquet(path)

    assert load(path).n_bad == 1
    line = to_line(load(rows(3)).origin.records()[0])
    damaged = tmp_path / "ours.parquet"
    with damaged.open("wb") as file:
        write_parquet([from_line(line)], file)
    damaged.write_bytes(damaged.read_bytes()[:-20])
    with pytest.raises(InvalidRecordError, match="ours.parquet: the file must be whole Parquet"):
        load(damaged)


def test_scores_that_are_not_all_finite_name_their_place() -> None:
    table = {"scores": [np.array([0.9, np.nan, 0.4])]}

    with pytest.raises(InvalidRecordError, match=r"row 0.*scores\[1\] must be a number"):
        load(table)


@pytest.mark.parametrize(
    ("labels", "bad"), [((2, 3), 3), ((1, 2), 2), ((1, -1), -1), ((1.0, 2.0), 2.0)]
)
def test_numbers_are_labels_like_words_where_one_of_them_is_said_to_be_bad(
    labels: tuple[float, float], bad: float, tmp_path
) -> None:
    table = {"id": ["A", "B"], "scores": [[0.9], [0.1]], "label": list(labels)}
    pd.DataFrame({**table, "scores": ["[0.9]", "[0.1]"]}).to_csv(tmp_path / "a.csv", index=False)

    for data in (pd.DataFrame(table), tmp_path / "a.csv"):
        exp = load(data, bad_is=[bad])
        assert exp.to_frame()["label"].to_dict() == {"A": "good", "B": "bad"}


def test_values_that_are_bad_must_be_a_list() -> None:
    with pytest.raises(InvalidRequestError, match="bad_is must be a list of values, got 3"):
        load(rows(), bad_is=3)  # type: ignore[arg-type]


def test_a_label_that_an_onset_speaks_against_is_refused_of_a_table_too() -> None:
    with pytest.raises(InvalidRecordError, match="onset must be blank where label is good"):
        load({"id": ["A"], "scores": [[0.9, 0.8]], "label": [0], "onset": [1]})


def test_columns_that_a_table_is_not_read_by_are_named() -> None:
    assert load({"scores": [[0.9]], "speed": [7.5]}).notes == ("columns not used: speed",)
