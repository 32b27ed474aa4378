"""Process memory: what was made on the way and is no longer used, given back to the system."""

import ctypes


def trim() -> None:
    """Give back the memory that glibc keeps for what is made next; elsewhere nothing happens."""
    found = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if found is not None:
        found(0)
