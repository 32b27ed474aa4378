"""Many processes that record into one store, and how soon a reader sees what they send.

Run ``python tests/benchmarks/recording_soak.py``; ``--address`` takes a PostgreSQL URL. Every
process streams without a pause, session after session, at a steady pace. A reader, as a
dashboard is one, looks every 100 ms; the lag is from a token's own time to the look that saw it.
"""

import argparse
import multiprocessing
import random
import statistics
import tempfile
import time
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import select

from director_ai import HaltPolicy, StreamingKernel
from director_ai.storage.recorded_stream import Intake
from director_ai.storage.recorder import Recorder
from director_ai.storage.schema import sessions, tokens
from director_ai.storage.store import Store
from director_ai.storage.summary import SessionQuery

LOOK_S = 0.1
POLICY = HaltPolicy(halt_mode="observe")


class Told(NamedTuple):
    """What one recording process says in the end."""

    n_sent: int
    n_stored: int
    n_dropped: int
    last_error: str | None
    token_us: "array[float]"
    clock_us: "array[float]"


def main() -> None:
    """Record, read meanwhile, and print the figures."""
    options = _options()
    with tempfile.TemporaryDirectory() as folder:
        address = options.address or str(Path(folder) / "soak.db")
        with Store(address):
            pass
        # Spawned: a fork would share what SQLite holds.
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([Recorder.__module__])
        answers = context.Queue()
        until = time.time() + 10 + options.seconds
        writers = [
            context.Process(target=_write, args=(address, options, number, until, answers))
            for number in range(options.processes)
        ]
        for writer in writers:
            writer.start()
        lags = _read(address, until + 1.0)
        told = [answers.get(timeout=120) for _ in writers]
        for writer in writers:
            writer.join()
        _print(address, told, lags)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--processes", type=int, default=50)
    parser.add_argument("--tokens-per-second", type=float, default=50.0)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--session-tokens", type=int, default=300)
    parser.add_argument("--address", help="a database URL; by default a fresh SQLite file")
    return parser.parse_args()


def _write(
    address: str, options: argparse.Namespace, number: int, until: float, answers: Any
) -> None:
    token_us, clock_us = array("d"), array("d")
    _measure(token_us, clock_us)
    # All begin together, but not all sessions end together.
    draw = random.Random(number)
    time.sleep(max(0.0, until - options.seconds - time.time()))
    n_sent, session = 0, 0
    with Recorder(address, source=f"process {number}") as recorder:
        kernel = StreamingKernel.from_policy(POLICY)
        while time.time() < until:
            n_tokens = round(options.session_tokens * draw.uniform(0.5, 1.5))
            stream = kernel.stream(
                _paced(n_tokens, options.tokens_per_second, until), lambda _: draw.uniform(0.6, 1.0)
            )
            done = recorder.record(stream, POLICY, id=f"p{number}-{session}").run_to_end()
            n_sent += len(done.tokens)
            session += 1
        recorder.close(60)
        stats = recorder.stats
    answers.put(Told(n_sent, stats.n_tokens, stats.n_dropped, stats.last_error, token_us, clock_us))


def _measure(token_us: "array[float]", clock_us: "array[float]") -> None:
    """Take the time of every call that recording adds to a token, and of one that does nothing."""
    put, now = Intake.put, time.perf_counter_ns

    def nothing(intake: Intake, event: object) -> None:
        pass

    def timed(intake: Intake, event: Any) -> None:
        before = now()
        nothing(intake, event)
        started = now()
        put(intake, event)
        ended = now()
        clock_us.append((started - before) / 1000)
        token_us.append((ended - started) / 1000)

    Intake.put = timed  # type: ignore[method-assign]


def _paced(n_tokens: int, per_second: float, until: float) -> Iterator[str]:
    due = time.time()
    for index in range(n_tokens):
        due += 1 / per_second
        time.sleep(max(0.0, due - time.time()))
        if time.time() > until:
            return
        yield f" token{index}"


def _read(address: str, until: float) -> list[float]:
    """Return how old each token was, in seconds, when it was first seen."""
    lags: list[float] = []
    seen: dict[int, int] = {}
    changed = 0
    with Store(address, read_only=True) as store:
        while time.time() < until:
            with store._database.reading() as connection:
                columns = (sessions.c.key, sessions.c.started_us, sessions.c.changed_us)
                rows = connection.execute(select(*columns).where(sessions.c.changed_us >= changed))
                for key, started_us, changed_us in rows.all():
                    changed = max(changed, changed_us - 2_000_000)
                    fresh = select(tokens.c.position, tokens.c.time_us).where(
                        tokens.c.session == key, tokens.c.position >= seen.get(key, 0)
                    )
                    found = connection.execute(fresh).all()
                    now_us = time.time() * 1e6
                    lags += [(now_us - started_us - time_us) / 1e6 for _, time_us in found]
                    seen[key] = seen.get(key, 0) + len(found)
            time.sleep(LOOK_S)
    return lags


def _print(address: str, told: list[Told], lags: list[float]) -> None:
    with Store(address) as store:
        going = store.ids(SessionQuery(outcomes=("recording",)))
        n_verified = sum(record.n_tokens for record in store.records(store.ids()))
        n_sessions = store.count()
    n_sent = sum(each.n_sent for each in told)
    token_us = sorted(value for each in told for value in each.token_us)
    clock_us = sorted(value for each in told for value in each.clock_us)
    print(f"sent {n_sent:,} tokens in {n_sessions:,} sessions; stored and verified {n_verified:,}")
    print(f"dropped {sum(each.n_dropped for each in told):,}, not sealed {len(going):,}")
    print(f"errors: {sorted({each.last_error for each in told if each.last_error}) or 'none'}")
    print(f"lag, s: {_quantiles(sorted(lags), 2)} of {len(lags):,} tokens seen live")
    print(f"token path, us: {_quantiles(token_us, 1)}, mean {statistics.fmean(token_us):.1f}")
    print(f"a call that does nothing, us: {_quantiles(clock_us, 1)}")
    assert n_sent == n_verified, "tokens were lost"


def _quantiles(values: list[float], places: int) -> str:
    at = {"p50": 0.5, "p99": 0.99, "max": 1.0}
    last = len(values) - 1
    return ", ".join(f"{name} {values[int(last * q)]:.{places}f}" for name, q in at.items())


if __name__ == "__main__":
    main()
