"""How long the questions of the Tune page take over an archive, and beside what they replace.

Run it as ``python tests/benchmarks/replay_speed.py [--sessions 20000]``. All are measured in one
run; compare the ratios, not the milliseconds of one machine with those of another. Last comes an
archive with one very long session, beside one of as many tokens in sessions of equal length. It
exits with 1 if one takes longer or more memory than it may, or is fewer times faster than it has
to be.
"""

import argparse
import time
import tracemalloc
from collections.abc import Callable

import clone  # noqa: F401
import numpy as np
import pandas as pd

from director_ai import HaltPolicy
from director_ai.replay import NEVER, Curves, Replay, judge
from director_ai.tuning import BAD, Grid, LabelledCurves, sweep

N_SESSIONS = 20_000
MEDIAN_TOKENS = 200
JUDGED_ONE_BY_ONE = 200
LONG_AMONG, LONG_TOKENS = 2_002, 20_000
MOST_MB, MOST_TIMES_EQUAL = 64, 10


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


def peak_mb(work: Callable[[], object]) -> float:
    """Return the most memory allocated at once, in MB."""
    tracemalloc.start()
    work()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most / 1e6


def one_long_session() -> bool:
    """Measure a replay of one long session among short ones; return whether it misses its goal."""
    lengths = [*[1] * (LONG_AMONG - 1), LONG_TOKENS]
    equal = [sum(lengths) // LONG_AMONG] * LONG_AMONG
    took, most = [], []
    for each in (lengths, equal):
        curves = Curves.from_scores([np.full(length, 0.9) for length in each])

        def build(curves: Curves = curves) -> Replay:
            return Replay(curves, window_size=10, trend_window=5)

        took.append(seconds(build))
        most.append(peak_mb(build))
    missed = most[0] > MOST_MB or took[0] > MOST_TIMES_EQUAL * took[1]
    name = f"one session of {LONG_TOKENS:,} tokens among {LONG_AMONG - 1:,} of one"
    print(
        f"{name}: {took[0] * 1e3:.1f} ms and {most[0]:.1f} MB (at most {MOST_MB}), "
        f"{took[0] / took[1]:.1f} x the time (at most {MOST_TIMES_EQUAL}) of equal lengths, which "
        f"take {took[1] * 1e3:.1f} ms and {most[1]:.1f} MB{'   MISSED' if missed else ''}"
    )
    return missed


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
    n_missed += one_long_session()
    raise SystemExit(n_missed > 0)


if __name__ == "__main__":
    main()
