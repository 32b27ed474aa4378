"""Shards: arrays of a part of an archive as files, mapped into memory and sealed by digest."""

import hashlib
import io
import json
import mmap
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from director_ai.errors import InvalidRecordError

Arrays = dict[str, NDArray[Any]]

_SEAL: Final = "seal.json"


class ShardFiles(Protocol):
    """Files of an archive, by names relative to it."""

    def read(self, name: str) -> bytes:
        """Return the contents of a file, or raise ``FileNotFoundError``."""

    def write(self, name: str, data: bytes) -> None:
        """Write a file whole."""

    def local(self, name: str) -> Path | None:
        """Return the path of a file that can be mapped; ``None`` of a remote one."""


def write_arrays(files: ShardFiles, folder: str, arrays: Mapping[str, Any], *, of: str) -> None:
    """Write arrays; they are there once their seal is, which is written last.

    Parameters
    ----------
    files, folder
        Where, a file an array.
    arrays
        By name.
    of
        SHA-256 of the shard they were made of.
    """
    digests = {}
    for name, array in arrays.items():
        file = io.BytesIO()
        np.save(file, array, allow_pickle=False)
        files.write(f"{folder}/{name}.npy", file.getvalue())
        digests[name] = hashlib.sha256(file.getvalue()).hexdigest()
    seal = {"shard": of, "arrays": digests}
    files.write(f"{folder}/{_SEAL}", json.dumps(seal).encode())


def read_arrays(files: ShardFiles, folder: str, *, of: str) -> Arrays | None:
    """Return arrays, each verified once in a process; local ones are mapped into memory.

    Parameters
    ----------
    files, folder, of
        As of :func:`write_arrays`.

    Returns
    -------
    dict or None
        ``None`` where there are none of this shard.

    Raises
    ------
    InvalidRecordError
        Naming the file that is not what was written.
    """
    path = files.local(folder)
    try:
        if path is not None:
            return _mapped(path, folder, of)
        seal = files.read(f"{folder}/{_SEAL}")
    except FileNotFoundError:
        return None
    arrays = {}
    for name, sha256 in _digests(seal, folder, of).items():
        data = files.read(f"{folder}/{name}.npy")
        if hashlib.sha256(data).hexdigest() != sha256:
            raise _damaged(f"{folder}/{name}.npy")
        arrays[name] = np.load(io.BytesIO(data), allow_pickle=False)
    return arrays or None


def _mapped(path: Path, folder: str, of: str) -> Arrays | None:
    """Return the arrays of a local folder, mapped into memory until nobody has them."""
    arrays: Arrays = {}
    for name, sha256 in _digests((path / _SEAL).read_bytes(), folder, of).items():
        file = path / f"{name}.npy"
        try:
            state = file.stat()
        except FileNotFoundError:
            raise _damaged(f"{folder}/{name}.npy") from None
        version = (file, state.st_mtime_ns, state.st_size)
        if _digest_of(*version) != sha256:
            raise _damaged(f"{folder}/{name}.npy")
        arrays[name] = _layout_of(*version).map(file)
    return arrays or None


def _digests(seal: bytes, folder: str, of: str) -> dict[str, str]:
    """Return the digest of each array; none where they are of another shard."""
    try:
        values = json.loads(seal)
        return dict(values["arrays"]) if values["shard"] == of else {}
    except (ValueError, KeyError, TypeError):
        raise _damaged(f"{folder}/{_SEAL}") from None


@lru_cache(maxsize=1 << 16)
def _digest_of(path: Path, _mtime_ns: int, _size: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class _Layout(NamedTuple):
    """Layout of an array in its file: shape, type and order of its entries, and their start."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    order: Literal["C", "F"]
    offset: int

    def map(self, path: Path) -> NDArray[Any]:
        """Return the array, mapped."""
        with path.open("rb") as file:
            entries = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return np.ndarray(self.shape, self.dtype, entries, self.offset, order=self.order)


@lru_cache(maxsize=1 << 16)
def _layout_of(path: Path, _mtime_ns: int, _size: int) -> _Layout:
    # np.load reads it each time, which for small arrays takes longer than what is done with them.
    with path.open("rb") as file:
        np.lib.format.read_magic(file)
        shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(file)
        return _Layout(shape, dtype, "F" if is_fortran else "C", file.tell())


def _damaged(name: str) -> InvalidRecordError:
    return InvalidRecordError(
        f"{name} must be what was written; it is damaged; "
        "remove its folder, and director-ai archive makes it anew"
    )
