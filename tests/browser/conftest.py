"""A real server and a real Chromium, loopback only."""

import contextlib
import http.client
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol
from urllib.parse import urlsplit

import pytest

sync_api = pytest.importorskip("playwright.sync_api")

from playwright.sync_api import (  # noqa: E402  (after importorskip)
    Browser,
    ConsoleMessage,
    Locator,
    Page,
    Request,
    ViewportSize,
)

from tests.benchmarks.chromium import chromium_path  # noqa: E402

PATIENCE_MS = 90_000
"""Longest wait for any one thing: a busy machine is slow, not wrong."""
AGAIN = 6
"""Times that what had no effect is done again."""
sync_api.expect.set_options(timeout=PATIENCE_MS)

# Scripts for `streamlit run`, not modules to look for doctests in.
collect_ignore = ["apps"]

ROOT = Path(__file__).resolve().parents[2]
STARTUP_S = 120.0
# What the console script runs; the package need not be installed.
RUN = ["-c", "from director_ai.cli.main import main; raise SystemExit(main())"]
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]
VIEWPORT: ViewportSize = {"width": 1280, "height": 900}


@dataclass(frozen=True, slots=True)
class Server:
    """One running Streamlit."""

    url: str
    log: Path
    process: "subprocess.Popen[bytes]"

    @property
    def host(self) -> str:
        """Host and port, as requests name them."""
        return urlsplit(self.url).netloc


@dataclass(slots=True)
class Watch:
    """What the pages of one test did besides showing themselves."""

    page_errors: list[str] = field(default_factory=list)
    console_errors: list[str] = field(default_factory=list)
    outgoing: list[str] = field(default_factory=list)
    """Addresses asked for on any host but the server's."""


class Serve(Protocol):
    """Start a server of a script, or of the dashboard as its users start it."""

    def __call__(
        self, script: Path | None = None, *, env: Mapping[str, str] | None = None
    ) -> Server: ...


class OpenPage(Protocol):
    """Open a page in a context of its own and wait until it has settled."""

    def __call__(
        self,
        server: Server,
        path: str = "/",
        *,
        color_scheme: Literal["light", "dark"] = "light",
    ) -> Page: ...


def settled(page: Page) -> None:
    """Wait until no script is running and everything it sent is on the page."""
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    page.evaluate("() => new Promise(r => requestAnimationFrame(() => requestAnimationFrame(r)))")


def act_until(act: Callable[[], object], seen: Callable[[float], object]) -> None:
    """Act, and once more where nothing came of it, as people do.

    What is drawn anew at that moment loses a click, and a busy machine draws for long.

    Parameters
    ----------
    act
        Clicks or scrolls; doing it twice must do no harm.
    seen
        Waits for what comes of it, so many milliseconds at most.
    """
    for _ in range(AGAIN):
        act()
        with contextlib.suppress(sync_api.TimeoutError, AssertionError):
            seen(PATIENCE_MS / AGAIN)
            return
    act()
    seen(PATIENCE_MS)


def open_menu(control: Locator) -> Locator:
    """Open the menu of a choice, and return its options.

    A menu closes as the page scrolls, and a click scrolls to what it clicks at.
    """
    control.scroll_into_view_if_needed()
    settled(control.page)
    options = control.page.get_by_role("option")
    act_until(control.click, lambda patience: options.first.wait_for(timeout=patience))
    return options


def card_seen(page: Page) -> None:
    """Wait until the Review page takes keys for the card that its progress names."""
    settled(page)
    progress = re.compile(r"Session (\d+) of \d+")
    said = progress.search(page.get_by_text(progress).inner_text())
    assert said is not None
    position = int(said[1]) - 1
    guard = page.locator(f'.st-key-review_guard [data-seen^="{position} "]')
    sync_api.expect(guard).to_be_attached()


@contextlib.contextmanager
def run_server(script: Path | None, log: Path, env: Mapping[str, str]) -> Iterator[Server]:
    """Run a server until the block ends."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    if script is None:
        # The demo is of the samples, whatever the environment says.
        name = "serve" if "DIRECTOR_STORE" in env else "demo"
        command = [sys.executable, *RUN, name, "--no-browser", "--port", str(port)]
    else:
        command = [sys.executable, "-m", "streamlit", "run", str(script)]
        command += ["--server.port", str(port)]
        command += ["--server.headless", "true", "--server.fileWatcherType", "none"]
    with (
        log.open("wb") as output,
        subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **env},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        try:
            _wait_until_healthy(port, process, log)
            yield Server(f"http://127.0.0.1:{port}", log, process)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait_until_healthy(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + STARTUP_S
    while time.monotonic() < deadline and process.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
        with contextlib.suppress(OSError), contextlib.closing(connection):
            connection.request("GET", "/_stcore/health")
            if connection.getresponse().status == 200:
                return
        time.sleep(0.05)
    pytest.fail(f"streamlit did not start:\n{log.read_text(errors='replace')[-3000:]}")


@contextlib.contextmanager
def servers(folders: pytest.TempPathFactory) -> Iterator[Serve]:
    """Servers of which each is started when it is first asked for; all end together."""
    running: dict[tuple[Path | None, frozenset[tuple[str, str]]], Server] = {}
    with contextlib.ExitStack() as stack:

        def start(script: Path | None = None, *, env: Mapping[str, str] | None = None) -> Server:
            wanted = (script, frozenset((env or {}).items()))
            if wanted not in running:
                log = folders.mktemp("server") / "log.txt"
                running[wanted] = stack.enter_context(run_server(script, log, env or {}))
            return running[wanted]

        yield start


@pytest.fixture(scope="module")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """Servers shared by the tests of a file; even one that nobody asks costs a little."""
    with servers(tmp_path_factory) as start:
        yield start


@pytest.fixture(scope="session")
def app_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The dashboard, shared by the whole run."""
    with servers(tmp_path_factory) as start:
        yield start()


