"""The Tune page on an archive of shards: waits in a real browser, and memory of the real server.

Run ``python tests/benchmarks/archive_page.py FOLDER --sessions 1000000`` on a quiet machine. The
folder is filled with an archive of generated sessions if it holds fewer, a tenth of them labelled,
and with a store of the labelled ones and of some without a label: the others were pruned.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from in_browser import Dashboard, dashboard

from director_ai.storage import SessionRecord, Store
from director_ai.storage.transfer.curves_file import curve_of
from director_ai.storage.transfer.shard_archive import HoldoutDraw, ShardArchive
from director_ai.tuning.guarantee.holdout import group_draws
from director_ai.tuning.partial import write_sketch
from tests.ui.tune_store import FIRST_US, records

BUDGET_LABEL_S = 2.0
SHARD = 25_000
DRAWN = 2_000
N_UNLABELLED = 20
"""Sessions without a label of each shard that the store keeps."""

N_TIMES = 5
WAIT_MS = 600_000
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


def filled(folder: Path, n_sessions: int) -> None:
    """Fill an archive, and the store of its labels, up to so many sessions."""
    folder.mkdir(parents=True, exist_ok=True)
    archive = ShardArchive(folder / "curves")
    with Store(folder / "sessions.db") as store:
        choice = store.holdout()
        holdout = HoldoutDraw.of(store.name, *choice)
        while archive.manifest.n_sessions < n_sessions:
            first = archive.manifest.n_sessions
            drawn = records(DRAWN, seed=first, labelled=0.1, enforced=0.02)
            curves = [curve_of(record) for record in drawn]
            numbers = range(first, first + min(SHARD, n_sessions - first))
            rows = [curves[number % DRAWN]._replace(id=f"s-{number:08d}") for number in numbers]
            names = [f"\0{row.id}" for row in rows]
            draws = group_draws(names, key=choice.key).astype("<u8").tobytes()
            store.add(list(stored(drawn, numbers)))
            write_sketch(archive, [(10, 5)], archive.append(rows, draws, holdout))
        archive.use_windows([(10, 5)])


def stored(drawn: list[SessionRecord], numbers: range) -> Iterator[SessionRecord]:
    """Yield the sessions that the store keeps: all with a label, and some without."""
    n_unlabelled = 0
    for number in numbers:
        record = drawn[number % DRAWN]
        n_unlabelled += not record.annotations
        if record.annotations or n_unlabelled <= N_UNLABELLED:
            began_us = FIRST_US + number * 1_000_000
            yield replace(
                record,
                id=f"s-{number:08d}",
                prompt="",
                started_us=began_us,
                ended_us=began_us + 900_000,
            )


class TimedPage:
    """Page of a browser that times what is done on it, with the server's share.

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
        self._show(f"{name}, to the card", time.monotonic() - start, self._server.cpu_s() - used)
        self._rest()
        self._show(f"{name}, all", time.monotonic() - start, self._server.cpu_s() - used)

    def card_after(self, name: str, act: Callable[[], None], n_times: int) -> float:
        """Act some times, and print and return the median wait for the card to change."""
        seconds, cpu_s = [], []
        for _ in range(n_times):
            used = self._server.cpu_s()
            self._page.evaluate(_WATCH)
            act()
            self._page.wait_for_function("() => window.__changed")
            cpu_s.append(self._server.cpu_s() - used)
            seconds.append(float(self._page.evaluate("() => window.__changed")) / 1000)
            self._rest()
        self._show(name, statistics.median(seconds), statistics.median(cpu_s))
        return statistics.median(seconds)

    def _rest(self) -> None:
        self._page.locator(".st-key-flip_count").wait_for()
        self._page.locator("[data-test-script-state=notRunning]").first.wait_for()
        self._page.wait_for_timeout(1_000)

    def _show(self, name: str, seconds: float, cpu_s: float) -> None:
        memory, most = self._server.memory_mb("VmRSS"), self._server.memory_mb("VmHWM")
        print(
            f"{name:<44}{seconds:7.2f} s{cpu_s:7.2f} s CPU{memory:7.0f} MB now{most:7.0f} at most",
            flush=True,
        )


def main() -> int:
    """Open the archive in a browser, move a limit, give labels; fail where a label waits long."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sessions", type=int, default=200_000)
    options = parser.parse_args()
    filled(options.folder, options.sessions)
    archive = urlencode({"archive": str((options.folder / "curves").resolve())})
    with dashboard(str(options.folder / "sessions.db")) as server:
        page = server.browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(WAIT_MS)
        page.goto(f"{server.address}/sessions")
        page.locator(".st-key-sessions_table canvas").first.wait_for()
        timed = TimedPage(server, page)
        for name in ("opened first", "opened again"):
            timed.open(name, f"/tune?{archive}&h=0.45&d=1.5")
        slider = page.locator(".st-key-h input[type=range]")
        timed.card_after("key on a slider", lambda: slider.press("ArrowRight"), N_TIMES)
        page.locator("[class*=st-key-flips_] .dvn-scroller").first.click(position=FIRST_BOX)
        label = page.locator(".st-key-flip_unsure button").first
        label_s = timed.card_after("label of a listed session", label.click, N_TIMES)
        timed.card_after("key on a slider after it", lambda: slider.press("ArrowRight"), 1)
    return int(label_s > BUDGET_LABEL_S)


if __name__ == "__main__":
    raise SystemExit(main())
