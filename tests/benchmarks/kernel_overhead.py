"""What the kernel costs per token, and importing it per process.

Run ``python tests/benchmarks/kernel_overhead.py`` on a quiet machine. Every figure is the least
of many repeats, taken in turns, so that a noisy moment spoils one round and not one figure. It
ends with 1 where the kernel costs more than its budget with the trivial callback, whose score is
constant; on a core slower than the one the budgets were set on, a budget is as many bare loops as
it was there.

Rows of moving scores tell what the kernel saves while no rule is near: "jitter" moves, but too
little and too high to halt; "near floors" stands on the window's threshold at every token.
"""

import argparse
import asyncio
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import cycle

from clone import ROOT

from director_ai import AsyncStreamingKernel, StreamingKernel

LENGTHS = (250, 16_000)
BUDGET_US = {"events": 1.0, "debug": 2.0}
BUDGET_BARE_US = 0.065
"""What the bare loop took on the quiet core that the budgets were set on."""
IMPORTS = ("import director_ai", "from director_ai import StreamingKernel")
BUDGET_IMPORT_MS = 60.0


def tokens(n: int) -> Iterator[str]:
    for _ in range(n):
        yield " word"


async def async_tokens(n: int) -> AsyncIterator[str]:
    for _ in range(n):
        yield " word"


def score(text: str) -> float:
    return 0.9


_DRAW = random.Random(7)
# Over the trend's 5 tokens a fall of 0.1 at most, where 0.15 halt.
JITTER = [0.75 + 0.08 * _DRAW.random() for _ in range(250)]
# Their mean over 10 tokens is 0.55, which is the threshold: a tie that halts nothing.
NEAR_FLOORS = [0.57, 0.53]


def moving(values: list[float]) -> Callable[[str], float]:
    following = cycle(values).__next__
    return lambda text: following()


def bare(n: int, callback: Callable[[str], float] = score) -> None:
    text = ""
    for token in tokens(n):
        text += token
        callback(text)


async def bare_async(n: int) -> None:
    text = ""
    async for token in async_tokens(n):
        text += token
        score(text)


def events(n: int, callback: Callable[[str], float] = score) -> None:
    session = StreamingKernel().stream_tokens(tokens(n), callback)
    assert session.token_count == n, session.halt_reason


def debug(n: int) -> None:
    StreamingKernel(streaming_debug=True).stream_tokens(tokens(n), score)


async def async_events(n: int) -> None:
    # As the task's own coroutine, its calls sit where Python 3.11 allocates a new chunk of
    # frames for each, which costs 5 us a token and says nothing about the kernel.
    await AsyncStreamingKernel().stream_to_session(async_tokens(n), score)


WAYS: dict[str, Callable[[int], None]] = {
    "bare": bare,
    "events": events,
    "debug": debug,
    "bare jitter": lambda n: bare(n, moving(JITTER)),
    "jitter": lambda n: events(n, moving(JITTER)),
    "bare near": lambda n: bare(n, moving(NEAR_FLOORS)),
    "near floors": lambda n: events(n, moving(NEAR_FLOORS)),
    "bare async": lambda n: asyncio.run(bare_async(n)),
    "async": lambda n: asyncio.run(async_events(n)),
}


def measure(repeats: int) -> dict[tuple[str, int], float]:
    """Return the least microseconds per token of each way and length."""
    best = dict.fromkeys(((way, n) for way in WAYS for n in LENGTHS), float("inf"))
    for _ in range(repeats):
        for way, n in best:
            # As many tokens of short streams as of long ones: what the way before has left in
            # the processor's caches weighs the same.
            rounds = max(LENGTHS) // n
            started = time.perf_counter()
            for _ in range(rounds):
                WAYS[way](n)
            elapsed = time.perf_counter() - started
            best[way, n] = min(best[way, n], elapsed / (n * rounds) * 1e6)
    return best


def import_ms(statement: str, repeats: int) -> float:
    """Return the median milliseconds by which ``statement`` outlasts a bare start."""
    with tempfile.TemporaryDirectory() as cache:
        # Compiled once and kept, as an installed package is, whatever the caller's settings.
        kept = {**os.environ, "PYTHONPYCACHEPREFIX": cache, "PYTHONDONTWRITEBYTECODE": ""}

        def start(code: str) -> float:
            started = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=kept, check=True)
            return (time.perf_counter() - started) * 1e3

        start(statement)
        start("pass")
        return statistics.median(start(statement) - start("pass") for _ in range(repeats))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=30)
    repeats = parser.parse_args().repeats

    best = measure(repeats)
    print(f"{'us/token':14}" + "".join(f"{n:>10,}" for n in LENGTHS) + "     ratio")
    for way in WAYS:
        short, long = (best[way, n] for n in LENGTHS)
        print(f"{way:14}{short:10.3f}{long:10.3f}{long / short:10.2f}")
    is_over = False
    slowness = max(1.0, best["bare", LENGTHS[0]] / BUDGET_BARE_US)
    for way, budget in BUDGET_US.items():
        over = [best[way, n] - best["bare", n] for n in LENGTHS]
        is_over |= max(over) > budget * slowness
        print(
            f"{way} over bare: {over[0]:.2f} and {over[1]:.2f} us/token, "
            f"{over[0] / best['bare', LENGTHS[0]]:.1f} bare loops (budget {budget:g} us, "
            f"{budget / BUDGET_BARE_US:.0f} of the bare loops it was set by)"
        )
    for way, without in (("jitter", "bare jitter"), ("near floors", "bare near")):
        over = [best[way, n] - best[without, n] for n in LENGTHS]
        print(f"{way} over bare: {over[0]:.2f} and {over[1]:.2f} us/token")
    for statement in IMPORTS:
        cost = import_ms(statement, 15)
        print(f"{statement}: {cost:.0f} ms over a bare start (budget {BUDGET_IMPORT_MS:g} ms)")
    if is_over:
        print("A budget with the trivial callback is passed.")
    return int(is_over)


if __name__ == "__main__":
    raise SystemExit(main())
