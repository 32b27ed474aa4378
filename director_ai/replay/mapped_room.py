"""Room for large arrays in files without names: the system has its memory whenever it is idle."""

import mmap
import os
import tempfile
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Room = Callable[[int, np.dtype[Any]], NDArray[Any]]
"""Maker of an array of so many entries of a kind, without values yet: ``np.empty`` is one."""

_LEAST_BYTES: Final = 4 * 2**20
_ENTRIES_AT_A_TIME: Final = 1 << 20
_SPARE: Final = 1.25
"""Room that is asked for, per room that is needed; the system gives it once it is written to."""


def mapped_room(length: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return an array of so many entries; a large one in a file, mapped, if the disk has room.

    What lies there is seldom read: :func:`release` gives its memory back meanwhile. The file goes
    with the array. Systems that cannot set room aside, such as macOS, have it in memory.

    >>> mapped_room(3, np.dtype(bool)).shape
    (3,)
    """
    n_bytes = length * dtype.itemsize
    if n_bytes >= _LEAST_BYTES and hasattr(os, "posix_fallocate"):
        try:
            with tempfile.TemporaryFile(prefix="director-arrays-") as file:
                # Without room on the disk, writing to the map would end the process.
                os.posix_fallocate(file.fileno(), 0, n_bytes)
                return np.frombuffer(mmap.mmap(file.fileno(), n_bytes), dtype)
        except OSError:
            # In memory then, as if it were small.
            pass
    return np.empty(length, dtype)


def longer(values: NDArray[Any], length: int) -> NDArray[Any]:
    """Return a mapped room of at least so many entries that begins with these.

    >>> longer(np.arange(3), 4)[:3].tolist()
    [0, 1, 2]
    """
    room = mapped_room(int(length * _SPARE), values.dtype)
    for first in range(0, len(values), _ENTRIES_AT_A_TIME):
        some = slice(first, min(first + _ENTRIES_AT_A_TIME, len(values)))
        room[some] = values[some]
        release(values, room)
    return room


def release(*rooms: NDArray[Any]) -> None:
    """Let the system take back the memory of arrays that lie in files, until they are read again.

    Parameters
    ----------
    rooms
        As :func:`mapped_room` made them, or parts of those; nothing is done to others.
    """
    for room in rooms:
        whole: Any = room
        while isinstance(whole, np.ndarray):
            whole = whole.base
        if isinstance(whole, memoryview) and isinstance(whole.obj, mmap.mmap):
            whole.obj.madvise(mmap.MADV_DONTNEED)
