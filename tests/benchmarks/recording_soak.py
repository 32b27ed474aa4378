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
from director_ai.core.runtime.session import StreamSession, TokenEvent
from director_ai.core.runtime.sync_stream import TokenStream
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
        control_us = context.Queue()
        control = context.Process(target=_control, args=(options, until, control_us))
        for writer in (*writers, control):
            writer.start()
        lags = _read(address, until + 1.0)
        told = [answers.get(timeout=120) for _ in writers]
        unrecorded = control_us.get(timeout=120)
        for writer in (*writers, control):
            writer.join()
        _print(address, told, lags, unrecorded)


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
    token_us = array("d")
    # All begin together, but not all sessions end together.
    draw = random.Random(number)
    n_sent, session = 0, 0
    with Recorder(address, source=f"process {number}") as recorder:
        time.sleep(max(0.0, until - options.seconds - time.time()))
        kernel = StreamingKernel.from_policy(POLICY)
        while time.time() < until:
            n_tokens = round(options.session_tokens * draw.uniform(0.5, 1.5))
            source = _paced(n_tokens, options.tokens_per_second, until)
            stream = _Clocked(kernel.stream(source, lambda _: draw.uniform(0.6, 1.0)))
            recorded = recorder.record(stream, POLICY, id=f"p{number}-{session}")
            _timed(recorded, stream, token_us)
            n_sent += len(stream.session.tokens)
            session += 1
        recorder.close(60)
        stats = recorder.stats
    answers.put(Told(n_sent, stats.n_tokens, stats.n_dropped, stats.last_error, token_us))


class _Clocked(Iterator[TokenEvent]):
    """A kernel's stream that remembers how long it took itself for its last token."""

    def __init__(self, stream: TokenStream) -> None:
        self._stream = stream
        self.own_ns = 0

    @property
    def session(self) -> StreamSession:
        return self._stream.session

    def __next__(self) -> TokenEvent:
        started = time.perf_counter_ns()
        try:
            return next(self._stream)
        finally:
            self.own_ns = time.perf_counter_ns() - started

    def close(self) -> None:
        self._stream.close()


def _control(options: argparse.Namespace, until: float, answers: Any) -> None:
    """Stream at the same pace through a hop that records nothing, and note what the hop takes."""
    token_us = array("d")
    time.sleep(max(0.0, until - options.seconds - time.time()))
    source = _paced(10**9, options.tokens_per_second, until)
    stream = _Clocked(StreamingKernel.from_policy(POLICY).stream(source, lambda _: 0.8))
    _timed(_passed_on(stream), stream, token_us)
    answers.put(token_us)


def _passed_on(stream: Iterator[TokenEvent]) -> Iterator[TokenEvent]:
    yield from stream


def _timed(recorded: Iterator[TokenEvent], stream: _Clocked, token_us: "array[float]") -> None:
    """Consume a stream, and note what recording adds to every token it passes on."""
    while True:
        started = time.perf_counter_ns()
        if next(recorded, None) is None:
            return
        token_us.append((time.perf_counter_ns() - started - stream.own_ns) / 1000)


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


def _print(address: str, told: list[Told], lags: list[float], unrecorded: "array[float]") -> None:
    with Store(address) as store:
        going = store.ids(SessionQuery(outcomes=("recording",)))
        n_verified = sum(record.n_tokens for record in store.records(store.ids()))
        n_sessions = store.count()
    n_sent = sum(each.n_sent for each in told)
    token_us = sorted(value for each in told for value in each.token_us)
    print(f"sent {n_sent:,} tokens in {n_sessions:,} sessions; stored and verified {n_verified:,}")
    print(f"dropped {sum(each.n_dropped for each in told):,}, not sealed {len(going):,}")
    print(f"errors: {sorted({each.last_error for each in told if each.last_error}) or 'none'}")
    print(f"lag, s: {_quantiles(sorted(lags), 2)} of {len(lags):,} tokens seen live")
    print(f"token path, us: {_quantiles(token_us, 1)}, mean {statistics.fmean(token_us):.1f}")
    print(f"the same hop, recording nothing, us: {_quantiles(sorted(unrecorded), 1)}")
    assert n_sent == n_verified, "tokens were lost"


def _quantiles(values: list[float], places: int) -> str:
    at = {"p50": 0.5, "p99": 0.99, "max": 1.0}
    last = len(values) - 1
    return ", ".join(f"{name} {values[int(last * q)]:.{places}f}" for name, q in at.items())


if __name__ == "__main__":
    main()
