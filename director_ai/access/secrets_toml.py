"""Reader of a server's secrets files."""

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from director_ai.errors import InvalidLoginError


def read_secrets(files: Iterable[str]) -> dict[str, Any]:
    """Return the settings of all files together, as Streamlit takes them: the last one wins.

    Raises
    ------
    InvalidLoginError
        If one is there and cannot be read.
    """
    settings: dict[str, Any] = {}
    for file in files:
        try:
            settings |= tomllib.loads(Path(file).read_text(encoding="utf-8"))
        except FileNotFoundError:
            continue
        except (OSError, ValueError):
            # What the parser says may quote the line.
            refuse_unread([file])
    return settings


def refuse_unread(files: Iterable[str]) -> None:
    """Refuse to go on without secrets that are there and could not be read.

    Streamlit takes a broken file for none, and lets everyone in.

    Raises
    ------
    InvalidLoginError
        If one of the files is there.
    """
    for file in files:
        if Path(file).exists():
            raise InvalidLoginError(f"{file} must be valid TOML that this process may read")
