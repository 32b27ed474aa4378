"""What the Tune page costs, on generated sessions.

Run ``python tests/benchmarks/tune_page.py`` on a quiet machine; ``--sessions 20000`` for a large
archive. ``--browser`` also measures in Chromium: from a key pressed on a slider to the new card,
curve and flips, and from a click on the page's name, or a link to it, to its card. Every figure is
the median of several runs, in milliseconds.
"""

import argparse
import math
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from in_browser import ROOT, dashboard

from director_ai.figures import (
    LIGHT,
    delay_curve_data,
    length_hazard_data,
    rule_attribution_data,
    threshold_curve_data,
    threshold_curve_figure,
    threshold_map_data,
)
from director_ai.replay import HARD, WINDOW, Replay
from director_ai.storage import JUDGED, Store
from director_ai.tuning import (
    RiskTarget,
    TuneData,
    attribute_halts,
    evaluate,
    flips_between,
    plateau,
    propose,
    sensitivity,
    split_study,
)
from director_ai.ui.tune.changed_sessions import flip_rows, flip_table, outcome_pair
from director_ai.ui.tune.changed_sessions_table import MOST_ROWS
from tests.ui.tune_store import filled

BUDGET_MS = 100.0
"""Of one moved slider: card, what a step does, flips and curve."""

BUDGET_SEEN_MS = {2_000: 300.0, 20_000: 1_000.0}
"""Of the same in a browser, from the key to the drawing, by number of sessions."""

BUDGET_OPEN_MS = 1_000.0

N_RUNS = 9
N_KEYS = 15
N_OPENINGS = 5


def median_ms(work: Callable[[], Any], n_runs: int = N_RUNS) -> float:
    """Return the median time of some runs."""
    times = []
    for _ in range(n_runs):
        start = time.perf_counter()
        work()
        times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times)


def parts(store: Store) -> dict[str, float]:
    """Return what each part costs over the whole store, nothing sealed."""
    data = TuneData.of(list(store.curves(JUDGED)))
    labelled = data.labelled
    usual = data.default_policy
    replay = Replay(labelled.curves, window_size=usual.window_size, trend_window=usual.trend_window)
    before = replay.outcomes(usual)
    policy = replace(usual, hard_limit=0.4, window_threshold=0.62, trend_threshold=1.5)
    after = replay.outcomes(policy)
    changed, _ = flips_between(labelled, before, after)
    rows = flip_rows(changed)
    ends = outcome_pair(data, replay, (usual, before), (policy, after))

    def slider() -> None:
        outcomes = replay.outcomes(policy)
        evaluate(labelled, outcomes, policy)
        sensitivity(labelled, replay, policy)
        found, _ = flips_between(labelled, before, outcomes)
        ended = outcome_pair(data, replay, (usual, before), (policy, outcomes))
        flip_table(flip_rows(found)[:MOST_ROWS], data, ended)
        threshold_curve_data(labelled, replay, policy, HARD)
        plateau(replay, policy, HARD, change="halt")

    drawn = threshold_curve_data(labelled, replay, policy, HARD)
    return {
        "slider, all it needs": median_ms(slider),
        "- outcomes and card": median_ms(
            lambda: evaluate(labelled, replay.outcomes(policy), policy)
        ),
        "- a step of each": median_ms(lambda: sensitivity(labelled, replay, policy)),
        "- flips": median_ms(lambda: flip_rows(flips_between(labelled, before, after)[0])),
        "- flip table": median_ms(lambda: flip_table(rows[:MOST_ROWS], data, ends)),
        "- margins and tokens of all": median_ms(
            lambda: outcome_pair(data, replay, (usual, before), (policy, after))
        ),
        "- curve": median_ms(lambda: threshold_curve_data(labelled, replay, policy, HARD)),
        "- curve as a figure": median_ms(
            lambda: threshold_curve_figure(drawn, LIGHT, marks=[("in use", policy, "solid")])
        ),
        "- plateau": median_ms(lambda: plateau(replay, policy, HARD, change="halt")),
        "map 41 × 41": median_ms(
            lambda: threshold_map_data(
                labelled, replay, policy, rules=(HARD, WINDOW), metric="catch rate"
            )
        ),
        "rules": median_ms(
            lambda: rule_attribution_data(attribute_halts(labelled, replay, policy))
        ),
        "delay": median_ms(lambda: delay_curve_data(labelled, after)),
        "length": median_ms(lambda: length_hazard_data(labelled, replay, policy)),
        "window size": median_ms(
            lambda: Replay(labelled.curves, window_size=12, trend_window=5), 3
        ),
        "propose": median_ms(lambda: propose(data, replay, policy, RiskTarget(0.05, 0.05)), 3),
        "load, store to arrays": median_ms(lambda: TuneData.of(list(store.curves(JUDGED))), 3),
        "set the sealed part aside": median_ms(lambda: split_study(data, "key"), 3),
    }


def script_runs(path: Path) -> dict[str, float]:
    """Return what whole runs of the page cost on the server."""
    os.environ["DIRECTOR_STORE"] = str(path)
    from streamlit.testing.v1 import AppTest

    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120).run()
    app.switch_page("pages/views/tune.py")
    first = median_ms(lambda: app.run(), 1)
    assert not app.exception
    values = iter([0.01 * step for step in range(20, 20 + N_RUNS)])
    return {
        "first run": first,
        "slider moved": median_ms(lambda: app.slider(key="h").set_value(next(values)).run()),
    }


