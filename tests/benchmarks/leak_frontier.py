"""Leak frontier, waits and the shell of released streams: seconds, and what holding back buys.

``python tests/benchmarks/leak_frontier.py [--sessions 20000] [--json]``
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from director_ai import HaltPolicy, ReleasedStream, ReleasePolicy, StreamingKernel
from director_ai.replay import Replay
from director_ai.tuning import (
    Grid,
    LabelledCurves,
    LeakFrontier,
    assumed_times,
    leak_frontier,
    make_sessions,
    select_thresholds,
    share_later,
    sweep_delays,
    waits,
)

SHOWN_HOLDS = (0, 8, 16, 32)
N_TOKENS = 20_000


def least_s(work: Callable[[], object], n_times: int = 5) -> float:
    """Return the least processor time of some runs, in seconds."""
    least = float("inf")
    for _ in range(n_times):
        started = time.process_time()
        work()
        least = min(least, time.process_time() - started)
    return least


def archive(n_sessions: int) -> LabelledCurves:
    """Return synthetic sessions in which one token of twenty ends a sentence."""
    data = make_sessions(n_sessions, seed=7)
    ends = np.random.default_rng(7).random(data.curves.n_tokens) < 0.05
    return replace(data, curves=replace(data.curves, sentence_ends=ends))


def per_token(release: ReleasePolicy | None) -> float:
    """Return the seconds a token takes in a kernel's stream, released or not."""
    tokens = [" word"] * N_TOKENS

    def run() -> None:
        stream: Any = StreamingKernel(hard_limit=0.1).stream(tokens, lambda text: 0.9)
        for _ in stream if release is None else ReleasedStream(stream, release):
            pass

    return least_s(run) / N_TOKENS


def table(frontier: LeakFrontier) -> dict[str, list[float]]:
    """Return the frontier at some holds."""
    rows = [int(np.searchsorted(frontier.holds, hold)) for hold in SHOWN_HOLDS]
    return {
        "nothing leaked": [round(float(frontier.nothing[row]), 3) for row in rows],
        "mean leaked": [round(float(frontier.mean[row]), 1) for row in rows],
    }


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=20_000)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()

    data = archive(args.sessions)
    base = HaltPolicy()
    replay = Replay(data, window_size=base.window_size, trend_window=base.trend_window)
    selection = select_thresholds(data, replay, Grid.even(41), base=base)
    assert selection is not None
    policy = selection.policy
    outcomes = replay.outcomes(policy)
    times = assumed_times(data.curves, 0.04)
    always, warned = ReleasePolicy(), ReleasePolicy(when="warned")
    sentence = ReleasePolicy(unit="sentence")

    def frontier(release: ReleasePolicy) -> LeakFrontier:
        found = leak_frontier(data, outcomes, policy, release)
        _ = found.mean, found.quantiles, found.nothing
        return found

    def quantiles() -> None:
        found = waits(data.curves, times, always, policy.soft_limit)
        found.quantile(0.5), found.quantile(0.95)

    plain = per_token(None)
    result = {
        "sessions": data.n_sessions,
        "tokens": data.curves.n_tokens,
        "bad": data.n_bad,
        "milliseconds": {
            name: round(1e3 * least_s(work), 1)
            for name, work in (
                ("frontier, token", lambda: frontier(always)),
                ("frontier, sentence", lambda: frontier(sentence)),
                ("frontier, warned", lambda: frontier(warned)),
                ("waits, median and p95", quantiles),
                (
                    "mean leak of a grid of 41 x 41 x 41 at one hold",
                    lambda: sweep_delays(data, replay, Grid.even(41), hold_back=8),
                ),
            )
        },
        "microseconds a token": {
            "kernel": round(1e6 * plain, 2),
            "over it, always": round(1e6 * (per_token(ReleasePolicy(8)) - plain), 2),
            "over it, warned": round(1e6 * (per_token(ReleasePolicy(8, "warned")) - plain), 2),
            "over it, sentence": round(
                1e6 * (per_token(ReleasePolicy(8, unit="sentence")) - plain), 2
            ),
        },
        "holds": list(SHOWN_HOLDS),
        "always": table(frontier(always)),
        "warned": table(frontier(warned)),
        "good tokens later, warned": [
            round(float(share), 3)
            for share in share_later(data.curves, data.good, policy.soft_limit)[list(SHOWN_HOLDS)]
        ],
    }
    print(json.dumps(result, indent=None if args.json else 2))


if __name__ == "__main__":
    main()
