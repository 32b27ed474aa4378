"""Many processes that open one fresh store at the same moment."""

import multiprocessing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, make_url, text

from director_ai.storage.store import Store

N_PROCESSES, N_ROUNDS = 12, 30


def test_twelve_processes_open_a_fresh_store_thirty_times(tmp_path: Path) -> None:
    files = [str(tmp_path / f"s{number}.db") for number in range(N_ROUNDS)]

    assert _opened(files) == [""] * N_PROCESSES
    assert [Path(file).stat().st_mode & 0o777 for file in files] == [0o600] * N_ROUNDS


def test_twelve_processes_open_a_fresh_database_thirty_times(postgresql_url: str) -> None:
    server = make_url(postgresql_url)
    names = [f"together{number}" for number in range(N_ROUNDS)]
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for name in names:
            connection.execute(text(f"CREATE DATABASE {name}"))
    try:
        urls = [server.set(database=name).render_as_string(hide_password=False) for name in names]
        assert _opened(urls) == [""] * N_PROCESSES
    finally:
        with engine.connect() as connection:
            for name in names:
                connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        engine.dispose()


def _opened(addresses: list[str]) -> list[str]:
    """Let every process open each at the same moment, and return what each of them met.

    Forked, an SQLite of before would be shared; spawned, each is a process of its own.
    """
    context = multiprocessing.get_context("spawn")
    barrier, answers = context.Barrier(N_PROCESSES), context.Queue()
    processes = [
        context.Process(target=_open_all, args=(addresses, barrier, answers))
        for _ in range(N_PROCESSES)
    ]
    for process in processes:
        process.start()
    outcomes = [answers.get(timeout=120) for _ in processes]
    for process in processes:
        process.join()
    return outcomes


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
