"""Sandbox of imports: an untrusted file is read by a child process under limits."""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from director_ai.errors import ImportRefusedError
from director_ai.storage.transfer.column_mapping import ColumnMapping
from director_ai.storage.transfer.import_plan import Counts, ImportPlan
from director_ai.storage.transfer.problem import Problem
from director_ai.storage.transfer.sandbox_child import OUT_OF_MEMORY, REFUSED
from director_ai.storage.transfer.staged_records import StagedRecords

_ROOT = Path(__file__).resolve().parents[3]


def read_upload_safely(
    upload: Path | bytes,
    name: str,
    mapping: ColumnMapping | None = None,
    *,
    max_memory_bytes: int = 2**30,
    max_seconds: int = 60,
) -> ImportPlan:
    """Return the plan of an import; whatever is in the file, this process is safe.

    A child process reads it under limits and without this one's environment, where keys may be.
    The sessions of the plan lie in a temporary file and are read from it one at a time.

    By default 50,000 sessions of 10 million tokens in all fit as Parquet: measured, they take 31 s
    and 260 MB on one core. Packed JSON lines reach the largest upload first, 64 MB, at some 9
    million tokens with their times. CSV with a row a token takes 16 s a million, so that about 3
    million fit.

    Parameters
    ----------
    upload, name, mapping
        As in :func:`director_ai.storage.transfer.file_reader.read_upload`.
    max_memory_bytes
        Memory of the child, the 350 MB of addresses Python and Arrow start with included.
    max_seconds
        Whole seconds it may take, waiting and computing.

    Raises
    ------
    ImportRefusedError
        If the file exceeds the memory, time or size it may take.
    """
    with tempfile.TemporaryDirectory(prefix="director-import-") as folder:
        path = upload if isinstance(upload, Path) else Path(folder, "upload")
        if isinstance(upload, bytes):
            path.write_bytes(upload)
        handle, staged_name = tempfile.mkstemp(prefix="director-staged-", suffix=".parquet")
        os.close(handle)
        staged = Path(staged_name)
        request = {
            "path": str(path.resolve()),
            "name": name,
            "staged": staged_name,
            "mapping": mapping and asdict(mapping),
            "max_memory_bytes": max_memory_bytes,
            "max_seconds": max_seconds,
        }
        try:
            values = _ask(request)
        except BaseException:
            staged.unlink()
            raise
    return _plan(values, staged)


def _ask(request: dict[str, Any]) -> dict[str, Any]:
    memory, seconds = request["max_memory_bytes"], request["max_seconds"]
    try:
        child = subprocess.run(
            [
                sys.executable,
                "-P",
                "-X",
                "utf8",
                "-m",
                "director_ai.storage.transfer.sandbox_child",
            ],
            input=json.dumps(request),
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=seconds,
            env={
                "PYTHONPATH": str(_ROOT),
                # What other allocators reserve counts as used under a limit of addresses.
                "ARROW_DEFAULT_MEMORY_POOL": "system",
                "MALLOC_ARENA_MAX": "2",
            },
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ImportRefusedError(f"a file must be read within {seconds} s, got no end") from None
    if child.returncode == 0:
        values: dict[str, Any] = json.loads(child.stdout)
        return values
    if child.returncode == REFUSED:
        raise ImportRefusedError(child.stderr)
    if child.returncode == OUT_OF_MEMORY:
        raise ImportRefusedError(f"a file must be read within {memory:,} bytes of memory, got more")
    last = child.stderr.strip().rpartition("\n")[2]
    raise ImportRefusedError(
        f"a file must be read within {memory:,} bytes of memory and {seconds} s, "
        f"got exit code {child.returncode} of its reader {last:.200}".rstrip()
    )


def _plan(values: dict[str, Any], staged: Path) -> ImportPlan:
    counts = Counts(**values["counts"])
    mapping = values["mapping"] and ColumnMapping(**values["mapping"])
    return ImportPlan(
        name=values["name"],
        format=values["format"],
        columns=tuple(values["columns"]),
        mapping=mapping,
        records=StagedRecords(staged, counts.n_sessions),
        problems=tuple(Problem(**problem) for problem in values["problems"]),
        counts=counts,
    )
