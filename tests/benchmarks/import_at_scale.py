"""Rate and memory of ``director-ai import`` as files grow.

Run ``python tests/benchmarks/import_at_scale.py --sessions 10000 100000``; each file is imported
by the command itself into a fresh store, and once more, as after an import that broke off.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from clone import ROOT

from director_ai.storage import Store
from director_ai.storage.transfer.parquet import write_parquet
from tests.ui.tune_store import FIRST_US, records

BATCH = 2_000
LEAST_RATIO = 0.7
_RUN = "from director_ai.cli.main import main; raise SystemExit(main())"


def write(path: Path, n_sessions: int) -> None:
    """Write a Parquet file of generated sessions; a batch is drawn once, and renamed."""
    drawn = records(BATCH, labelled=0.1)
    with path.open("wb") as file:
        write_parquet(
            (
                replace(
                    drawn[number % BATCH],
                    id=f"s-{number:07d}",
                    started_us=FIRST_US + number * 1_000_000,
                    ended_us=FIRST_US + number * 1_000_000 + 900_000,
                )
                for number in range(n_sessions)
            ),
            file,
        )


def imported_s(path: Path, store: Path) -> float:
    """Return the processor time that importing a file takes, that of its reader included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-c", _RUN, "import", str(path), "--store", str(store)],
        cwd=ROOT,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> int:
    """Import files of growing size; fail where the rate falls."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--sessions", type=int, nargs="+", default=[10_000, 100_000])
    rates = []
    with tempfile.TemporaryDirectory() as folder:
        for n_sessions in parser.parse_args().sessions:
            path, store = Path(folder) / f"{n_sessions}.parquet", Path(folder) / f"{n_sessions}.db"
            write(path, n_sessions)
            start = time.monotonic()
            took_s = imported_s(path, store)
            wall_s = time.monotonic() - start
            again_s = imported_s(path, store)
            with Store(store) as opened:
                assert opened.count() == n_sessions
            rates.append(n_sessions / took_s)
            most_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
            print(
                f"{n_sessions:>9,} sessions, {path.stat().st_size / 1e6:6.0f} MB: "
                f"{rates[-1]:6,.0f} a second of processor time, {wall_s:.0f} s in all, "
                f"again {n_sessions / again_s:6,.0f} a second; {most_mb:.0f} MB at most",
                flush=True,
            )
    return int(min(rates) < LEAST_RATIO * max(rates))


if __name__ == "__main__":
    raise SystemExit(main())
