"""The commands that open the app."""

import asyncio
import contextlib
import http.client
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from director_ai import HaltPolicy
from director_ai.cli.commands.serve import LOGIN_VARIABLE, SECRETS_VARIABLE
from director_ai.cli.exit_status import Status
from director_ai.cli.main import main
from director_ai.cli.open_store import STORE_VARIABLE
from director_ai.reports.policy_formats import POLICY_VARIABLE
from director_ai.ui.access import current_store, login
from director_ai.ui.components.served_policy import served_limits, served_policy

ROOT = Path(__file__).resolve().parents[3]


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
    from streamlit import net_util
    from streamlit.runtime.pages_manager import PagesManager
    from streamlit.web import cli as streamlit_cli
    from streamlit.web.server.starlette import starlette_server

    lines: list[list[str]] = []

    def instead_of_serving(**options: Any) -> None:
        lines.append(sys.argv)

    monkeypatch.setattr(streamlit_cli, "main", instead_of_serving)
    # Named here to be put back: serving changes them for the whole process.
    monkeypatch.setattr(sys, "argv", sys.argv)
    monkeypatch.setattr(PagesManager, "uses_pages_directory", None)
    monkeypatch.setattr(net_util, "get_external_ip", None)
    monkeypatch.setattr(starlette_server, "create_starlette_app", None)
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


