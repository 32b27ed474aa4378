"""Seals tell of every change behind a store's back, down to a single bit."""

import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from director_ai import HaltPolicy
from director_ai.core.records.record import Annotation, SessionRecord
from director_ai.core.scoring.types import EvidenceChunk
from director_ai.errors import DamagedSessionError, DirectorError
from director_ai.storage import codec
from director_ai.storage.maintenance import examine
from director_ai.storage.store import Store
from tests.storage.records import record, streamed

GOLDEN = Path(__file__).parent / "golden"

CHANGES = [
    "UPDATE sessions SET prompt = 'Who?'",
    "UPDATE sessions SET model = 'm2'",
    "UPDATE sessions SET source = source || 'x'",
    "UPDATE sessions SET prompt_family = 'h'",
    "UPDATE sessions SET started_us = started_us + 1",
    "UPDATE sessions SET ended_us = ended_us - 1",
    "UPDATE sessions SET ended_by = 'operator'",
    "UPDATE sessions SET ended_by = NULL",
    "UPDATE sessions SET digest = NULL",
    "UPDATE sessions SET halt_index = halt_index + 1",
    "UPDATE sessions SET lowest = lowest / 2",
    "UPDATE sessions SET sparkline = x'00' || substr(sparkline, 2)",
    "UPDATE sessions SET excerpt = 'x'",
    "UPDATE sessions SET n_dropped = 1",
    "UPDATE sessions SET seal = NULL",
    "UPDATE sessions SET label_seal = NULL",
    "UPDATE sessions SET tags = '[]'",
    "UPDATE sessions SET label = 'good'",
    "UPDATE sessions SET onset = 3",
    "UPDATE sessions SET changed_us = changed_us + 1",
    "UPDATE annotations SET label = 'good'",
    "UPDATE annotations SET onset = NULL",
    "UPDATE annotations SET note = 'no'",
    "UPDATE annotations SET author = 'Bo'",
    "UPDATE annotations SET at_us = 5",
    "DELETE FROM annotations",
    "UPDATE bodies SET ends = zeroblob(length(ends) - 1) || x'01'",
    "UPDATE bodies SET times_us = zeroblob(length(times_us))",
]


def session(id: str = "a") -> SessionRecord:
    halted = streamed(id, [0.9, 0.8, 0.3, 0.2], HaltPolicy(), started_us=1_000, ended_us=9_000)
    labels = (Annotation("bad", 2, "Ann", 4, "wrong year"),)
    return record(
        id,
        scores=halted.scores,
        tokens=halted.tokens,
        times_us=tuple(range(1, len(halted.tokens) + 1)),
        policy=halted.policy,
        enforced=True,
        halt=halted.halt,
        ended_by=halted.ended_by,
        evidence=(EvidenceChunk("Oslo is the capital.", 0.25, "facts"),),
        annotations=labels,
        group="g",
        tags=("x",),
    )


@pytest.mark.slow
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_behind_the_stores_back_is_found(change: str, store: Store) -> None:
    if store.path is None:
        change = change.replace("x'00'", r"'\x00'::bytea").replace("x'01'", r"'\x01'::bytea")
        change = change.replace("zeroblob(length(ends) - 1)", r"substr(ends, 2)")
        change = change.replace("zeroblob(length(times_us))", r"decode('00', 'hex')")
    store.add([session()])
    assert examine(store).ok

    store.transaction(lambda connection: connection.execute(text(change)))

    health = examine(store)
    assert [damage.id for damage in health.damaged] == ["a"]


def test_reading_a_session_compares_every_seal(store: Store) -> None:
    store.add([session("a"), session("b")])
    for statement in (
        "UPDATE sessions SET prompt = 'Who?' WHERE id = 'a'",
        "UPDATE annotations SET label = 'good'",
    ):
        store.transaction(lambda connection, text=text(statement): connection.execute(text))

    with pytest.raises(DamagedSessionError, match="its row does not give the seal"):
        store.get("a")
    with pytest.raises(DamagedSessionError, match="labels are not those that were written"):
        store.get("b")
    assert store.get("a", verify=False).prompt == "Who?"


def test_what_people_say_and_take_back_is_sealed_anew(store: Store) -> None:
    store.add([session("a"), record("b")])
    number = store.annotate("b", Annotation("good", author="Bo"))
    store.annotate("a", Annotation("unsure", note="?"))
    store.retag("a", ["y", "z"])
    assert examine(store).ok

    store.withdraw([number])

    assert examine(store).ok
    assert store.get("a").tags == ("y", "z")


