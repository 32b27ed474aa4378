"""What limits on an archive of shards cost: seconds of the processor, and memory.

Run ``python tests/benchmarks/sharded_archive.py FOLDER --sessions N`` on a quiet machine. The
folder is filled with generated sessions if it holds fewer, a tenth of them labelled. Each engine
runs in a process of its own, so that its memory is its own, and prints a digest of its numbers:
they are the same whatever the engine. ``--memory`` also does it as on a store, with all scores in
memory. What there is a goal for, of a million sessions, is printed beside it.
"""

import argparse
import hashlib
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from clone import ROOT

from director_ai import HaltPolicy
from director_ai.core.records.stored_curve import StoredCurve
from director_ai.storage.transfer.shard_archive import HoldoutDraw, ShardArchive
from director_ai.tuning import (
    AnalysisContext,
    Attempts,
    Grid,
    RiskTarget,
    TuneData,
    analyse,
    split_study,
)
from director_ai.tuning.analysis import Baseline, Replays
from director_ai.tuning.archive_study import ArchiveStudy
from director_ai.tuning.engines import engine_of
from director_ai.tuning.gathered import Verdict, verdict_of
from director_ai.tuning.guarantee.holdout import group_draws
from director_ai.tuning.labelled_shards import LabelledShards
from director_ai.tuning.search.proposal import recommend
from director_ai.tuning.shard_sketch import write_sketch
from director_ai.tuning.study import Study
from tests.ui.tune_store import records

KEY = "benchmark"
DRAWN = 2_000
SHARD = 25_000
POLICY = HaltPolicy(hard_limit=0.42, window_threshold=0.55)
TARGET = RiskTarget(0.2, 0.1)
GOALS_S = {"one policy": 0.005, "40^3 grid": 0.1, "card with labels": 0.6}
"""Seconds of the processor of a serial engine, the second time that it looks."""
GOAL_MB, GOAL_CLUSTER_MB = 400, 250
"""Most memory of the driver: of a serial engine, and of one whose workers count."""


def drawn(seed: int) -> list[StoredCurve]:
    """Return generated sessions, a tenth of them labelled."""
    # With it comes Arrow, which a driver does without.
    from director_ai.storage.transfer.curves_file import curve_of

    has_label = np.random.default_rng(-seed - 1 & 0xFFFF_FFFF).random(DRAWN) < 0.1
    return [
        curve if kept else curve._replace(label=None, onset=None)
        for kept, record in zip(has_label, records(DRAWN, seed=seed, enforced=0.02), strict=True)
        for curve in (curve_of(record),)
    ]


def filled(folder: Path, n_sessions: int) -> None:
    """Fill an archive and its table of labels up to so many sessions."""
    archive = ShardArchive(folder / "curves")
    holdout = HoldoutDraw.of("benchmark", KEY, None, b"")
    labels = folder / "labels.json"
    verdicts = json.loads(labels.read_text(encoding="utf-8")) if labels.exists() else {}
    while archive.manifest.n_sessions < n_sessions:
        first = archive.manifest.n_sessions
        n_shard = min(SHARD, n_sessions - first)
        base = [row for seed in range(4) for row in drawn(first + seed)]
        rows = [
            base[place % len(base)]._replace(id=f"s-{first + place:08d}")
            for place in range(n_shard)
        ]
        verdicts |= {row.id: [row.label, row.onset] for row in rows if row.label}
        draws = group_draws([f"\0{row.id}" for row in rows], key=KEY)
        labels.write_text(json.dumps(verdicts), encoding="utf-8")
        shard = archive.append(rows, draws.astype("<u8").tobytes(), holdout)
        write_sketch(archive, [(10, 5)], shard)


def verdicts_of(folder: Path) -> dict[str, Verdict]:
    """Return the labels of the table."""
    text = (folder / "labels.json").read_text(encoding="utf-8")
    return {name: verdict_of(*values) for name, values in json.loads(text).items()}


def digest(*values: object) -> str:
    """Return the first digits of a digest of numbers."""
    return hashlib.sha256(repr(values).encode()).hexdigest()[:12]


