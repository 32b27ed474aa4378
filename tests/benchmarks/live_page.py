"""How smooth the Live page stays while another process records fifty streams.

Run ``python tests/benchmarks/live_page.py`` on a quiet machine with a Chromium. It prints, for the
strip of small curves and for the curve of the stream on show, how often they were drawn anew in a
second; which share of the time the page was busy for more than 50 ms at a stretch; and how long
after a click on a stream that stream was on show.
"""

import argparse
import random
import statistics
import tempfile
import time
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from in_browser import START_S, dashboard

from director_ai import HaltPolicy, StreamingKernel
from director_ai.storage import Recorder, Store

# Nothing halts: fifty streams stay fifty.
POLICY = HaltPolicy(hard_limit=0.1, window_threshold=0.2, trend_threshold=1.5)

COUNT = """() => {
  const seen = window.seen = { strip: 0, curve: 0, busy_ms: 0, n_long: 0, longest_ms: 0 };
  new PerformanceObserver((list) => {
    for (const task of list.getEntries()) {
      seen.busy_ms += task.duration;
      seen.n_long += 1;
      seen.longest_ms = Math.max(seen.longest_ms, task.duration);
    }
  }).observe({ type: "longtask" });
}"""


COUNT_DRAWINGS = """(inside, name) => {
  // Of the tree it stands in, which is closed to whoever looks for it from the page. A drawing
  // changes it several times, in less than 150 ms.
  let last = 0;
  new MutationObserver(() => {
    const now = performance.now();
    if (now - last > 150) window.seen[name] += 1;
    last = now;
  }).observe(inside.getRootNode(), {
    subtree: true, childList: true, attributes: true, characterData: true,
  });
}"""


def record(path: str, n_streams: int, tokens_per_s: float, until: float) -> None:
    """Record so many streams at once, each at this pace."""
    draw = random.Random(7)
    kernel = StreamingKernel.from_policy(POLICY)
    with Recorder(path) as recorder:
        streams = []
        for number in range(n_streams):
            level = 0.5 + 0.4 * number / n_streams
            words = (f" word{index}" for index in range(10**6))
            stream = kernel.stream(
                words, lambda _, level=level: min(1.0, max(0.3, draw.gauss(level, 0.05)))
            )
            streams.append(
                recorder.record(stream, POLICY, id=f"s{number}", source=f"worker {number}")
            )
        while time.time() < until:
            tick = time.monotonic()
            for stream in streams:
                next(stream)
            time.sleep(max(0.0, 1 / tokens_per_s - (time.monotonic() - tick)))
        for stream in streams:
            stream.close()


def looked_at(page: Any, url: str, seconds: float, n_clicks: int) -> dict[str, float]:
    """Look at the page for so long, then click one stream after the other."""
    page.goto(f"{url}/?from=Recorders")
    page.locator(".sparklines button").nth(11).wait_for(timeout=30_000)
    page.locator(".st-key-watch_curve .main-svg").first.wait_for(timeout=30_000)
    page.wait_for_timeout(3_000)
    page.evaluate(COUNT)
    page.locator(".sparklines").evaluate(COUNT_DRAWINGS, "strip")
    page.locator(".st-key-watch_curve .main-svg").first.evaluate(COUNT_DRAWINGS, "curve")
    start = time.perf_counter()
    page.wait_for_timeout(1_000 * seconds)
    spent_s = time.perf_counter() - start
    seen = page.evaluate("() => window.seen")
    clicks = []
    for _ in range(n_clicks):
        # The last ones are seldom on show; pointed at, they stay where they are.
        page.locator(".sparklines button").last.hover()
        tile = page.locator(".sparklines button[aria-pressed=false]").last
        name = str(tile.get_attribute("title")).split(" · ")[0]
        start = time.perf_counter()
        tile.click()
        # Not its tile: it may be among the twelve no longer.
        page.wait_for_function("name => location.search.includes(`watch=${name}`)", arg=name)
        clicks.append(1_000 * (time.perf_counter() - start))
        page.mouse.move(1, 1)
        page.wait_for_timeout(500)
    return {
        "strip, redraws/s": seen["strip"] / spent_s,
        "curve, redraws/s": seen["curve"] / spent_s,
        "long tasks, % of the time": seen["busy_ms"] / spent_s / 10,
        "long tasks, each second": seen["n_long"] / spent_s,
        "longest task, ms": seen["longest_ms"],
        "click to focus, median ms": statistics.median(clicks),
        "click to focus, longest ms": max(clicks),
    }


def main() -> None:
    """Record, look, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--streams", type=int, default=50)
    parser.add_argument("--tokens-per-s", type=float, default=20.0, help="of each stream")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--clicks", type=int, default=7)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "live.db")
        with Store(path):
            pass
        until = time.time() + START_S + 2 * options.seconds + 3 * options.clicks
        writer = get_context("spawn").Process(
            target=record, args=(path, options.streams, options.tokens_per_s, until), daemon=True
        )
        writer.start()
        try:
            with dashboard(path) as (address, browser, _):
                page = browser.new_page(viewport={"width": 1280, "height": 900})
                figures = looked_at(page, address, options.seconds, options.clicks)
        finally:
            writer.terminate()
            writer.join()
    print(f"{options.streams} streams of {options.tokens_per_s:g} tokens/s")
    for name, value in figures.items():
        print(f"{name:28} {value:8.1f}")


if __name__ == "__main__":
    main()
