"""What a list is exported as."""

import io
import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path

import pandas as pd
import pytest

from director_ai.core.records.record_json import from_line
from director_ai.errors import DamagedSessionError
from director_ai.sources.sample_sessions import samples
from director_ai.storage.store import Store
from director_ai.storage.summary import SessionQuery
from director_ai.ui.sessions import export
from tests.storage.records import record


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["list", "jsonl", "parquet", "csv_long", "csv_wide", "otlp"])
def test_every_kind_of_export_holds_what_was_found(kind: str, tmp_path: Path) -> None:
    query = SessionQuery(outcomes=("halted",))
    with Store(tmp_path / "sessions.db") as store:
        store.add(list(samples().values()))
        rows = store.summaries(query, limit=100)
        if kind == "list":
            written = export._list(store, [], query)
        else:
            written = export._file(store, [], query, kind)

    assert len(rows) == 6
    if kind == "jsonl":
        assert [from_line(line).id for line in written.decode().splitlines()] == [
            row.id for row in rows
        ]
    elif kind != "parquet":
        text = written.decode()
        assert all(row.id in text for row in rows)
        left_out = samples().keys() - {row.id for row in rows}
        assert not [name for name in left_out if f"{name}\n" in text or f"{name}," in text]
    else:
        read = pd.read_parquet(io.BytesIO(written))
        assert read["id"].tolist() == [row.id for row in rows]


def test_a_list_holds_every_row_there_is_when_it_is_made(tmp_path: Path) -> None:
    with Store(tmp_path / "sessions.db") as store:
        store.add([record(f"s{number:03}") for number in range(150)])

        assert export._list(store, [], SessionQuery()).count(b"\n") == 151


def test_a_file_that_cannot_be_made_leaves_its_reason_until_one_can(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    outcome = export.DownloadOutcome()
    with Store(path) as store:
        store.add([record("a"), record("b")])
        with closing(sqlite3.connect(path)) as connection, connection:
            key = "(SELECT key FROM sessions WHERE id = 'b')"
            connection.execute(f"UPDATE bodies SET text = upper(text) WHERE session = {key}")

        with pytest.raises(DamagedSessionError):
            export.make_file(outcome, partial(export._file, store, [], SessionQuery(), "jsonl"))
        assert "'b'" in outcome.problem
        assert "is not what was sealed" in outcome.problem
        selection = [store.summary("a")]
        export.make_file(outcome, partial(export._file, store, selection, SessionQuery(), "jsonl"))
        assert outcome.problem == ""
