"""A full disk and a medium that cannot be written: everything that only reads works."""

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from director_ai.cli.main import main
from director_ai.core.records.record import Annotation
from director_ai.errors import StoreError
from director_ai.storage.engine.log_mark import log_of
from director_ai.storage.maintenance import examine
from director_ai.storage.store import Store
from tests.storage.records import record

ROOT = Path(__file__).parents[3]
SIZE = 8 * 2**20

KILLED = """
import os, signal, sys
from director_ai.storage.store import Store
from tests.storage.records import record
Store(sys.argv[1]).add([record("late")])
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, of 8 MB; left out where nobody may make one."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = shutil.which("mount")
    made = mount and subprocess.run(
        [mount, "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", place],
        capture_output=True,
        check=False,
    )
    if not made or made.returncode:
        pytest.skip("file systems may not be mounted here")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def fill(disk: Path) -> None:
    with (disk / "filler").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(2**16))
        except OSError:
            pass
        try:
            while True:
                file.write(b"x")
        except OSError:
            pass
    assert shutil.disk_usage(disk).free == 0


def lock(disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)


@pytest.fixture(params=[fill, lock])
def unwritable(request: pytest.FixtureRequest, disk: Path) -> Path:
    """A store of two sessions, without a log, where nothing more can be written."""
    path = disk / "sessions.db"
    with Store(path) as store:
        store.add([record("a"), record("b")])
        store.annotate("a", Annotation("good"))
    assert not log_of(path).exists()
    request.param(disk)
    return path


def test_everything_that_only_reads_works(unwritable: Path) -> None:
    before = unwritable.read_bytes()

    for role in ("operator", "viewer"):
        with Store(unwritable, role=role) as store:  # type: ignore[arg-type]
            assert sorted(store.ids()) == ["a", "b"]
            assert store.get("a").label == "good"
            assert len(list(store.curves())) == 2
            assert examine(store).ok
    assert unwritable.read_bytes() == before


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        ["list", "--json"],
        ["show", "a"],
        ["doctor"],
        ["export", "-o", "{out}"],
        ["label", "--export", "{labels}"],
        ["backup", "{backup}"],
    ],
    ids=lambda command: command[0],
)
def test_every_command_that_only_reads_works(
    unwritable: Path, tmp_path: Path, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    names = {"out": "out.jsonl", "labels": "labels.csv", "backup": "backup.db"}
    places = {name: str(tmp_path / file) for name, file in names.items()}

    status = main([part.format(**places) for part in command] + ["--store", str(unwritable)])

    assert (status, capsys.readouterr().err) == (0, "")


def test_a_change_says_what_to_do(unwritable: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["label", "b", "bad", "--store", str(unwritable)]) == 1

    said = capsys.readouterr().err
    assert any(part in said for part in ("make room on its disk", "copy it to", "may be full"))
    assert "Traceback" not in said


@pytest.mark.slow
def test_an_import_names_the_full_folder_of_temporary_files(
    disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text('{"id": "a", "tokens": ["Hi"], "scores": [0.9]}\n')
    monkeypatch.setattr("tempfile.tempdir", str(disk))
    fill(disk)

    assert main(["import", str(file), "--store", str(tmp_path / "s.db")]) == 4

    said = capsys.readouterr().err
    assert f"got none left in {disk}; make room there, or name another folder by TMPDIR" in said


@pytest.mark.slow
def test_what_is_written_to_a_full_disk_names_its_file(
    disk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Store(disk / "s.db") as store:
        store.add([record("a"), record("b")])
        store.vault_key()
    fill(disk)

    for command, name in (
        (["export", "-o"], "a.jsonl"),
        (["backup"], "b.db"),
        (["archive"], "curves"),
    ):
        assert main([*command, str(disk / name), "--store", str(disk / "s.db")]) == 1
        said = capsys.readouterr().err
        assert str(disk / name) in said
        assert "; make room on its disk." in said


@pytest.mark.slow
def test_a_log_on_a_medium_that_cannot_be_written_is_told_of(disk: Path, tmp_path: Path) -> None:
    path = disk / "sessions.db"
    done = subprocess.run([sys.executable, "-c", KILLED, str(path)], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    path.with_name("sessions.db-shm").unlink()
    lock(disk)

    with pytest.raises(StoreError, match=r"has a log, sessions.db-wal.*copy both to a folder"):
        Store(path, read_only=True)

    for file in (path, log_of(path)):
        shutil.copy(file, tmp_path)
    with Store(tmp_path / "sessions.db", read_only=True) as store:
        assert store.ids() == ["late"]


@pytest.mark.slow
def test_a_store_filled_to_the_last_byte_is_read(disk: Path) -> None:
    path = disk / "sessions.db"
    script = (
        "import sys\n"
        "from director_ai.storage.store import Store\n"
        "from tests.storage.records import record\n"
        "store = Store(sys.argv[1])\n"
        "for number in range(100000):\n"
        "    store.add([record(str(number), scores=[0.5] * 2000)])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)],
        cwd=ROOT,
        check=False,
        capture_output=True,
    )
    assert done.returncode == 1
    fill(disk)

    with Store(path, read_only=True) as store:
        assert store.count() > 10
        assert examine(store).ok
