"""What is exported as JSONL or Parquet comes back to the last bit, or not at all."""

import io
import random
import struct
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from multiprocessing import get_context
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from director_ai.core.records.record import SessionRecord
from director_ai.core.records.record_json import from_values, to_values
from director_ai.core.scoring.fact_set import FactSet
from director_ai.errors import DirectorError, ImportRefusedError, InvalidRecordError
from director_ai.storage.transfer import parquet
from director_ai.storage.transfer.export import export_records
from director_ai.storage.transfer.file_reader import read_upload
from director_ai.storage.transfer.parquet import open_parquet, read_header
from director_ai.storage.transfer.parquet_columns import SCHEMA, row_of
from director_ai.storage.transfer.record_parsing import record_of
from tests.core.records.test_record import TEXT, records, with_pairs_joined
from tests.examples import one_in
from tests.storage.transfer.samples import session, sessions


def exported(records: list[SessionRecord], format: Any) -> bytes:
    file = io.BytesIO()
    export_records(records, file, format)
    return file.getvalue()


def imported(data: bytes, name: str = "upload") -> tuple[SessionRecord, ...]:
    plan = read_upload(data, name)
    assert plan.ok, plan.problems
    return tuple(plan.records)


@one_in(5)
@given(st.lists(records(), min_size=1, max_size=3, unique_by=lambda record: record.id))
def test_parquet_brings_back_every_bit(written: list[SessionRecord]) -> None:
    read = imported(exported(written, "parquet"))

    assert read == tuple(written)
    assert [bits(record) for record in read] == [bits(record) for record in written]


@pytest.mark.parametrize("format", ["jsonl", "parquet"])
def test_texts_of_facts_stand_once_in_a_file_and_come_back(format: Any) -> None:
    facts = FactSet({"needle": f"Bees make honey. {'x' * 5_000}"})
    # One more than a group of rows of Parquet has.
    first = replace(session(), facts=facts)
    written = [replace(first, id=f"s{place}") for place in range(1_001)]

    data = exported(written, format)

    assert imported(data) == tuple(written)
    if format == "jsonl":
        assert data.count(b"Bees make honey.") == 1
        assert imported(b"".join(data.splitlines(True)[1:]))[0].facts == facts.without_texts()


def test_facts_that_make_a_line_too_long_are_named_by_their_digest() -> None:
    long = replace(session(), facts=FactSet({"a": "x" * 2**20}))

    assert imported(exported([long], "parquet")) == (long,)
    (read,) = imported(exported([long], "jsonl"))
    assert read == replace(long, facts=FactSet({"a": "x" * 2**20}).without_texts())


JOINED = TEXT.map(with_pairs_joined).filter(bool)


@one_in(5)
@given(st.lists(records(JOINED), min_size=1, max_size=3, unique_by=lambda record: record.id))
def test_json_lines_bring_back_every_bit(written: list[SessionRecord]) -> None:
    read = imported(exported(written, "jsonl"))

    assert read == tuple(written)
    assert [bits(record) for record in read] == [bits(record) for record in written]


def bits(record: SessionRecord) -> bytes:
    return struct.pack(f"{len(record.scores)}d", *record.scores)


def test_a_large_parquet_file_may_decode_to_more_than_a_small_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = exported([session(), session(id="b")], "parquet")
    monkeypatch.setattr(parquet, "MAX_DECODED_BYTES", 1)

    assert len(imported(data)) == 2
    monkeypatch.setattr(parquet, "MAX_EXPANSION", 0)
    with pytest.raises(ImportRefusedError, match="^the decoded file must be at most 1 bytes"):
        imported(data)


def test_the_sign_of_zero_survives_parquet() -> None:
    record = replace(
        session(), scores=(-0.0,), held=(False,), tokens=("a",), times_us=(), halt=None
    )

    (read,) = imported(exported([record], "parquet"))

    assert bits(read) == bits(record)


@one_in(5)
@given(records())
def test_a_record_checked_as_a_whole_is_the_one_checked_entry_by_entry(
    record: SessionRecord,
) -> None:
    def values() -> dict[str, Any]:
        lists = ("tokens", "scores", "times_us", "tags")
        return {**to_values(record), **{name: list(getattr(record, name)) for name in lists}}

    assert record_of(values()) == from_values(values()) == record


