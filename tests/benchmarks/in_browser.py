"""The dashboard in a server of its own and a Chromium, for the benchmarks that look at it."""

import os
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from chromium import chromium_path
from clone import ROOT

START_S = 60.0
WAIT_MS = 600_000
N_TIMES = 5
LIMITS = "&h=0.45&d=1.5"
"""Limits under which generated sessions end otherwise than they did, so that some are listed."""

FIRST_BOX = {"x": 15, "y": 50}
"""Place of the box that selects the first row of a table."""

_WATCH = """() => {
  window.__changed = null;
  let start = 0;
  const begin = () => { start = start || performance.now(); };
  for (const act of ['keydown', 'click']) addEventListener(act, begin, {once: true, capture: true});
  new MutationObserver((_, observer) => {
    if (start) { window.__changed = performance.now() - start; observer.disconnect(); }
  }).observe(document.querySelector('.st-key-card'),
             {subtree: true, childList: true, characterData: true});
}"""
_RUN = "from director_ai.cli.main import main; raise SystemExit(main())"
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]


class Dashboard(NamedTuple):
    """A running dashboard.

    Attributes
    ----------
    address
        Of the server.
    browser
        A Chromium of Playwright.
    pid
        Process of the server.
    """

    address: str
    browser: Any
    pid: int

    def memory_mb(self, name: str) -> float:
        """Return the memory of the server in MB: ``"VmRSS"`` now, ``"VmHWM"`` at most so far."""
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        (line,) = (line for line in status.splitlines() if line.startswith(f"{name}:"))
        return int(line.split()[1]) / 1024

    def cpu_s(self) -> float:
        """Return the seconds of processor time that the server took so far."""
        fields = (
            Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        )
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class TimedPage:
    """Tune page in a browser that times what is done on it, with the server's share.

    Parameters
    ----------
    server
        The dashboard.
    page
        A page of its browser.
    """

    def __init__(self, server: Dashboard, page: Any) -> None:
        self._server, self._page = server, page

    def open(self, name: str, address: str) -> None:
        """Open an address, and print the waits for its card and for all of it."""
        start, used = time.monotonic(), self._server.cpu_s()
        self._page.goto(f"{self._server.address}{address}")
        self._page.locator(".st-key-card .d-number").first.wait_for()
        self.show(f"{name}, to the card", time.monotonic() - start, self._server.cpu_s() - used)
        self._rest()
        self.show(f"{name}, all", time.monotonic() - start, self._server.cpu_s() - used)

    def moved_and_labelled(self) -> tuple[float, float]:
        """Move a limit, then give labels to a listed session and move it after each.

        Returns
        -------
        tuple of float
            Seconds until the card shows it: of a label, and of the limit moved after it.
        """
        slider = self._page.locator(".st-key-h input[type=range]")
        move = {"key on a slider": lambda: slider.press("ArrowRight")}
        self._cards_after(move)
        self._page.locator("[class*=st-key-flips_] .dvn-scroller").first.click(position=FIRST_BOX)
        label = self._page.locator(".st-key-flip_unsure button").first
        after = {f"{name}, after a label": act for name, act in move.items()}
        label_s, after_s = self._cards_after({"label of a listed session": label.click, **after})
        return label_s, after_s

    def show(self, name: str, seconds: float, cpu_s: float) -> None:
        """Print a line: what, how long, and processor time and memory of the server."""
        memory, most = self._server.memory_mb("VmRSS"), self._server.memory_mb("VmHWM")
        print(
            f"{name:<44}{seconds:7.2f} s{cpu_s:7.2f} s CPU{memory:7.0f} MB now{most:7.0f} at most",
            flush=True,
        )

    def _cards_after(self, acts: dict[str, Callable[[], None]]) -> list[float]:
        """Do one after the other, some times; print and return the median waits for the card."""
        waits: dict[str, list[tuple[float, float]]] = {name: [] for name in acts}
        for _ in range(N_TIMES):
            for name, act in acts.items():
                used = self._server.cpu_s()
                self._page.evaluate(_WATCH)
                act()
                self._page.wait_for_function("() => window.__changed")
                cpu_s = self._server.cpu_s() - used
                waits[name].append((self._page.evaluate("() => window.__changed") / 1000, cpu_s))
                self._rest()
        medians = {name: [*map(statistics.median, zip(*waits[name]))] for name in acts}
        for name, (seconds, cpu_s) in medians.items():
            self.show(f"{name}, to the card", seconds, cpu_s)
        return [seconds for seconds, _ in medians.values()]

    def _rest(self) -> None:
        self._page.locator(".st-key-flip_count").wait_for()
        self._page.locator("[data-test-script-state=notRunning]").first.wait_for()
        self._page.wait_for_timeout(1_000)


@contextmanager
def dashboard(store: str) -> Iterator[Dashboard]:
    """Serve a store, and yield its dashboard; server and browser end with the block."""
    from playwright.sync_api import sync_playwright

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    with (
        subprocess.Popen(
            [sys.executable, "-c", _RUN, "serve", "--no-browser", "--port", str(port)],
            cwd=ROOT,
            env={**os.environ, "DIRECTOR_STORE": store},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as server,
        sync_playwright() as playwright,
    ):
        try:
            _wait_for(address)
            browser = playwright.chromium.launch(executable_path=chromium_path(), args=_FLAGS)
            yield Dashboard(address, browser, server.pid)
            browser.close()
        finally:
            # Whatever happens: a server that goes on would be waited for.
            server.terminate()


def _wait_for(address: str) -> None:
    deadline = time.monotonic() + START_S
    while True:
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=1):
                return
        except (urllib.error.URLError, OSError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
