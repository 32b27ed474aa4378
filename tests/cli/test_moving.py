"""Sessions in and out by the command."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from director_ai.cli.commands import import_
from director_ai.cli.exit_status import Status
from director_ai.cli.main import main
from director_ai.core.records.record import without_text
from director_ai.core.records.record_json import from_line, to_line
from director_ai.reports.incident_note import note_markdown
from director_ai.reports.replay_html import session_html
from director_ai.storage.store import Store
from director_ai.storage.transfer.file_reader import read_upload
from director_ai.storage.transfer.parquet import read_header
from director_ai.storage.transfer.sandbox import read_upload_safely
from tests.storage.records import record

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read files as the command does: each in a process of its own."""
    monkeypatch.setattr(import_, "read_upload_safely", read_upload_safely)


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read files here, where no test asks for the sandbox: it takes most of a second."""
    monkeypatch.setattr(import_, "read_upload_safely", read_upload)


GOOD = '{"id": "new", "tokens": ["x", "y"], "scores": [0.9, 0.8]}\n'
BAD = '{"id": "worse", "tokens": ["x"], "scores": [2.0]}\n'


def told(capsys: Capture) -> Any:
    return json.loads(capsys.readouterr().out)


def ids(path: Path) -> set[str]:
    with Store(path, read_only=True) as store:
        return set(store.ids())


@pytest.mark.slow
def test_sessions_are_imported_into_a_store_that_is_made(
    sandbox: None, elsewhere: Path, capsys: Capture
) -> None:
    (elsewhere / "a.jsonl").write_text(GOOD)

    assert main(["import", "a.jsonl"]) == 0
    assert capsys.readouterr().out == (
        "a.jsonl: 1 session, 2 tokens, 0 labelled bad, 0 good.\n"
        "Imported 1 session into sessions.db.\n"
    )
    assert stat.S_IMODE((elsewhere / "sessions.db").stat().st_mode) == 0o600

    assert main(["import", "a.jsonl", "--json"]) == 0
    again = told(capsys)
    assert (again["n_new"], again["n_known"], again["imported"]) == (0, 1, True)
    assert again["files"][0]["counts"]["n_tokens"] == 2


def test_a_folder_stands_for_its_files_of_sessions(elsewhere: Path, capsys: Capture) -> None:
    folder = elsewhere / "night"
    (folder / "older").mkdir(parents=True)
    (folder / "b.jsonl").write_text(GOOD.replace("new", "two"))
    (folder / "a.jsonl").write_text(GOOD)
    (folder / "notes.txt").write_text("not sessions")

    assert main(["import", "night", "--json"]) == 0
    found = told(capsys)
    assert [each["name"] for each in found["files"]] == ["a.jsonl", "b.jsonl"]
    assert found["n_new"] == 2

    assert main(["import", "night/older"]) == Status.NOT_FOUND
    assert "no file in night/older ends in one of .jsonl, " in capsys.readouterr().err


def test_a_dry_run_changes_nothing(path: Path, elsewhere: Path, capsys: Capture) -> None:
    (elsewhere / "a.jsonl").write_text(GOOD)

    assert main(["import", "a.jsonl", "--dry-run"]) == 0
    assert "Would import 1 session into sessions.db." in capsys.readouterr().out
    assert main(["import", "a.jsonl", "--dry-run", "--store", "none.db"]) == 0
    assert "new" not in ids(path)
    assert not (elsewhere / "none.db").exists()


def test_a_dry_run_shows_raw_rows_and_what_they_become(
    path: Path, elsewhere: Path, capsys: Capture
) -> None:
    (elsewhere / "a.csv").write_text("nr;id;token;score;label\n1;A;x;0,9;0\n2;A;y;0,2;1\n")

    assert main(["import", "a.csv", "--dry-run"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert main(["import", "a.csv", "--dry-run", "--json"]) == 0
    (file,) = json.loads(capsys.readouterr().out)["files"]

    assert ["line", "nr", "id", "token", "score", "label"] in lines
    assert ["3", "2", "A", "y", "0,2", "1"] in lines
    assert ["A", "2", "bad", "1", '["x",', '"y"]', "[0.9,", "0.2]"] in lines
    assert file["rows"][1]["cells"]["score"] == "0,2"
    assert (file["preview"][0]["onset"], file["preview"][0]["scores"]) == (1, [0.9, 0.2])


@pytest.mark.parametrize("options", [[], ["--dry-run"]])
def test_one_bad_line_of_one_file_refuses_them_all(
    options: list[str], path: Path, elsewhere: Path, capsys: Capture
) -> None:
    (elsewhere / "good.jsonl").write_text(GOOD)
    (elsewhere / "bad.jsonl").write_text(BAD + GOOD.replace("new", "n2") + BAD + "no json\n")

    assert main(["import", "good.jsonl", "bad.jsonl", "--json", *options]) == Status.REFUSED

    captured = capsys.readouterr()
    assert [line.split(":")[0] for line in captured.err.splitlines()] == [
        "bad.jsonl, line 1",
        "bad.jsonl, line 3",
        "bad.jsonl, line 4",
        "director-ai import",
    ]
    assert captured.err.endswith("3 problems in bad.jsonl; nothing was imported.\n")
    document = json.loads(captured.out)
    assert (document["imported"], document["n_new"]) == (False, 0)
    assert [problem["line"] for problem in document["files"][1]["problems"]] == [1, 3, 4]
    assert "new" not in ids(path)


@pytest.mark.parametrize("options", [[], ["--dry-run"]])
def test_ids_that_stand_for_two_sessions_are_all_named(
    options: list[str], path: Path, elsewhere: Path, capsys: Capture
) -> None:
    other = [record("fine", scores=(0.1, 0.2)), record("halted", scores=(0.1,)), record("new")]
    (elsewhere / "a.jsonl").write_text("".join(f"{to_line(each)}\n" for each in other))
    (elsewhere / "b.jsonl").write_text(GOOD)

    assert main(["import", "a.jsonl", "b.jsonl", *options]) == Status.REFUSED
    told = "got 'fine', 'halted', 'new' with other tokens in a.jsonl and b.jsonl; nothing"
    assert told in capsys.readouterr().err
    assert "new" not in ids(path)


def test_columns_of_other_names_are_mapped(elsewhere: Path, capsys: Capture) -> None:
    (elsewhere / "a.csv").write_text(
        'uid,answer,conf,verdict\nq1,"[""x"", ""y""]","[0.9, 0.2]",1\n'
    )
    pairs = ["--map", "scores=conf", "--map", "label=verdict", "--map", "one_is=good"]

    assert main(["import", "a.csv"]) == Status.REFUSED
    assert "a.csv: a column must be chosen for scores" in capsys.readouterr().err
    assert main(["import", "a.csv", *pairs]) == 0
    with Store(elsewhere / "sessions.db") as store:
        kept = store.get("q1")
    assert (kept.tokens, kept.scores, kept.label) == (("x", "y"), (0.9, 0.2), "good")


@pytest.mark.parametrize(
    ("pair", "status", "said"),
    [
        ("scores=conv", Status.REFUSED, "no column 'conv' for scores in a.csv; it has uid, conf"),
        ("score=conf", Status.USAGE, "map must name one of id, tokens, scores"),
        ("one_is=1", Status.USAGE, "one_is must be good or bad, got '1'"),
    ],
)
def test_a_mapping_that_leads_nowhere_is_answered_with_what_there_is(
    pair: str, status: Status, said: str, elsewhere: Path, capsys: Capture
) -> None:
    (elsewhere / "a.csv").write_text("uid,conf\n1,0.5\n")

    assert main(["import", "a.csv", "--map", pair]) == status
    assert said in capsys.readouterr().err


def test_a_file_that_is_not_there_or_empty_is_a_sentence(elsewhere: Path, capsys: Capture) -> None:
    (elsewhere / "empty.jsonl").write_text("")

    assert main(["import", "none.jsonl"]) == Status.NOT_FOUND
    assert main(["import", "empty.jsonl"]) == Status.REFUSED
    said = capsys.readouterr().err
    assert "director-ai import: no file none.jsonl.\n" in said
    assert not (elsewhere / "sessions.db").exists()


@pytest.mark.slow
def test_a_file_beyond_the_limits_is_refused(
    sandbox: None, elsewhere: Path, capsys: Capture
) -> None:
    long = ", ".join(["0.5"] * 300_000)
    line = f'{{"id": "a", "tokens": ["x"], "scores": [{long}]}}\n'
    (elsewhere / "a.jsonl").write_text(line * 2)

    assert main(["import", "a.jsonl"]) == Status.REFUSED
    assert "a.jsonl: line 1 must be at most 1,048,576 bytes" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["all.jsonl", "all.parquet"])
def test_what_is_exported_is_imported_as_it_was(
    name: str, path: Path, elsewhere: Path, capsys: Capture
) -> None:
    assert main(["export", "-o", name]) == 0
    assert capsys.readouterr().out == f"Wrote 4 sessions to {name}.\n"
    assert main(["import", name, "--store", "copy.db"]) == 0

    with Store(path) as store, Store(elsewhere / "copy.db") as copy:
        assert list(copy.records(store.ids())) == list(store.records(store.ids()))
    assert stat.S_IMODE((elsewhere / name).stat().st_mode) == 0o600


@pytest.mark.slow
@pytest.mark.parametrize("format", ["jsonl", "parquet", "csv-long", "csv-wide", "otlp"])
def test_every_format_holds_what_was_asked_for(
    format: str, path: Path, elsewhere: Path, capsys: Capture
) -> None:
    arguments = ["--format", format, "--outcome", "halted", "--sort", "oldest", "--limit", "1"]

    assert main(["export", "-o", "some", *arguments, "--json"]) == 0
    assert told(capsys)["n_sessions"] == 1
    assert main(["import", "some", "--store", "copy.db"]) == 0
    assert ids(elsewhere / "copy.db") == {"halted"}


def test_the_filters_stand_in_the_header_of_parquet(path: Path, elsewhere: Path) -> None:
    assert main(["export", "-o", "a.parquet", "--label", "bad"]) == 0

    with (elsewhere / "a.parquet").open("rb") as file:
        assert read_header(file)["filters"]["labels"] == ["bad"]


def test_one_session_becomes_a_page_to_play_back_or_a_note(
    path: Path, elsewhere: Path, capsys: Capture
) -> None:
    assert main(["export", "halted", "-o", "k.html"]) == 0
    assert main(["export", "halted", "-o", "k.md"]) == 0
    with Store(path) as store:
        assert (elsewhere / "k.html").read_text() == session_html(store.get("halted"))
        assert (elsewhere / "k.md").read_text() == note_markdown(store.get("halted"))

    assert main(["export", "-o", "all.html"]) == Status.USAGE
    assert "html must be of one session, got 4" in capsys.readouterr().err
    assert not (elsewhere / "all.html").exists()


def test_a_session_still_being_recorded_is_left_out(
    live: Path, elsewhere: Path, capsys: Capture
) -> None:
    assert main(["export", "-o", "a.jsonl"]) == 0

    captured = capsys.readouterr()
    assert captured.out == "Wrote 3 sessions to a.jsonl.\n"
    assert captured.err == "1 session still being recorded left out.\n"


def test_text_can_be_left_out(path: Path, elsewhere: Path) -> None:
    assert main(["export", "halted", "-o", "a.jsonl", "--without-text"]) == 0
    with Store(path) as store:
        kept = without_text(store.get("halted"))

    assert from_line((elsewhere / "a.jsonl").read_text()) == kept


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["x7", "-o", "a.jsonl"], Status.NOT_FOUND, "no session 'x7' in sessions.db; it holds 4"),
        (["--model", "m9", "-o", "a.jsonl"], Status.NOT_FOUND, "no session in sessions.db is as"),
        (["fine", "--model", "m1", "-o", "a.jsonl"], Status.USAGE, "either ID or filters"),
        (["-o", "a.xlsx"], Status.USAGE, "--format must be given where FILE does not end in"),
        (["-o", "there.jsonl"], Status.FAILED, "--force replaces it"),
        (["-o", "no/a.jsonl"], Status.FAILED, "output must go to a folder that is there, got no"),
        (["-o", "."], Status.USAGE, "--format must be given"),
    ],
)
def test_an_export_that_cannot_be_is_a_sentence(
    arguments: list[str], status: Status, said: str, path: Path, elsewhere: Path, capsys: Capture
) -> None:
    (elsewhere / "there.jsonl").write_text("mine")

    assert main(["export", *arguments]) == status
    assert said in capsys.readouterr().err
    assert (elsewhere / "there.jsonl").read_text() == "mine"
    assert not (elsewhere / "a.jsonl").exists()


def test_an_export_that_breaks_off_leaves_the_old_file(
    path: Path, elsewhere: Path, capsys: Capture
) -> None:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE bodies SET text = 'X' || substr(text, 2)")
        connection.commit()
    (elsewhere / "a.jsonl").write_text("mine")
    before = set(elsewhere.iterdir())

    assert main(["export", "-o", "a.jsonl", "--force"]) == Status.FAILED
    assert "is not what was sealed" in capsys.readouterr().err
    assert (elsewhere / "a.jsonl").read_text() == "mine"
    assert {file for file in elsewhere.iterdir() if "sessions.db" not in file.name} <= before
