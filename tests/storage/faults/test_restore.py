"""A backup over a store whose log was left there: it is put back whole, or nothing changes."""

import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from director_ai.errors import StoreError
from director_ai.storage.backup import back_up
from director_ai.storage.engine.log_mark import log_of
from director_ai.storage.maintenance import examine
from director_ai.storage.restore import restore_backup
from director_ai.storage.store import Store
from tests.storage.records import record

# Backups put back over stores in use.
pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]

KILLED = """
import os, signal, sys
from director_ai.storage.store import Store
from tests.storage.records import record
store = Store(sys.argv[1])
for number in range(int(sys.argv[2])):
    store.add([record(f"{sys.argv[3]}{number}", scores=[0.5] * 200)])
os.kill(os.getpid(), signal.SIGKILL)
"""


def write_and_die(path: Path, n_sessions: int, name: str) -> None:
    """Add sessions in a process that is killed with its log beside the file."""
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(path), str(n_sessions), name], cwd=ROOT, check=False
    )
    assert done.returncode == -signal.SIGKILL
    assert log_of(path).stat().st_size > 0


def saved(path: Path) -> list[str]:
    with Store(path, read_only=True) as store:
        assert examine(store).ok
        return sorted(store.ids())


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    """A backup of a store of its own, with the sessions b0, b1 and b2."""
    with Store(tmp_path / "other.db") as store:
        store.add([record(f"b{number}") for number in range(3)])
        back_up(store, tmp_path / "backup.db")
    return tmp_path / "backup.db"


def in_the_middle(path: Path, tmp_path: Path) -> Path:
    """Back a store up, write more into it, and kill the writer."""
    with Store(path) as store:
        store.add([record(f"b{number}") for number in range(3)])
        back_up(store, tmp_path / "middle.db")
    write_and_die(path, 5, "late")
    return tmp_path / "middle.db"


def test_a_backup_is_put_back_past_the_log_of_a_killed_writer(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    backup = in_the_middle(path, tmp_path)

    restored = restore_backup(backup, path)

    assert saved(path) == ["b0", "b1", "b2"]
    assert (restored.n_sessions, restored.n_verified) == (3, 3)
    assert restored.set_aside is not None
    assert len(saved(restored.set_aside)) == 8


@pytest.mark.parametrize("kind", ["of another store", "of the store", "a plain copy"])
def test_a_backup_copied_over_a_store_with_its_log_is_not_opened(
    tmp_path: Path, backup: Path, kind: str
) -> None:
    path = tmp_path / "sessions.db"
    if kind == "of another store":
        write_and_die(path, 5, "s")
    elif kind == "of the store":
        backup = in_the_middle(path, tmp_path)
    else:
        write_and_die(path, 5, "s")
        with Store(path) as store:
            # The log goes into the file as the last connection closes.
            store.count()
        shutil.copyfile(path, backup)
        with Store(path) as store:
            store.add([record("moved on")])
        write_and_die(path, 5, "late")
    log = log_of(path).read_bytes()
    shutil.copyfile(backup, path)

    for read_only in (True, False):
        with pytest.raises(StoreError, match=r"do not.*director-ai restore BACKUP --store"):
            Store(path, read_only=read_only)

    assert (path.read_bytes(), log_of(path).read_bytes()) == (backup.read_bytes(), log)
    expected = saved(backup)
    restore_backup(backup, path)
    assert saved(path) == expected


def test_a_log_without_its_file_is_not_taken_for_a_fresh_store(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    write_and_die(path, 2, "s")
    path.unlink()

    with pytest.raises(StoreError, match="must be there beside its log"):
        Store(path)

    assert not path.exists()


def test_a_store_and_its_log_belong_together_after_every_way_to_end(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    for number in range(4):
        write_and_die(path, 3, f"k{number}-")
        with Store(path) as store:
            store.add([record(f"c{number}")])
            with closing(sqlite3.connect(path)) as connection:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            store.add([record(f"d{number}")])

    assert len(saved(path)) == 4 * 5


def test_a_store_in_use_is_not_replaced(tmp_path: Path, backup: Path) -> None:
    path = tmp_path / "sessions.db"
    with Store(path) as store:
        store.add([record("a")])
        with pytest.raises(StoreError, match="must not be open in any process"):
            restore_backup(backup, path)

        holder = subprocess.Popen(
            [
                sys.executable,
                "-c",
                "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); "
                "c.execute('SELECT count(*) FROM sessions').fetchone(); print('open', flush=True); "
                "sys.stdin.read()",
                str(path),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"open\n"
    with pytest.raises(StoreError, match="must not be open in any process"):
        restore_backup(backup, path)
    holder.communicate()

    assert restore_backup(backup, path).n_sessions == 3


def test_a_damaged_backup_changes_nothing(tmp_path: Path, backup: Path) -> None:
    path = tmp_path / "sessions.db"
    with Store(path) as store:
        store.add([record("a")])
    with closing(sqlite3.connect(backup)) as connection:
        connection.execute("UPDATE sessions SET prompt = 'Who?' WHERE id = 'b1'")
        connection.commit()
    before = path.read_bytes()

    with pytest.raises(StoreError, match="BACKUP must be sound, got .* with 1 finding"):
        restore_backup(backup, path)

    assert path.read_bytes() == before
    assert not [name for name in tmp_path.iterdir() if name.name.startswith(".")]


@pytest.mark.parametrize("problem", ["missing", "itself", "log", "postgresql"])
def test_what_cannot_be_put_back_is_a_sentence(tmp_path: Path, backup: Path, problem: str) -> None:
    path: str | Path = tmp_path / "sessions.db"
    Store(path).close()
    expected = {
        "missing": "BACKUP must be a file",
        "itself": "BACKUP must be another file",
        "log": "BACKUP must be whole by itself",
        "postgresql": "pg_restore",
    }[problem]
    if problem == "missing":
        backup = tmp_path / "none.db"
    elif problem == "itself":
        backup = tmp_path / "sessions.db"
    elif problem == "log":
        log_of(backup).write_bytes(b"x")
    else:
        path = "postgresql://host/name"

    with pytest.raises(StoreError, match=expected):
        restore_backup(backup, path)


def rounds(tmp_path: Path, n: int) -> None:
    path = tmp_path / "sessions.db"
    with Store(path) as store:
        store.add([record("first")])
        back_up(store, tmp_path / "backup.db")
    for number in range(n):
        write_and_die(path, 3, f"r{number}-")
        shutil.copyfile(tmp_path / "backup.db", path)
        with pytest.raises(StoreError, match="director-ai restore"):
            Store(path)
        restore_backup(tmp_path / "backup.db", path)
        assert saved(path) == ["first"]


def test_ten_backups_are_put_back_past_the_logs_of_killed_writers(tmp_path: Path) -> None:
    rounds(tmp_path, 10)


@pytest.mark.soak
def test_thirty_backups_are_put_back_past_the_logs_of_killed_writers(tmp_path: Path) -> None:
    rounds(tmp_path, 30)
