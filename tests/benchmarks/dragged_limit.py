"""Time from a limit line moved on the Live page's curve to banner, curve and slider under it.

Run ``python tests/benchmarks/dragged_limit.py`` on a quiet machine with a Chromium. It plays the
first sample to its halt, drags the line of the window limit, and prints for each part the median
and the 95th percentile in milliseconds, from the pointer's move to the frame that shows it.
"""

import statistics
import tempfile
from pathlib import Path

from in_browser import dashboard

from director_ai.storage import Store

N_MOVES = 30

MOVE_PX = 8
"""Further than the line's step at every height of the picture."""

WATCH = """() => {
  const seen = window.seen = {};
  const line = document.querySelector('[aria-label="Window line on the chart"]');
  line.addEventListener('pointermove', () => {
    const start = performance.now();
    const parts = {
      banner: () => document.querySelector('.d-status').innerText,
      curve: () => document.querySelector('.st-key-curve .js-plotly-plot').data
        .find(trace => trace.name === 'window limit').y[0],
      slider: () => document.querySelector('.st-key-a input[type=range]').value,
    };
    const before = Object.fromEntries(Object.entries(parts).map(([name, get]) => [name, get()]));
    const look = () => {
      for (const [name, get] of Object.entries(parts)) {
        if (!(name in seen) && get() !== before[name]) seen[name] = performance.now() - start;
      }
      if (Object.keys(seen).length < 3) requestAnimationFrame(look);
      else window.done = true;
    };
    window.done = false;
    look();
  }, { once: true });
}"""


def times() -> dict[str, list[float]]:
    """Return the milliseconds of every move, by part."""
    found: dict[str, list[float]] = {"banner": [], "curve": [], "slider": []}
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "sessions.db")
        Store(path).close()
        with dashboard(path) as (address, chromium, _):
            page = chromium.new_page(viewport={"width": 1280, "height": 720})
            page.goto(f"{address}/?x=20")
            page.locator(".st-key-curve .main-svg").first.wait_for()
            page.keyboard.press("Space")
            page.locator(".d-status", has_text="Stopped at").wait_for()
            page.wait_for_timeout(1500)
            box = page.get_by_role("slider", name="Window line on the chart").bounding_box()
            x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
            page.mouse.move(x, y)
            page.mouse.down()
            for move in range(N_MOVES):
                page.evaluate(WATCH)
                # Up and down, so that every move changes what the banner says.
                page.mouse.move(x, y - 40 - MOVE_PX * (move % 2))
                page.wait_for_function("() => window.done")
                for name, spent_ms in page.evaluate("() => window.seen").items():
                    found[name].append(spent_ms)
                page.wait_for_timeout(300)
    return found


def main() -> None:
    """Print the times."""
    for name, spent_ms in times().items():
        percentiles = statistics.quantiles(spent_ms, n=20)
        print(f"{name:8} median {statistics.median(spent_ms):4.0f} ms, 95 % {percentiles[-1]:4.0f}")


if __name__ == "__main__":
    main()
