"""Pages elsewhere cannot reach the app, and asking does not make it ask anyone."""

import base64
import http.client
import os
import shutil
import tomllib
from collections.abc import Iterator
from contextlib import closing
from urllib.parse import urlsplit

import pytest

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import Browser  # noqa: E402  (after importorskip)

from tests.browser.conftest import FLAGS, ROOT, Serve, Server  # noqa: E402
from tests.safety.conftest import Trap  # noqa: E402

ELSEWHERE = "rebound.example"


@pytest.fixture(scope="module")
def server(serve: Serve, trap: Trap) -> Server:
    return serve(env=trap.env)


@pytest.fixture(scope="module")
def misled(chromium: Browser) -> Iterator[Browser]:
    """A browser for which the name of a foreign page has come to mean this machine."""
    executable = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chrome")
    rules = f"--host-resolver-rules=MAP {ELSEWHERE} 127.0.0.1"
    browser = chromium.browser_type.launch(executable_path=executable, args=[*FLAGS, rules])
    yield browser
    browser.close()


def greeting(server: Server, **headers: str) -> int:
    """Return the status of the app's answer to a browser that opens its socket."""
    parts = urlsplit(server.url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    with closing(connection):
        connection.putrequest("GET", "/_stcore/stream", skip_host=True)
        for name, value in {
            "Host": parts.netloc,
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": base64.b64encode(bytes(16)).decode(),
            **headers,
        }.items():
            connection.putheader(name, value)
        connection.endheaders()
        return connection.getresponse().status


def test_a_page_whose_name_was_bound_to_this_machine_shows_nothing(
    misled: Browser, server: Server
) -> None:
    page = misled.new_page()
    frames: list[str | bytes] = []
    page.on(
        "websocket", lambda socket: socket.on("framereceived", lambda frame: frames.append(frame))
    )
    with page.expect_console_message(lambda message: "response code: 403" in message.text):
        page.goto(f"http://{ELSEWHERE}:{urlsplit(server.url).port}/")

    assert frames == []
    assert page.locator(".d-title").count() == 0


@pytest.mark.parametrize(
    "host",
    [ELSEWHERE, "127.0.0.1.example", "localhost.example", "127.0.0.1@rebound.example", "10.0.0.1"],
)
def test_a_foreign_host_is_refused(host: str, server: Server) -> None:
    port = urlsplit(server.url).port

    assert greeting(server, Host=f"{host}:{port}") == 403


def test_its_own_names_are_answered(server: Server) -> None:
    port = urlsplit(server.url).port

    assert greeting(server) == 101
    assert greeting(server, Host=f"localhost:{port}", Origin=f"http://localhost:{port}") == 101


@pytest.mark.parametrize("origin", ["http://rebound.example", "https://a.org", "null", "http://"])
def test_a_page_elsewhere_is_refused_and_makes_the_app_ask_nobody(
    origin: str, server: Server, trap: Trap
) -> None:
    assert greeting(server, Origin=origin) == 403
    assert trap.asked == []


def test_plain_streamlit_is_told_the_same_by_the_settings_beside_the_app() -> None:
    settings = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())

    assert settings["server"]["address"] == "127.0.0.1"
    assert settings["server"]["allowedHosts"] == ["localhost", "127.0.0.1"]
    assert settings["browser"]["gatherUsageStats"] is False
    assert settings["client"]["showErrorDetails"] in ("type", "none")
    assert settings["client"]["showErrorLinks"] is False
