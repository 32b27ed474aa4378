"""Writers that are killed with signal 9: at most the last moment is lost, and nothing sealed."""

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from director_ai.storage.recording.live_writer import LiveWriter
from director_ai.storage.store import Store
from director_ai.storage.summary import SessionQuery

ROOT = Path(__file__).parents[3]
WRITER = Path(__file__).with_name("writer.py")

LATE_S = 0.25 + 1.0
"""The flush interval, and what a busy machine may add to it."""


@pytest.mark.slow
def test_a_kill_loses_at_most_one_flush_and_no_sealed_session(
    address: str | Path, tmp_path: Path
) -> None:
    for number in range(4):
        kill_writers(address, tmp_path, number)


@pytest.mark.soak
def test_thirty_rounds_of_kills_lose_no_sealed_session(address: str | Path, tmp_path: Path) -> None:
    for number in range(30):
        kill_writers(address, tmp_path, number)


def kill_writers(address: str | Path, tmp_path: Path, seed: int) -> None:
    """Kill the writers of one store in the middle of their sessions, and compare what is kept."""
    draw = random.Random(seed)
    n_writers = 2 if seed else 4
    logs = [tmp_path / f"r{seed}w{number}.log" for number in range(n_writers)]
    writers = [
        subprocess.Popen([sys.executable, WRITER, str(address), log.stem, log], cwd=ROOT)
        for log in logs
    ]
    _await(lambda: all(log.exists() and log.stat().st_size > 5000 for log in logs))
    killed_at = {}
    for writer, log in zip(writers, logs, strict=True):
        time.sleep(draw.uniform(0.0, 0.3))
        writer.kill()
        killed_at[log.stem] = time.monotonic()
        writer.wait()

    sent = _sent(logs)
    with Store(address) as store:
        ended = store.ids(SessionQuery(outcomes=("completed",)))
        sealed = [name for name in ended if name.startswith(f"r{seed}w")]
        promised = _promised(logs)
        assert len(promised) >= n_writers
        assert promised <= set(sealed)
        assert all(record.n_tokens == 40 for record in store.records(sealed))
        going = store.ids(SessionQuery(outcomes=("recording",)))
        assert sorted(LiveWriter(store).seal_abandoned(-1)) == sorted(going)
        own = [name for name in store.ids() if name.startswith(f"r{seed}w")]
        stored = {record.id: record.tokens for record in store.records(own)}
    for name, tokens in stored.items():
        assert tokens == tuple(f" {name}/{index}" for index in range(len(tokens)))
    for name, times in sent.items():
        due = [at for at in times if at < killed_at[name.split("-")[0]] - LATE_S]
        assert len(stored.get(name, ())) >= len(due)


def _await(happened: object, within_s: float = 120.0) -> None:
    deadline = time.monotonic() + within_s
    while not happened():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _sent(logs: list[Path]) -> dict[str, list[float]]:
    """Return when each token of each session was sent."""
    sent: dict[str, list[float]] = {}
    for log in logs:
        for line in log.read_text().splitlines():
            name, what, at = line.split()
            if what != "sealed":
                sent.setdefault(name, []).append(float(at))
    return sent


def _promised(logs: list[Path]) -> set[str]:
    """Return the sessions whose recorder had told that they were written."""
    lines = [line.split() for log in logs for line in log.read_text().splitlines()]
    return {name for name, what, _ in lines if what == "sealed"}
