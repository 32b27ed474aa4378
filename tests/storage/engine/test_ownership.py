"""Another program's database is refused untouched; a store of a newer version says so."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from director_ai.cli.main import main
from director_ai.core.records.record import Annotation
from director_ai.errors import ReadOnlyStoreError, StoreError
from director_ai.storage.engine.migrations import NEWEST
from director_ai.storage.recording.recorder import Recorder
from director_ai.storage.store import Store
from tests.storage.records import record


def foreign(path: Path, kind: str) -> dict[str, bytes]:
    """Make a database of another program, and return all files of its folder."""
    with closing(sqlite3.connect(path)) as connection:
        if "log" in kind:
            connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE sessions (theirs)")
        connection.execute("CREATE TABLE moz_places (url)")
        if "version" in kind:
            connection.execute("PRAGMA user_version = 77")
        if "application" in kind:
            connection.execute("PRAGMA application_id = 5")
        connection.commit()
    return files(path)


def files(path: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in path.parent.iterdir()}


@pytest.mark.parametrize("kind", ["plain", "of a version", "of an application", "with a log"])
@pytest.mark.parametrize("read_only", [True, False])
def test_another_programs_file_is_refused_untouched(
    tmp_path: Path, kind: str, read_only: bool
) -> None:
    path = tmp_path / "places.sqlite"
    before = foreign(path, kind)

    with pytest.raises(StoreError, match=r"one of Director's.*another program's.*moz_places"):
        Store(path, read_only=read_only)
    with pytest.raises(StoreError, match="another program's"):
        Recorder(path)

    assert files(path) == before


@pytest.mark.slow
def test_another_programs_tables_on_a_server_are_left_alone(postgresql_url: str) -> None:
    from sqlalchemy import create_engine, inspect, make_url

    engine = create_engine(make_url(postgresql_url).set(drivername="postgresql+psycopg"))
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE sessions (theirs integer)"))

    with pytest.raises(StoreError, match=r"another program's \(its tables: sessions\)"):
        Store(postgresql_url)

    assert inspect(engine).get_table_names() == ["sessions"]
    engine.dispose()


def test_a_store_of_a_newer_version_says_its_version_and_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "sessions.db"
    with Store(path) as store:
        store.add([record("a")])
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {NEWEST + 6}")

    with Store(path) as store:
        assert store.ids() == ["a"]
        assert store.read_only
        expected = rf"schema version {NEWEST + 6} is newer.*\({NEWEST}\); upgrade director"
        with pytest.raises(ReadOnlyStoreError, match=expected):
            store.annotate("a", Annotation("good"))

    assert main(["label", "a", "good", "--store", str(path)]) == 1
    assert "upgrade director-workbench to change it" in capsys.readouterr().err
    with Recorder(path, flush_s=0.01) as recorder:
        assert recorder.name == str(path)
