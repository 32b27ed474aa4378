"""The dashboard in a server of its own and a Chromium, for the benchmarks that look at it."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from clone import ROOT

START_S = 60.0
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


@contextmanager
def dashboard(store: str) -> Iterator[Dashboard]:
    """Serve a store, and yield its dashboard; server and browser end with the block.

    ``CHROMIUM`` names the browser; without it, the first of the search path is taken.
    """
    from playwright.sync_api import sync_playwright

    executable = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chrome")
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
            browser = playwright.chromium.launch(executable_path=executable, args=_FLAGS)
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
