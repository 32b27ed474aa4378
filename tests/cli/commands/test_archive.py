"""The command that appends a store's sessions to an archive."""

import json
from pathlib import Path

import pytest

from director_ai.cli.main import main
from director_ai.core.records.record import Annotation
from director_ai.storage.store import Store
from director_ai.storage.transfer.shard_archive import ShardArchive
from director_ai.tuning.guarantee.holdout import group_draws
from tests.storage.records import record
from tests.ui.tune_store import filled


def archived(target: str = "curves") -> list[str]:
    archive = ShardArchive(target)
    return [name for shard in archive.manifest.shards for name in archive.ids(shard)]


@pytest.mark.usefixtures("live")
def test_what_has_ended_since_is_appended(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["archive", "curves", "--shard-sessions", "2", "--json"]) == 0

    first = json.loads(capsys.readouterr().out)
    counts = {"n_new": 3, "n_known": 0, "n_without_score": 0, "n_shards": 2}
    assert first == {"archive": "curves", "store": path.name, **counts}
    assert sorted(archived()) == ["fine", "halted", "wrongly"]
    with Store(path) as store:
        store.add([record("later", started_us=1)])
    assert main(["archive", "curves"]) == 0
    words = "Added 1 session to curves, which holds 4 in 3 shards.\n"
    assert capsys.readouterr().out == words
    assert archived()[-1] == "later"
    assert main(["archive", "curves"]) == 0
    assert capsys.readouterr().out.startswith("Added 0 sessions")


def test_draws_are_those_of_the_stores_secret(path: Path) -> None:
    assert main(["archive", "curves"]) == 0

    archive = ShardArchive("curves")
    (shard,) = archive.manifest.shards
    names = [f"\0{name}" if name != "watched" else "family" for name in archive.ids(shard)]
    with Store(path) as store:
        expected = group_draws(names, key=store.vault_key())
    assert archive.draws(shard) == expected.astype("<u8").tobytes()


def test_labels_stay_in_the_store(path: Path) -> None:
    with Store(path) as store:
        store.annotate("fine", Annotation("good", at_us=9))

    assert main(["archive", "curves"]) == 0
    archive = ShardArchive("curves")
    rows = archive.read(archive.manifest.shards[0]).rows
    assert {(row.label, row.onset) for row in rows} == {(None, None)}


def test_a_damaged_shard_is_named(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["archive", "curves", "--shard-sessions", "2"])
    assert main(["archive", "curves", "--verify"]) == 0
    assert "2 of 2 shards are what was written (4 sessions)." in capsys.readouterr().out
    assert Path("curves/sketch/10-5/part-00001/extremes.npy").is_file()
    Path("curves/part-00001.parquet").write_bytes(b"")

    assert main(["archive", "curves", "--verify", "--json"]) == 1
    printed = capsys.readouterr()
    assert json.loads(printed.out)["damaged"][0]["shard"] == "part-00001"
    assert "part-00001.parquet of curves must be what was written" in printed.err
    # Nothing is added beside what is damaged: it might be there, or not.
    assert main(["archive", "curves"]) == 4


def test_there_must_be_an_archive_to_verify(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["archive", "curves", "--verify"]) == 3

    assert "no archive at curves" in capsys.readouterr().err


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(list(arguments)) == 0
    return capsys.readouterr().out