@pytest.mark.parametrize(
    "changed",
    [
        {"scores": [0.5, float("nan")]},
        {"scores": [0.5, 1.5]},
        {"scores": [True, 0.5]},
        {"scores": [0.5] * 3},
        {"tokens": ["x", None]},
        {"tokens": None},
        {"times_us": [0, -1]},
        {"times_us": [0, 2**63]},
        {"times_us": [0]},
        {"held": [2]},
        {"held": [-1]},
        {"held": [True]},
        {"halt": {"class": "policy", "index": 3}},
        {"halt": {"class": "policy", "index": True}},
        {"halt": {"class": "policy", "index": -1}},
        {"shadow_halt": {"class": "policy", "index": 3}},
        {"halt": 7},
        {"model": 7},
        {"unknown": 7},
    ],
)
def test_whoever_checks_a_record_refuses_it_in_the_same_words(changed: dict[str, Any]) -> None:
    values = {"id": "a", "tokens": ["x", "y"], "scores": [0.5, 0.5], **changed}

    with pytest.raises(InvalidRecordError) as slow:
        from_values(dict(values))
    with pytest.raises(InvalidRecordError) as fast:
        record_of(dict(values))
    assert str(fast.value) == str(slow.value)


@pytest.mark.slow
def test_no_flipped_bit_of_a_parquet_file_passes_for_another_session() -> None:
    written = sessions(2)
    data = exported(written, "parquet")
    wrong = []

    # As where files of others are read: damage may end the process that reads, not the tests.
    reader = None
    for bit in random.Random(0).sample(range(len(data) * 8), 500):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        reader = reader or ProcessPoolExecutor(1, get_context("spawn"))
        try:
            if reader.submit(silently_wrong, bytes(flipped), written).result():
                wrong.append(bit)
        except BrokenProcessPool:
            reader = None
    if reader is not None:
        reader.shutdown()

    assert wrong == []


def silently_wrong(data: bytes, written: list[SessionRecord]) -> bool:
    try:
        plan = read_upload(data, "upload.parquet")
    except (DirectorError, MemoryError):
        return False
    return plan.ok and tuple(plan.records) != tuple(written)


def test_a_column_to_filter_by_must_not_contradict_the_session() -> None:
    file = io.BytesIO()
    row = {**row_of(session()), "label": "good"}
    pq.write_table(pa.Table.from_pylist([row], schema=SCHEMA), file)

    plan = read_upload(file.getvalue(), "upload.parquet")

    assert [problem.message for problem in plan.problems] == ["label must be 'bad', got 'good'"]


def test_parquet_is_a_table_pandas_filters(tmp_path: Any) -> None:
    path = tmp_path / "sessions.parquet"
    export_records(sessions(), path, "parquet", header={"model": "m-1"})

    table = pd.read_parquet(path)

    assert str(table["started"].dt.tz) == "UTC"
    assert table[table.enforced & (table.outcome == "halted")].id.tolist() == ["s0", "s2"]
    assert table.onset.tolist() == [3, 3, 3]
    assert list(table.tokens[0]) == list(sessions()[0].tokens)
    assert table.scores[0].dtype == "float64"
    with path.open("rb") as file:
        assert read_header(file) == {"model": "m-1"}


def test_every_page_has_a_checksum() -> None:
    data = bytearray(exported([session()], "parquet"))
    column = pq.ParquetFile(io.BytesIO(data)).metadata.row_group(0).column(0)
    data[column.data_page_offset + column.total_compressed_size - 1] ^= 1

    file = open_parquet(io.BytesIO(bytes(data)))

    with pytest.raises(OSError, match="CRC checksum"):
        file.read()


def test_the_sessions_of_an_export_that_broke_off_are_not_imported() -> None:
    data = exported(sessions(), "parquet")

    plan = read_upload(data[: len(data) // 2], "upload.parquet")

    assert not plan.ok
    assert plan.problems[0].message.startswith("the file must be whole Parquet, got ")


def test_a_session_too_long_for_a_line_is_not_written_as_one() -> None:
    long = replace(session(), prompt="x" * 2**20)

    with pytest.raises(InvalidRecordError, match="export it as Parquet"):
        exported([long], "jsonl")
    with pytest.raises(InvalidRecordError, match="export it as Parquet"):
        exported([long], "otlp")
    assert imported(exported([long], "parquet")) == (long,)


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(ValueError, match="^format must be one of .*, got 'xlsx'$"):
        exported([session()], "xlsx")
