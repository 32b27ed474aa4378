"""A large store on the dashboard: memory of the real server, and waits in a real browser.

Run ``python tests/benchmarks/server_at_scale.py --store FILE`` on a store that
``archive_at_scale.py`` filled. ``--before CHECKOUT STORE`` measures another checkout of the
repository first, on a store of its version, so that one run shows both.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from clone import ROOT
from in_browser import Dashboard, dashboard

from director_ai.storage import Annotation, SessionQuery, Store

BUDGET_MB = 600.0
BUDGET_LABEL_S = 1.0
WAIT_MS = 300_000
N_KEYS = 5
RARE = "question 199"

_WATCH = """() => {
  window.__changed = null;
  let start = 0;
  addEventListener('keydown', () => { start = performance.now(); }, {once: true, capture: true});
  new MutationObserver((_, observer) => {
    if (start) { window.__changed = performance.now() - start; observer.disconnect(); }
  }).observe(document.querySelector('.st-key-card'),
             {subtree: true, childList: true, characterData: true});
}"""


def main() -> int:
    """Serve the store, look at it as its users do, and fail where it takes more than it may."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--store", type=Path, required=True)
    parser.add_argument("--before", nargs=2, metavar=("CHECKOUT", "STORE"))
    parser.add_argument("--no-tune", action="store_true", help="look at the Sessions page alone")
    options = parser.parse_args()
    if options.before is not None:
        checkout, store = options.before
        # Over its budget it ends with an error, which is what is to be seen.
        subprocess.run(
            [sys.executable, __file__, "--store", store],
            env={**os.environ, "DIRECTOR_CLONE": checkout},
            check=False,
        )
    print(f"{ROOT.name}:", flush=True)
    with dashboard(str(options.store)) as server:
        page = server.browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(WAIT_MS)
        listed(server, page)
        label_s = 0.0 if options.no_tune else tuned(server, page, options.store)
        most_mb = server.memory_mb("VmHWM")
    return int(most_mb > BUDGET_MB or label_s > BUDGET_LABEL_S)


def show(server: Dashboard, name: str, seconds: float) -> None:
    """Print a line: what, how long, and the memory of the server, now and at most so far."""
    memory, most = server.memory_mb("VmRSS"), server.memory_mb("VmHWM")
    print(f"{name:<44}{seconds:7.2f} s{memory:8.0f} MB now{most:8.0f} MB at most", flush=True)


def listed(server: Dashboard, page: Any) -> None:
    """Open the Sessions page, and search on it."""
    start = time.monotonic()
    page.goto(f"{server.address}/sessions")
    page.locator(".st-key-sessions_table canvas").first.wait_for()
    show(server, "Sessions", time.monotonic() - start)
    start = time.monotonic()
    page.goto(f"{server.address}/sessions?q={RARE.replace(' ', '+')}")
    page.locator(".st-key-sessions_table canvas").first.wait_for()
    show(server, f"Sessions, a search for {RARE!r}", time.monotonic() - start)


def tuned(server: Dashboard, page: Any, path: Path) -> float:
    """Open the Tune page and move its limits; return the wait for a slider after a label."""
    start = time.monotonic()
    page.goto(f"{server.address}/tune")
    page.locator(".st-key-threshold_curve .main-svg").first.wait_for()
    show(server, "Tune, first of this server", time.monotonic() - start)
    page.wait_for_timeout(3_000)
    slider = page.locator(".st-key-h [role=slider], .st-key-h input").first
    slider.focus()
    seconds = [key_to_card(page) for _ in range(N_KEYS)]
    show(server, "Tune, key on a slider to the card, median", sorted(seconds)[N_KEYS // 2])
    with Store(path) as store:
        query = SessionQuery(labels=("none",), outcomes=("completed",))
        unlabelled = [each.id for each in store.summaries(query, limit=N_KEYS)]
        seconds = []
        for name in unlabelled:
            store.annotate(name, Annotation("good"))
            seconds.append(key_to_card(page))
    label_s = sorted(seconds)[N_KEYS // 2]
    show(server, "Tune, the same after a label each, median", label_s)
    page.goto(f"{server.address}/tune?w=12")
    page.locator(".st-key-threshold_curve .main-svg").first.wait_for()
    show(server, "Tune, another window", 0.0)
    return label_s


def key_to_card(page: Any) -> float:
    """Press a key on the slider, and return the seconds until the card shows its numbers."""
    page.evaluate(_WATCH)
    page.keyboard.press("ArrowRight")
    page.wait_for_function("() => window.__changed")
    page.wait_for_timeout(500)
    return float(page.evaluate("() => window.__changed")) / 1000


if __name__ == "__main__":
    raise SystemExit(main())
