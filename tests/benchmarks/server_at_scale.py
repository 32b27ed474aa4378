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
from in_browser import LIMITS, WAIT_MS, Dashboard, TimedPage, dashboard

BUDGET_MB = 600.0
BUDGET_LABEL_S = 1.0
RARE = "question 199"


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
        label_s = 0.0 if options.no_tune else tuned(server, page)
        most_mb = server.memory_mb("VmHWM")
    return int(most_mb > BUDGET_MB or label_s > BUDGET_LABEL_S)


def listed(server: Dashboard, page: Any) -> None:
    """Open the Sessions page, and search on it."""
    timed = TimedPage(server, page)
    for name, address in (
        ("Sessions", "/sessions"),
        (f"Sessions, a search for {RARE!r}", f"/sessions?q={RARE.replace(' ', '+')}"),
    ):
        start, used = time.monotonic(), server.cpu_s()
        page.goto(f"{server.address}{address}")
        page.locator(".st-key-sessions_table canvas").first.wait_for()
        timed.show(name, time.monotonic() - start, server.cpu_s() - used)


def tuned(server: Dashboard, page: Any) -> float:
    """Open the Tune page, move limits and give labels; return the wait for a limit after one."""
    timed = TimedPage(server, page)
    timed.open("Tune, first of this server", f"/tune?{LIMITS}")
    _, after_label_s = timed.moved_and_labelled()
    timed.open("Tune, another window", f"/tune?w=12{LIMITS}")
    return after_label_s


if __name__ == "__main__":
    raise SystemExit(main())
