"""Curves of an export are those of its records."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from director_ai.core.records.record import SessionRecord
from director_ai.errors import InvalidRecordError
from director_ai.replay.curves import Curves
from director_ai.replay.parquet import curves_of_parquet
from director_ai.storage.transfer.parquet import write_parquet
from tests.ui.tune_store import records


def written(path: Path, sessions: list[SessionRecord]) -> Path:
    with path.open("wb") as file:
        write_parquet(sessions, file)
    return path


def test_an_export_gives_the_curves_of_its_records(tmp_path) -> None:
    sessions = records(30)
    # The scorer failed on the last token of one.
    sessions[3] = replace(sessions[3], tokens=(*sessions[3].tokens, " more."), ended_by="halted")

    found = curves_of_parquet(written(tmp_path / "some.parquet", sessions))

    expected = Curves.from_records(sessions)
    for name in ("scores", "offsets", "complete", "sentence_ends"):
        assert np.array_equal(getattr(found, name), getattr(expected, name))
    assert not found.complete[3]
    assert found.sentence_ends.any()


def test_an_export_of_nothing_has_no_curves(tmp_path) -> None:
    assert curves_of_parquet(written(tmp_path / "none.parquet", [])).n_sessions == 0


def test_another_file_is_refused(tmp_path) -> None:
    path = tmp_path / "other.parquet"
    path.write_bytes(b"PAR1 no more")

    with pytest.raises(InvalidRecordError, match="the file must be an undamaged Parquet file"):
        curves_of_parquet(path)
