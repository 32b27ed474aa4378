"""``director-ai restore`` puts a backup back, and says what became of the rest."""

import json
from pathlib import Path

import pytest

from director_ai.cli.exit_status import Status
from director_ai.cli.main import main
from director_ai.storage.store import Store
from tests.storage.records import record


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "sessions.db"
    with Store(path) as store:
        store.add([record("a"), record("b")])
    assert main(["backup", str(tmp_path / "backup.db"), "--store", str(path)]) == Status.OK
    with Store(path) as store:
        store.add([record("c")])
    return path


def test_a_backup_is_put_back(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()

    status = main(["restore", str(path.with_name("backup.db")), "--store", str(path)])

    said = capsys.readouterr().out
    assert status == Status.OK
    assert f"Restored 2 sessions to {path}; 2 were sealed, and all of them are verified." in said
    assert f"What was there before is kept as {path}.replaced-" in said
    with Store(path) as store:
        assert sorted(store.ids()) == ["a", "b"]


def test_a_restore_as_json(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()

    main(["restore", str(path.with_name("backup.db")), "--store", str(path), "--json"])

    values = json.loads(capsys.readouterr().out)
    assert (values["n_sessions"], values["n_verified"]) == (2, 2)
    assert Path(values["set_aside"]).exists()


def test_a_backup_that_is_not_there(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["restore", "none.db", "--store", str(path)]) == Status.NOT_FOUND
    assert capsys.readouterr().err == "director-ai restore: no backup at none.db.\n"


def test_the_doctor_names_the_command(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE sessions SET prompt = 'Who?' WHERE id = 'a'")
        connection.commit()
    capsys.readouterr()

    assert main(["doctor", "--store", str(path)]) == Status.FAILED
    said = capsys.readouterr().out
    assert "director-ai restore BACKUP" in said
    assert "director-ai doctor --salvage OUT" in said
