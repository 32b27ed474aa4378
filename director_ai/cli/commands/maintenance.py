"""``director-ai backup``, ``doctor`` and ``prune``: keeping a store whole, and small."""

from argparse import Namespace
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path

from director_ai.cli.exit_status import CommandError, Status
from director_ai.cli.open_store import changing, reading
from director_ai.cli.output import counted, one_line, print_json, working
from director_ai.monitoring.settling import settle
from director_ai.storage.backup import back_up
from director_ai.storage.engine.clock import now_us
from director_ai.storage.maintenance import Health, examine, n_sealed, seal_silent
from director_ai.storage.salvage import DAMAGED_TAG, salvage_store
from director_ai.storage.statistics import count_beyond_newest, count_started_before

_DAY_US = 86_400_000_000
_EARLIEST_US = -(2**63)


def backup(args: Namespace) -> int:
    """Copy the store."""
    target = Path(args.target)
    if target.exists() and not args.force:
        raise CommandError(f"DEST must be a new file, got {target}; --force replaces it")
    with reading(args) as store, working("Copying the store"):
        n_sessions = back_up(store, target, replace=args.force)
    n_bytes = target.stat().st_size
    if args.json:
        values = {"file": args.target, "n_sessions": n_sessions, "n_bytes": n_bytes}
        print_json({"store": store.name, **values})
    else:
        copied = f"{counted(n_sessions, 'session')} to {one_line(args.target)}"
        print(f"Copied {copied}, {n_bytes:,} bytes.")
    return 0


def doctor(args: Namespace) -> int:
    """Examine the store; the exit status reports damage."""
    if args.salvage:
        return _salvage(args)
    sealed: list[str] = []
    if args.seal_silent:
        with changing(args) as store:
            sealed = seal_silent(store)
    with (
        reading(args) as store,
        working("Verifying the sealed sessions", n_sealed(store)) as step,
    ):
        health = examine(store, on_session=step)
    if args.json:
        print_json({"ok": health.ok, **asdict(health), "sealed_silent": sealed})
    else:
        if args.seal_silent:
            print(f"Sealed {counted(len(sealed), 'session')} whose recorder is silent.")
        print("\n".join(map(one_line, _lines(health))))
    return Status.OK if health.ok else Status.FAILED


def _salvage(args: Namespace) -> int:
    with (
        reading(args) as store,
        working("Saving what can be read", n_sealed(store)) as step,
    ):
        saved = salvage_store(store, Path(args.salvage), on_session=step)
    is_whole = not saved.damaged and not saved.n_lost
    if args.json:
        print_json({"ok": is_whole, "file": args.salvage, **saved._asdict()})
    else:
        print(
            f"Saved {counted(saved.n_intact, 'intact session')} to {one_line(args.salvage)}, "
            f"{len(saved.damaged):,} damaged, tagged {DAMAGED_TAG!r}; "
            f"{saved.n_lost:,} cannot be read."
        )
        for name in saved.damaged:
            print(one_line(f"damaged: session {name!r}"))
    return Status.OK if is_whole else Status.FAILED


def prune(args: Namespace) -> int:
    """Remove the sessions beyond those to keep."""
    with reading(args) if args.dry_run else changing(args) as store:
        if args.keep_newest is not None:
            pruned = count_beyond_newest(store, args.keep_newest)
            remove = partial(store.keep_newest, args.keep_newest)
        else:
            since = max(_EARLIEST_US, now_us() - args.keep_days * _DAY_US)
            pruned = count_started_before(store, since)
            remove = partial(store.keep_since, since)
        if args.dry_run:
            n_gone = pruned.n_sessions
        else:
            # What is not settled before it is removed would never be counted.
            settle(store, now_us=now_us())
            with working(f"Removing {counted(pruned.n_sessions, 'session')}"):
                n_gone = remove()
        n_left = store.count() - (n_gone if args.dry_run else 0)
    if args.json:
        values = {"dry_run": args.dry_run, "n_removed": n_gone, "n_left": n_left}
        print_json({"store": store.name, **values, "n_labelled_removed": pruned.n_labelled})
    else:
        verb = "Would remove" if args.dry_run else "Removed"
        left = "would stay" if args.dry_run else "stay"
        gone = f"{counted(n_gone, 'session')}, {pruned.n_labelled:,} of them labelled,"
        print(f"{verb} {gone} from {store.name}; {n_left:,} {left}.")
    return 0


def _lines(health: Health) -> Iterator[str]:
    yield f"{health.store}: {health.database}, schema version {health.version}"
    yield (
        f"{counted(health.n_sessions, 'session')}: {health.n_sealed:,} sealed, "
        f"{health.n_verified:,} of them verified; {health.n_recording:,} recording, "
        f"{health.n_silent:,} of them silent; {health.n_abandoned:,} abandoned"
    )
    yield from (f"damage: {problem}" for problem in health.problems)
    yield from (f"damage: session {damage.id!r}: {damage.message}" for damage in health.damaged)
    yield from (f"note: {text}" for text in health.notes)
    yield (
        "No damage was found."
        if health.ok
        else "There is damage; director-ai restore BACKUP puts a backup back, and "
        "director-ai doctor --salvage OUT saves all that can be read."
    )