def test_serve_hands_its_limits_to_the_app(
    started: list[list[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(POLICY_VARIABLE, "{}")
    file = tmp_path / "policy.yaml"
    file.write_text("hard_limit: 0.4\n")
    arguments = ["serve", f"--store={tmp_path / 'new.db'}"]

    assert main(arguments) == Status.USAGE
    assert f"{POLICY_VARIABLE}:1: the file must name" in capsys.readouterr().err
    assert main([*arguments, "--policy", str(file)]) == 0

    assert served_policy() == HaltPolicy(hard_limit=0.4)
    file.write_text("segments:\n  model:\n    tiny: {hard_limit: 0.3}\n  else: {hard_limit: 0.4}\n")
    assert main([*arguments, "--policy", str(file)]) == 0
    limits = served_limits()
    assert limits is not None
    assert (limits.limits_of(model="tiny").hard_limit, limits.policy.hard_limit) == (0.3, 0.4)
    assert main(["demo"]) == 0
    assert served_policy() is None
    assert len(started) == 3


def test_limits_of_another_scorer_are_served_only_if_told_to(
    started: list[list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text("hard_limit: 0.4\nscorer: {name: nli, backend: onnx}\n")
    arguments = ["serve", f"--store={tmp_path / 'new.db'}", "--policy", str(file)]

    assert main(arguments) == Status.REFUSED
    assert "were made for, onnx:nli, got lexical:coherence@" in capsys.readouterr().err
    assert not started
    assert main([*arguments, "--any-scorer"]) == 0
    file.write_text("hard_limit: 0.4\nscorer: {name: coherence}\n")
    assert main(arguments) == 0
    assert len(started) == 2


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


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "192.168.1.7", "example.org", "::", "localhost.example.org"]
)
def test_an_address_others_can_reach_is_refused_without_a_login(
    host: str,
    started: list[list[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(SECRETS_VARIABLE, str(tmp_path / "none.toml"))

    assert main(["serve", f"--host={host}", f"--store={tmp_path / 'new.db'}"]) == Status.REFUSED

    said = capsys.readouterr().err
    assert f"host must be 127.0.0.1 or localhost as long as there is no login, got {host!r}" in said
    assert "sections auth and director.roles of .streamlit/secrets.toml" in said
    assert not started
    assert not (tmp_path / "new.db").exists()


@pytest.mark.parametrize("host", ["", "http://a", "a b", "*", "a,b", "u@h"])
def test_a_host_that_is_none_is_not_understood(
    host: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert f"host must be an address or a name, got {host!r}" in refusal(
        capsys, "serve", f"--host={host}"
    )


@pytest.fixture
def secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of secrets with a login that is complete."""
    file = tmp_path / "secrets.toml"
    file.write_text(
        "[auth]\n"
        'redirect_uri = "https://director.example.org/oauth2callback"\n'
        f'cookie_secret = "{"5e" * 20}"\n'
        'client_id = "director"\n'
        'client_secret = "not-told"\n'
        'server_metadata_url = "https://id.example.org/x"\n'
        "[director.roles]\n"
        'operators = ["ann@example.org"]\n'
    )
    monkeypatch.setenv(SECRETS_VARIABLE, str(file))
    monkeypatch.setenv(LOGIN_VARIABLE, "")
    return file


def test_with_a_login_any_address_is_served_under_its_own_name_only(
    secrets: Path, started: list[list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["serve", "--host=0.0.0.0", f"--store={tmp_path / 'new.db'}"]) == 0

    (command,) = started
    assert "--server.address=0.0.0.0" in command
    allowed = {option for option in command if option.startswith("--server.allowedHosts")}
    names = {option.partition("=")[2] for option in allowed}
    assert names == {"localhost", "127.0.0.1", "director.example.org"}
    assert "--client.showErrorDetails=none" in command
    assert os.environ[LOGIN_VARIABLE] == "required"
    assert "People sign in at https://director.example.org." in capsys.readouterr().err


def test_nothing_is_counted_or_asked_elsewhere(started: list[list[str]]) -> None:
    from streamlit import net_util

    assert main(["demo"]) == 0

    assert "--browser.gatherUsageStats=false" in started[0]
    assert "--server.address=127.0.0.1" in started[0]
    assert net_util.get_external_ip() is None


@pytest.mark.parametrize(
    ("line", "broken", "said"),
    [
        ('client_id = "director"\n', "", "auth.client_id must be there"),
        ("[auth]", "[auth", "must be valid TOML that this process may read"),
        ("[director.roles]", "[roles]", "auth must come with a section director.roles"),
    ],
)
def test_half_a_login_is_refused_and_no_secret_is_told(
    line: str,
    broken: str,
    said: str,
    secrets: Path,
    started: list[list[str]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    secrets.write_text(secrets.read_text().replace(line, broken))

    assert main(["serve", f"--store={tmp_path / 'new.db'}"]) == Status.REFUSED

    told = capsys.readouterr().err
    assert said in told
    assert "not-told" not in told
    assert "5e5e" not in told
    assert not started


def test_the_app_looks_where_the_command_says() -> None:
    assert current_store.STORE_VARIABLE == STORE_VARIABLE
    assert login.LOGIN_VARIABLE == LOGIN_VARIABLE


@pytest.mark.slow
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


def fetched(port: int, path: str) -> tuple[int, Any]:
    """Return the status and the headers of an address of this machine."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    with contextlib.closing(connection):
        connection.request("GET", path)
        with connection.getresponse() as response:
            return response.status, response.headers


@pytest.mark.slow
@pytest.mark.parametrize("command", ["serve", "demo"])
def test_a_program_is_told_where_the_app_is_once_it_answers(command: str, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    path = tmp_path / "new.db"
    store = ["--store", str(path)] if command == "serve" else []
    code = "from director_ai.cli.main import main; raise SystemExit(main())"

    with subprocess.Popen(
        [sys.executable, "-c", code, command, *store, "--no-browser", "--json", f"--port={port}"],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        told = json.loads(process.stdout.readline())
        health, _ = fetched(port, "/_stcore/health")
        metrics, _ = fetched(port, "/_stcore/metrics")
        _, headers = fetched(port, "/")
        process.terminate()
        rest = process.stdout.read()

    assert (health, metrics) == (200, 404)
    assert headers["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert told == {
        "url": f"http://127.0.0.1:{port}",
        "store": str(path) if store else None,
        "pid": process.pid,
    }
    assert not [line for line in rest.splitlines() if "http" in line]


@pytest.mark.slow
def test_a_streamlit_without_a_part_that_is_replaced_is_refused_at_import() -> None:
    code = (
        "from streamlit import net_util; del net_util.get_external_ip; "
        "import director_ai.cli.commands.serve"
    )

    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120
    )

    assert "ImportError: streamlit must be of version 1.67, got 1.67." in ended.stderr
    assert "whose streamlit.net_util has no get_external_ip" in ended.stderr


@pytest.mark.parametrize("scheme", ["https", "http"])
def test_cookies_are_secure_where_people_sign_in_by_https(
    scheme: str, secrets: Path, started: list[list[str]], tmp_path: Path, monkeypatch: Any
) -> None:
    from streamlit.web.server.starlette import starlette_server

    from director_ai.cli.commands import serve

    async def application(scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"set-cookie", b"a=1")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})

    monkeypatch.setattr(serve, "create_starlette_app", lambda runtime: application)
    monkeypatch.setattr(serve, "is_host_allowed", lambda host: True)
    if scheme == "http":
        secrets.write_text(
            secrets.read_text().replace("https://director.example.org", "http://localhost:8501")
        )
    assert main(["serve", f"--store={tmp_path / 'new.db'}"]) == 0
    messages: list[Any] = []

    async def send(message: Any) -> None:
        messages.append(message)

    guarded = starlette_server.create_starlette_app(None)
    asyncio.run(guarded({"type": "http", "path": "/", "headers": []}, None, send))

    headers = dict(messages[0]["headers"])
    assert headers[b"set-cookie"] == (b"a=1; Secure" if scheme == "https" else b"a=1")
    connect = b"connect-src 'self' wss://director.example.org;"
    assert (connect in headers[b"content-security-policy"]) == (scheme == "https")
