"""Backup, doctor and prune from the command line."""

import json
import os
import pty
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from director_ai.cli.exit_status import Status
from director_ai.cli.main import main
from director_ai.storage.engine.migrations import NEWEST
from director_ai.storage.recording.live_writer import LiveWriter
from director_ai.storage.recording.session_delta import Token
from director_ai.storage.recording.session_progress import SessionProgress
from director_ai.storage.store import Store
from tests.storage.records import record

Capture = pytest.CaptureFixture[str]
ROOT = Path(__file__).resolve().parents[3]
RUN = "from director_ai.cli.main import main; raise SystemExit(main())"


def told(capsys: Capture) -> Any:
    return json.loads(capsys.readouterr().out)


def test_a_backup_holds_every_session(path: Path, elsewhere: Path, capsys: Capture) -> None:
    assert main(["backup", "copy.db", "--json"]) == 0

    document = told(capsys)
    assert document["n_sessions"] == 4
    assert document["n_bytes"] == (elsewhere / "copy.db").stat().st_size
    with Store(path) as store, Store(elsewhere / "copy.db") as copy:
        assert copy.ids() == store.ids()


def test_a_backup_replaces_a_file_only_if_told(
    path: Path, elsewhere: Path, capsys: Capture
) -> None:
    (elsewhere / "copy.db").write_text("mine")

    assert main(["backup", "copy.db"]) == Status.FAILED
    assert "DEST must be a new file, got copy.db; --force replaces it" in capsys.readouterr().err
    assert main(["backup", "copy.db", "--force"]) == 0
    assert capsys.readouterr().out.startswith("Copied 4 sessions to copy.db, ")


def test_a_store_is_never_replaced_by_its_own_copy(path: Path, capsys: Capture) -> None:
    assert main(["backup", "sessions.db", "--force"]) == Status.FAILED
    assert "backup must go to another file than the store itself" in capsys.readouterr().err


def test_an_intact_store_is_sound(path: Path, capsys: Capture) -> None:
    assert main(["doctor"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"sessions.db: SQLite {sqlite3.sqlite_version}, schema version {NEWEST}"
    assert lines[1].startswith("4 sessions: 4 sealed, 4 of them verified; 0 recording")
    assert lines[-1] == "No damage was found."


def test_damage_is_named_and_ends_with_its_own_status(path: Path, capsys: Capture) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(
            "UPDATE bodies SET text = 'X' || substr(text, 2) "
            "WHERE session = (SELECT key FROM sessions WHERE id = 'fine')"
        )
        connection.commit()

    assert main(["doctor"]) == Status.FAILED
    assert "damage: session 'fine': session 'fine' in sessions.db is not" in capsys.readouterr().out
    assert main(["doctor", "--json"]) == Status.FAILED
    document = told(capsys)
    assert document["ok"] is False
    assert [damage["id"] for damage in document["damaged"]] == ["fine"]
    assert (document["n_sealed"], document["n_verified"]) == (4, 3)


def test_a_silent_session_is_sealed_only_when_asked(path: Path, capsys: Capture) -> None:
    progress = SessionProgress(record("going", scores=()))
    progress.add(Token(0, " t0", 0.9, False, 10))
    with Store(path) as store:
        LiveWriter(store).write([progress.delta()])
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE sessions SET changed_us = 0 WHERE id = 'going'")
        connection.commit()

    assert main(["doctor"]) == 0
    assert "1 recording, 1 of them silent; 0 abandoned" in capsys.readouterr().out
    assert main(["doctor", "--seal-silent"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("Sealed 1 session whose recorder is silent.\n")
    assert "0 recording, 0 of them silent; 1 abandoned" in said
    with Store(path) as store:
        assert (store.get("going").tokens, store.get("going").ended_by) == ((" t0",), "abandoned")


def test_a_store_to_salvage_is_not_sealed_first(path: Path) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["doctor", "--seal-silent", "--salvage", "saved.db"])

    assert caught.value.code == Status.USAGE


@pytest.mark.parametrize("rule", [["--keep-newest", "1"], ["--keep-days", "1"]])
def test_a_dry_run_tells_what_would_go(rule: list[str], path: Path, capsys: Capture) -> None:
    assert main(["prune", *rule, "--dry-run", "--json"]) == 0
    promised = told(capsys)
    with Store(path) as store:
        assert store.count() == 4
    assert main(["prune", *rule, "--json"]) == 0
    done = told(capsys)

    assert promised == {**done, "dry_run": True}
    assert done["n_removed"] == (3 if "--keep-newest" in rule else 4)
    with Store(path) as store:
        assert store.count() == done["n_left"]


def test_more_days_than_there_were_keep_everything(path: Path, capsys: Capture) -> None:
    assert main(["prune", "--keep-days", "2147483647"]) == 0
    said = "Removed 0 sessions, 0 of them labelled, from sessions.db; 4 stay.\n"
    assert capsys.readouterr().out == said


@pytest.mark.parametrize(
    "rule", [[], ["--keep-newest", "0"], ["--keep-newest", "1", "--keep-days", "1"]]
)
def test_what_stays_must_be_said(rule: list[str], path: Path) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["prune", *rule])

    assert caught.value.code == Status.USAGE


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["prune", "--keep-newest", "1"], "Removing 3 sessions"),
        (["label", "--from", "labels.csv"], "Adding 2 labels"),
    ],
)
def test_long_work_shows_on_a_terminal_that_it_goes_on(
    arguments: list[str], said: str, path: Path, elsewhere: Path
) -> None:
    (elsewhere / "labels.csv").write_text("id,label\nfine,good\nwatched,bad\n", "utf-8")
    ours, terminal = pty.openpty()

    with os.fdopen(ours, "rb", buffering=0) as screen:
        subprocess.run(
            [sys.executable, "-c", RUN, *arguments],
            stderr=terminal,
            check=True,
            env={**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm"},
        )
        os.close(terminal)
        shown = screen.read(1 << 16).decode()

    assert said in shown
