"""The list of sessions as a table and as a file."""

import csv
import io
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from director_ai import HaltPolicy
from director_ai.core.records.record import Annotation
from director_ai.storage.reader import StoreReader
from director_ai.storage.store import Store
from director_ai.storage.summary import SessionQuery
from director_ai.ui.sessions.browser import PAGE_SIZE, page_rows
from director_ai.ui.sessions.counts import CountCache, count
from director_ai.ui.sessions.table import COLUMNS, session_csv, session_table
from tests.storage.records import record, streamed


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "sessions.db") as opened:
        yield opened


def halting(id: str, **values: object):
    return streamed(id, [0.9, 0.8, 0.3, 0.9], HaltPolicy(hard_limit=0.5), **values)


def test_a_halt_is_told_by_its_rule_its_token_and_its_delay(store: Store) -> None:
    store.add([replace(halting("a"), annotations=(Annotation("bad", 1),))])

    row = session_table(store.summaries()).iloc[0]
    assert row["Outcome"] == "✖ Halted"
    assert row["Rules"] == "■ Hard limit"
    assert row["Halt"] == "2 / 3"
    assert row["Closest call"] == pytest.approx(-0.2)
    assert row["Would halt"] == "■ Hard limit"
    assert (row["Label"], row["Onset"], row["Delay"]) == ("● Bad", 1, 1)
    assert row["Coherence"] == pytest.approx([0.9, 0.8, 0.3], abs=1 / 255)


def test_a_halt_that_was_only_watched_stands_in_brackets(store: Store) -> None:
    watched = streamed("a", [0.9, 0.3, 0.9], HaltPolicy(halt_mode="observe"))
    store.add([watched])

    row = session_table(store.summaries()).iloc[0]
    assert (row["Outcome"], row["Halt"]) == ("✓ Completed", "(1) / 3")


def test_what_is_not_known_is_blank(store: Store) -> None:
    store.add([record("a", scores=(), tokens=())])

    row = session_table(store.summaries(), with_shadow=True).iloc[0]
    assert (row["Rules"], row["Would halt"], row["Label"], row["Halt"]) == ("", "", "", "– / 0")
    assert row[["Closest call", "Onset", "Delay", "Shadow"]].isna().all()


def test_text_of_others_is_shown_with_what_hides_in_it(store: Store) -> None:
    store.add([record("a\u202eb", model="m\x00", tags=("t\u200b",), tokens=("\u2066x",) * 3)])

    row = session_table(store.summaries()).iloc[0]
    assert row["Id"] == "a⟨U+202E⟩b"
    assert row["Model"] == "m⟨U+0000⟩"
    assert row["Tags"] == "t⟨U+200B⟩"
    assert row["Answer"].startswith("⟨U+2066⟩x")
    assert row["Link"] == "session?id=a%E2%80%AEb"


def test_any_clock_can_be_shown(store: Store) -> None:
    store.add([record("a", started_us=2**62, ended_us=2**62), record("b", started_us=-(2**62))])

    assert len(session_table(store.summaries())) == 2
    assert session_csv(store.summaries())


def test_an_empty_table_has_every_column() -> None:
    assert list(session_table([])) == list(session_table([], with_shadow=False))
    assert "Shadow" not in session_table([])


def test_every_filter_has_its_column_in_the_file(store: Store) -> None:
    store.add([halting("a", tags=("x", "y"), model='=cmd|"', group="g")])

    rows = list(csv.DictReader(io.StringIO(session_csv(store.summaries()).decode())))
    assert list(rows[0]) == list(COLUMNS)
    assert rows[0]["model"] == "'=cmd|\""
    assert rows[0]["tags"] == "x, y"
    assert (rows[0]["outcome"], rows[0]["rules"], rows[0]["enforced"]) == (
        "halted",
        "hard_limit",
        "true",
    )
    table = pd.read_csv(io.BytesIO(session_csv(store.summaries())), parse_dates=["started"])
    assert table["started"].notna().all()


def test_recording_sessions_come_first_and_pages_leave_none_out(store: Store, monkeypatch) -> None:
    from director_ai.ui.sessions import browser

    monkeypatch.setattr(browser, "PAGE_SIZE", 3)
    store.add([record(f"s{number}", started_us=number) for number in range(7)])
    live = {"s1", "s4"}
    _unseal(store, live)

    pages = [page_rows(store, SessionQuery(), page, len(live)) for page in (1, 2, 3)]
    ids = [[row.id for row in page] for page in pages]
    assert ids == [["s4", "s1", "s6"], ["s5", "s3", "s2"], ["s0"]]
    only = page_rows(store, SessionQuery(outcomes=("recording",)), 1, len(live))
    assert [row.id for row in only] == ["s4", "s1"]
    assert PAGE_SIZE == 200


