"""Many processes that open one fresh store at the same moment."""

import multiprocessing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from director_ai.storage.store import Store

N_PROCESSES, N_ROUNDS = 12, 30


def test_twelve_processes_open_a_fresh_store_thirty_times(tmp_path: Path) -> None:
    # Forked, an SQLite of before would be shared; spawned, each is a process of its own.
    context = multiprocessing.get_context("spawn")
    barrier, answers = context.Barrier(N_PROCESSES), context.Queue()
    files = [str(tmp_path / f"s{number}.db") for number in range(N_ROUNDS)]
    processes = [
        context.Process(target=_open_all, args=(files, barrier, answers))
        for _ in range(N_PROCESSES)
    ]
    for process in processes:
        process.start()
    outcomes = [answers.get(timeout=60) for _ in processes]
    for process in processes:
        process.join()

    assert outcomes == [""] * N_PROCESSES
    assert [Path(file).stat().st_mode & 0o777 for file in files] == [0o600] * N_ROUNDS


def _open_all(files: list[str], barrier: Any, answers: Any) -> None:
    answers.put("; ".join(_problems(files, barrier)))


def _problems(files: list[str], barrier: Any) -> Iterator[str]:
    for file in files:
        barrier.wait(60)
        try:
            with Store(file) as store:
                store.count()
        except Exception as error:
            yield f"{file}: {error!r}"
