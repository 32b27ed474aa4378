"""Time of the notebook's door: load 20,000 sessions, evaluate and tune a policy.

Run it as ``python tests/benchmarks/experiment_door.py``. It prints one line a step, the processor
time of the fastest of several runs, and exits with 1 if one takes longer than it may. The first
evaluation under a pair of windows replays every score; those after it do not.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import clone  # noqa: F401
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from director_ai import HaltPolicy
from director_ai.experiment import load

N_SESSIONS = 20_000
RUNS = 3
Result = TypeVar("Result")


def table(n_sessions: int) -> pa.Table:
    """Return sessions of 40 to 200 tokens, their text, a third of them bad from an onset on."""
    random = np.random.default_rng(1)
    lengths = random.integers(40, 200, n_sessions)
    offsets = np.concatenate([[0], lengths.cumsum()]).astype(np.int32)
    scores = random.normal(0.8, 0.05, offsets[-1])
    is_bad = random.random(n_sessions) < 1 / 3
    onsets = (lengths * random.uniform(0.2, 0.8, n_sessions)).astype(np.int64)
    position = np.arange(offsets[-1]) - np.repeat(offsets[:-1], lengths)
    late = np.repeat(is_bad, lengths) & (position >= np.repeat(onsets, lengths))
    scores = np.clip(
        scores - late * np.repeat(random.uniform(0.05, 0.5, n_sessions), lengths), 0, 1
    )
    words = np.array([" the", " sky", " is", " blue", ".", " not", ",", " green"])
    tokens = pa.array(words[random.integers(0, len(words), offsets[-1])])
    return pa.table(
        {
            "id": [f"session {place}" for place in range(n_sessions)],
            "tokens": pa.ListArray.from_arrays(offsets, tokens),
            "scores": pa.ListArray.from_arrays(offsets, scores.round(4)),
            "label": np.where(is_bad, 1, 0),
            "onset": pa.array(onsets, mask=~is_bad),
            "group": [f"prompt {place // 2}" for place in range(n_sessions)],
            "model": np.where(np.arange(n_sessions) % 2, "small", "large"),
        }
    )


slow: list[str] = []
"""Steps that took longer than they may."""


def timed(
    name: str, step: Callable[[], Result], runs: int = RUNS, *, most_ms: float = float("inf")
) -> Result:
    """Return the result of a step, and print its processor time."""
    least = float("inf")
    for _ in range(runs):
        start = time.process_time()
        result = step()
        least = min(least, time.process_time() - start)
    print(f"{name:<44}{1000 * least:>9.1f} ms")
    if 1000 * least > most_ms:
        slow.append(name)
    return result


def main() -> int:
    """Print the times, and return whether one is too long."""
    n_sessions = int(sys.argv[1]) if len(sys.argv) > 1 else N_SESSIONS
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sessions.parquet"
        pq.write_table(table(n_sessions), path)
        exp = timed(f"load {n_sessions:,} sessions from Parquet", lambda: load(path), most_ms=1_000)
        frame = pq.read_table(path).to_pandas()
        timed("load the same from a DataFrame of pandas", lambda: load(frame))
    policy = HaltPolicy(0.4, window_threshold=0.6)
    timed("first evaluation under a pair of windows", lambda: exp.evaluate(policy), runs=1)
    limits = iter(np.linspace(0.3, 0.5, 40))
    timed(
        "evaluate another threshold",
        lambda: exp.evaluate(HaltPolicy(float(next(limits)))),
        20,
        most_ms=20,
    )
    timed("all figures of one evaluation", lambda: exp.evaluate(policy).to_frame())
    timed("tune under one pair of windows", exp.tune, most_ms=1_000)
    timed("tune over window sizes", lambda: exp.tune(search_windows=True), runs=1)
    for name in slow:
        print(f"too slow: {name}")
    return int(bool(slow))


if __name__ == "__main__":
    raise SystemExit(main())
