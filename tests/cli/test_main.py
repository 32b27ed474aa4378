"""The command as a whole: its help, its exit status and what it says when something is wrong."""

import json
import os
import re
import shlex
import sqlite3
import subprocess
import sys
from argparse import ArgumentParser
from contextlib import closing
from pathlib import Path

import pytest

from director_ai.cli.exit_status import MEANING, Status, status_of
from director_ai.cli.main import main
from director_ai.cli.options.transfer import FORMATS
from director_ai.cli.parser import parser
from director_ai.errors import (
    InvalidEndpointError,
    InvalidRequestError,
    InvalidScorerError,
    MissingKeyError,
    MissingPackageError,
    MixedScorersError,
    NotCertifiedError,
)
from director_ai.storage.transfer.export import EXPORT_FORMATS

ROOT = Path(__file__).resolve().parents[2]
RUN = [sys.executable, "-c", "from director_ai.cli.main import main; raise SystemExit(main())"]
COMMANDS = (
    *("import", "export", "list", "show", "label"),
    *("backup", "restore", "doctor", "prune", "archive", "tune", "replay", "sweep", "check"),
    *("deploy", "monitor", "certify", "rescore", "scorers", "experiments"),
    *("watch", "serve", "demo"),
)


def help_of(*arguments: str) -> str:
    of: ArgumentParser = parser()
    for name in arguments:
        (commands,) = (action for action in of._actions if action.dest == "command")
        of = commands.choices[name]  # type: ignore[index,call-overload]
    return of.format_help()


def test_help_names_every_command_and_every_exit_status() -> None:
    shown = help_of()

    assert tuple(re.findall(r"^    (\w+)(?= |$)", shown, flags=re.MULTILINE)) == COMMANDS
    for status, meaning in MEANING.items():
        assert f"  {status.value}  {meaning}\n" in shown


@pytest.mark.parametrize("name", COMMANDS)
def test_the_examples_of_a_command_are_understood(name: str) -> None:
    _, _, examples = help_of(name).partition("examples:\n")

    lines = [shlex.split(line) for line in examples.splitlines()]
    assert lines
    for program, *arguments in lines:
        assert program == "director-ai"
        assert parser().parse_args(arguments).command == name


# Of scorers, the actions can; serve and demo print nothing.
@pytest.mark.parametrize("name", sorted({*COMMANDS} - {"scorers", "serve", "demo"}))
def test_every_command_can_speak_json_and_be_told_its_store(name: str) -> None:
    assert "--json" in help_of(name)
    assert "--store PATH_OR_URL" in help_of(name)


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--version"])

    assert caught.value.code == 0
    assert capsys.readouterr().out.startswith("director-ai ")


def test_a_command_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([])

    assert caught.value.code == Status.USAGE
    assert "the following arguments are required: COMMAND" in capsys.readouterr().err


