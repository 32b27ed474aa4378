"""What a list is exported as."""

import io
from pathlib import Path

import pandas as pd
import pytest

from director_ai.core.runtime.record_json import from_line
from director_ai.sources.samples import samples
from director_ai.storage.store import Store
from director_ai.storage.summary import SessionQuery
from director_ai.ui import session_export


@pytest.mark.parametrize("kind", ["list", "jsonl", "parquet", "csv_long", "csv_wide", "otlp"])
def test_every_kind_of_export_holds_what_was_found(kind: str, tmp_path: Path) -> None:
    query = SessionQuery(outcomes=("halted",))
    with Store(tmp_path / "sessions.db") as store:
        store.add(list(samples().values()))
        rows = store.summaries(query, limit=100)
        if kind == "list":
            written = session_export._list(store, [], query, len(rows))
        else:
            written = session_export._file(store, [], query, kind)

    assert len(rows) == 9
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
