"""Sandbox of imports: an untrusted file is read by a child process under limits."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Any

from director_ai.core.records.record import Annotation
from director_ai.errors import ImportRefusedError
from director_ai.storage.engine.errors import as_temporary_file_error
from director_ai.storage.label_table import InvalidLabelsError, LabelRow, LabelTable
from director_ai.storage.transfer.column_mapping import ColumnMapping
from director_ai.storage.transfer.file_reader import Progress, check_size
from director_ai.storage.transfer.import_plan import Counts, ImportPlan
from director_ai.storage.transfer.label_parsing import LabelCoding
from director_ai.storage.transfer.problem import Problem
from director_ai.storage.transfer.read_report import ReadReport
from director_ai.storage.transfer.sandbox_child import NO_ROOM, OUT_OF_MEMORY, REFUSED
from director_ai.storage.transfer.staged_records import StagedRecords

_SECONDS, _MORE_SECONDS, _FOR_BYTES = 60, 600, 64 * 2**20

_ROOT = Path(__file__).resolve().parents[3]


def read_upload_safely(
    upload: Path | bytes,
    name: str,
    mapping: ColumnMapping | None = None,
    *,
    facts: str = "",
    progress: Progress | None = None,
    max_memory_bytes: int = 2**30,
    max_seconds: int | None = None,
) -> ImportPlan:
    """Return the plan of an import; whatever is in the file, this process is safe.

    A child process reads it under limits and without this one's environment, where keys may be.
    The sessions of the plan lie in a temporary file and are read from it one at a time.

    Its memory hardly grows with the file, as ids that were met lie in one too: 50,000 sessions of
    10 million tokens as Parquet take 31 s and 230 MB on one core. CSV with a row a token takes
    16 s a million tokens.

    Parameters
    ----------
    upload, name, mapping, facts, progress
        As in :func:`director_ai.storage.transfer.file_reader.read_upload`.
    max_memory_bytes
        Memory of the child, the 350 MB of addresses Python and Arrow start with included.
    max_seconds
        Whole seconds it may take, waiting and computing; by default 60 for the first 64 MB
        and 600 for each 64 MB more, which a busy machine may need.

    Raises
    ------
    ImportRefusedError
        If the file exceeds the memory, time or size it may take.
    """
    size = check_size(upload)
    if max_seconds is None:
        max_seconds = _SECONDS + _MORE_SECONDS * (size // _FOR_BYTES)
    with tempfile.TemporaryDirectory(prefix="director-import-") as folder:
        path = upload if isinstance(upload, Path) else Path(folder, "upload")
        if isinstance(upload, bytes):
            with as_temporary_file_error():
                path.write_bytes(upload)
        handle, staged_name = tempfile.mkstemp(prefix="director-staged-", suffix=".parquet")
        os.close(handle)
        staged = Path(staged_name)
        request = {
            "path": str(path.resolve()),
            "name": name,
            "staged": staged_name,
            "mapping": mapping and asdict(mapping),
            "facts": facts,
            "max_memory_bytes": max_memory_bytes,
            "max_seconds": max_seconds,
        }
        try:
            values = _ask(request, progress)
        except BaseException:
            staged.unlink()
            raise
    return _plan(values, staged)


def read_labels_safely(
    upload: Path | bytes,
    *,
    column: str | None = None,
    coding: LabelCoding | None = None,
    max_memory_bytes: int = 2**30,
    max_seconds: int = 60,
) -> LabelTable:
    """Return the labels of a table; whatever is in the file, this process is safe.

    Parameters
    ----------
    upload, column, coding
        As in :func:`director_ai.storage.label_table.read_label_table`, which also raises alike.
    max_memory_bytes, max_seconds
        As in :func:`read_upload_safely`.

    Raises
    ------
    InvalidLabelsError
        Naming every bad row.
    ImportRefusedError
        If the file exceeds the memory, time or size it may take.
    """
    with tempfile.TemporaryDirectory(prefix="director-labels-") as folder:
        path = upload if isinstance(upload, Path) else Path(folder, "upload")
        if isinstance(upload, bytes):
            with as_temporary_file_error():
                path.write_bytes(upload)
        request = {
            "path": str(path.resolve()),
            "labels": {"column": column, "coding": coding and asdict(coding)},
            "max_memory_bytes": max_memory_bytes,
            "max_seconds": max_seconds,
        }
        values = _ask(request, None)
    problems = [Problem(**problem) for problem in values["problems"]]
    if problems:
        raise InvalidLabelsError(problems, values["n_problems"])
    return LabelTable(
        [
            LabelRow(row["id"], Annotation(**row["annotation"]), row["n_tokens"])
            for row in values["rows"]
        ],
        values["notes"],
    )


def _ask(request: dict[str, Any], progress: Progress | None) -> dict[str, Any]:
    memory, seconds = request["max_memory_bytes"], request["max_seconds"]
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as complaints,
        subprocess.Popen(
            [
                sys.executable,
                "-P",
                "-X",
                "utf8",
                "-m",
                "director_ai.storage.transfer.sandbox_child",
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            encoding="utf-8",
            errors="replace",
            env={
                "PYTHONPATH": str(_ROOT),
                # Where ids of very many sessions lie meanwhile.
                "TMPDIR": tempfile.gettempdir(),
                # What other allocators reserve counts as used under a limit of addresses.
                "ARROW_DEFAULT_MEMORY_POOL": "system",
                "MALLOC_ARENA_MAX": "2",
            },
        ) as child,
    ):
        is_late = threading.Event()

        def give_up() -> None:
            is_late.set()
            child.kill()

        timer = threading.Timer(seconds, give_up)
        timer.start()
        try:
            values = _answer(child, request, progress)
            status = child.wait()
        except BaseException:
            child.kill()
            raise
        finally:
            timer.cancel()
        complaints.seek(0)
        complaint = complaints.read()
    if status == 0 and values is not None:
        return values
    if is_late.is_set():
        raise ImportRefusedError(f"a file must be read within {seconds} s, got no end")
    if status == REFUSED:
        raise ImportRefusedError(complaint)
    if status == OUT_OF_MEMORY:
        raise ImportRefusedError(f"a file must be read within {memory:,} bytes of memory, got more")
    if status == NO_ROOM:
        raise ImportRefusedError(
            f"a file must be read with room for temporary files, got none left in "
            f"{tempfile.gettempdir()}; make room there, or name another folder by TMPDIR"
        )
    last = complaint.strip().rpartition("\n")[2]
    raise ImportRefusedError(
        f"a file must be read within {memory:,} bytes of memory and {seconds} s, "
        f"got exit code {status} of its reader {last:.200}".rstrip()
    )


def _answer(
    child: subprocess.Popen[str], request: dict[str, Any], progress: Progress | None
) -> dict[str, Any] | None:
    """Return the plan a child prints last; before it stand the numbers of rows it has read."""
    assert child.stdin is not None
    assert child.stdout is not None
    # A child that has ended before it listened says why by its status.
    with contextlib.suppress(BrokenPipeError):
        child.stdin.write(json.dumps(request))
        child.stdin.close()
    for line in child.stdout:
        if line.startswith("{"):
            plan: dict[str, Any] = json.loads(line)
            return plan
        if progress is not None:
            progress(int(line))
    return None


def _plan(values: dict[str, Any], staged: Path) -> ImportPlan:
    counts = Counts(**values["counts"])
    mapping = values["mapping"] and ColumnMapping.from_values(values["mapping"])
    return ImportPlan(
        name=values["name"],
        format=values["format"],
        columns=tuple(values["columns"]),
        mapping=mapping,
        records=StagedRecords(staged, counts.n_sessions),
        problems=tuple(Problem(**problem) for problem in values["problems"]),
        counts=counts,
        report=ReadReport.from_values(values["report"]),
    )