def numbers(study: Study, analysing: Callable[..., Any], tidy: dict[str, Any]) -> None:
    """Measure a card of one policy, and a proposal, and print a digest of what they say."""
    baseline = timed("  outcomes as recorded", lambda: Baseline.recorded(study.open))
    context = AnalysisContext(study, baseline, TARGET, Attempts.of([]))
    replay = timed("  replay of the labelled", lambda: Replays(study.open, POLICY)(10, 5))
    found = timed("card with labels", lambda: analysing(context, replay, POLICY))
    rates = [found.evaluation.catch, found.evaluation.false, found.evaluation.halted]
    print(f"  digest {digest(rates, found.flip_counts, found.sensitivity)}")
    replays = Replays(study.open, POLICY)
    proposal = timed(
        "proposal, observed and guaranteed",
        lambda: recommend(study, replays, POLICY, TARGET, **tidy),
    )
    print(f"  digest {digest(proposal)}: {proposal.observed.reason[:70]}")


def peak_mb() -> float:
    """Return the most memory that this program has had, in MB; not that of its parent."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def timed(name: str, work: Callable[[], Any]) -> Any:
    """Return the result of some work, and print its seconds and the most memory so far."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    start, wall = usage.ru_utime + usage.ru_stime, time.perf_counter()
    result = work()
    usage = resource.getrusage(resource.RUSAGE_SELF)
    seconds = usage.ru_utime + usage.ru_stime - start
    goal = f"   serial goal {GOALS_S[name]:.3f} s" if name in GOALS_S else ""
    spent = f"{seconds:9.3f} s CPU{time.perf_counter() - wall:9.2f} s{peak_mb():8.0f} MB"
    print(f"{name:<44}{spent}{goal}")
    return result


def on_archive(folder: Path, engine_name: str) -> None:
    """Measure an archive with an engine; the memory is the driver's."""
    archive = ShardArchive(folder / "curves")
    shards = LabelledShards(archive, keep_ids=False)
    labels = verdicts_of(folder)
    print(f"{engine_name}: {archive.manifest.n_sessions:,} sessions, {len(labels):,} labels")
    timed("imports and labels", lambda: None)
    with engine_of(engine_name) as engine:
        found = timed(
            "open: labels joined, labelled gathered",
            lambda: ArchiveStudy.of(shards, labels, engine, share=None, opened=b"", key=KEY),
        )
        one = Grid(*(np.array([value]) for value in (0.42, 0.55, 0.15)))
        for name, grid in (("one policy, first look", one), ("one policy", one)):
            counts = timed(name, partial(found.grid_counts, POLICY, grid))
        counts = timed("40^3 grid", lambda: found.grid_counts(POLICY, Grid.even(40)))
        print(f"  digest {digest(counts.halted.tobytes(), counts.n_unknown.tobytes())}")
        numbers(found.study, found.analyse, {"tidy": found.tidied})
    goal = GOAL_CLUSTER_MB if engine_name.startswith("dask://") else GOAL_MB
    print(f"  most memory of the driver {peak_mb():.0f} MB, goal {goal} MB")


def in_memory(folder: Path) -> None:
    """Measure the same sessions as of a store, all scores in memory."""
    archive, labels = ShardArchive(folder / "curves"), verdicts_of(folder)
    print(f"in memory: {archive.manifest.n_sessions:,} sessions")

    def study() -> Study:
        rows = [row for shard in archive.manifest.shards for row in archive.read(shard).rows]
        known = (
            row._replace(**labels[row.id]._asdict()) if row.id in labels else row for row in rows
        )
        return split_study(TuneData.of(known), KEY)

    found = timed("read", study)
    numbers(found, analyse, {})


def main() -> None:
    """Fill the archive, and measure each part in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sessions", type=int, default=200_000)
    parser.add_argument("--engine", action="append", default=[])
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--part", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.part == "memory":
        in_memory(args.folder)
    elif args.part is not None:
        on_archive(args.folder, args.part)
    else:
        args.folder.mkdir(parents=True, exist_ok=True)
        filled(args.folder, args.sessions)
        for part in (*(args.engine or ["serial"]), *(["memory"] if args.memory else [])):
            command = [sys.executable, __file__, str(args.folder), "--part", part]
            # As the command has it.
            own = {"PYTHONPATH": str(ROOT), "ARROW_DEFAULT_MEMORY_POOL": "system"}
            subprocess.run(command, check=True, env={**os.environ, **own})


if __name__ == "__main__":
    main()
