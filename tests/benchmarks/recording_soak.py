"""Many processes that record into one store, and how soon a reader sees what they send.

Run ``python tests/benchmarks/recording_soak.py``; ``--address`` takes a PostgreSQL URL. Every
process streams without a pause, session after session, at a steady pace. A reader, as a
dashboard is one, looks every 100 ms; the lag is from a token's own time to the look that saw it.
The token path is from the source's token to the kernel's event, scoring left out; some processes
stream alike and record nothing, so that what recording adds can be told apart; ``--rounds 3``
narrows its interval.
"""

import argparse
import multiprocessing
import random
import tempfile
import time
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import clone  # noqa: F401
import numpy as np
import numpy.typing as npt
from sqlalchemy import select

from director_ai import HaltPolicy, StreamingKernel, StreamSession
from director_ai.core.runtime.sync_stream import TokenStream
from director_ai.storage import Recorder, SessionQuery, Store
from director_ai.storage.engine.schema import sessions, tokens

LOOK_S = 0.1
CONTROLS = 25
BOOTSTRAPS = 300
POLICY = HaltPolicy(halt_mode="observe")


Times = npt.NDArray[np.float64]


class Told(NamedTuple):
    """What one recording process says in the end."""

    n_sent: int
    n_stored: int
    n_dropped: int
    last_error: str | None
    token_us: "array[float]"


def main() -> None:
    """Record, read meanwhile, and print the figures."""
    options = _options()
    told: list[Told] = []
    lags: list[float] = []
    unrecorded: list[array[float]] = []
    with tempfile.TemporaryDirectory() as folder:
        address = options.address or str(Path(folder) / "soak.db")
        with Store(address):
            pass
        for number in range(options.rounds):
            of_round = _round(address, options, number)
            told += of_round[0]
            lags += of_round[1]
            unrecorded += of_round[2]
        _print(address, told, lags, unrecorded)


def _round(
    address: str, options: argparse.Namespace, round: int
) -> tuple[list[Told], list[float], list["array[float]"]]:
    """Return what the recording processes, the reader and the other processes say."""
    # Spawned: a fork would share what SQLite holds.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([Recorder.__module__])
    answers, control_us = context.Queue(), context.Queue()
    until = time.time() + 10 + options.seconds
    writers = [
        context.Process(target=_write, args=(address, options, round, number, until, answers))
        for number in range(options.processes)
    ]
    controls = [
        context.Process(target=_control, args=(options, number, until, control_us))
        for number in range(CONTROLS)
    ]
    for process in (*writers, *controls):
        process.start()
    lags = _read(address, until + 1.0)
    told = [answers.get(timeout=120) for _ in writers]
    unrecorded = [control_us.get(timeout=120) for _ in controls]
    for process in (*writers, *controls):
        process.join()
    return told, lags, unrecorded


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--processes", type=int, default=50)
    parser.add_argument("--tokens-per-second", type=float, default=50.0)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rounds", type=int, default=1, help="how often, all taken together")
    parser.add_argument("--session-tokens", type=int, default=300)
    parser.add_argument("--address", help="a database URL; by default a fresh SQLite file")
    return parser.parse_args()


def _write(
    address: str, options: argparse.Namespace, round: int, number: int, until: float, answers: Any
) -> None:
    clock = _Clock()
    n_sent = 0
    with Recorder(address, source=f"process {number}") as recorder:
        for index, stream in enumerate(_streams(options, number, until, clock)):
            recorder.record(stream, POLICY, id=f"r{round}-p{number}-{index}")
            n_sent += len(_consumed(stream, clock).tokens)
        recorder.close(60)
        stats = recorder.stats
    answers.put(Told(n_sent, stats.n_tokens, stats.n_dropped, stats.last_error, clock.token_us))


def _control(options: argparse.Namespace, number: int, until: float, answers: Any) -> None:
    clock = _Clock()
    for stream in _streams(options, number, until, clock):
        _consumed(stream, clock)
    answers.put(clock.token_us)


class _Clock:
    """What the token path took, in microseconds, token by token."""

    def __init__(self) -> None:
        self.token_us = array("d")
        self.started_ns = 0
        self.scoring_ns = 0