def browser(path: Path) -> dict[str, float]:
    """Return the time from a key on the slider to each new part, and of opening the page.

    ``open, first`` is of a server that has imported everything but not read the store yet;
    ``open, link`` and ``open, click`` are of one that has.
    """
    times: dict[str, list[float]] = {}
    with dashboard(str(path)) as (address, chromium, _):
        # What was loaded once is kept, as by anyone who comes again.
        visitor = chromium.new_context(viewport={"width": 1280, "height": 900})
        for run in range(N_OPENINGS + 1):
            page = visitor.new_page()
            page.goto(address)
            page.locator(".d-status").first.wait_for()
            page.wait_for_timeout(1500)
            page.evaluate(_OPENED)
            page.locator("[data-testid=stTopNavLink]", has_text="Tune").click()
            page.wait_for_function("() => window.__drawn")
            opened = "click" if run else "first"
            times.setdefault(f"open, {opened}", []).append(page.evaluate("() => window.__drawn"))
            start = time.perf_counter()
            page.goto(f"{address}/tune?h=0.3&a=0.6&d=1.5")
            page.locator(".st-key-card .d-number").first.wait_for()
            times.setdefault("open, link", []).append(1000 * (time.perf_counter() - start))
            if run < N_OPENINGS:
                page.close()
        page.locator(".st-key-threshold_curve .main-svg").first.wait_for()
        page.wait_for_timeout(3000)
        page.locator(".st-key-h [role=slider], .st-key-h input").first.focus()
        for _ in range(N_KEYS):
            page.evaluate(_WATCH)
            page.keyboard.press("ArrowRight")
            page.wait_for_function("() => window.__seen && window.__seen.rest")
            for name, value in page.evaluate("() => window.__seen").items():
                times.setdefault(f"key to {name}", []).append(value)
            page.wait_for_timeout(300)
    return {name: statistics.median(values) for name, values in times.items()}


_OPENED = """() => {
  window.__drawn = 0;
  addEventListener('click', () => {
    const start = performance.now();
    const wait = () => {
      const value = document.querySelector('.st-key-card .d-number');
      if (value) { requestAnimationFrame(() => { window.__drawn = performance.now() - start; }); }
      else setTimeout(wait, 5);
    };
    wait();
  }, {once: true, capture: true});
}"""

_WATCH = """() => {
  const seen = {}; window.__seen = null;
  const app = document.querySelector('[data-testid=stApp]');
  const graph = document.querySelector('.st-key-threshold_curve .js-plotly-plot');
  let start = 0;
  const pressed = () => { start = performance.now(); };
  document.addEventListener('keydown', pressed, {once: true, capture: true});
  const now = () => performance.now() - start;
  const changed = (name, element) => new MutationObserver((_, observer) => {
    if (start) { seen[name] = now(); observer.disconnect(); }
  }).observe(element, {subtree: true, childList: true, characterData: true});
  changed('card', document.querySelector('.st-key-card'));
  changed('flips', document.querySelector('.st-key-flip_count'));
  // A line that moves over a curve that stays is a relayout, and no drawing.
  const drawn = () => {
    if (start && !seen.curve) seen.curve = now();
    for (const name of ['plotly_afterplot', 'plotly_relayout']) graph.removeListener(name, drawn);
  };
  for (const name of ['plotly_afterplot', 'plotly_relayout']) graph.on(name, drawn);
  const wait = () => {
    const running = app.getAttribute('data-test-script-state') !== 'notRunning';
    if (start && seen.card && seen.curve && !running) {
      requestAnimationFrame(() => requestAnimationFrame(() => {
        seen.rest = now(); window.__seen = seen;
      }));
    } else setTimeout(wait, 5);
  };
  wait();
}"""


def main() -> int:
    """Print every figure; fail where one is over its budget."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--store", type=Path, help="keep the store here")
    parser.add_argument("--sessions", type=int, default=2_000)
    parser.add_argument("--browser", action="store_true", help="measure in Chromium, too")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = chosen.store or Path(folder) / "tune.db"
        with filled(path, chosen.sessions) as store:
            figures = parts(store)
        figures |= {f"script: {name}": value for name, value in script_runs(path).items()}
        if chosen.browser:
            seen = browser(path)
            figures |= {f"browser: {name}": value for name, value in seen.items()}
    for name, value in figures.items():
        print(f"{name:32} {value:10,.1f} ms")
    missed = [name for name, value in figures.items() if value > budget_ms(name, chosen.sessions)]
    if missed:
        print(f"over budget: {', '.join(missed)}")
    return int(bool(missed))


def budget_ms(name: str, n_sessions: int) -> float:
    """Return what a figure may be; most may be anything."""
    if name == "slider, all it needs":
        return BUDGET_MS
    if name in ("browser: key to card", "browser: key to curve", "browser: key to flips"):
        return BUDGET_SEEN_MS.get(n_sessions, math.inf)
    return BUDGET_OPEN_MS if name == "browser: open, click" else math.inf


if __name__ == "__main__":
    raise SystemExit(main())
