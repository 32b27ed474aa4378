"""Monitoring of 100,000 sessions: ranks, the detector, and the report, cold and remembered.

Run it as ``python tests/benchmarks/monitor_report.py [--sessions 100000]``. Processor times of one
thread in one run, the least of several; the remembered report is what the page has of it while
nothing changes. It exits with 1 if a part takes more than twice its reach, which stands beside it:
a shared machine is no faster.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from director_ai import HaltPolicy, ScorerIdentity
from director_ai.monitoring import (
    Promise,
    Report,
    ReportQuery,
    deploy,
    draw_numbers,
    drift,
    ranks,
    report,
    tick,
)
from director_ai.storage import Store
from director_ai.storage.monitor_log import DAY_US, Audit, MonitorLog
from director_ai.ui.monitor.page import remembered_report

LIMITS_S = {
    "ranks": 0.2,
    "drift detector": 0.1,
    "report": 2.0,
    "report, remembered": 0.2,
}
N_DAYS = 28
_BATCH = 2_000


def seconds(work: Callable[[], object], repeats: int = 3) -> float:
    """Return the least processor time of several runs."""
    best = float("inf")
    for _ in range(repeats):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return best


def fill(store: Store, n: int) -> int:
    """Fill a store with settled sessions of a month, and return its last moment."""
    random = np.random.default_rng(1)
    deploy(store, HaltPolicy(), ScorerIdentity("lexical"), Promise(0.02), now_us=0)
    log = MonitorLog(store)
    (plan,) = log.plans(1)
    names = [f"session-{number}" for number in range(n)]
    draws = draw_numbers(names, key=b"benchmark").tolist()
    halted = random.random(n) < 0.09
    margins = random.normal(0.2, 0.05, n).tolist()
    averages = random.normal(0.8, 0.04, n).tolist()
    for start in range(0, n, _BATCH):
        audits = []
        for at in range(start, min(n, start + _BATCH)):
            sealed_us = at * N_DAYS * DAY_US // n
            p = plan.p_halt if halted[at] else plan.p_pass
            is_halted = bool(halted[at])
            audits.append(
                Audit(
                    id=names[at],
                    sealed_us=sealed_us,
                    day=sealed_us // DAY_US,
                    deployment=1,
                    plan=plan.number,
                    kind="counted",
                    halted=is_halted,
                    drawn=draws[at] < p,
                    draw=draws[at],
                    cut=is_halted,
                    mechanism="window_avg" if is_halted else "",
                    model=f"m{at % 3}",
                    family="",
                    margin=margins[at],
                    average=averages[at],
                    n_warned=0,
                )
            )
        log.settle(audits)
    return N_DAYS * DAY_US - 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=100_000)
    n = parser.parse_args().sessions
    random = np.random.default_rng(2)
    values, ties = random.random(n), random.random(n)
    p_values, days = random.uniform(1e-6, 1.0, (n, 1)), np.arange(n) * N_DAYS // n
    took = {
        "ranks": seconds(lambda: ranks(np.empty(0), values, ties)),
        "drift detector": seconds(lambda: drift(p_values, days)),
    }
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder) / "s.db") as store:
        now_us = fill(store, n)
        tick(store, now_us=now_us)
        took["report"] = seconds(lambda: report(store, now_us=now_us))
        took["report, remembered"] = seconds(lambda: page_report(store, now_us))
    for name, reach in LIMITS_S.items():
        print(f"{name:20} {took[name]:6.2f} s, reach {reach} s")
    return int(any(took[name] > 2 * reach for name, reach in LIMITS_S.items()))


def page_report(store: Store, now_us: int) -> Report:
    """Return the report as the page does: what was sealed is settled, then it is remembered."""
    tick(store, now_us=now_us)
    return remembered_report(
        (store.name, store.stamp(), now_us // 60_000_000), ReportQuery(), store
    )


if __name__ == "__main__":
    raise SystemExit(main())