def _streams(
    options: argparse.Namespace, number: int, until: float, clock: _Clock
) -> Iterator[TokenStream]:
    # All begin together, but not all sessions end together.
    draw = random.Random(number)
    time.sleep(max(0.0, until - options.seconds - time.time()))
    kernel = StreamingKernel.from_policy(POLICY)

    def score(text: str) -> float:
        started = time.perf_counter_ns()
        drawn = draw.uniform(0.6, 1.0)
        clock.scoring_ns = time.perf_counter_ns() - started
        return drawn

    while time.time() < until:
        n_tokens = round(options.session_tokens * draw.uniform(0.5, 1.5))
        yield kernel.stream(_paced(n_tokens, options.tokens_per_second, until, clock), score)


def _consumed(stream: TokenStream, clock: _Clock) -> StreamSession:
    for _ in stream:
        took_ns = time.perf_counter_ns() - clock.started_ns - clock.scoring_ns
        clock.token_us.append(took_ns / 1000)
    return stream.session


def _paced(n_tokens: int, per_second: float, until: float, clock: _Clock) -> Iterator[str]:
    due = time.time()
    for index in range(n_tokens):
        due += 1 / per_second
        time.sleep(max(0.0, due - time.time()))
        if time.time() > until:
            return
        token = f" token{index}"
        clock.started_ns = time.perf_counter_ns()
        yield token


def _read(address: str, until: float) -> list[float]:
    """Return how old each token was, in seconds, when it was first seen."""
    lags: list[float] = []
    seen: dict[int, int] = {}
    changed = 0
    with Store(address, read_only=True) as store:
        while time.time() < until:
            with store.read() as connection:
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


def _print(
    address: str, told: list[Told], lags: list[float], unrecorded: list["array[float]"]
) -> None:
    with Store(address) as store:
        going = store.ids(SessionQuery(outcomes=("recording",)))
        n_verified = sum(record.n_tokens for record in store.records(store.ids()))
        n_sessions = store.count()
    n_sent = sum(each.n_sent for each in told)
    print(f"sent {n_sent:,} tokens in {n_sessions:,} sessions; stored and verified {n_verified:,}")
    print(f"dropped {sum(each.n_dropped for each in told):,}, not sealed {len(going):,}")
    print(f"errors: {sorted({each.last_error for each in told if each.last_error}) or 'none'}")
    print(f"lag, s: {_quantiles(np.array(lags), 2)} of {len(lags):,} tokens seen live")
    recorded = [np.array(each.token_us) for each in told]
    controls = [np.array(values) for values in unrecorded]
    for name, processes in (("recorded", recorded), ("not recorded", controls)):
        token_us = np.concatenate(processes)
        print(f"token path, us: {name} {_quantiles(token_us, 1)}, mean {token_us.mean():.1f}")
    added = _p99(recorded) - _p99(controls)
    low, high = _interval(recorded, controls)
    print(f"  recording adds {added:.1f} at p99, {low:.1f} to {high:.1f} (budget 10)")
    missed = [
        name
        for name, is_missed in (
            ("sent = stored", n_sent != n_verified),
            ("seen within a second", max(lags) > 1.0),
            ("10 us", added > 10),
        )
        if is_missed
    ]
    if missed:
        raise SystemExit(f"missed: {', '.join(missed)}")


def _interval(recorded: list[Times], controls: list[Times]) -> tuple[float, float]:
    """Return what recording adds at p99 with 95 % confidence: a bootstrap over processes.

    Tokens of one process are not independent: it has its good and its bad seconds.
    """
    draw = np.random.default_rng(7)

    def again(processes: list[Times]) -> float:
        return _p99([processes[k] for k in draw.integers(len(processes), size=len(processes))])

    added = [again(recorded) - again(controls) for _ in range(BOOTSTRAPS)]
    low, high = np.percentile(added, [2.5, 97.5])
    return float(low), float(high)


def _p99(processes: list[Times]) -> float:
    return float(np.percentile(np.concatenate(processes), 99))


def _quantiles(values: Times, places: int) -> str:
    at = {"p50": 50, "p99": 99, "max": 100}
    return ", ".join(f"{name} {np.percentile(values, q):.{places}f}" for name, q in at.items())


if __name__ == "__main__":
    main()
