"""A damaged store: whatever can be read of it is saved, and the rest is told."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from director_ai.cli.main import main
from director_ai.core.records.record import Annotation
from director_ai.errors import StoreError
from director_ai.storage.maintenance import examine
from director_ai.storage.salvage import DAMAGED_TAG, salvage_store
from director_ai.storage.store import Store
from tests.storage.records import record

pytestmark = pytest.mark.slow


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store of forty sessions on many pages, checkpointed."""
    path = tmp_path / "sessions.db"
    with Store(path) as store:
        store.add([record(f"s{number}", scores=[0.5] * 300, tags=("x",)) for number in range(40)])
        store.annotate("s20", Annotation("bad", 2, "Ann"))
        store.finish_attempt(store.begin_attempt("f"), "{}")
        key = store.vault_key()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert key
    return path


def pages(path: Path, table: str) -> list[int]:
    """Return the leaf pages of a table, by reading the file's own structure."""
    with closing(sqlite3.connect(path)) as connection:
        (root,) = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)
        ).fetchone()
    content = path.read_bytes()
    size = int.from_bytes(content[16:18], "big")
    start = (root - 1) * size
    assert content[start] == 0x05, "an interior page"
    n_cells = int.from_bytes(content[start + 3 : start + 5], "big")
    cells = [
        int.from_bytes(content[start + 12 + 2 * cell : start + 14 + 2 * cell], "big")
        for cell in range(n_cells)
    ]
    return [int.from_bytes(content[start + cell : start + cell + 4], "big") for cell in cells]


@pytest.mark.parametrize("table", ["sessions", "bodies"])
def test_a_broken_page_costs_only_the_sessions_on_it(path: Path, table: str) -> None:
    broken = pages(path, table)[1]
    content = bytearray(path.read_bytes())
    content[(broken - 1) * 4096 : broken * 4096] = b"\xaa" * 4096
    path.write_bytes(content)
    target = path.with_name("saved.db")

    with Store(path, read_only=True) as store:
        assert not examine(store).ok
        saved = salvage_store(store, target)

    with Store(target) as kept:
        assert examine(kept).ok
        assert kept.count() == saved.n_intact + len(saved.damaged)
        assert 0 < saved.n_lost < 40
        assert saved.n_intact >= 40 - saved.n_lost > 20
        assert kept.get("s20").label == "bad"
        assert len(kept.attempts()) == 1


def test_a_session_that_is_not_what_was_sealed_is_saved_under_a_tag(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE sessions SET prompt = 'Who?' WHERE id = 's7'")
        connection.commit()

    assert main(["doctor", "--salvage", str(path.with_name("o.db")), "--store", str(path)]) == 1

    with Store(path.with_name("o.db")) as kept:
        assert kept.count() == 40
        assert kept.get("s7").tags == ("x", DAMAGED_TAG)
        assert kept.get("s8").tags == ("x",)


def test_a_sound_store_is_saved_whole(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = path.with_name("saved.db")

    assert main(["doctor", "--salvage", str(target), "--store", str(path)]) == 0

    assert "Saved 40 intact sessions" in capsys.readouterr().out
    with Store(path) as store, Store(target) as kept:
        assert list(map(kept.get, store.ids())) == list(map(store.get, store.ids()))
        assert kept.vault_key() == store.vault_key()


def test_nothing_is_saved_over_a_file(path: Path) -> None:
    with Store(path) as store, pytest.raises(StoreError, match="OUT must be a new file"):
        salvage_store(store, path)
