"""A store for the command to work on, in a folder of its own."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from director_ai import HaltPolicy
from director_ai.cli.open_store import STORE_VARIABLE
from director_ai.core.records.record import Annotation
from director_ai.storage.store import Store
from tests.storage.records import record, streamed


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in that holds nothing, and no store named by the shell."""
    monkeypatch.setenv(STORE_VARIABLE, "")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def path(elsewhere: Path) -> Path:
    """The default store, of four sessions: two halted, one of them falsely."""
    path = elsewhere / "sessions.db"
    halted = streamed("halted", [0.9, 0.8, 0.2], HaltPolicy(), started_us=2_000_000, model="m2")
    wrongly = streamed("wrongly", [0.9, 0.4], HaltPolicy(), started_us=4_000_000, tags=("new",))
    with Store(path) as store:
        store.add(
            [
                replace(halted, annotations=(Annotation("bad", 2, "Ann", 5, "wrong year"),)),
                replace(wrongly, annotations=(Annotation("good"),)),
                record("fine", prompt="How \x1b[31m?", enforced=True, policy=HaltPolicy()),
                record("watched", scores=(0.9, 0.3), group="family"),
            ]
        )
    return path


@pytest.fixture
def live(path: Path) -> Path:
    """The same store, its session ``watched`` still being recorded."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(
            "UPDATE sessions SET ended_by = NULL, digest = NULL WHERE id = 'watched'"
        )
        connection.commit()
    return path
