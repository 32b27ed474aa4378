"""What a large store costs: a label given, a session recorded, a search.

Run ``python tests/benchmarks/archive_at_scale.py --store FILE`` on a quiet machine; the store is
filled with ``--sessions`` generated ones if it holds fewer, a tenth of them labelled. Every part
that was mended is measured beside what it replaced, in the same run: the last column is the ratio.
Seconds are of the processor; memory is what the process took at most so far.
"""

import argparse
import resource
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from clone import ROOT

from director_ai.storage import JUDGED, Annotation, SessionQuery, Store
from director_ai.tuning import TuneData, split_study
from director_ai.tuning.cadence import replay_under
from director_ai.ui.components.cached_study import current_data, replay_of
from tests.ui.tune_store import FIRST_US, records

BATCH = 2_000
BUDGET_LABEL_S = 1.0
BUDGET_SEARCH_S = 1.5


def filled(path: Path, n_sessions: int) -> Store:
    """Return a store of so many sessions, adding those that it lacks."""
    store = Store(path)
    n_there = store.count()
    if n_there < n_sessions:
        # A batch is drawn once: other ids and times make other sessions of it.
        drawn = records(BATCH, labelled=0.1, enforced=0.07)
        for first in range(n_there, n_sessions, BATCH):
            store.add(
                [
                    replace(
                        record,
                        id=f"s-{first + place:07d}",
                        prompt=f"Question {first + place}",
                        started_us=FIRST_US + (first + place) * 1_000_000,
                        ended_us=FIRST_US + (first + place) * 1_000_000 + 900_000,
                    )
                    for place, record in enumerate(drawn)
                ]
            )
    return store


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Return the seconds of processor time that some work takes, and its result."""
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def peak_mb() -> float:
    """Return the most memory this process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def show(name: str, seconds: float, before_s: float | None = None) -> None:
    """Print a line: what, how long, and how many times as long it took before."""
    ratio = "" if before_s is None else f"{before_s:9.2f} s before {before_s / seconds:7.1f} x"
    print(f"{name:<52}{seconds:8.2f} s{ratio:>30}{peak_mb():9.0f} MB")


def looked_at(store: Store) -> None:
    """Do what a moved slider needs: the study, and the outcomes of its open part."""
    study = split_study(current_data(store), store.vault_key())
    policy = study.open.default_policy
    replay_of(study.open, policy).outcomes(policy)


def read_whole(store: Store) -> None:
    """Do the same as it was done before: every score read, and replayed."""
    study = split_study(TuneData.of(list(store.curves(JUDGED))), store.vault_key())
    policy = study.open.default_policy
    replay_under(study.open.labelled.curves.packed(), policy).outcomes(policy)


def tuning(store: Store, *, compare: bool) -> None:
    """Measure the Tune page's data after each kind of change."""
    seconds, _ = timed(lambda: looked_at(store))
    show("first look at the archive", seconds)
    names = store.ids(SessionQuery(labels=("none",), outcomes=("completed",)))[:3]
    afterwards = []
    for name in names:
        store.annotate(name, Annotation("good", at_us=int(time.time() * 1e6)))
        afterwards.append(timed(lambda: looked_at(store))[0])
    (extra,) = records(1, seed=int(time.time()))
    store.add([replace(extra, id=f"new-{time.time_ns()}")])
    recorded, _ = timed(lambda: looked_at(store))
    memory = peak_mb()
    whole = timed(lambda: read_whole(store))[0] if compare else None
    show("after a label", max(afterwards), whole)
    show("after a recorded session", recorded, whole)
    print(f"  most memory before the comparison: {memory:.0f} MB")
    if max(*afterwards, recorded) > BUDGET_LABEL_S:
        print(f"  over the budget of {BUDGET_LABEL_S} s")


def main() -> None:
    """Fill the store and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", type=Path, default=ROOT / "scale.db")
    parser.add_argument("--sessions", type=int, default=20_000)
    parser.add_argument("--no-comparison", action="store_true", help="leave out what was before")
    args = parser.parse_args()
    with filled(args.store, args.sessions) as store:
        print(f"{store.count():,} sessions")
        tuning(store, compare=not args.no_comparison)


if __name__ == "__main__":
    main()
