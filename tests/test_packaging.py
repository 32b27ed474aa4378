"""What is installed is all there, and runs from anywhere."""

import contextlib
import http.client
import os
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[1]
STARTUP_S = 60.0


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--quiet", "--wheel-dir"]
    subprocess.run([*command, folder, ROOT], check=True, stdin=subprocess.DEVNULL)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel alone in a folder; what it depends on is where pytest is."""
    folder = tmp_path_factory.mktemp("installed")
    command = [sys.executable, "-m", "pip", "install", "--no-deps", "--quiet", "--target"]
    subprocess.run([*command, folder, wheel], check=True, stdin=subprocess.DEVNULL)
    return folder


def files_of(folder: str) -> set[str]:
    """Return the files a clone holds in a folder, as the wheel names them."""
    return {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / folder).rglob("*")
        # Secrets stand beside the settings, and stay at home.
        if path.is_file() and "__pycache__" not in path.parts and path.name != "secrets.toml"
    }


def test_the_wheel_holds_every_file_of_the_package(names: set[str]) -> None:
    assert files_of("director_ai") <= names


@pytest.mark.parametrize("folder", ["pages", "sample_data", ".streamlit"])
def test_the_wheel_holds_the_app_and_what_it_shows(folder: str, names: set[str]) -> None:
    assert {f"director_ai/_dashboard/{name}" for name in files_of(folder)} <= names
    assert "director_ai/_dashboard/app.py" in names


def test_the_wheel_holds_nothing_else(names: set[str]) -> None:
    package = files_of("director_ai")
    app = files_of("pages") | files_of("sample_data") | files_of(".streamlit") | {"app.py"}
    expected = package | {f"director_ai/_dashboard/{name}" for name in app}

    rest = names - expected
    assert {name.split("/")[0].split("-")[0] for name in rest} == {"director_workbench"}
    assert all(".dist-info/" in name for name in rest)


def test_an_installed_app_draws_its_first_page(installed: Path, tmp_path: Path) -> None:
    script = (
        "import director_ai, sys\n"
        "from streamlit.testing.v1 import AppTest\n"
        "from director_ai.sources.sample_sessions import app_root, samples\n"
        "app = AppTest.from_file(str(app_root() / 'app.py'), default_timeout=60).run()\n"
        "assert not app.exception, app.exception\n"
        "print(director_ai.__file__)\n"
        "print(app_root())\n"
        "print(len(samples()))\n"
    )

    ran = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(installed)},
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    package = installed / "director_ai"
    assert ran.stdout.split() == [str(package / "__init__.py"), str(package / "_dashboard"), "60"]


@pytest.fixture(scope="module")
def port(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Serve the installed demo as a user would start it, from a folder that holds nothing."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    log = elsewhere / "log.txt"
    with (
        log.open("wb") as output,
        subprocess.Popen(
            [installed / "bin" / "director-ai", "demo", "--no-browser", f"--port={port}"],
            env={**os.environ, "PYTHONPATH": str(installed)},
            cwd=elsewhere,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        try:
            deadline = time.monotonic() + STARTUP_S
            while time.monotonic() < deadline and process.poll() is None:
                with contextlib.suppress(OSError):
                    if get(port, "/_stcore/health")[0] == 200:
                        break
                time.sleep(0.1)
            else:
                pytest.fail(f"the demo did not start:\n{log.read_text(errors='replace')}")
            yield port
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def get(port: int, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    with contextlib.closing(connection):
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode()


def greeting(port: int, host: str) -> str:
    """Return what the app answers to a browser that knows it by this name."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as browser:
        browser.sendall(
            b"GET /_stcore/stream HTTP/1.1\r\n"
            b"Host: " + host.encode() + b"\r\n"
            b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        return browser.recv(4096).decode().splitlines()[0]


def test_the_installed_command_serves_the_app(port: int) -> None:
    assert get(port, "/_stcore/health") == (200, "ok")
    status, page = get(port, "/")
    assert (status, "<title>Streamlit</title>" in page) == (200, True)


def test_the_installed_app_takes_its_settings_along(port: int) -> None:
    # Only our settings refuse a name that a foreign web page could point at this machine.
    assert greeting(port, f"127.0.0.1:{port}") == "HTTP/1.1 101 Switching Protocols"
    assert greeting(port, "rebound.example") == "HTTP/1.1 403 Forbidden"


def test_the_installed_app_listens_on_this_machine_only(port: int) -> None:
    with socket.socket() as elsewhere:
        elsewhere.settimeout(5)
        # Another address of this machine: a server that listens everywhere answers there too.
        assert elsewhere.connect_ex(("127.0.0.2", port)) != 0
