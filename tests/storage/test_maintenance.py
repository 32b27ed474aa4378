"""Stores are examined, and copied while they are written to."""

import errno
import os
import sqlite3
import stat
import threading
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import update

from director_ai.errors import StoreError
from director_ai.storage import maintenance
from director_ai.storage.backup import back_up, pg_dump_command
from director_ai.storage.engine.schema import bodies, sessions
from director_ai.storage.maintenance import examine, n_sealed
from director_ai.storage.restore import restore_backup
from director_ai.storage.store import Store
from tests.storage.records import record


def corrupt(path: Path, statement: str) -> None:
    """Change a file behind the back of its store."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)
        connection.commit()


def test_an_intact_store_is_sound(store: Store) -> None:
    store.add([record("a"), record("b", ended_by="abandoned"), record("c", scores=())])
    steps: list[None] = []

    health = examine(store, on_session=lambda: steps.append(None))

    assert (health.ok, health.problems, health.damaged) == (True, (), ())
    assert (health.n_sessions, health.n_sealed, health.n_verified) == (3, 3, 3)
    assert (health.n_abandoned, health.n_recording) == (1, 0)
    assert len(steps) == n_sealed(store) == 3
    assert health.version == health.newest_version == store.version


def test_a_changed_token_is_found(store: Store) -> None:
    store.add([record("a"), record("b"), record("c")])
    key = store.summary("b").key

    def work(connection):
        connection.execute(update(bodies).where(bodies.c.session == key).values(text=" t0 t1 tX"))

    store.transaction(work)
    health = examine(store)

    assert [damage.id for damage in health.damaged] == ["b"]
    assert "is not what was sealed" in health.damaged[0].message
    assert (health.ok, health.n_verified) == (False, 2)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE bodies SET scores = x'00000000000000' || substr(scores, 8)",
        "UPDATE bodies SET scores = x'ff'",
        "UPDATE bodies SET lengths = substr(lengths, 5)",
        "UPDATE bodies SET text = x'ff'",
        "UPDATE sessions SET policy = 'no json'",
        "UPDATE sessions SET halt = '[]'",
        "DELETE FROM bodies",
    ],
)
def test_any_other_damage_of_a_session_is_found(statement: str, tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    with Store(path) as store:
        store.add([record("a")])
    corrupt(path, statement)

    with Store(path, read_only=True) as store:
        health = examine(store)

    assert [damage.id for damage in health.damaged] == ["a"]


def test_a_damaged_session_is_told_from_those_read_together_with_it(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    with Store(path) as store:
        store.add([record(name) for name in "abcd"])
    # Not to be decoded at all, nor to be a record, nor of its digest.
    corrupt(path, "UPDATE bodies SET text = x'ff' WHERE session = 1")
    corrupt(path, "UPDATE sessions SET policy = 'no json' WHERE id = 'b'")
    corrupt(path, "DELETE FROM bodies WHERE session = 4")

    with Store(path, read_only=True) as store:
        health = examine(store)

    assert [damage.id for damage in health.damaged] == ["a", "b", "d"]
    assert health.n_verified == 1


def test_sessions_are_verified_a_few_at_a_time(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maintenance, "_MOST_SESSIONS", 3)
    monkeypatch.setattr(maintenance, "_MOST_TOKENS", 5)
    store.add([record(name) for name in "abcdefg"])
    begun: list[str] = []

    health = examine(store, on_session=lambda: begun.append("x"))

    assert (health.n_verified, len(begun)) == (7, 7)


def test_more_kept_than_was_released_is_found(tmp_path: Path) -> None:
    with Store(tmp_path / "s.db") as store:
        store.add([record("a", n_released=2, n_kept=1, n_early=0)])
    corrupt(tmp_path / "s.db", "UPDATE sessions SET n_kept = 3")
    with Store(tmp_path / "s.db") as store:
        (damage,) = examine(store).damaged

    assert "n_kept must be a count of tokens, 0 to 2, got 3" in damage.message


def test_a_flipped_byte_in_the_file_is_found(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    with Store(path) as store:
        store.add([record("a", tokens=[" one", " two", " unmistakable"])])
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = path.read_bytes()
    at = content.rindex(b"unmistakable")
    path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])

    with Store(path, read_only=True) as store:
        assert not examine(store).ok


def test_a_row_that_belongs_to_nothing_is_found(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    with Store(path) as store:
        store.add([record("a")])
    corrupt(path, "INSERT INTO annotations VALUES (1, 99, 'good', NULL, '', 0, '')")

    with Store(path, read_only=True) as store:
        assert examine(store).problems == (
            "foreign keys: row 1 of annotations belongs to no row of sessions",
        )


def test_pages_that_are_overwritten_are_found_and_end_nothing(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    with Store(path) as store:
        store.add([record(str(number)) for number in range(100)])
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        roots = connection.execute("SELECT rootpage FROM sqlite_master WHERE rootpage > 0")
        pages = [page for (page,) in roots]
    content = bytearray(path.read_bytes())
    for page in pages:
        content[(page - 1) * 4096 : page * 4096] = b"\xaa" * 4096
    path.write_bytes(content)

    with Store(path, read_only=True) as store:
        health = examine(store)
        assert n_sealed(store) == 0

    assert not health.ok
    assert "malformed" in health.problems[0]


def test_a_recording_that_fell_silent_is_counted(store: Store) -> None:
    store.add([record("lost"), record("busy")])
    now = {"lost": 1, "busy": 2**62}

    def work(connection):
        for name, changed in now.items():
            values = {"ended_by": None, "digest": None, "changed_us": changed}
            connection.execute(update(sessions).where(sessions.c.id == name).values(values))

    store.transaction(work)
    health = examine(store)

    assert (health.n_recording, health.n_silent, health.n_sealed) == (2, 1, 0)
    assert health.ok


def test_a_session_that_ends_before_it_starts_is_noted(store: Store) -> None:
    store.add([record("a"), record("b", started_us=5_000_000, ended_us=4_000_000)])

    health = examine(store)

    assert health.ok
    assert "sessions that end before they start: 1; the clock was set back" in " ".join(
        health.notes
    )


def test_a_file_others_may_read_is_noted(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    with Store(path) as store:
        store.add([record("a")])
        assert not [note for note in examine(store).notes if "chmod" in note]
        path.chmod(0o644)
        assert [note for note in examine(store).notes if "mode 0644" in note]


def test_an_sqlite_with_the_race_is_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Store(tmp_path / "sessions.db") as store:
        monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 51, 2))
        assert "one elected process" in examine(store).notes[0]
        monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 51, 3))
        assert examine(store).notes == ()


@pytest.mark.slow
def test_a_backup_of_a_live_store_is_whole(tmp_path: Path) -> None:
    path, target = tmp_path / "sessions.db", tmp_path / "copy.db"
    stop = threading.Event()
    with Store(path) as store, Store(path) as other:
        store.add([record("first", scores=(0.9,) * 500)])

        def write() -> None:
            number = 0
            while not stop.is_set():
                # Both of a pair or none.
                other.add([record(f"{number}a", scores=(0.8,) * 50), record(f"{number}b")])
                number += 1

        writer = threading.Thread(target=write)
        writer.start()
        try:
            counts = []
            for _ in range(5):
                counts.append(back_up(store, target, replace=True))
                with Store(target, read_only=True) as copy:
                    assert examine(copy).ok
                    assert copy.count() == counts[-1]
                    assert counts[-1] % 2 == 1
        finally:
            stop.set()
            writer.join()

    assert counts == sorted(counts)
    assert counts[-1] > counts[0]
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert {file.name for file in tmp_path.iterdir() if file.name.startswith(".")} == set()


def test_a_backup_goes_to_a_new_file(tmp_path: Path) -> None:
    with Store(tmp_path / "sessions.db") as store:
        back_up(store, tmp_path / "copy.db")

        for target, said in (
            (tmp_path, "must go to a file, got the folder"),
            (tmp_path / "copy.db", "must go to a new file"),
            (tmp_path / "no" / "copy.db", "must go to a folder that is there"),
            (tmp_path / "sessions.db", "must go to another file than the store"),
        ):
            with pytest.raises(StoreError, match=said):
                back_up(store, target)


def test_a_name_as_long_as_names_can_be_is_copied_and_put_back(tmp_path: Path) -> None:
    target, path = tmp_path / ("b" * 244 + ".db"), tmp_path / "sessions.db"
    with Store(path) as store:
        store.add([record("a")])
        assert back_up(store, target) == 1

    long = tmp_path / ("s" * 244 + ".db")
    assert restore_backup(target, long).n_sessions == 1
    with Store(long, read_only=True) as store:
        assert store.count() == 1


@pytest.mark.parametrize("has_links", [True, False])
def test_a_backup_takes_the_place_of_no_file_that_came_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_links: bool
) -> None:
    target = tmp_path / "copy.db"

    def link(*paths: Path) -> None:
        target.write_text("mine")
        if not has_links:
            raise PermissionError(errno.EPERM, "Operation not permitted")
        linked(*paths)

    linked = os.link
    monkeypatch.setattr(os, "link", link)
    with Store(tmp_path / "sessions.db") as store:
        with pytest.raises(StoreError, match="copy.db, which is there by now"):
            back_up(store, target)
    assert target.read_text() == "mine"
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith(".")] == []


def test_a_backup_is_renamed_where_files_have_no_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def link(*_: Path) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)
    with Store(tmp_path / "sessions.db") as store:
        assert back_up(store, tmp_path / "copy.db") == 0
    assert (tmp_path / "copy.db").is_file()


def test_a_backup_replaces_no_store_in_use(tmp_path: Path) -> None:
    with Store(tmp_path / "sessions.db") as store, Store(tmp_path / "other.db") as other:
        other.add([record("a")])

        with pytest.raises(StoreError, match="must not replace a store in use"):
            back_up(store, tmp_path / "other.db", replace=True)


@pytest.mark.slow
def test_postgresql_is_told_how_to_copy_itself(postgresql_url: str, tmp_path: Path) -> None:
    with_password = postgresql_url.replace("postgres:@", "postgres:pass-word@")
    assert "pass-word" in with_password

    with Store(with_password) as store:
        with pytest.raises(StoreError, match="pg_dump --format=custom --file="):
            back_up(store, tmp_path / "my copy.dump")
        command = pg_dump_command(store, tmp_path / "my copy.dump")

    assert f"'{tmp_path}/my copy.dump'" in command
    assert "postgresql://postgres@/" in command
    assert "pass-word" not in command
