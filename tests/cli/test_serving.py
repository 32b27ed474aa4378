"""The commands that open the app."""

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from director_ai.cli.main import main
from director_ai.cli.opening import STORE_VARIABLE
from director_ai.ui import archive

ROOT = Path(__file__).resolve().parents[2]


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Return the last line the command says when it refuses its arguments."""
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    return capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize("port", ["0", "65536", "-1", "http", "", "8501.0"])
def test_a_bad_port_is_named_with_what_is_allowed(
    port: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert refusal(capsys, "demo", f"--port={port}").endswith(
        f"port must be an integer in 1 to 65535, got {port!r}"
    )


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The command lines Streamlit would have been run with."""
    from streamlit.runtime.pages_manager import PagesManager
    from streamlit.web import cli as streamlit_cli

    lines: list[list[str]] = []

    def instead_of_serving(**options: Any) -> None:
        lines.append(sys.argv)

    monkeypatch.setattr(streamlit_cli, "main", instead_of_serving)
    # Named here to be put back: serving changes them for the whole process.
    monkeypatch.setattr(sys, "argv", sys.argv)
    monkeypatch.setattr(PagesManager, "uses_pages_directory", None)
    monkeypatch.setenv(STORE_VARIABLE, "of-the-shell.db")
    return lines


@pytest.mark.parametrize(
    ("arguments", "port", "headless"),
    [
        (["demo"], "8501", "false"),
        (["demo", "--port", "8600"], "8600", "false"),
        (["demo", "--no-browser"], "8501", "true"),
    ],
)
def test_the_demo_runs_the_app_on_the_samples(
    arguments: list[str], port: str, headless: str, started: list[list[str]]
) -> None:
    assert main(arguments) == 0

    (command,) = started
    assert command[:3] == ["streamlit", "run", str(ROOT / "app.py")]
    assert f"--server.port={port}" in command
    assert f"--server.headless={headless}" in command
    # Samples are labelled for play; a store named in the shell must not be.
    assert STORE_VARIABLE not in os.environ


def test_serve_runs_the_app_on_the_store_that_was_named(
    started: list[list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "new.db"

    assert main(["serve", "--store", str(path), "--no-browser"]) == 0

    assert os.environ[STORE_VARIABLE] == str(path)
    assert "--server.address=127.0.0.1" in started[0]
    assert capsys.readouterr().err == f"{path} holds 0 sessions.\n"


def test_serve_finds_the_store_from_any_folder(
    started: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert main(["serve"]) == 0

    assert os.environ[STORE_VARIABLE] == str(tmp_path / "of-the-shell.db")


def test_serve_says_what_is_wrong_with_a_store_and_does_not_start(
    started: list[list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("no database at all, just text " * 50)

    assert main(["serve", "--store", str(path)]) == 1
    assert "store must be a database" in capsys.readouterr().err
    assert not started


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.7", "example.org", "::", "127.0.0.2"])
def test_serve_listens_on_this_machine_only(host: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert f"host must be 127.0.0.1 or localhost, got {host!r}" in refusal(
        capsys, "serve", f"--host={host}"
    )


def test_the_app_looks_where_the_command_says() -> None:
    assert archive.STORE_VARIABLE == STORE_VARIABLE


def test_a_taken_port_ends_the_command_with_a_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        ended = subprocess.run(
            [
                *(
                    sys.executable,
                    "-c",
                    "from director_ai.cli.main import main; raise SystemExit(main())",
                ),
                *("demo", "--no-browser", f"--port={port}"),
            ],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )

    assert ended.returncode == 1
    assert f"Port {port} is not available" in ended.stdout + ended.stderr
    assert "Traceback" not in ended.stdout + ended.stderr