def card(text: str) -> dict[str, object]:
    """Return a card without what differs anyway: its time, and how its sessions are digested."""
    values = json.loads(text)
    del values["date"], values["data"]["sha256"]
    return values


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store, its archive in three shards, its labels and two policies."""
    folder = tmp_path_factory.mktemp("kept")
    filled(folder / "runs.db", 2_000, labelled=0.9, enforced=0.01).close()
    store = ("--store", str(folder / "runs.db"))
    main(["archive", str(folder / "curves"), "--shard-sessions", "700", *store])
    main(["label", "--export", str(folder / "labels.csv"), *store])
    (folder / "before.yaml").write_text("window_threshold: 0.5\n", encoding="utf-8")
    segments = "segments:\n  model:\n    small:\n      hard_limit: 0.42\n"
    others = "  else:\n    window_threshold: 0.55\n"
    (folder / "after.yaml").write_text(segments + others, encoding="utf-8")
    return folder


@pytest.mark.slow
def test_an_archive_is_tuned_as_its_store_is(
    kept: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = ("--store", str(kept / "runs.db"))
    archive = ("--archive", str(kept / "curves"))

    tune = ("tune", "--budget", "0.2", "--json")
    whole = card(printed(capsys, *tune, *store))
    assert whole["data"]["sealed"] > 0  # type: ignore[index]
    assert card(printed(capsys, *tune, *store, *archive)) == whole
    assert card(printed(capsys, *tune, *archive, "--labels", str(kept / "labels.csv"))) == whole
    for limits in (("--hard-limit", "0.4"), ("--halt-mode", "soft"), ("--window-size", "7")):
        replay = ("replay", *limits)
        expected = printed(capsys, *replay, *store)
        assert printed(capsys, *replay, *archive, "--labels", str(kept / "runs.db")) == expected
    sweep = ("sweep", "window", "--points", "9")
    assert printed(capsys, *sweep, *store, *archive) == printed(capsys, *sweep, *store)


@pytest.mark.slow
@pytest.mark.parametrize("baseline", [(), ("--baseline", "before.yaml")])
def test_a_check_on_an_archive_is_that_of_its_store(
    kept: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    baseline: tuple[str, ...],
) -> None:
    monkeypatch.chdir(kept)
    gates = ("--max-false-halt-rate", "0.2", "--protect", "source:api", "--require", "id:s-00004")
    check = ["check", "after.yaml", *baseline, *gates, "--json"]

    assert main([*check, "--against", "runs.db"]) == 5
    whole = json.loads(capsys.readouterr().out)["checks"][0]
    assert main([*check, "--archive", "curves", "--labels", "runs.db"]) == 5
    found = json.loads(capsys.readouterr().out)["checks"][0]
    for report in (whole, found):
        del report["archive"]["sha256"], report["archive"]["name"]
    assert found == whole
    assert whole["archive"]["sessions"] > whole["archive"]["good"] + whole["archive"]["bad"]


@pytest.mark.slow
def test_an_archive_certifies_what_its_store_certifies(
    kept: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("one.db", "two.db"):
        printed(capsys, "backup", name, "--store", str(kept / "runs.db"))
    certify = ("certify", "--budget", "0.1", "--confidence", "0.9", "--json")
    archive = ("--archive", str(kept / "curves"))

    dry = (*certify, "--dry-run")
    whole = printed(capsys, *dry, "--store", "one.db")
    assert printed(capsys, *dry, *archive, "--labels", str(kept / "labels.csv")) == whole
    certified = printed(capsys, *certify, "--store", "one.db")
    assert json.loads(certified)["certified"]["fpr"]
    assert printed(capsys, *certify, *archive, "--labels", "two.db") == certified
    with Store("two.db") as store:
        assert len(store.attempts()) == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["replay", "--archive", "none"], "no archive at none"),
        (["replay", "--labels", "a.csv"], "--labels and --engine are of an --archive"),
        (
            ["tune", "--archive", "curves", "--model", "m2"],
            "--archive must be taken whole, or by --scorer",
        ),
        (["tune", "--archive", "curves", "--max-wait", "1"], "an archive keeps no times"),
        (["check", "a.yaml", "--archive", "curves", "--against", "b"], "either --against or"),
        (["certify", "--archive", "curves", "--held-out", "0"], "must be chosen in the store"),
        (["sweep", "hold-back", "--archive", "curves"], "an archive keeps no times"),
        (["replay", "--archive", "curves", "--engine", "x"], "engine must be serial, processes"),
        (["replay", "--archive", "curves", "--labels", "other.db"], "labels must be of the store"),
    ],
)
def test_what_an_archive_cannot_tell_is_refused(
    path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    main(["archive", "curves"])
    Store("other.db").close()

    assert main(arguments) > 0
    assert message in capsys.readouterr().err


def test_labels_without_a_session_are_told(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["archive", "curves"])
    with Store(path) as store:
        store.add([record("later", started_us=1)])
        store.annotate("later", Annotation("bad"))

    assert main(["replay", "--archive", "curves"]) == 0
    assert "1 label of sessions that curves does not hold" in capsys.readouterr().err
