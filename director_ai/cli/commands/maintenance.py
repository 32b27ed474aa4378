"""``director-ai backup``, ``doctor`` and ``prune``: keeping a store whole, and small."""

from argparse import Namespace
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path

from director_ai.cli.exit_status import CommandError, Status
from director_ai.cli.open_store import changing, reading
from director_ai.cli.output import counted, one_line, print_json, working
from director_ai.storage.backup import back_up
from director_ai.storage.engine.clock import now_us
from director_ai.storage.maintenance import Health, examine, n_sealed, seal_silent
from director_ai.storage.statistics import count_beyond_newest, count_started_before

_DAY_US = 86_400_000_000
_EARLIEST_US = -(2**63)


def backup(chosen: Namespace) -> int:
    """Copy the store."""
    target = Path(chosen.target)
    if target.exists() and not chosen.force:
        raise CommandError(f"DEST must be a new file, got {target}; --force replaces it")
    with reading(chosen) as store, working("Copying the store"):
        n_sessions = back_up(store, target, replace=chosen.force)
    n_bytes = target.stat().st_size
    if chosen.json:
        values = {"file": chosen.target, "n_sessions": n_sessions, "n_bytes": n_bytes}
        print_json({"store": store.name, **values})
    else:
        copied = f"{counted(n_sessions, 'session')} to {one_line(chosen.target)}"
        print(f"Copied {copied}, {n_bytes:,} bytes.")
    return 0


def doctor(chosen: Namespace) -> int:
    """Examine the store; the exit status tells whether it is sound."""
    sealed: list[str] = []
    if chosen.seal_silent:
        with changing(chosen) as store:
            sealed = seal_silent(store)
    with (
        reading(chosen) as store,
        working("Verifying the sealed sessions", n_sealed(store)) as step,
    ):
        health = examine(store, on_session=step)
    if chosen.json:
        print_json({"ok": health.ok, **asdict(health), "sealed_silent": sealed})
    else:
        if chosen.seal_silent:
            print(f"Sealed {counted(len(sealed), 'session')} whose recorder is silent.")
        print("\n".join(map(one_line, _lines(health))))
    return Status.OK if health.ok else Status.FAILED


def prune(chosen: Namespace) -> int:
    """Remove what is older than was asked to be kept."""
    with reading(chosen) if chosen.dry_run else changing(chosen) as store:
        if chosen.keep_newest is not None:
            going = count_beyond_newest(store, chosen.keep_newest)
            remove = partial(store.keep_newest, chosen.keep_newest)
        else:
            since = max(_EARLIEST_US, now_us() - chosen.keep_days * _DAY_US)
            going = count_started_before(store, since)
            remove = partial(store.keep_since, since)
        if chosen.dry_run:
            n_gone = going.n_sessions
        else:
            with working(f"Removing {counted(going.n_sessions, 'session')}"):
                n_gone = remove()
        n_left = store.count() - (n_gone if chosen.dry_run else 0)
    if chosen.json:
        values = {"dry_run": chosen.dry_run, "n_removed": n_gone, "n_left": n_left}
        print_json({"store": store.name, **values, "n_labelled_removed": going.n_labelled})
    else:
        verb = "Would remove" if chosen.dry_run else "Removed"
        left = "would stay" if chosen.dry_run else "stay"
        gone = f"{counted(n_gone, 'session')}, {going.n_labelled:,} of them labelled,"
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
    yield "No damage was found." if health.ok else "There is damage; restore from a backup."
