"""A file nobody trusts costs no more than it is given, and harms nobody."""

import gzip
import io
import json
import math
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from director_ai.errors import ImportRefusedError
from director_ai.storage.transfer.column_mapping import ColumnMapping
from director_ai.storage.transfer.export import export_records
from director_ai.storage.transfer.file_reader import read_upload
from director_ai.storage.transfer.limits import MAX_UPLOAD_BYTES
from director_ai.storage.transfer.sandbox import read_upload_safely
from tests.storage.transfer.samples import sessions

pytestmark = pytest.mark.slow

MB = 2**20


def exported(format: Any, n: int = 3) -> bytes:
    file = io.BytesIO()
    export_records(sessions(n), file, format)
    return file.getvalue()


@pytest.mark.parametrize("format", ["parquet", "csv_wide"])
def test_the_child_reads_what_its_parent_would(format: str) -> None:
    data = exported(format)

    plan, here = read_upload_safely(data, "upload"), read_upload(data, "upload")

    assert plan.ok
    assert tuple(plan.records) == tuple(plan.records) == here.records
    assert (len(plan.records), plan.mapping, plan.counts) == (3, here.mapping, here.counts)


def test_problems_and_a_mapping_cross_over(tmp_path: Path) -> None:
    path = tmp_path / "upload"
    path.write_text('{"key": "a", "t": ["\\ud83d"], "s": [2]}\n')
    mapping = ColumnMapping(id="key", tokens="t", scores="s")

    plan = read_upload_safely(path, "upload.jsonl", mapping)

    assert plan.problems == read_upload(path, "upload.jsonl", mapping).problems
    assert plan.columns == ("key", "t", "s")
    assert plan.problems[0].session_id == "a"


@pytest.mark.slow
def test_it_works_from_a_thread() -> None:
    plans: list[Any] = []
    data = exported("jsonl")

    thread = threading.Thread(target=lambda: plans.append(read_upload_safely(data, "upload")))
    thread.start()
    thread.join()

    assert plans[0].ok


@pytest.mark.slow
def test_nothing_is_left_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    plan = read_upload_safely(exported("jsonl"), "upload")
    staged = [path.name for path in tmp_path.iterdir()]
    with pytest.raises(ImportRefusedError):
        read_upload_safely(b"x" * (MB + 2), "upload")
    assert [path.name for path in tmp_path.iterdir()] == staged
    del plan

    assert len(staged) == 1
    assert list(tmp_path.iterdir()) == []


def parquet(rows: int = 1, **columns: Any) -> bytes:
    """Return a file that repeats a row; each column is given as an array of one."""
    file = io.BytesIO()
    table = pa.table(columns)
    with pq.ParquetWriter(file, table.schema, compression="zstd") as writer:
        for _ in range(rows):
            writer.write_table(table)
    return file.getvalue()


def one_long_session(n_tokens: int) -> bytes:
    """Return a session of equal tokens and scores; both are next to nothing in a file."""
    offsets = pa.array([0, n_tokens], type=pa.int32())
    index = pa.array(np.zeros(n_tokens, dtype=np.int8))
    words = pa.DictionaryArray.from_arrays(index, pa.array(["word"]))
    scores = pa.array(np.full(n_tokens, 0.5, dtype=np.float32))
    lists = {"tokens": words, "scores": scores}
    return parquet(
        id=["a"], **{name: pa.ListArray.from_arrays(offsets, of) for name, of in lists.items()}
    )


def packed(start: bytes, again: bytes, times: int) -> bytes:
    """Return a compressed file; its parts may be repeated as they are."""
    return gzip.compress(start) + gzip.compress(again) * times


LINE = b'{"tokens": ["x"], "coherence": [0.5]}\n'

BOMBS = {
    "2 GB of lines": (
        lambda: packed(LINE, b" " * (MB - 1) + b"\n", 2_000),
        "all lines must be at most 1,073,741,824 bytes, got ",
    ),
    "an endless line": (
        lambda: packed(b'{"id": "', b"x" * MB, 2_000),
        "line 1 must be at most 1,048,576 bytes, got ",
    ),
    "an endless document": (
        lambda: packed(b"[\n", b'"", ' * MB, 500),
        "a document must be at most 67,108,864 bytes, got ",
    ),
    "20 million objects in a document": (
        lambda: packed(b"[\n", b"{}," * MB, 20),
        "a file must be read within 1,073,741,824 bytes of memory, got more",
    ),
    "text that unpacks to 2 GB": (
        lambda: parquet(1_100, id=["a"], tokens=["x"], scores=["[1]"], label=["x" * MB]),
        "the decoded file must be at most 1,073,741,824 bytes, got ",
    ),
}


