"""``check`` and the archive it reads: what a pull request with other limits is told."""

import json
from pathlib import Path

import pytest

from director_ai.cli.main import main
from director_ai.storage.store import Store
from director_ai.storage.summary import JUDGED
from director_ai.storage.transfer.curves_file import digest_of, read_curves
from director_ai.tuning.study import TuneData, split_study
from tests.ui.tune_store import records


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("check") / "sessions.db"
    with Store(path) as store:
        store.add(records(700, enforced=0.0))
    return path


def test_an_archive_holds_what_tune_shows_and_nothing_held_out(capsys, address, tmp_path) -> None:
    target = tmp_path / "golden.parquet"
    arguments = ["export", "--format", "curves", "-o", str(target), f"--store={address}"]

    assert main([*arguments, "--json"]) == 0

    told = json.loads(capsys.readouterr().out)
    with Store(address) as store:
        study = split_study(TuneData.of(list(store.curves(JUDGED))), *store.holdout())
    with target.open("rb") as file:
        archive = read_curves(file)
    assert {row.id for row in archive.rows} == set(study.open.ids)
    assert archive.n_sealed == told["n_sealed_left_out"] == 700 - len(study.open.ids) > 0
    assert told["n_sessions"] == len(archive.rows)

    assert main([*arguments, "--force", "--label", "bad", "--sample", "20", "--hash-ids"]) == 0
    with target.open("rb") as file:
        sample = read_curves(file).rows
    assert {row.label for row in sample} == {"bad"}
    assert 20 <= len(sample) < 60
    assert {row.id for row in sample} <= {digest_of(name) for name in study.open.ids}


def test_a_sample_is_one_of_curves(capsys, address) -> None:
    arguments = ["export", "-o", "a.jsonl", f"--store={address}"]

    assert main([*arguments, "--hash-ids"]) == 2
    assert "--sample and --hash-ids need --format curves" in capsys.readouterr().err
    arguments[2] = "a.parquet"
    assert main([*arguments, "--format=curves", "--model", "none"]) == 3
