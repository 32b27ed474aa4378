"""Many processes that open one fresh store at the same moment."""

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import create_engine, make_url, text

from director_ai.storage.store import Store

pytestmark = pytest.mark.slow

N_PROCESSES = 12
STUCK_S = 600.0
"""A process that has not come by then never will."""

together: Barrier
"""Where every process waits for the others; each is given it as it starts."""

rounds = pytest.mark.parametrize("n_rounds", [2, pytest.param(30, marks=pytest.mark.soak)])


@rounds
def test_twelve_processes_open_a_fresh_store_together(tmp_path: Path, n_rounds: int) -> None:
    files = [str(tmp_path / f"s{number}.db") for number in range(n_rounds)]

    assert _opened(files) == [""] * N_PROCESSES
    assert [Path(file).stat().st_mode & 0o777 for file in files] == [0o600] * n_rounds


@rounds
def test_twelve_processes_open_a_fresh_database_together(
    postgresql_url: str, n_rounds: int
) -> None:
    server = make_url(postgresql_url)
    names = [f"together{number}" for number in range(n_rounds)]
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

    Forked off a process that knows no SQLite file, each is a process of its own.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["director_ai.storage.store", "psycopg"])
    with ProcessPoolExecutor(
        N_PROCESSES, context, initializer=_start, initargs=(context.Barrier(N_PROCESSES),)
    ) as processes:
        return list(processes.map(_open_all, [addresses] * N_PROCESSES, timeout=STUCK_S))


def _start(barrier: Barrier) -> None:
    global together
    together = barrier


def _open_all(addresses: list[str]) -> str:
    return "; ".join(_problems(addresses))


def _problems(addresses: list[str]) -> Iterator[str]:
    for address in addresses:
        together.wait(STUCK_S)
        try:
            with Store(address) as store:
                store.count()
        except Exception as error:
            yield f"{address}: {error!r}"
