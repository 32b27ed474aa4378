"""Pages elsewhere cannot reach the app, and asking does not make it ask anyone."""

import base64
import http.client
import tomllib
from collections.abc import Iterator
from contextlib import closing
from urllib.parse import urlsplit

import pytest

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import Browser  # noqa: E402  (after importorskip)

from tests.benchmarks.chromium import chromium_path  # noqa: E402
from tests.browser.conftest import FLAGS, ROOT, Serve, Server  # noqa: E402
from tests.safety.conftest import Trap  # noqa: E402

ELSEWHERE = "rebound.example"


@pytest.fixture(scope="module")
def server(serve: Serve, trap: Trap) -> Server:
    return serve(env=trap.env)


@pytest.fixture(scope="module")
def misled(chromium: Browser) -> Iterator[Browser]:
    """A browser for which the name of a foreign page has come to mean this machine."""
    rules = f"--host-resolver-rules=MAP {ELSEWHERE} 127.0.0.1"
    browser = chromium.browser_type.launch(executable_path=chromium_path(), args=[*FLAGS, rules])
    yield browser
    browser.close()


def answer(server: Server, method: str, path: str, **headers: str) -> tuple[int, bytes]:
    """Return status and body of the app's answer to a request with just these headers."""
    parts = urlsplit(server.url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    with closing(connection):
        connection.putrequest(method, path, skip_host=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        response = connection.getresponse()
        # A socket that was opened has no end to wait for.
        return response.status, b"" if response.status == 101 else response.read()


def greeting(server: Server, **headers: str) -> int:
    """Return the status of the app's answer to a browser that opens its socket."""
    usual = {
        "Host": urlsplit(server.url).netloc,
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": base64.b64encode(bytes(16)).decode(),
    }
    return answer(server, "GET", "/_stcore/stream", **usual | headers)[0]


def test_a_page_whose_name_was_bound_to_this_machine_shows_nothing(
    misled: Browser, server: Server
) -> None:
    page = misled.new_page()
    frames: list[str | bytes] = []
    page.on(
        "websocket", lambda socket: socket.on("framereceived", lambda frame: frames.append(frame))
    )
    shown = page.goto(f"http://{ELSEWHERE}:{urlsplit(server.url).port}/")

    assert shown is not None
    assert shown.status == 403
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


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/sessions"),
        ("GET", "/_stcore/health"),
        ("GET", "/_stcore/host-config"),
        ("GET", "/media/0123456789abcdef.html"),
        ("PUT", "/_stcore/upload_file/session/file"),
        ("DELETE", "/_stcore/upload_file/session/file"),
        ("GET", "/auth/login"),
        ("GET", "/auth/logout"),
        ("GET", "/oauth2callback?state=a&code=b"),
        ("GET", "/nothing/such"),
    ],
)
def test_nothing_is_answered_under_a_foreign_name(method: str, path: str, server: Server) -> None:
    port = urlsplit(server.url).port
    refused = (403, b"This server is not known by that name.")

    assert answer(server, method, path, Host=f"{ELSEWHERE}:{port}") == refused
    assert answer(server, method, path, Host=f"localhost:{port}") != refused


def test_a_script_of_the_app_is_not_sent_under_a_foreign_name(
    chromium: Browser, server: Server
) -> None:
    page = chromium.new_page()
    with page.expect_response(lambda response: "/static/js/" in response.url) as script:
        page.goto(server.url)
    page.close()
    path = urlsplit(script.value.url).path

    assert answer(server, "GET", path, Host=urlsplit(server.url).netloc)[0] == 200
    assert answer(server, "GET", path, Host=ELSEWHERE)[0] == 403


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
