"""The console command."""

import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from director_ai.cli import main

ROOT = Path(__file__).resolve().parents[1]


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Return the last line the command says when it refuses its arguments."""
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    return capsys.readouterr().err.splitlines()[-1]


def test_help_names_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])

    assert caught.value.code == 0
    assert "open the app on the sample data" in capsys.readouterr().out


def test_a_command_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert refusal(capsys) == "director-ai: error: the following arguments are required: COMMAND"


def test_an_unknown_command_is_answered_with_the_known(capsys: pytest.CaptureFixture[str]) -> None:
    assert "invalid choice: 'dmeo'" in refusal(capsys, "dmeo")


@pytest.mark.parametrize("port", ["0", "65536", "-1", "http", "", "8501.0"])
def test_a_bad_port_is_named_with_what_is_allowed(
    port: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert refusal(capsys, "demo", f"--port={port}").endswith(
        f"port must be an integer in 1 to 65535, got {port!r}"
    )


@pytest.mark.parametrize(
    ("arguments", "port", "headless"),
    [
        (["demo"], "8501", "false"),
        (["demo", "--port", "8600"], "8600", "false"),
        (["demo", "--no-browser"], "8501", "true"),
    ],
)
def test_the_demo_runs_the_app(
    arguments: list[str], port: str, headless: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from streamlit.runtime.pages_manager import PagesManager
    from streamlit.web import cli as streamlit_cli

    started: list[list[str]] = []

    def instead_of_serving(**options: Any) -> None:
        started.append(sys.argv)

    monkeypatch.setattr(streamlit_cli, "main", instead_of_serving)
    # Named here to be put back: serving changes them for the whole process.
    monkeypatch.setattr(sys, "argv", sys.argv)
    monkeypatch.setattr(PagesManager, "uses_pages_directory", None)

    assert main(arguments) == 0
    (command,) = started
    assert command[:3] == ["streamlit", "run", str(ROOT / "app.py")]
    assert f"--server.port={port}" in command
    assert f"--server.headless={headless}" in command


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
                    "from director_ai.cli import main; raise SystemExit(main())",
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
