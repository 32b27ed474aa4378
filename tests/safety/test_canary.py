"""Keys and secrets are found nowhere: not in pages, stores, exports, logs or what commands say."""

import io
import json
import logging
import re
import threading
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pyarrow.parquet as pq
import pytest

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import Browser, expect  # noqa: E402  (after importorskip)

from director_ai import StreamingKernel  # noqa: E402
from director_ai.cli.main import main  # noqa: E402
from director_ai.cli.options.transfer import FORMATS  # noqa: E402
from director_ai.sources.chat.endpoint import Endpoint  # noqa: E402
from director_ai.sources.chat.stream import ChatStream  # noqa: E402
from director_ai.storage.recording.recorder import Recorder  # noqa: E402
from tests.browser.conftest import open_menu, settled  # noqa: E402
from tests.safety.shared_server import (  # noqa: E402
    CANARIES,
    ID,
    KEY_IN_ENVIRONMENT,
    KEY_IN_SECRETS,
    PAGES,
    Shared,
    sign_in,
)

TABS = ("Recorder", "Help")


def found(texts: Iterable[str | bytes]) -> set[str]:
    """Return the canaries that stand in any of the texts."""
    all_ = [text if isinstance(text, bytes) else text.encode() for text in texts]
    return {canary for canary in CANARIES if any(canary.encode() in text for text in all_)}


class Endpoints(BaseHTTPRequestHandler):
    """A model that answers, and one that repeats the key it was asked with."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        asked_with = self.headers["Authorization"]
        assert asked_with == f"Bearer {KEY_IN_ENVIRONMENT}"
        if self.path.startswith("/good"):
            status, kind = 200, "text/event-stream"
            ends = {"finish_reason": "stop"}
            chunks = [
                {"choices": [{"index": 0, "delta": {"content": " Hi"}, **last}]}
                for last in ({}, {}, ends)
            ]
            body = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks)
            body += "data: [DONE]\n\n"
        else:
            status, kind = 401, "application/json"
            body = json.dumps({"error": {"message": f"Incorrect API key provided: {asked_with}"}})
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="module", autouse=True)
def log(shared: Shared) -> str:
    """What the library logged while two streams, asked for with a key, were recorded."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    logging.getLogger("director_ai").addHandler(handler)
    kernel = StreamingKernel(on_fault="halt")
    with (
        pytest.MonkeyPatch.context() as patch,
        ThreadingHTTPServer(("127.0.0.1", 0), Endpoints) as listener,
        Recorder(shared.store.name) as recorder,
    ):
        patch.setenv("KEY_IN_ENVIRONMENT", KEY_IN_ENVIRONMENT)
        threading.Thread(target=listener.serve_forever, daemon=True).start()
        for name in ("good", "bad"):
            url = f"http://127.0.0.1:{listener.server_address[1]}/{name}/v1"
            source = ChatStream(Endpoint(url, "tiny", "KEY_IN_ENVIRONMENT"), "Why?")
            stream = kernel.stream(source, lambda text: 0.9)
            recorder.record(stream, kernel.policy, id=name, prompt="Why?").run_to_end()
        listener.shutdown()
    logging.getLogger("director_ai").removeHandler(handler)
    return written.getvalue()


def test_the_key_was_used_and_what_came_was_recorded(shared: Shared, log: str) -> None:
    good, bad = (shared.store.get(name) for name in ("good", "bad"))

    assert (good.ended_by, good.tokens) == ("completed", (" Hi",) * 3)
    assert bad.ended_by == "fault"
    assert bad.halt is not None
    assert "Incorrect API key provided: " in bad.halt.detail
    assert "Incorrect API key provided: " in log
    assert found([log, repr(good), repr(bad)]) == set()


def test_a_canary_would_be_found() -> None:
    assert found([f"x{CANARIES[0]}x", CANARIES[3].encode()]) == {CANARIES[0], CANARIES[3]}


def test_no_page_and_no_log_holds_a_secret(chromium: Browser, shared: Shared) -> None:
    sent: list[str | bytes] = []
    with chromium.new_context() as context:
        page = context.new_page()
        page.on(
            "websocket", lambda socket: socket.on("framereceived", lambda frame: sent.append(frame))
        )
        page.goto(shared.server.url)
        sign_in(page, shared.server, "Ann")
        for path in (
            *PAGES[:5],
            *(f"/session?id={name}" for name in (ID, "good", "bad")),
            *(f"/data?tab={tab}" for tab in TABS),
        ):
            page.goto(f"{shared.server.url}{path}")
            page.locator(".d-title, .d-status").first.wait_for()
            settled(page)
            sent.append(page.content())
        sent.append(str(context.cookies()))

    assert len(sent) > 100
    assert found([*sent, shared.server.log.read_bytes()]) == set()


