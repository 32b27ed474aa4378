"""The files in which a server is told its secrets."""

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from director_ai.errors import InvalidLoginError


def read_secrets(files: Iterable[str]) -> dict[str, Any]:
    """Return what the files say together, as Streamlit takes them: the last one wins.

    Raises
    ------
    InvalidLoginError
        If one is there and cannot be read.
    """
    found: dict[str, Any] = {}
    for file in files:
        try:
            found |= tomllib.loads(Path(file).read_text(encoding="utf-8"))
        except FileNotFoundError:
            continue
        except (OSError, ValueError):
            # What the parser says may quote the line.
            refuse_unread([file])
    return found


def refuse_unread(files: Iterable[str]) -> None:
    """Refuse to go on without secrets that are there and could not be read.

    Streamlit takes a broken file for none, and whoever came would be let in.

    Raises
    ------
    InvalidLoginError
        If one of the files is there.
    """
    for file in files:
        if Path(file).exists():
            raise InvalidLoginError(f"{file} must be valid TOML that this process may read")
