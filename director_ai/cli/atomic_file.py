"""Files that commands write: whole, or not at all."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from director_ai.cli.exit_status import CommandError


@contextmanager
def new_file(path: Path, *, replace: bool) -> Iterator[BinaryIO]:
    """Open a file that appears under its name once the block is through.

    Only its owner may read it: sessions are other people's words.

    Raises
    ------
    CommandError
        If it is there and must not be replaced, or its folder is not there.
    """
    refuse(path, replace=replace)
    handle, name = tempfile.mkstemp(prefix=f".{path.name[:50]}-", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def refuse(path: Path, *, replace: bool) -> None:
    """Raise what :func:`new_file` would, before the work whose outcome is to be written."""
    if path.is_dir():
        raise CommandError(f"output must be a file, got the folder {path}")
    if not path.parent.is_dir():
        raise CommandError(f"output must go to a folder that is there, got {path.parent}")
    if path.exists() and not replace:
        raise CommandError(f"output must be a new file, got {path}; --force replaces it")
