"""Chromium that tests and benchmarks drive."""

import os
import shutil
from typing import Final

# The shell has no window to draw, and costs a quarter less than the browser.
_NAMES: Final = ("chromium-headless-shell", "chromium", "chrome")


def chromium_path() -> str | None:
    """Return the browser that ``CHROMIUM`` names, else the first of the search path."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)