def test_a_column_of_a_later_version_leaves_earlier_seals_as_they_are() -> None:
    row = {**codec.session_row(session()), "changed_us": 5}

    assert codec.seal_of({**row, "scorer": None}) == codec.seal_of(row)


@pytest.mark.parametrize("table", ["settings", "attempts"])
def test_the_register_of_attempts_is_sealed(table: str, store: Store) -> None:
    store.add([session()])
    store.vault_key()
    store.finish_attempt(store.begin_attempt("f"), "{}")
    assert examine(store).ok

    column = "value" if table == "settings" else "fingerprint"
    change = f"UPDATE {table} SET {column} = 'x'"
    store.transaction(lambda connection: connection.execute(text(change)))

    (problem,) = examine(store).problems
    assert problem.startswith(f"{table}: the row of")


def old_store(path: Path, *changes: str) -> Path:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((GOLDEN / "version_2.sql").read_text(encoding="utf-8"))
        for change in changes:
            connection.execute(change)
        connection.commit()
    return path


def test_a_migration_seals_what_its_old_digest_and_its_tokens_bear_out(tmp_path: Path) -> None:
    with Store(old_store(tmp_path / "old.db")) as store:
        assert examine(store).ok
        store.transaction(lambda it: it.execute(text("UPDATE sessions SET prompt = 'x'")))
        assert len(examine(store).damaged) == store.count()


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE bodies SET scores = zeroblob(8) || substr(scores, 9) WHERE session = 2",
        "UPDATE sessions SET lowest = 0.5 WHERE key = 2",
        "UPDATE sessions SET label = 'good', onset = NULL WHERE key = 2",
    ],
)
def test_a_migration_never_seals_damage(change: str, tmp_path: Path) -> None:
    path = old_store(tmp_path / "old.db", change)
    with closing(sqlite3.connect(path)) as connection:
        (name,) = connection.execute("SELECT id FROM sessions WHERE key = 2").fetchone()

    with Store(path) as store:
        assert [damage.id for damage in examine(store).damaged] == [name]


def test_a_store_of_an_older_version_is_read_as_it_is(tmp_path: Path) -> None:
    path = old_store(tmp_path / "old.db")
    before = path.read_bytes()

    with Store(path, read_only=True) as store:
        assert store.version == 2
        assert examine(store).ok
        assert len(store.summaries()) == store.count() == 3
    assert path.read_bytes() == before


@pytest.mark.slow
@pytest.mark.parametrize("n_flips", [150, pytest.param(2_000, marks=pytest.mark.soak)])
def test_no_single_bit_is_flipped_in_silence(tmp_path: Path, n_flips: int) -> None:
    whole = tmp_path / "whole.db"
    with Store(whole) as store:
        store.add([session(f"s{number}") for number in range(24)])
        store.vault_key()
        store.finish_attempt(store.begin_attempt("f" * 64), '{"ok": true}')
    with closing(sqlite3.connect(whole)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    expected, content = contents(whole), whole.read_bytes()
    rng = random.Random(4)
    silent = []

    for number in range(n_flips):
        place, bit = rng.randrange(len(content)), rng.randrange(8)
        path = tmp_path / f"{number}.db"
        flipped = bytearray(content)
        flipped[place] ^= 1 << bit
        path.write_bytes(flipped)
        try:
            with Store(path, read_only=True) as store:
                is_sound = examine(store).ok
            is_same = contents(path) == expected
        except (DirectorError, sqlite3.Error, ValueError):
            continue
        if is_sound and not is_same:
            silent.append((place, bit))

    assert silent == []


def contents(path: Path) -> list[object]:
    """Return all that a store holds, row by row."""
    held: list[object] = []
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        for table in ("sessions", "bodies", "tokens", "annotations", "attempts", "settings"):
            rows = connection.execute(f"SELECT * FROM {table} NOT INDEXED ORDER BY 1").fetchall()
            held.append([row for row in rows if row[0] != "log"])
    return held


def test_a_copy_of_the_golden_store_of_today_is_sound(tmp_path: Path) -> None:
    path = tmp_path / "golden.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((GOLDEN / "version_3.sql").read_text(encoding="utf-8"))
    shutil.copyfile(path, tmp_path / "copy.db")

    with Store(tmp_path / "copy.db", read_only=True) as store:
        assert examine(store).ok
        assert len(store.attempts()) == 1
