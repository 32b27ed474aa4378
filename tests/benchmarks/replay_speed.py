"""How long the questions of the Tune page take over an archive, and beside what they replace.

Run it as ``python tests/benchmarks/replay_speed.py [--sessions 20000]``. All are measured in one
run; compare the ratios, not the milliseconds of one machine with those of another. It exits with
1 if one takes longer than it may, or is fewer times faster than it has to be.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
import pandas as pd

from director_ai import HaltPolicy
from director_ai.replay import NEVER, Curves, Replay, judge
from director_ai.tuning import BAD, Grid, LabelledCurves, sweep

N_SESSIONS = 20_000
MEDIAN_TOKENS = 200
JUDGED_ONE_BY_ONE = 200


def archive(n_sessions: int, seed: int = 7) -> LabelledCurves:
    """Return noisy sessions of 10 to 2,000 tokens, half of them labelled bad."""
    random = np.random.default_rng(seed)
    lengths = np.clip(
        np.round(random.lognormal(np.log(MEDIAN_TOKENS), 0.6, n_sessions)), 10, 2000
    ).astype(int)
    scores = [np.clip(0.75 + 0.08 * random.standard_normal(n), 0, 1) for n in lengths]
    labels = random.integers(0, 2, n_sessions)
    onsets = np.where(labels == BAD, random.integers(0, 100, n_sessions), NEVER)
    curves = Curves.from_scores(scores)
    return LabelledCurves(curves, labels, onsets, np.arange(n_sessions))


def seconds(work: Callable[[], object], repeats: int = 5) -> float:
    """Return the least processor time of several runs."""
    best = float("inf")
    for _ in range(repeats):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return best


def rolling_mean(curves: Curves, size: int) -> Callable[[], object]:
    """Return the window means alone, as pandas computes them by session."""
    session = np.repeat(np.arange(curves.n_sessions), curves.lengths)
    frame = pd.DataFrame({"session": session, "score": curves.scores})
    return lambda: frame.groupby("session")["score"].rolling(size).mean()


def one_by_one(curves: Curves, policy: HaltPolicy) -> Callable[[], object]:
    """Return a replay of some sessions by the kernel's own machine, a score at a time."""
    some = [curves.session(place).tolist() for place in range(JUDGED_ONE_BY_ONE)]
    return lambda: [judge([""] * len(one), one, policy, complete=True) for one in some]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=N_SESSIONS)
    n_sessions = parser.parse_args().sessions
    data = archive(n_sessions)
    curves = data.curves
    # Few sessions halt under it, as in production, so that most are read to their end.
    policy = HaltPolicy(hard_limit=0.45, window_threshold=0.68, trend_threshold=0.42)
    replay = Replay(curves, window_size=10, trend_window=5)
    print(f"{n_sessions:,} sessions, {curves.n_tokens:,} tokens; processor time, best of 5")

    moved = seconds(lambda: replay.outcomes(policy))
    swept = seconds(lambda: sweep(data, replay, Grid.even(40)))
    built = seconds(lambda: Replay(curves, window_size=12, trend_window=6))
    pandas_mean = seconds(rolling_mean(curves, 12), repeats=2)
    judged = seconds(one_by_one(curves, policy), repeats=2) * n_sessions / JUDGED_ONE_BY_ONE
    by_machine = "the kernel's machine, session by session"
    n_missed = 0
    for name, took, other, reference, most_ms, least_ratio in (
        ("one threshold moved", moved, judged, by_machine, 10, 100),
        ("all 64,000 combinations of 40 x 40 x 40", swept, judged, "one such replay", 300, 1),
        ("another window size, all statistics", built, pandas_mean, "a rolling mean alone", 800, 2),
    ):
        ratio = other / took
        # A larger archive may take longer in proportion.
        missed = took * 1e3 > most_ms * max(1.0, n_sessions / N_SESSIONS) or ratio < least_ratio
        n_missed += missed
        print(
            f"{name:42} {took * 1e3:9.2f} ms (at most {most_ms})   {ratio:9,.1f} x (at least "
            f"{least_ratio}) faster than {reference}{'   MISSED' if missed else ''}"
        )
    print(f"{'':42} the machine: {judged:.1f} s, the rolling mean: {pandas_mean:.2f} s")
    raise SystemExit(n_missed > 0)


if __name__ == "__main__":
    main()
