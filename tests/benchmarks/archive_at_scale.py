"""What a large store costs: a search, a list, an examination, a label given, a session recorded.

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
from sqlalchemy import ColumnElement, func, or_, select

from director_ai.storage import JUDGED, Annotation, SessionQuery, Store
from director_ai.storage import query as sql
from director_ai.storage.engine.schema import bodies, sessions, tokens
from director_ai.storage.engine.text_search import holds_folded
from director_ai.storage.maintenance import examine
from director_ai.storage.sealing import broken_seal, stored_session, underivable
from director_ai.storage.text_matches import Matches
from director_ai.tuning import TuneData, split_study
from director_ai.tuning.cadence import replay_under
from director_ai.ui.components.cached_study import current_data, replay_of
from director_ai.ui.sessions.counts import TOKEN_RANGES, CountCache
from tests.ui.tune_store import FIRST_US, records

BATCH = 2_000
BUDGET_LABEL_S = 1.0
BUDGET_SEARCH_S = {200_000: 1.5, 1_000_000: 5.0}
RARE, COMMON = "question 199", "w1"
EVERYWHERE = ("w", "w0", " w0 w")
N_VERIFIED = 2_000


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


def resident_mb() -> float:
    """Return the memory this process has now, in MB."""
    n_pages = int(Path("/proc/self/statm").read_text().split()[1])
    return n_pages * resource.getpagesize() / 2**20


def show(name: str, seconds: float, before_s: float | None = None) -> None:
    """Print a line: what, how long, and how many times as long it took before."""
    ratio = "" if before_s is None else f"{before_s:9.2f} s before {before_s / seconds:7.1f} x"
    print(f"{name:<60}{seconds:8.2f} s{ratio:>30}{peak_mb():9.0f} MB")


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


class EveryText(Matches):
    """The condition of a search as it was: each statement goes through every text."""

    def condition(self) -> ColumnElement[bool]:
        """Return the condition that a session's prompt or answer holds the text."""
        (text,) = self.keys
        coming = select(tokens).order_by(tokens.c.session, tokens.c.position).subquery()
        so_far = func.aggregate_strings(coming.c.text, "")
        live = (
            select(coming.c.session).group_by(coming.c.session).having(holds_folded(so_far, text))
        )
        answers = select(bodies.c.session).where(holds_folded(bodies.c.text, text))
        key = sessions.c.key
        return or_(holds_folded(sessions.c.prompt, text), key.in_(answers), key.in_(live))


def count_apart(store: Store, text: str) -> None:
    """Count as the Sessions page did: each number by a search of its own."""
    query = SessionQuery()
    matches = EveryText([text], is_rest=False, is_few=False)
    with store.read() as connection:
        asked = sql.Selection(query, matches)
        sql.count(connection, sql.Selection(query, None))
        for _ in (*TOKEN_RANGES, "true", "false"):
            sql.count(connection, asked)
        sql.overview(connection, asked)
        sql.overview(connection, sql.Selection(query.of_rates(), matches))
        sql.family_kinds(connection, sql.Selection(query.of_rates(), matches))
        sql.facets(connection, asked)
        sql.histogram(connection, asked, 48)


def searching(store: Store, *, compare: bool) -> None:
    """Measure what the Sessions page shows of all sessions, and of those that hold a text."""
    budget = BUDGET_SEARCH_S.get(store.count(), float("inf"))
    before_mb = resident_mb()
    for text in EVERYWHERE:
        store.count(SessionQuery(text=text))
    kept_mb = resident_mb() - before_mb
    print(f"  kept of {len(EVERYWHERE)} texts that every session holds: {kept_mb:.0f} MB")
    counts = CountCache()
    show("Sessions: all counts", timed(lambda: counts.get(store, SessionQuery()))[0])
    show("Sessions: the first page", timed(lambda: store.summaries(limit=200))[0])
    for text in (RARE, COMMON):
        query = SessionQuery(text=text)
        took, numbers = timed(lambda query=query: counts.get(store, query))
        page = timed(lambda query=query: store.summaries(query, limit=200))[0]
        before = timed(lambda text=text: count_apart(store, text))[0] if compare else None
        n_found = numbers.overview.n_sessions
        show(f"search {text!r}, {n_found:,} found: counts and page", took + page, before)
        if took + page > budget:
            print(f"  over the budget of {budget} s")


def verify_singly(store: Store, ids: list[str]) -> None:
    """Verify sessions as ``doctor`` did: each by statements of its own."""
    for name in ids:
        with store.read() as connection:
            named = select(sessions).where(sessions.c.id == name)
            stored = stored_session(connection, connection.execute(named).mappings().one())
        assert not broken_seal(stored, store.version)
        assert not underivable(stored, store.version)


def examining(store: Store, *, compare: bool) -> None:
    """Measure ``doctor``, and the count of prompts of ``tune --check``."""
    ids = store.ids()[:N_VERIFIED]
    singly = timed(lambda: verify_singly(store, ids))[0] * store.count() / len(ids)
    took, health = timed(lambda: examine(store))
    assert health.ok
    show("doctor", took, singly if compare else None)
    took, _ = timed(lambda: store.n_prompts(JUDGED))
    everything = store.count(JUDGED)
    memory = peak_mb()
    before = timed(lambda: store.summaries(JUDGED, limit=everything))[0] if compare else None
    show("distinct prompts", took, before)
    print(f"  most memory before the comparison: {memory:.0f} MB")


def main() -> None:
    """Fill the store and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", type=Path, default=ROOT / "scale.db")
    parser.add_argument("--sessions", type=int, default=20_000)
    parser.add_argument("--parts", nargs="+", default=["search", "tune", "doctor"])
    parser.add_argument("--no-comparison", action="store_true", help="leave out what was before")
    args = parser.parse_args()
    with filled(args.store, args.sessions) as store:
        print(f"{store.count():,} sessions")
        parts = {"search": searching, "doctor": examining, "tune": tuning}
        for part in args.parts:
            parts[part](store, compare=not args.no_comparison)


if __name__ == "__main__":
    main()