def test_rates_are_of_sessions_that_could_have_been_halted(store: Store) -> None:
    good, bad = (Annotation("good"),), (Annotation("bad"),)
    watched = record("watched", annotations=good)
    passed = record("passed", enforced=True, annotations=good)
    store.add(
        [
            watched,
            passed,
            replace(halting("false"), annotations=good),
            replace(halting("right"), annotations=bad),
            record("broken", enforced=True, ended_by="fault"),
        ]
    )

    numbers = count(store, SessionQuery(outcomes=("halted",)), store.stamp())
    assert numbers.enforced is not None
    assert (numbers.enforced.n_halted, numbers.enforced.n_sessions) == (2, 3)
    assert (numbers.enforced.n_false_halts, numbers.enforced.n_good) == (1, 2)
    assert numbers.n_all == 5
    assert count(store, SessionQuery(enforced=False), store.stamp()).enforced is None


def test_numbers_are_counted_anew_once_the_store_has_changed(store: Store, monkeypatch) -> None:
    from director_ai.ui.sessions import counts as session_numbers

    counts, query = CountCache(), SessionQuery()
    store.add([record("a")])
    first = counts.get(store, query)
    store.add([record("b")])

    monkeypatch.setattr(session_numbers, "_REUSE_FACTOR", 1e9)
    assert counts.get(store, query) is first
    monkeypatch.setattr(session_numbers, "_REUSE_FACTOR", 0)
    assert counts.get(store, query).n_all == 2
    assert counts.get(store, replace(query, order="longest")).n_all == 2


def test_a_text_that_every_session_holds_is_not_counted_apart(store: Store, monkeypatch) -> None:
    from director_ai.ui.sessions import counts as session_numbers

    monkeypatch.setattr(session_numbers, "_REUSE_FACTOR", 0)
    counts, found = CountCache(), SessionQuery(text="SKY")
    store.add([replace(record("a"), prompt="Why is the sky blue?")])

    assert counts.get(store, found) is counts.get(store, SessionQuery())
    assert counts.get(store, replace(found, labels=("bad",))).overview.n_sessions == 0
    store.add([replace(record("b"), prompt="")])
    assert counts.get(store, found).overview.n_sessions == 1
    assert counts.get(store, SessionQuery()).overview.n_sessions == 2


def test_a_session_that_arrives_during_a_search_is_not_taken_for_one_that_matches(
    store: Store, monkeypatch
) -> None:
    counts, look = CountCache(), StoreReader.is_everywhere
    store.add([replace(record("a"), prompt="Why is the sky blue?")])

    def look_until_one_comes(view: StoreReader, text: str) -> bool:
        is_everywhere = look(view, text)
        store.add([replace(record("late"), prompt="")])
        assert counts.get(store, SessionQuery()).n_all == 2
        return is_everywhere

    monkeypatch.setattr(StoreReader, "is_everywhere", look_until_one_comes)
    found = counts.get(store, SessionQuery(text="SKY"))
    assert (found.overview.n_sessions, found.n_all) == (1, 1)


def test_numbers_are_counted_anew_after_the_readers_own_change(store: Store, monkeypatch) -> None:
    from director_ai.ui.sessions import counts as session_numbers

    monkeypatch.setattr(session_numbers, "_REUSE_FACTOR", 1e9)
    counts = CountCache()
    store.add([record("a")])
    counts.get(store, SessionQuery())
    store.annotate("a", Annotation("bad"))
    counts.clear()

    assert counts.get(store, SessionQuery()).overview.n_bad == 1


def test_a_recorder_that_fell_silent_is_noticed_though_the_store_did_not_change(
    store: Store, monkeypatch
) -> None:
    from director_ai.ui.sessions import counts as session_numbers

    monkeypatch.setattr(session_numbers, "_REUSE_FACTOR", 0)
    counts = CountCache()
    store.add([record("a")])
    _unseal(store, {"a"})
    live = counts.get(store, SessionQuery())
    assert counts.get(store, SessionQuery()) is live

    monkeypatch.setattr(session_numbers, "SILENT_US", 0)
    assert counts.get(store, SessionQuery()) is not live


def _unseal(store: Store, ids: set[str]) -> None:
    """Make sessions look as they do while they are recorded."""
    with closing(sqlite3.connect(store.name)) as connection, connection:
        for name in ids:
            connection.execute("UPDATE sessions SET ended_by = NULL WHERE id = ?", (name,))
    connection.close()
