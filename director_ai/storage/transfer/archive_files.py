"""Files of an archive, in a local folder or in object storage, each written whole or not at all."""

import fcntl
import io
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from director_ai.errors import InvalidRequestError, StoreError
from director_ai.storage.engine.errors import as_full_disk_error

_LOCK = "archive.lock"
_SHORT_OF_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/?(?!/)")
"""Start of a URL that lacks a slash; one letter and a colon are a drive."""


class LocalFiles:
    """Files of a folder.

    Parameters
    ----------
    folder
        The folder; it is made with the first file.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, name: str) -> bytes:
        """Return the contents of a file.

        Raises
        ------
        FileNotFoundError
            If it is not there.
        """
        return self.local(name).read_bytes()

    def open(self, name: str) -> io.BufferedReader:
        """Return a file opened, of which no more is in memory than is read; errors as above."""
        return self.local(name).open("rb")

    def write(self, name: str, data: bytes) -> None:
        """Write a file, which appears under its name once it is whole and on the disk.

        Raises
        ------
        StoreError
            If the disk is full.
        """
        path = self.local(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
        try:
            with as_full_disk_error(path), os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(path)
        finally:
            Path(temporary).unlink(missing_ok=True)

    def local(self, name: str) -> Path:
        """Return the path of a file."""
        return self.folder / name

    @contextmanager
    def appending(self) -> Iterator[None]:
        """Keep every other process from appending meanwhile.

        Raises
        ------
        StoreError
            If one does.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.local(_LOCK).open("ab") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise StoreError(
                    f"archive must be appended to by one process at a time, got {self.folder}, "
                    "which another one is appending to"
                ) from None
            yield


class RemoteFiles:
    """Files under a URL that fsspec knows, such as ``s3://bucket/archive``.

    An object appears once it is whole, as object stores have it. They keep nobody from appending at
    the same time: run one command at a time.

    Parameters
    ----------
    url
        The URL; settings such as credentials are those of the protocol's own package.

    Raises
    ------
    InvalidRequestError
        If the protocol is unknown or its package is not installed.
    """

    def __init__(self, url: str) -> None:
        try:
            # An extra, which local archives do without.
            import fsspec
        except ImportError:
            raise InvalidRequestError(
                f"archive must be a local folder without the extra of URLs, got {url!r}; "
                "pip install 'director-workbench[fsspec]'"
            ) from None
        try:
            system, root = fsspec.core.url_to_fs(url)
        except (ImportError, ValueError) as error:
            raise InvalidRequestError(
                f"archive must be a URL of fsspec, got {url!r}: {error}"
            ) from None
        self._system: Any = system
        self._root = str(root).rstrip("/")

    def read(self, name: str) -> bytes:
        """Return the contents of an object; errors as of :meth:`LocalFiles.read`."""
        data: bytes = self._system.cat_file(f"{self._root}/{name}")
        return data

    def open(self, name: str) -> io.BytesIO:
        """Return the contents of an object as a file; they are all in memory."""
        return io.BytesIO(self.read(name))

    def write(self, name: str, data: bytes) -> None:
        """Write an object."""
        path = f"{self._root}/{name}"
        with suppress(NotImplementedError):
            # Of object storage there is nothing to make.
            self._system.makedirs(path.rpartition("/")[0], exist_ok=True)
        self._system.pipe_file(path, data)

    def local(self, _name: str) -> None:
        """Return that no file of it can be mapped into memory."""

    @contextmanager
    def appending(self) -> Iterator[None]:
        """Do nothing: object storage has no lock."""
        yield


ArchiveFiles = LocalFiles | RemoteFiles
"""Files of an archive, wherever they are."""


def files_at(address: str | Path) -> ArchiveFiles:
    """Return the files of a folder or a URL; nothing need be there yet.

    A folder is the same one for every process that is sent the files, wherever it runs.

    >>> files_at("archive").folder.is_absolute()
    True

    Raises
    ------
    InvalidRequestError
        If it is a file, or neither a folder nor a URL.
    """
    text = str(address)
    if Path(text).is_file() or _SHORT_OF_URL.match(text):
        raise InvalidRequestError(
            f"archive must be a folder or a URL such as s3://bucket/archive, got {text!r:.200}"
        )
    if text.startswith(("file://", "local://")):
        return LocalFiles(Path(text.partition("://")[2]))
    return RemoteFiles(text) if "://" in text else LocalFiles(Path(text).absolute())
