"""The systems that a store runs on."""

import subprocess
import sys

import pytest


def run(code: str) -> subprocess.CompletedProcess[str]:
    """Run a program that, once it has the command, takes its system for Windows."""
    begin = "import sys; from director_ai.cli.main import main; sys.platform = 'win32'"
    return subprocess.run(
        [sys.executable, "-c", f"{begin}; {code}"], capture_output=True, text=True
    )


@pytest.mark.parametrize("part", ["engine.database", "recording.recorder"])
def test_on_an_unsupported_system_the_import_of_a_store_says_so(part: str) -> None:
    last = run(f"import director_ai.storage.{part}").stderr.splitlines()[-1]

    assert "UnsupportedSystemError: the store, and with it" in last
    assert "got 'win32'" in last


def test_on_an_unsupported_system_a_command_ends_in_one_sentence() -> None:
    ended = run("sys.exit(main(['list']))")

    assert ended.returncode == 1
    assert ended.stderr.startswith("director-ai list: the store, and with it")
    assert ended.stderr.count("\n") == 1


def test_on_an_unsupported_system_kernels_and_scorers_are_there() -> None:
    ended = run("from director_ai import CoherenceScorer, StreamingKernel")

    assert (ended.returncode, ended.stderr) == (0, "")
