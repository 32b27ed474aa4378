"""``director-ai restore``: put a backup in the place of a store."""

from argparse import Namespace
from pathlib import Path

from director_ai.cli.exit_status import CommandError, Status
from director_ai.cli.open_store import address_of
from director_ai.cli.output import counted, one_line, print_json, working
from director_ai.storage.restore import restore_backup


def restore_store(args: Namespace) -> int:
    """Restore the store from a backup."""
    backup = Path(args.backup)
    if not backup.exists():
        raise CommandError(f"no backup at {backup}", Status.NOT_FOUND)
    address, _ = address_of(args)
    with working("Verifying the backup"):
        restored = restore_backup(backup, address)
    if args.json:
        set_aside = restored.set_aside and str(restored.set_aside)
        print_json({"store": address, **restored._asdict(), "set_aside": set_aside})
        return 0
    print(
        f"Restored {counted(restored.n_sessions, 'session')} to {one_line(address)}; "
        f"{restored.n_verified:,} were sealed, and all of them are verified."
    )
    if restored.set_aside is not None:
        print(f"What was there before is kept as {one_line(str(restored.set_aside))}.")
    return 0