@pytest.fixture
def fresh_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """Brand-new servers, for tests of a first request; they end with the test."""
    with contextlib.ExitStack() as stack:

        def start(script: Path | None = None, *, env: Mapping[str, str] | None = None) -> Server:
            log = tmp_path_factory.mktemp("fresh") / "log.txt"
            return stack.enter_context(run_server(script, log, env or {}))

        yield start


# A running sync_playwright leaves its event loop "running" in this thread, so that asyncio.run
# fails in any test that comes after it. Hence a browser a module, not a session.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Headless Chromium as Debian installs it, or the one that the variable CHROMIUM names."""
    executable = chromium_path()
    if executable is None:
        reason = "NO BROWSER TEST RAN: no chromium on PATH; apt install chromium, or set CHROMIUM"
        if os.environ.get("DIRECTOR_REQUIRE_BROWSER") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def watch() -> Watch:
    """Errors and foreign requests of this test's pages."""
    return Watch()


@dataclass(slots=True)
class Tabs:
    """Tabs of one browser, each emptied and used again by the next test.

    Half of what the first load of the dashboard costs a browser is to start a renderer and to
    compile the scripts in it; the same tab need not do so again.
    """

    browser: Browser
    _free: list[Page] = field(default_factory=list)

    def take(self, color_scheme: Literal["light", "dark"]) -> Page:
        """Return a tab with nothing in it, of 1280 by 900."""
        if self._free:
            page = self._free.pop()
            page.set_viewport_size(VIEWPORT)
            page.emulate_media(color_scheme=color_scheme)
            return page
        context = self.browser.new_context(viewport=VIEWPORT, color_scheme=color_scheme)
        context.set_default_timeout(PATIENCE_MS)
        return context.new_page()

    def give_back(self, page: Page) -> None:
        """Forget all that the tab has stored, and keep it; one that is broken ends here."""
        context = page.context
        try:
            for other in context.pages:
                if other is not page:
                    other.close()
            page.unroute_all()
            page.evaluate("() => { localStorage.clear(); sessionStorage.clear(); }")
            context.clear_cookies()
            page.goto("about:blank")
        except sync_api.Error:
            context.close()
        else:
            self._free.append(page)


@pytest.fixture(scope="module")
def tabs(chromium: Browser) -> Tabs:
    """Tabs that the tests of a file share, one after the other."""
    return Tabs(chromium)


@pytest.fixture
def open_page(tabs: Tabs, watch: Watch) -> Iterator[OpenPage]:
    """Pages of 1280 by 900, each as in a browser that was never used."""
    with contextlib.ExitStack() as stack:

        def open_(
            server: Server,
            path: str = "/",
            *,
            color_scheme: Literal["light", "dark"] = "light",
        ) -> Page:
            page = tabs.take(color_scheme)
            stack.callback(tabs.give_back, page)
            stack.enter_context(_watched(page, server, watch))
            page.goto(server.url + path)
            settled(page)
            return page

        yield open_


@contextlib.contextmanager
def _watched(page: Page, server: Server, watch: Watch) -> Iterator[None]:
    """Note what the page does besides showing itself, until the block ends."""

    def note_error(error: sync_api.Error) -> None:
        watch.page_errors.append(str(error))

    def note_message(message: ConsoleMessage) -> None:
        if message.type == "error":
            watch.console_errors.append(message.text)

    def note_request(request: Request) -> None:
        _note_foreign(request, server, watch)

    page.on("pageerror", note_error)
    page.on("console", note_message)
    page.on("request", note_request)
    try:
        yield
    finally:
        page.remove_listener("pageerror", note_error)
        page.remove_listener("console", note_message)
        page.remove_listener("request", note_request)


def _note_foreign(request: Request, server: Server, watch: Watch) -> None:
    target = urlsplit(request.url)
    if target.scheme not in ("data", "blob") and target.netloc != server.host:
        watch.outgoing.append(request.url)


@pytest.fixture
def page(open_page: OpenPage, app_server: Server) -> Page:
    """The dashboard's first page, settled."""
    return open_page(app_server)
