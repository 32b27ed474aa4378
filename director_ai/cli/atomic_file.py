"""Atomic file: written whole, or not at all."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from director_ai.cli.exit_status import CommandError
from director_ai.storage.engine.errors import as_full_disk_error
from director_ai.storage.engine.placing import place


@contextmanager
def new_file(path: Path, *, replace: bool) -> Iterator[BinaryIO]:
    """Open a file that appears under its name once the block is through.

    Only its owner may read it: sessions hold untrusted and private text.

    Raises
    ------
    CommandError
        If it exists and must not be replaced, or its folder is not there or cannot be written.
    StoreError
        If the disk is full.
    """
    check_target(path, replace=replace)
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name[:50]}-", dir=path.parent)
    except OSError as error:
        raise CommandError(
            f"output must go to a folder that can be written, got {path.parent}: {error.strerror}"
        ) from None
    temporary = Path(name)
    try:
        with as_full_disk_error(path), os.fdopen(handle, "wb") as file:
            yield file
        place(temporary, path, replace=replace)
    except FileExistsError:
        raise _in_the_way(path) from None
    finally:
        temporary.unlink(missing_ok=True)


def check_target(path: Path, *, replace: bool) -> None:
    """Raise the errors of :func:`new_file` before the work whose result is to be written."""
    if path.is_dir():
        raise CommandError(f"output must be a file, got the folder {path}")
    if not path.parent.is_dir():
        raise CommandError(f"output must go to a folder that is there, got {path.parent}")
    if path.exists() and not replace:
        raise _in_the_way(path)


def _in_the_way(path: Path) -> CommandError:
    return CommandError(f"output must be a new file, got {path}; --force replaces it")
