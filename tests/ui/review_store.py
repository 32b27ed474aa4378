"""A night's sessions to review: their scores are drawn, their halts the kernel's own."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from director_ai import HaltPolicy, StreamingKernel
from director_ai.core.records.record import SessionRecord
from director_ai.core.scoring.types import EvidenceChunk
from director_ai.storage.store import Store

POLICY = HaltPolicy()
HOUR_US = 3_600_000_000
N_HALTED, N_INACTIVE, N_COMPLETED = 43, 6, 20
HALTED_BY = {"downward_trend": 31, "window_avg": 8, "hard_limit": 4}
HOSTILE = '![x](http://198.51.100.7/a.png) <img src=x onerror="window.pwned=1"> :red[x]'


def scores_for(rule: str, rng: np.random.Generator) -> list[float]:
    """Return scores that first fall to ``rule``, after a while that is fine."""
    calm = 0.86 + rng.uniform(-0.012, 0.012, int(rng.integers(20, 60)))
    if rule == "downward_trend":
        tail = calm[-1] - np.cumsum(rng.uniform(0.045, 0.06, 8))
    elif rule == "window_avg":
        # Slow enough for the trend, and never down to the hard limit.
        tail = np.maximum(calm[-1] - np.cumsum(rng.uniform(0.024, 0.028, 40)), 0.52)
    elif rule == "hard_limit":
        tail = np.array([rng.uniform(0.3, 0.49)])
    else:
        tail = 0.86 + rng.uniform(-0.012, 0.012, 20)
    return [float(score) for score in np.concatenate([calm, tail]).clip(0, 1).round(4)]


def judged(id: str, rule: str, rng: np.random.Generator, **context: object) -> SessionRecord:
    """Return what the kernel makes of such scores."""
    words = ["The", " cat", " sat", " on", " the", " mat", ",", " and", " then", " left", "."]
    kernel = StreamingKernel.from_policy(POLICY)
    if rule == "kernel_inactive":
        kernel.emergency_stop()
    drawn = scores_for(rule, rng)
    given = iter(drawn)
    session = kernel.stream_tokens(
        [words[index % len(words)] for index in range(len(drawn))], lambda _: next(given)
    )
    return SessionRecord.from_session(session, POLICY, id=id, source="night", **context)


def night(now_us: int) -> list[SessionRecord]:
    """Return 43 halted sessions, 6 of a kernel nobody re-armed and 20 that completed."""
    rng = np.random.default_rng(43)
    kinds = [rule for rule, n in HALTED_BY.items() for _ in range(n)]
    kinds += ["kernel_inactive"] * N_INACTIVE + ["completed"] * N_COMPLETED
    records = []
    for number, rule in enumerate(kinds):
        record = judged(
            f"{rule}-{number:02}",
            rule,
            rng,
            model="m1",
            prompt=f"Why? {HOSTILE}" if number == 0 else f"What of family {number % 3}?",
            group=f"family-{number % 3}",
            evidence=(EvidenceChunk(f"A fact. {HOSTILE}", 0.25, "fact 1"),),
        )
        started = now_us - HOUR_US - number * 60_000_000
        records.append(replace(record, started_us=started, ended_us=started + 5_000_000))
    return records


def night_store(path: Path, now_us: int) -> Store:
    """Return a store that holds them."""
    store = Store(path)
    store.add(night(now_us))
    return store
