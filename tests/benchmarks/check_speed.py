"""How long a check of changed limits takes, from the archive's file to the verdict.

Run it as ``python tests/benchmarks/check_speed.py [--sessions 20000]``. All are processor times of
one thread in one run, the least of several; the command is run as a process of its own. It exits
with 1 if a part takes more than twice its reach, which stands beside it: a shared machine is no
faster.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import clone

from director_ai import HaltPolicy
from director_ai.storage import read_curves
from director_ai.tuning import Gates, TuneData, check
from tests.cli.golden_archive import write_golden

BEFORE = HaltPolicy(hard_limit=0.3, window_threshold=0.5, trend_threshold=0.45)
AFTER = HaltPolicy(hard_limit=0.3, window_threshold=0.55, trend_threshold=0.45)
THREE = HaltPolicy(hard_limit=0.32, window_threshold=0.55, trend_threshold=0.4)
RUN = "import sys; from director_ai.cli.main import main; sys.exit(main(sys.argv[1:]))"
FILES = {
    "before.yaml": "hard_limit: 0.3\nwindow_threshold: 0.5\ntrend_threshold: 0.45\n",
    "policy.yaml": "hard_limit: 0.3\nwindow_threshold: 0.55\ntrend_threshold: 0.45\n",
}


def seconds(work: Callable[[], object], repeats: int = 3) -> float:
    """Return the least processor time of several runs."""
    best = float("inf")
    for _ in range(repeats):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return best


def run_seconds(folder: Path, *arguments: str) -> float:
    """Return the least processor time of a process of its own, in three runs."""

    def used() -> float:
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        return children.ru_utime + children.ru_stime

    best = float("inf")
    for _ in range(3):
        start = used()
        subprocess.run(
            [sys.executable, "-c", *arguments],
            cwd=folder,
            env={"PYTHONPATH": str(clone.ROOT), "OPENBLAS_NUM_THREADS": "1"},
            stdout=subprocess.DEVNULL,
            check=False,
        )
        best = min(best, used() - start)
    return best


def command(folder: Path, archive: str) -> float:
    """Return the processor time of a whole check."""
    files = ("policy.yaml", "--baseline", "before.yaml", "--against", archive)
    return run_seconds(folder, RUN, "check", *files, "--max-false-halt-rate", "0.05")


def main(n_sessions: int) -> int:
    """Print every part with its time and its reach."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_golden(folder / "full.parquet", n_sessions, decimals=None)
        write_golden(folder / "golden.parquet", n_sessions)
        write_golden(folder / "small.parquet", 2_000)
        for file, text in FILES.items():
            (folder / file).write_text(text)

        def read(archive: str) -> TuneData:
            with (folder / archive).open("rb") as file:
                return TuneData.of(read_curves(file).rows)

        data = read("golden.parquet")
        gates = Gates(max_false_halt_rate=0.05)
        parts = {
            "read, verified, as arrays: float64": (seconds(lambda: read("full.parquet")), 0.24),
            "read, verified, as arrays: 4 decimals": (
                seconds(lambda: read("golden.parquet")),
                0.22,
            ),
            "both policies, changes, gates, one field": (
                seconds(lambda: check(data, BEFORE, AFTER, gates)),
                0.3,
            ),
            "the same, three fields changed": (
                seconds(lambda: check(data, BEFORE, THREE, gates)),
                0.3 + 0.6,
            ),
            "imports": (run_seconds(folder, "import director_ai.cli.commands.check"), 0.4),
            "whole command": (command(folder, "golden.parquet"), 1.2),
            "whole command, 2,000 sessions": (command(folder, "small.parquet"), 0.6),
        }
        n_tokens = data.labelled.curves.n_tokens
        print(f"{n_sessions:,} sessions, {n_tokens:,} tokens")
        for file, what in (("full", "float64"), ("golden", "4 decimals")):
            size = (folder / f"{file}.parquet").stat().st_size / 1e6
            print(f"{what:<44}{size:8.1f} MB")
        for what, (took, reach) in parts.items():
            print(f"{what:<44}{took:8.3f} s, reach {reach:.2f}")
    return int(any(took > 2 * reach for took, reach in parts.values()))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=20_000)
    sys.exit(main(parser.parse_args().sessions))
