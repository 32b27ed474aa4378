"""A disk without room: nothing committed is lost, what is open is sealed, production goes on."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, event

from director_ai import HaltPolicy, StreamingKernel
from director_ai.storage.recording.recorder import Recorder
from director_ai.storage.recording.reserve_file import SIZE, ReserveFile
from director_ai.storage.store import Store
from director_ai.storage.summary import SessionQuery

LONG = "x" * 100
POLICY = HaltPolicy(halt_mode="observe")


def words(n: int) -> list[str]:
    return [f" {index}{LONG}" for index in range(n)]


def limit_pages(recorder: Recorder, reserve: ReserveFile, most_bytes: int) -> None:
    """Let the database grow so far, and by the reserve's size once that is gone."""

    def limit(connection: Connection) -> None:
        n_bytes = most_bytes + (0 if reserve.path.exists() else SIZE)
        connection.exec_driver_sql(f"PRAGMA max_page_count = {n_bytes // 4096}")

    event.listen(recorder._database._engine, "begin", limit)


def check_degrades_and_recovers(recorder: Recorder, file: Path, make_room: object) -> None:
    """Record until the disk is full, go on for a while, make room, and record again."""
    kernel = StreamingKernel.from_policy(POLICY)
    going = recorder.record(kernel.stream(words(4000), lambda _: 0.9), POLICY, id="going")
    idle = recorder.record(kernel.stream(words(3), lambda _: 0.9), POLICY, id="idle")
    done = recorder.record(kernel.stream(words(3), lambda _: 0.9), POLICY, id="done")
    next(idle)
    done.run_to_end()
    assert recorder.flush()

    for n_seen, _ in enumerate(going, 1):
        if n_seen % 50 == 0:
            assert recorder.flush()
    assert recorder.flush()

    with Store(file) as store:
        assert store.get("done").ended_by == "completed"
        assert (store.get("idle").ended_by, store.get("idle").n_tokens) == ("abandoned", 1)
        kept = store.get("going")
        assert kept.ended_by == "abandoned"
        assert 0 < kept.n_tokens < 4000
        assert kept.tokens == tuple(words(kept.n_tokens))
        assert store.summary("going").n_dropped == 4000 - kept.n_tokens
        assert store.ids(SessionQuery(outcomes=("recording",))) == []
    assert "full" in (recorder.stats.last_error or "")
    assert recorder.stats.n_dropped == 4000 - kept.n_tokens

    make_room()  # type: ignore[operator]
    recorder.record(kernel.stream(words(3), lambda _: 0.9), POLICY, id="again").run_to_end()
    assert recorder.flush()
    with Store(file) as store:
        assert store.get("again").ended_by == "completed"


def test_a_full_database_is_sealed_with_the_room_of_the_ballast(tmp_path: Path) -> None:
    file = tmp_path / "s.db"
    reserve = ReserveFile(file)
    with Recorder(file) as recorder:
        limit_pages(recorder, reserve, 400_000)

        check_degrades_and_recovers(recorder, file, lambda: None)

        assert not reserve.path.exists()
        recorder._flush_thread._reserved_at = -1e9
        recorder.record(StreamingKernel().stream([], lambda _: 0.9), POLICY).run_to_end()
        assert recorder.flush()
        assert reserve.path.stat().st_size == SIZE
        assert reserve.path.stat().st_mode & 0o777 == 0o600


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 24 MB, where one may be mounted."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=24m", "none", str(folder)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a small disk")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_is_really_full_is_survived(small_disk: Path) -> None:
    file, filler = small_disk / "s.db", small_disk / "filler"
    with Recorder(file) as recorder:
        kernel = StreamingKernel()
        recorder.record(kernel.stream([], lambda _: 0.9), POLICY).run_to_end()
        assert recorder.flush()
        assert ReserveFile(file).path.exists()
        free = os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize
        filler.write_bytes(b"x" * (free - 1_000_000))

        check_degrades_and_recovers(recorder, file, filler.unlink)
