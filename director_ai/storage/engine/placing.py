"""Placing of a finished file: it appears under its name whole, or not at all."""

import errno
import os
from pathlib import Path


def place(finished: Path, target: Path, *, replace: bool) -> None:
    """Give a finished file its name, in the same folder.

    Parameters
    ----------
    finished, target
        The file, and its name to be.
    replace
        Whether it may take the place of another. Else none is lost, not even one that came
        meanwhile; on a file system without links the two may still cross.

    Raises
    ------
    FileExistsError
        If another is there and must not be replaced.
    """
    if not replace:
        try:
            # A link is refused where a file is; a file that is renamed takes its place.
            os.link(finished, target)
        except FileExistsError:
            raise
        except OSError:
            if target.exists():
                raise FileExistsError(
                    errno.EEXIST, os.strerror(errno.EEXIST), str(target)
                ) from None
        else:
            finished.unlink()
            return
    finished.replace(target)
