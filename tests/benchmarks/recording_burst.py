"""Overload of a recorder: processes that stream at once and without a pause into one store.

Run ``python tests/benchmarks/recording_burst.py``. Every process streams its sessions as quickly
as it can; what is measured is how long the last of them is stored after its last token.
``--before CHECKOUT`` runs the same against another checkout of the repository, too, and prints the
ratio.
"""

import argparse
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

from clone import ROOT

from director_ai import HaltPolicy, StreamingKernel
from director_ai.storage import Recorder, SessionQuery, Store

POLICY = HaltPolicy(halt_mode="observe")
CLOSE_S = 600.0


class Told(NamedTuple):
    """What one recording process says in the end."""

    sent_s: float
    closed_s: float
    n_sent: int
    n_dropped: int
    cpu_s: float
    last_error: str | None


def stream_all(address: str, options: Any, number: int, begin_s: float, answers: Any) -> None:
    """Stream the sessions of one process, and tell when they were sent and when stored."""
    kernel = StreamingKernel.from_policy(POLICY)
    n_sent = 0
    with Recorder(address, source=f"process {number}") as recorder:
        time.sleep(max(0.0, begin_s - time.time()))
        begun_s = time.process_time()
        for index in range(options.sessions):
            source = (f" token{place}" for place in range(options.tokens))
            stream = kernel.stream(source, lambda _: 0.9)
            recorder.record(stream, POLICY, id=f"p{number}-{index}")
            n_sent += len(stream.run_to_end().tokens)
            time.sleep(options.pause_s)
        sent_s = time.time()
        recorder.close(CLOSE_S)
        stats = recorder.stats
    cpu_s = time.process_time() - begun_s
    answers.put(Told(sent_s, time.time(), n_sent, stats.n_dropped, cpu_s, stats.last_error))


def backlog_s(options: Any) -> float:
    """Record a burst, check it, and return the seconds from its last token to the last seal."""
    with tempfile.TemporaryDirectory() as folder:
        address = str(Path(folder) / "burst.db")
        with Store(address):
            pass
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([Recorder.__module__])
        answers = context.Queue()
        begin_s = time.time() + 3.0 + 0.1 * options.processes
        processes = [
            context.Process(target=stream_all, args=(address, options, number, begin_s, answers))
            for number in range(options.processes)
        ]
        for process in processes:
            process.start()
        told = [answers.get(timeout=2 * CLOSE_S) for _ in processes]
        for process in processes:
            process.join()
        with Store(address) as store:
            n_stored = sum(record.n_tokens for record in store.records(store.ids()))
            n_going = store.count(SessionQuery(outcomes=("recording",)))
    n_sent = sum(each.n_sent for each in told)
    last_s = max(each.sent_s for each in told)
    errors = {each.last_error for each in told if each.last_error} or "none"
    print(
        f"{n_sent:,} tokens sent in {last_s - begin_s:.1f} s, {n_stored:,} stored and verified, "
        f"{sum(each.n_dropped for each in told):,} dropped, {n_going:,} not sealed, "
        f"errors: {errors}"
    )
    print(f"processor time of all: {sum(each.cpu_s for each in told):.1f} s")
    if n_stored != n_sent or n_going:
        raise SystemExit("missed: sent = stored")
    return max(each.closed_s for each in told) - last_s


def main() -> None:
    """Measure, and compare with another checkout."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--processes", type=int, default=50)
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--tokens", type=int, default=300)
    parser.add_argument("--pause-s", type=float, default=0.0)
    parser.add_argument("--before", type=Path, help="another checkout to measure as well")
    options = parser.parse_args()
    before_s = None
    if options.before is not None:
        own = [argument for argument in sys.argv[1:] if argument != "--before"]
        own.remove(str(options.before))
        ran = subprocess.run(
            [sys.executable, str(Path(__file__).resolve()), *own],
            cwd=options.before,
            env={**os.environ, "DIRECTOR_CLONE": str(options.before)},
            capture_output=True,
            text=True,
            check=True,
        )
        print(f"before: {ran.stdout}", end="")
        before_s = float(ran.stdout.split()[-2])
    took_s = backlog_s(options)
    ratio = "" if before_s is None else f"{before_s / took_s:.1f} times as fast as before, "
    print(f"{ROOT.name}: {ratio}stored after the last token in {took_s:.1f} s")


if __name__ == "__main__":
    main()
