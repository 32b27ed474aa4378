"""Dask engine: a real scheduler and two worker processes, one of them killed."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from operator import add
from pathlib import Path
from time import sleep

import pytest
from distributed import Client

from director_ai.errors import EngineError, InvalidRecordError
from director_ai.tuning import engines
from director_ai.tuning.engines import engine_of
from tests.tuning.test_archive_study import assert_same
from tests.tuning.test_engines import dying_once, refusing, some_archive

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Dask scheduler with two workers, each a process of its own."""
    file = tmp_path_factory.mktemp("dask") / "scheduler.json"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    common = ["--scheduler-file", str(file), "--no-dashboard"]

    def started(kind: str, *options: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", f"distributed.cli.dask_{kind}", *common, *options]
        return subprocess.Popen(
            command, env=environment, cwd=file.parent, stderr=subprocess.DEVNULL
        )

    processes = [started("scheduler", "--host", "127.0.0.1", "--port", "0")]
    processes += [started("worker", "--nthreads", "1", "--no-nanny") for _ in range(2)]
    try:
        while not file.exists() or not file.read_text():
            assert processes[0].poll() is None
            sleep(0.05)
        address = json.loads(file.read_text())["address"]
        with Client(address, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=60)
        yield f"dask://{address.removeprefix('tcp://')}"
    finally:
        for process in processes[::-1]:
            process.terminate()
            process.wait()


def test_a_cluster_tells_what_memory_tells(scheduler: str) -> None:
    with engine_of(scheduler) as engine:
        assert_same(some_archive(5), engine, sketched=True, proposing=True)


def test_an_error_on_a_cluster_is_raised_as_it_is(scheduler: str) -> None:
    with engine_of(scheduler) as engine:
        with pytest.raises(InvalidRecordError, match="part-00003"):
            engine.map_reduce(refusing, range(6), add)
        with pytest.raises(InvalidRecordError, match="part-00003"):
            list(engine.results(refusing, range(6)))


def test_a_killed_worker_of_a_cluster_costs_its_own_items(scheduler: str, tmp_path: Path) -> None:
    with engine_of(scheduler, lambda: done.append(1)) as engine:
        done: list[int] = []
        total = engine.map_reduce(partial(dying_once, tmp_path), range(8), add)

        assert total == sum(n * n for n in range(8))
        assert (tmp_path / "died").exists()
        # The worker that is left goes on.
        assert list(engine.results(abs, [-1, 2, -3])) == [1, 2, 3]
    assert len(done) >= 8


def test_a_scheduler_that_does_not_answer_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "_CONNECT_S", 0.2)

    with pytest.raises(
        EngineError, match=r"must be a Dask scheduler, got tcp://127.0.0.1:9, which"
    ):
        engine_of("dask://127.0.0.1:9")
