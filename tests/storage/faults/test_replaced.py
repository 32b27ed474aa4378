"""A store that is deleted, renamed or replaced under a recorder: noticed, counted and told."""

import logging
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from director_ai import StreamingKernel
from director_ai.core.records.record import Annotation
from director_ai.errors import StoreReplacedError
from director_ai.storage.maintenance import examine
from director_ai.storage.recording.recorder import Recorder
from director_ai.storage.store import Store
from tests.storage.records import record


def deleted(path: Path) -> None:
    path.unlink()


def deleted_with_its_log(path: Path) -> None:
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()


def renamed(path: Path) -> None:
    path.rename(path.with_name("elsewhere.db"))


def replaced(path: Path) -> None:
    other = path.with_name("other.db")
    with Store(other) as store:
        store.add([record("theirs")])
    other.replace(path)


WAYS = [deleted, deleted_with_its_log, renamed, replaced]


def words(n: int) -> list[str]:
    return [f" t{index}" for index in range(n)]


def run(recorder: Recorder, id: str, n_tokens: int = 5) -> None:
    kernel = StreamingKernel()
    stream = kernel.stream(words(n_tokens), lambda _: 0.9)
    recorder.record(stream, kernel.policy, id=id).run_to_end()


def until(happened: Callable[[], object], within_s: float = 30.0) -> None:
    deadline = time.monotonic() + within_s
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def fresh(path: Path) -> Path:
    (found,) = [
        file for file in path.parent.glob(f"{path.stem}-*{path.suffix}") if file.suffix == ".db"
    ]
    return found


@pytest.mark.slow
@pytest.mark.parametrize("take_away", WAYS)
def test_recording_goes_on_in_a_fresh_file(
    tmp_path: Path, take_away: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "sessions.db"
    recorder = Recorder(path, flush_s=0.01)
    run(recorder, "before")
    assert recorder.flush()

    take_away(path)
    with caplog.at_level(logging.WARNING):
        run(recorder, "after")
        assert not recorder.flush()
    run(recorder, "later")
    assert not recorder.close()

    stats = recorder.stats
    assert (stats.n_replaced, stats.n_dropped, stats.n_pending) == (1, 0, 0)
    assert stats.last_error is not None
    assert "StoreReplacedError" in stats.last_error
    assert str(fresh(path)) in stats.last_error
    assert recorder.name == str(fresh(path))
    assert "while it was open" in caplog.text
    assert f"recording goes on in {fresh(path)}" in caplog.text
    with Store(fresh(path), read_only=True) as store:
        assert sorted(store.ids()) == ["after", "later"]
        assert examine(store).ok


def test_a_stream_that_runs_is_recorded_whole_in_the_fresh_file(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    kernel = StreamingKernel()
    with Recorder(path, flush_s=0.01) as recorder:
        events = recorder.record(kernel.stream(words(9), lambda _: 0.9), kernel.policy, id="a")
        for _ in range(4):
            next(events)
        assert recorder.flush()
        path.unlink()
        until(lambda: recorder.stats.n_replaced)
        events.run_to_end()

    assert recorder.stats.n_dropped == 0
    with Store(fresh(path), read_only=True) as store:
        assert store.get("a").tokens == tuple(words(9))
        assert store.summary("a").outcome == "completed"
        assert examine(store).ok


def test_a_recorder_with_nothing_to_write_notices_too(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    with Recorder(path, flush_s=0.01) as recorder:
        assert recorder.flush()
        path.unlink()

        until(lambda: recorder.stats.n_replaced)
        assert not recorder.flush()


@pytest.mark.parametrize("take_away", WAYS)
def test_recording_stops_where_it_is_told_to(
    tmp_path: Path, take_away: Callable[[Path], None]
) -> None:
    path = tmp_path / "sessions.db"
    recorder = Recorder(path, flush_s=0.01, on_replaced="stop")
    run(recorder, "before")
    assert recorder.flush()

    take_away(path)
    until(lambda: recorder.stats.n_replaced)
    run(recorder, "after", 7)
    assert not recorder.close()

    stats = recorder.stats
    assert (stats.n_replaced, stats.n_dropped) == (1, 7)
    assert stats.last_error is not None
    assert not list(tmp_path.glob("sessions-*.db"))
    if path.exists():
        with Store(path, read_only=True) as store:
            assert store.ids() == ["theirs"]


def test_an_unknown_way_to_go_on_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="on_replaced must be 'fresh' or 'stop', got 'ask'"):
        Recorder(tmp_path / "s.db", on_replaced="ask")  # type: ignore[arg-type]


@pytest.mark.parametrize("take_away", WAYS)
def test_nothing_is_read_from_or_written_to_a_store_that_is_gone(
    tmp_path: Path, take_away: Callable[[Path], None]
) -> None:
    path = tmp_path / "sessions.db"
    with Store(path) as store:
        store.add([record("a")])
        take_away(path)

        for access in (
            lambda: store.add([record("b")]),
            lambda: store.annotate("a", Annotation("good")),
            lambda: store.get("a"),
            store.ids,
        ):
            with pytest.raises(StoreReplacedError, match=r"while it was open.*director-ai restore"):
                access()
        assert store.is_replaced() == (take_away is replaced)


def rounds(folder: Path, n: int) -> Iterator[tuple[Path, Recorder]]:
    """Take a store away under a recorder, in every way in turn, while it records."""
    for number in range(n):
        path = folder / f"round{number}" / "sessions.db"
        path.parent.mkdir()
        recorder = Recorder(path, flush_s=0.01)
        for session in range(5):
            run(recorder, f"before{session}", 40)
        WAYS[number % len(WAYS)](path)
        for session in range(5):
            run(recorder, f"after{session}", 40)
        yield path, recorder


def check(path: Path, recorder: Recorder) -> None:
    assert not recorder.close()
    stats = recorder.stats
    assert stats.n_replaced == 1
    with Store(fresh(path), read_only=True) as store:
        kept = store.ids()
        assert examine(store).ok
        n_kept = sum(store.summary(name).n_tokens for name in kept)
    assert {f"after{session}" for session in range(5)} <= set(kept)
    # What is neither here nor in the file that was taken away is counted.
    assert stats.n_tokens + stats.n_dropped >= 400
    assert n_kept >= 200


@pytest.mark.slow
def test_ten_stores_taken_away_while_they_are_recorded_into(tmp_path: Path) -> None:
    for path, recorder in rounds(tmp_path, 10):
        check(path, recorder)


@pytest.mark.soak
def test_thirty_stores_taken_away_while_they_are_recorded_into(tmp_path: Path) -> None:
    for path, recorder in rounds(tmp_path, 30):
        check(path, recorder)


def test_a_backup_put_back_under_a_recorder_keeps_what_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    recorder = Recorder(path, flush_s=0.01)
    run(recorder, "before")
    assert recorder.flush()
    replaced(path)
    run(recorder, "after")
    recorder.close()

    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT id FROM sessions").fetchall() == [("theirs",)]