def test_more_bytes_than_an_upload_may_have_are_refused() -> None:
    with pytest.raises(ImportRefusedError, match="^a file must be at most 67,108,864 bytes, got "):
        read_upload_safely(b"x\n" * (MAX_UPLOAD_BYTES // 2 + 1), "upload")


READ = """
import pathlib, resource, sys
from director_ai.errors import ImportRefusedError
from director_ai.storage.transfer.sandbox import read_upload_safely
try:
    path = pathlib.Path(sys.argv[1])
    print(read_upload_safely(path, "upload", max_seconds=300).problems[:1])
except ImportRefusedError as error:
    print(error)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)
"""
"""In a process of its own: a child's memory is counted from its parent's."""


@pytest.mark.slow
@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_by_the_limit_it_breaks(name: str, tmp_path: Path) -> None:
    make, expected = BOMBS[name]
    path = tmp_path / "upload"
    path.write_bytes(make())

    script = [sys.executable, "-c", READ, str(path)]
    done = subprocess.run(script, capture_output=True, text=True, check=True)

    message, peak_bytes = done.stdout.splitlines()
    assert message.startswith(expected)
    assert int(peak_bytes) < 2**30


@pytest.mark.slow
@pytest.mark.parametrize("deep", [b'{"tokens": ' + b"[" * 500_000, b"[" * 500_000])
def test_deep_nesting_is_a_problem_of_its_line(deep: bytes) -> None:
    plan = read_upload_safely(deep + b"\n", "upload")

    assert [problem.message for problem in plan.problems] == ["JSON must be nested less deeply"]


@pytest.mark.slow
def test_one_endless_session_is_refused_by_the_memory_it_would_take() -> None:
    with pytest.raises(ImportRefusedError, match="^a file must be read within 450,000,000 bytes"):
        read_upload_safely(
            one_long_session(3_000_000), "upload", max_memory_bytes=450_000_000, max_seconds=300
        )


@pytest.mark.slow
def test_a_file_that_never_ends_is_given_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "upload")

    with pytest.raises(ImportRefusedError, match="^a file must be read within 1 s, got no end$"):
        read_upload_safely(tmp_path / "upload", "upload", max_seconds=1)


@pytest.mark.slow
def test_a_child_nobody_waits_for_ends_by_itself(tmp_path: Path) -> None:
    row = json.dumps({"tokens": ["x"] * 20_000, "coherence": [0] * 20_000})
    path = tmp_path / "upload"
    path.write_bytes(gzip.compress(f"{row}\n".encode() * 400, 1))
    request = {
        "path": str(path),
        "name": "upload",
        "staged": str(tmp_path / "staged"),
        "mapping": None,
        "max_memory_bytes": 2**30,
        "max_seconds": 1,
    }

    child = subprocess.run(
        [sys.executable, "-m", "director_ai.storage.transfer.sandbox_child"],
        input=json.dumps(request), capture_output=True, text=True,
    )  # fmt: skip

    # The kernel's signal at the limit, or its last word a second later.
    assert -child.returncode in (signal.SIGXCPU, signal.SIGKILL)


def test_the_child_knows_no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[dict[str, str]] = []

    def start(*arguments: Any, env: dict[str, str], **options: Any) -> Any:
        seen.append(env)
        raise OSError

    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary")
    monkeypatch.setattr("subprocess.Popen", start)

    with pytest.raises(OSError):
        read_upload_safely(b"", "upload")
    assert "sk-canary" not in str(seen)


@pytest.mark.slow
def test_a_damaged_parquet_is_always_the_sentence_of_its_bad_line() -> None:
    rows = {"id": ["a", "b"], "tokens": [["x", "y"]] * 2, "scores": [[0.9, math.nan]] * 2}
    data = parquet(**rows)

    messages = {
        tuple(problem.message for problem in read_upload_safely(data, "upload").problems)
        for _ in range(8)
    }

    assert messages == {("scores[1] must be a number in [0, 1], got nan",) * 2}


def test_the_number_of_rows_is_told_while_they_are_read() -> None:
    told: list[int] = []
    lines = b'{"tokens": ["x"], "scores": [0.5]}\n' * 1_000

    plan = read_upload_safely(lines, "upload", progress=told.append)

    assert plan.ok
    assert told == [250, 500, 750, 1_000]


def test_notes_offers_and_raw_rows_cross_over() -> None:
    data = b"session_id,token,score,human_ok\nA,x,0.9,1\nB,x,0.4,0\n"

    assert read_upload_safely(data, "upload").report == read_upload(data, "upload").report
