"""Every page says that its store was taken away, or why it may not be changed."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from director_ai.storage.engine.migrations import NEWEST
from director_ai.storage.store import Store
from director_ai.ui import navigation
from director_ai.ui.access.current_store import STORE_VARIABLE, archive
from tests.storage.records import record


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "sessions.db"
    with Store(path) as store:
        store.add([record("a")])
    monkeypatch.setenv(STORE_VARIABLE, str(path))
    archive.clear()
    yield path
    archive.clear()


def test_a_sound_store_needs_no_remark(path: Path) -> None:
    assert navigation._store_remark() == ""


def test_a_store_that_is_gone_is_told_of_and_not_made_anew(path: Path) -> None:
    navigation._store_remark()
    path.unlink()

    assert "was deleted or renamed while it was open" in navigation._store_remark()
    assert not path.exists()


def test_a_store_that_was_put_in_its_place_is_opened(path: Path) -> None:
    navigation._store_remark()
    with Store(path.with_name("other.db")) as other:
        other.add([record("theirs")])
    for file in path.parent.glob("sessions.db-*"):
        file.unlink()
    path.with_name("other.db").replace(path)

    assert navigation._store_remark() == ""
    assert archive().ids() == ["theirs"]


def test_a_store_of_a_newer_version_is_told_of(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {NEWEST + 1}")

    assert f"schema version {NEWEST + 1} is newer" in navigation._store_remark()
