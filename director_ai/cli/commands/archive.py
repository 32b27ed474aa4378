"""Command ``archive``: curves of a store's sessions into an archive of shards."""

from argparse import Namespace
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial

from director_ai.cli.exit_status import CommandError, Status
from director_ai.cli.open_store import reading
from director_ai.cli.open_study import holdout_of
from director_ai.cli.output import counted, note, one_line, print_json, working
from director_ai.core.records.stored_curve import StoredCurve
from director_ai.storage.store import Store
from director_ai.storage.summary import JUDGED
from director_ai.storage.transfer.shard_archive import HoldoutDraw, ShardArchive
from director_ai.tuning.elsewhere import policy_of_text
from director_ai.tuning.engines import SerialEngine
from director_ai.tuning.guarantee.holdout import group_draws
from director_ai.tuning.shard_sketch import sketch_damage, write_sketch


def archive_sessions(args: Namespace) -> int:
    """Append the sessions that have ended since, or verify the archive."""
    archive = ShardArchive(args.target)
    if args.verify:
        return _verify(args, archive)
    with reading(args) as store, archive.appending():
        # As it is now that nobody else appends.
        archive = ShardArchive(args.target)
        choice = holdout_of(args, store)
        if not choice.key:
            raise CommandError(
                f"store {store.name} must hold the secret of its held-out sessions; "
                "it may only be read, and has none yet"
            )
        holdout = HoldoutDraw.of(store.name, *choice)
        keys = _missing(store, archive)
        n_new, windows = 0, set(args.window)
        with working(f"Archiving {counted(len(keys), 'session')}", len(keys)) as step:
            for rows in _batches(store, keys, args.shard_sessions):
                names = [row.group or f"\0{row.id}" for row in rows]
                draws = group_draws(names, key=choice.key).astype("<u8").tobytes()
                archive.append(rows, draws, holdout)
                n_new += len(rows)
                if not archive.manifest.windows:
                    windows.add(_windows_in_use(rows))
                for _ in rows:
                    step()
        archive.use_windows(sorted(windows))
        shards = archive.manifest.shards
        with (
            working(f"Sketching {counted(len(shards), 'shard')}", len(shards)) as step,
            SerialEngine(step) as engine,
        ):
            write = partial(write_sketch, archive.reader(), archive.manifest.windows)
            for _ in engine.results(write, shards):
                pass
    n_known = archive.manifest.n_sessions - n_new
    n_shards = len(archive.manifest.shards)
    if args.json:
        values = {"n_new": n_new, "n_known": n_known, "n_without_score": len(keys) - n_new}
        print_json({"archive": args.target, "store": store.name, **values, "n_shards": n_shards})
    else:
        print(
            f"Added {counted(n_new, 'session')} to {one_line(args.target)}, which holds "
            f"{n_new + n_known:,} in {counted(n_shards, 'shard')}."
        )
    return Status.OK


def _missing(store: Store, archive: ShardArchive) -> list[int]:
    """Return the keys of the sealed sessions that the archive does not hold, oldest first."""
    keys = {name: key for key, name in store.names(JUDGED)}
    for shard in archive.manifest.shards:
        for name in archive.ids(shard):
            keys.pop(name, None)
    return list(keys.values())


def _batches(store: Store, keys: list[int], size: int) -> Iterator[list[StoredCurve]]:
    """Yield the sessions of some keys that have a score, so many at a time."""
    batch: list[StoredCurve] = []
    for _, row in store.keyed_curves(keys=keys):
        if row.scores:
            batch.append(row)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _windows_in_use(rows: Sequence[StoredCurve]) -> tuple[int, int]:
    """Return the windows that most sessions were recorded under."""
    (text, _), *_ = Counter(row.policy for row in rows).most_common(1)
    policy = policy_of_text(text)
    return policy.window_size, policy.trend_window


def _verify(args: Namespace, archive: ShardArchive) -> int:
    if not archive.exists:
        raise CommandError(f"no archive at {one_line(args.target)}", Status.NOT_FOUND)
    shards, windows, damaged = archive.manifest.shards, archive.manifest.windows, []
    with working(f"Verifying {counted(len(shards), 'shard')}", len(shards)) as step:
        for shard in shards:
            problem = archive.damage(shard) or sketch_damage(archive, windows, shard)
            if problem is not None:
                damaged.append({"shard": shard.name, "problem": problem})
                note(problem)
            step()
    if args.json:
        n_sessions = archive.manifest.n_sessions
        values = {"n_shards": len(shards), "n_sessions": n_sessions, "damaged": damaged}
        print_json({"archive": args.target, **values})
    else:
        print(
            f"{len(shards) - len(damaged):,} of {counted(len(shards), 'shard')} are what was "
            f"written ({archive.manifest.n_sessions:,} sessions)."
        )
    return Status.FAILED if damaged else Status.OK
