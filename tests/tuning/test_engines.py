"""Engines: the same results as one process, whatever happens to a worker."""

import os
import signal
from collections.abc import Iterator
from functools import partial
from operator import add
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from director_ai.errors import EngineError, InvalidRecordError
from director_ai.tuning.engines import ProcessEngine, merged, n_processors
from tests.tuning.test_archive_study import TRIED, Drawn, assert_same, session

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def processes() -> Iterator[ProcessEngine]:
    with ProcessEngine(2) as engine:
        yield engine


def dying_once(folder: Path, item: int) -> int:
    """Return a square; the first worker that comes to 3 is killed."""
    mark = folder / "died"
    if item == 3 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    (folder / f"{item}-{os.getpid()}").touch()
    return item * item


def dying(item: int) -> int:
    if item == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return item


def refusing(item: int) -> int:
    if item == 3:
        raise InvalidRecordError("part-00003.parquet must be what was written; it is damaged")
    return item


def some_archive(n_shards: int) -> Drawn:
    random = np.random.default_rng(n_shards)
    shards = [[session(random, f"s{n}-{row:02d}") for row in range(20)] for n in range(n_shards)]
    return Drawn(shards, 0.5, b"", TRIED[2], None)


def test_processes_tell_what_memory_tells(processes: ProcessEngine) -> None:
    assert_same(some_archive(5), processes, sketched=False, proposing=True)


def test_a_killed_worker_costs_its_own_item(processes: ProcessEngine, tmp_path: Path) -> None:
    results = list(processes.results(partial(dying_once, tmp_path), range(8)))

    assert results == [n * n for n in range(8)]
    # Nothing else was done twice.
    assert sorted(path.name.split("-")[0] for path in tmp_path.glob("*-*")) == list("01234567")


def test_work_that_kills_every_worker_is_given_up(processes: ProcessEngine) -> None:
    with pytest.raises(EngineError, match="shard 4 of 6 must be counted; 3 processes died"):
        processes.map_reduce(dying, range(6), add)

    assert processes.map_reduce(abs, [-1, -2], add) == 3


def test_an_error_of_the_work_is_raised_as_it_is(processes: ProcessEngine) -> None:
    with pytest.raises(InvalidRecordError, match="part-00003"):
        processes.map_reduce(refusing, range(6), add)


@given(st.lists(st.text(max_size=2), min_size=1, max_size=40))
def test_a_tree_keeps_the_order(texts: list[str]) -> None:
    assert merged(texts, add) == "".join(texts)


def test_a_system_that_ties_no_process_to_processors_counts_them_all(monkeypatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity")

    assert n_processors() == os.cpu_count()