def test_a_model_that_is_asked_by_an_operator_tells_nobody_the_key(
    chromium: Browser, shared: Shared
) -> None:
    sent: list[str | bytes] = []
    with chromium.new_context() as context:
        page = context.new_page()
        page.on(
            "websocket", lambda socket: socket.on("framereceived", lambda frame: sent.append(frame))
        )
        page.goto(shared.server.url)
        sign_in(page, shared.server, "Ann")
        page.goto(f"{shared.server.url}/?from=Endpoint&h=0&a=0&d=1.5")
        open_menu(page.get_by_role("combobox", name="Endpoint"))
        page.get_by_role("option", name="other").click()
        expect(page.get_by_text(f"Asks {shared.model.url('told')} for the model")).to_be_visible()
        page.get_by_label("Prompt", exact=True).fill("Who are you?")
        page.get_by_label("Prompt", exact=True).press("Control+Enter")
        page.get_by_label("Facts (blank lines between sources)").fill("My key is hidden.")
        page.get_by_label("Facts (blank lines between sources)").press("Control+Enter")
        ask = page.locator(".st-key-endpoint_start button").first
        expect(ask).to_be_enabled()
        ask.click()
        page.wait_for_url(re.compile("run=live-"))
        expect(page.locator(".d-status")).to_contain_text("Completed, 4 tokens.")
        expect(page.locator(".tokens bdi").nth(2)).to_contain_text(" is hidden")
        name = parse_qs(urlsplit(page.url).query)["run"][0]
        page.goto(f"{shared.server.url}/session?id={name}")
        expect(page.locator(".tokens bdi").nth(2)).to_contain_text(" is hidden")
        sent.append(page.content())

    record = shared.store.get(name)
    (request,) = shared.model.requests
    assert f"Authorization: Bearer {KEY_IN_ENVIRONMENT}".encode() in request
    assert record.tokens == (" My", " key", " is hidden", ".")
    assert found([*sent, repr(record), shared.server.log.read_bytes()]) == set()


def test_a_viewer_may_not_ask_a_model(chromium: Browser, shared: Shared) -> None:
    n_before = len(shared.model.requests)
    with chromium.new_context() as context:
        page = context.new_page()
        page.goto(shared.server.url)
        sign_in(page, shared.server, "Vi")
        page.goto(f"{shared.server.url}/?from=Endpoint")
        expect(page.locator(".d-status")).to_contain_text("Only an operator may ask a model.")
        assert page.locator(".st-key-endpoint_start").count() == 0
        # Not even where the endpoints are.
        assert shared.model.url("told") not in page.content()

    assert len(shared.model.requests) == n_before


def test_no_file_of_the_store_holds_a_secret(shared: Shared) -> None:
    files = [path for path in Path(shared.store.name).parent.iterdir() if path != shared.secrets]

    assert Path(shared.store.name) in files
    assert found(path.read_bytes() for path in files) == set()


def test_no_export_and_no_command_holds_a_secret(
    shared: Shared,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("DIRECTOR_STORE", shared.store.name)
    monkeypatch.setenv("KEY_IN_ENVIRONMENT", KEY_IN_ENVIRONMENT)
    monkeypatch.setenv("KEY_IN_SECRETS", KEY_IN_SECRETS)
    monkeypatch.setenv("STREAMLIT_SECRETS_FILES", str(shared.secrets))

    for kind in FORMATS:
        which = [ID] if kind in ("html", "note") else []
        assert main(["export", *which, "--format", kind, "-o", str(tmp_path / kind)]) == 0
    assert main(["backup", str(tmp_path / "backup.db")]) == 0
    for command in (["list", "--json"], ["show", "bad"], ["show", "good", "--json"], ["doctor"]):
        assert main(command) == 0
    assert main(["label", "--export", str(tmp_path / "labels.csv")]) == 0
    # Refused, so that it says what it knows of the login.
    shared_text = shared.secrets.read_text()
    broken = tmp_path / "secrets.toml"
    broken.write_text(shared_text.replace("client_id", "client_name"))
    monkeypatch.setenv("STREAMLIT_SECRETS_FILES", str(broken))
    assert main(["serve"]) == 4
    broken.unlink()

    said = capfd.readouterr()
    assert "auth.client_id must be there" in said.err
    columns = pq.read_table(tmp_path / "parquet")
    unpacked = [str(columns.to_pylist()), str(columns.schema.metadata)]
    written = [path.read_bytes() for path in tmp_path.iterdir()]
    assert len(written) == len(FORMATS) + 2
    assert found([said.out, said.err, *unpacked, *written]) == set()
