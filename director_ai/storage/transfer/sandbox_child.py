"""Child process that reads an untrusted file; its request comes on the standard input."""

import json
import os
import resource
import sys
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn

import pyarrow as pa

from director_ai.errors import ImportRefusedError, StoreError
from director_ai.storage.engine.errors import as_temporary_file_error
from director_ai.storage.label_table import InvalidLabelsError, read_label_table
from director_ai.storage.transfer.column_mapping import ColumnMapping
from director_ai.storage.transfer.file_reader import open_upload, plan_of, recognise, with_break
from director_ai.storage.transfer.import_plan import Tally
from director_ai.storage.transfer.label_parsing import LabelCoding
from director_ai.storage.transfer.parquet import write_parquet

REFUSED, OUT_OF_MEMORY, NO_ROOM = 3, 4, 5
"""Exit codes; the reason for the first is on the standard error."""


def main(request: dict[str, Any]) -> int:
    """Read one file under limits; print its labels, or stage its sessions and print the plan."""
    memory, seconds = request["max_memory_bytes"], request["max_seconds"]
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    # Should whoever waits for it be gone, it still ends.
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    # Every thread reserves addresses, which count as memory here.
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    try:
        with as_temporary_file_error():
            values = _labels(request) if "labels" in request else _plan(request)
        sys.stdout.write(f"{json.dumps(values)}\n")
    except ImportRefusedError as error:
        sys.stderr.write(str(error))
        return REFUSED
    except MemoryError:
        return OUT_OF_MEMORY
    except StoreError:
        # The standard error is a temporary file, too.
        return NO_ROOM
    return 0


def _plan(request: dict[str, Any]) -> dict[str, Any]:
    mapping = request["mapping"] and ColumnMapping.from_values(request["mapping"])
    tally = Tally()
    with (
        closing(open_upload(Path(request["path"]))) as file,
        Path(request["staged"]).open("wb") as staged,
    ):
        source = recognise(
            file,
            request["name"],
            mapping,
            facts=request.get("facts", ""),
            progress=_report,
        )
        write_parquet(tally.records(with_break(source.items)), staged)
    return asdict(plan_of(request["name"], source, (), tally))


def _labels(request: dict[str, Any]) -> dict[str, Any]:
    of = request["labels"]
    coding = of["coding"] and LabelCoding.from_values(of["coding"])
    try:
        table = read_label_table(Path(request["path"]), column=of["column"], coding=coding)
    except InvalidLabelsError as error:
        problems = [asdict(problem) for problem in error.problems]
        return {"problems": problems, "n_problems": error.n_problems}
    return {"problems": [], "rows": list(map(asdict, table.rows)), "notes": table.notes}


def _report(n_rows: int) -> None:
    sys.stdout.write(f"{n_rows}\n")
    sys.stdout.flush()


def _end(status: int) -> NoReturn:
    """End at once: threads of Arrow that a damaged file left behind abort an orderly end."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    _end(main(json.load(sys.stdin)))
