"""``director-ai list``: sessions as a table, with their totals."""

from argparse import Namespace
from dataclasses import asdict
from typing import Any

from director_ai.cli.open_store import reading
from director_ai.cli.options.sessions import query_of
from director_ai.cli.output import counted, moment, print_json, print_table, share
from director_ai.storage.query import FamilyKind, Overview
from director_ai.storage.store import Store
from director_ai.storage.summary import SessionQuery, SessionSummary
from director_ai.tuning.evaluation.intervals import wilson_of_kinds

_HEAD = ("OUTCOME", "STARTED (UTC)", "ID", "RULES", "HALT", "MARGIN", "LABEL", "MODEL", "ANSWER")


def list_sessions(args: Namespace) -> int:
    """Print the sessions that match, and their totals."""
    query = query_of(args)
    with reading(args) as store:
        if args.count:
            n_sessions = store.count(query)
            if args.json:
                print_json({"store": store.name, "count": n_sessions})
            else:
                print(n_sessions)
            return 0
        rows = store.summaries(query, limit=args.limit)
        overview, (enforced, families) = store.overview(query), _enforced(store, query)
    if args.json:
        numbers: dict[str, Any] = asdict(overview)
        numbers["halt_rate"] = _rate(enforced)
        numbers["false_halt_rate"] = _false_rate(families)
        listed = [asdict(row) for row in rows]
        print_json({"store": store.name, "overview": numbers, "sessions": listed})
        return 0
    if rows:
        print_table(_HEAD, [_cells(row) for row in rows])
        print()
    print(_sentence(overview, enforced))
    if len(rows) < overview.n_sessions:
        print(f"The first {len(rows):,} are listed; --limit lists more.")
    return 0


def _enforced(store: Store, query: SessionQuery) -> tuple[Overview | None, list[FamilyKind]]:
    """Return the denominators of the rates, as on the Sessions page."""
    if query.enforced is False:
        return None, []
    ended = query.of_rates()
    return store.overview(ended), store.family_kinds(ended)


def _rate(enforced: Overview | None) -> dict[str, Any]:
    n_sessions = enforced.n_sessions if enforced else 0
    n_halted = enforced.n_halted if enforced else 0
    rate = n_halted / n_sessions if n_sessions else None
    return {"n_halted": n_halted, "n_enforced": n_sessions, "rate": rate}


def _false_rate(families: list[FamilyKind]) -> dict[str, Any]:
    n_good = sum(kind.n_good * kind.n_families for kind in families)
    n_false = sum(kind.n_false_halts * kind.n_families for kind in families)
    low, high = wilson_of_kinds(families) if n_good else (None, None)
    rate = n_false / n_good if n_good else None
    return {
        "n_false_halts": n_false,
        "n_good": n_good,
        "rate": rate,
        "low_95": low,
        "high_95": high,
    }


def _sentence(overview: Overview, enforced: Overview | None) -> str:
    rate = _rate(enforced)
    percent = share(rate["n_halted"], rate["n_enforced"])
    return (
        f"{counted(overview.n_sessions, 'session')}: {overview.n_halted:,} halted, "
        f"{overview.n_completed:,} completed, {overview.n_infrastructure:,} infrastructure, "
        f"{overview.n_recording:,} recording. "
        f"Halt rate {percent} ({rate['n_halted']:,} of {rate['n_enforced']:,} enforced). "
        f"Labelled: {overview.n_good:,} good, {overview.n_bad:,} bad."
    )


def _cells(row: SessionSummary) -> tuple[str, ...]:
    # In brackets where nothing was stopped.
    acted = row.outcome in ("halted", "infrastructure")
    at = "–" if row.halt_index is None else str(row.halt_index) if acted else f"({row.halt_index})"
    return (
        row.outcome,
        moment(row.started_us),
        row.id,
        ", ".join(row.rules) or row.halt_code or "–",
        f"{at} / {row.n_tokens}",
        "–" if row.margin is None else f"{row.margin:+.3f}",
        row.label or "–",
        row.model or "–",
        row.excerpt,
    )