def test_an_unknown_command_is_answered_with_the_known(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["dmeo"])

    assert "invalid choice: 'dmeo'" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["list"],
        ["show", "a"],
        ["label", "a", "good"],
        ["label", "--export", "labels.csv"],
        ["export", "-o", "all.jsonl"],
        ["backup", "copy.db"],
        ["doctor"],
        ["prune", "--keep-newest", "1"],
    ],
)
def test_no_command_but_import_and_serve_makes_a_store(
    arguments: list[str], elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == Status.NOT_FOUND

    said = capsys.readouterr().err
    assert "no store at sessions.db (the default, as neither --store nor DIRECTOR_STORE" in said
    assert list(elsewhere.iterdir()) == []


def test_the_store_is_that_of_the_option_then_the_environment_then_the_folder(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    named = path.rename(path.with_name("named.db"))

    assert main(["list", "--count"]) == Status.NOT_FOUND
    monkeypatch.setenv("DIRECTOR_STORE", str(named))
    assert main(["list", "--count"]) == 0
    assert capsys.readouterr().out == "4\n"
    assert main(["list", "--count", "--store", "no.db"]) == Status.NOT_FOUND
    assert "no store at no.db (named by --store)" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [["list"], ["label", "a", "good"], ["import", "a.jsonl"]])
def test_what_is_no_store_is_named_with_how_it_was_chosen(
    arguments: list[str], elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (elsewhere / "sessions.db").write_text("no database at all, just text " * 50)
    (elsewhere / "a.jsonl").write_text('{"id": "a", "tokens": ["x"], "scores": [0.5]}')

    assert main(arguments) == Status.FAILED

    said = capsys.readouterr().err
    assert "store must be a database, got sessions.db" in said
    assert "(the default, as neither --store nor DIRECTOR_STORE is given).\n" in said


def test_a_database_of_something_else_is_left_as_it_is(elsewhere: Path) -> None:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(elsewhere / "other.db")) as other:
        other.execute("CREATE TABLE theirs (x)")
        other.commit()
    before = (elsewhere / "other.db").read_bytes()

    assert main(["label", "a", "good", "--store", "other.db"]) == Status.FAILED
    assert (elsewhere / "other.db").read_bytes() == before


def test_a_broken_database_is_a_sentence(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # Everything but the pages of the schema, without which it would be no store.
    with closing(sqlite3.connect(path)) as connection:
        roots = connection.execute("SELECT rootpage FROM sqlite_master WHERE rootpage > 0")
        pages = [row[0] for row in roots]
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    content = bytearray(path.read_bytes())
    for page in pages:
        content[(page - 1) * size : page * size] = b"\xaa" * size
    path.write_bytes(content)

    assert main(["list"]) == Status.FAILED
    assert capsys.readouterr().err == (
        "director-ai list: store sessions.db failed: database disk image is malformed.\n"
    )


def test_the_command_runs_as_a_program(path: Path) -> None:
    ran = subprocess.run(
        [*RUN, "show", "halted", "--json", "--store", str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )

    assert (ran.returncode, ran.stderr) == (0, "")
    assert json.loads(ran.stdout)["id"] == "halted"


@pytest.mark.slow
def test_a_terminal_sees_work_going_on_and_a_program_reads_json(path: Path) -> None:
    terminal, end = os.openpty()

    ran = subprocess.run(
        [*RUN, "doctor", "--json", "--store", str(path)],
        cwd=ROOT,
        env={**os.environ, "TERM": "xterm"},
        stdout=subprocess.PIPE,
        stderr=end,
    )
    os.close(end)
    seen = os.read(terminal, 65536).decode()
    os.close(terminal)

    assert ran.returncode == 0
    assert json.loads(ran.stdout)["n_verified"] == 4
    assert "Verifying the sealed sessions" in seen


@pytest.mark.slow
def test_a_reader_that_has_read_enough_is_no_error(path: Path) -> None:
    line = f"{shlex.join([*RUN, 'list', '--json', '--store', str(path)])} | true"

    ran = subprocess.run(
        ["bash", "-o", "pipefail", "-c", line], cwd=ROOT, capture_output=True, text=True
    )
    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "status"),
    [(["list"], Status.OK), (["show", "none"], Status.NOT_FOUND), (["doctor"], Status.FAILED)],
)
def test_a_reader_that_went_away_changes_no_status(
    path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], status: Status
) -> None:
    if arguments == ["doctor"]:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("UPDATE sessions SET digest = x'00' WHERE id = 'fine'")
            connection.commit()
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as out:
        monkeypatch.setattr("sys.stdout", out)
        assert main(arguments) == status


def test_a_reader_that_went_away_before_the_verdict_makes_no_success(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for command, status in (("doctor", Status.FAILED), ("list", Status.OK)):
        reading, writing = os.pipe()
        os.close(reading)
        with os.fdopen(writing, "w", buffering=1) as out:
            monkeypatch.setattr("sys.stdout", out)
            assert main([command]) == status


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (InvalidRequestError("x"), Status.USAGE),
        (InvalidScorerError("x"), Status.USAGE),
        (InvalidEndpointError("x"), Status.USAGE),
        (NotCertifiedError("x"), Status.REFUSED),
        (MixedScorersError("x"), Status.FAILED),
        (MissingKeyError("x"), Status.NOT_FOUND),
        (MissingPackageError("x"), Status.NOT_FOUND),
    ],
)
def test_an_error_has_the_status_of_its_kind(error: Exception, status: Status) -> None:
    assert status_of(error) == status


@pytest.mark.slow
def test_a_terminal_without_the_characters_is_no_error(path: Path) -> None:
    ran = subprocess.run(
        [*RUN, "show", "wrongly", "--store", str(path)],
        cwd=ROOT,
        env={"PYTHONIOENCODING": "ascii", "PATH": ""},
        capture_output=True,
        text=True,
    )

    assert (ran.returncode, ran.stderr) == (0, "")
    assert r"\u27e6 t1\u27e7" in ran.stdout


def test_every_format_can_be_written() -> None:
    more = ["html", "note", "curves"]
    assert [name.replace("-", "_") for name in FORMATS] == [*EXPORT_FORMATS, *more]
