"""Store of an experiment: the one given, or one opened for a while."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from director_ai.errors import InvalidRequestError
from director_ai.storage.engine.database import file_of
from director_ai.storage.engine.errors import as_store_error
from director_ai.storage.store import Store


@contextmanager
def opened(
    address: Store | str | Path, *, read_only: bool = True, may_create: bool = False
) -> Iterator[Store]:
    """Give the store itself, or one opened at its address for the block.

    Raises
    ------
    InvalidRequestError
        If there is none and it may not be made.
    StoreError
        If its database fails within the block.
    """
    if isinstance(address, Store):
        with as_store_error(address.name):
            yield address
        return
    file = file_of(str(address))
    if file is not None and not file.exists() and not may_create:
        raise InvalidRequestError(f"store must be one that is there, got {str(address)!r}")
    with Store(address, read_only=read_only) as store, as_store_error(store.name):
        yield store
