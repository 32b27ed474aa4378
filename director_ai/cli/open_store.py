"""Store of a command: its address, and opening it to read or to write."""

import os
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager

from director_ai.cli.exit_status import CommandError, Status
from director_ai.cli.output import note
from director_ai.errors import StoreError
from director_ai.storage.engine.database import file_of
from director_ai.storage.engine.errors import as_store_error
from director_ai.storage.store import Store

STORE_VARIABLE = "DIRECTOR_STORE"
"""Environment variable that names the store."""

DEFAULT_STORE = "sessions.db"


def address_of(args: Namespace) -> tuple[str, str]:
    """Return the address of the store, and the reason of that choice."""
    if args.store is not None:
        return args.store, "named by --store"
    address = os.environ.get(STORE_VARIABLE)
    if address:
        return address, f"named by {STORE_VARIABLE}"
    return DEFAULT_STORE, f"the default, as neither --store nor {STORE_VARIABLE} is given"


def is_there(args: Namespace) -> bool:
    """Return whether the store exists; for one on a server always true."""
    file = file_of(address_of(args)[0])
    return file is None or file.exists()


@contextmanager
def reading(args: Namespace) -> Iterator[Store]:
    """Open the store to read; errors name it and the reason of its choice.

    Raises
    ------
    CommandError
        If it is not there, or cannot be opened.
    StoreError
        If its database fails while it is read.
    """
    with _open(args, read_only=True) as store, as_store_error(store.name):
        if store.read_only_reason:
            note(f"{store.name} is open to read only: {store.read_only_reason}.")
        yield store


@contextmanager
def changing(args: Namespace, *, may_create: bool = False) -> Iterator[Store]:
    """Open the store to write; errors as in :func:`reading`."""
    if not may_create:
        # Opened to write, a database of something else would be given our tables.
        with _open(args, read_only=True):
            pass
    with _open(args, read_only=False) as store, as_store_error(store.name):
        yield store


def _open(args: Namespace, *, read_only: bool) -> Store:
    address, why = address_of(args)
    if read_only and not is_there(args):
        raise CommandError(
            f"no store at {address} ({why}); "
            "name another with --store, or make one with director-ai import",
            Status.NOT_FOUND,
        )
    try:
        return Store(address, read_only=read_only)
    except StoreError as error:
        raise CommandError(f"{error} ({why})") from None
