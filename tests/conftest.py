"""How the tests are shared out among the processes that run them."""

from pathlib import Path

import pytest

ONE_AFTER_THE_OTHER = ("browser", "safety")
"""Folders whose tests start servers and browsers: two at once would disturb each other."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of a file together, and those with a browser all in one process."""
    here = Path(__file__).parent
    for item in items:
        folders = item.path.relative_to(here).parts if item.path.is_relative_to(here) else ()
        alone = bool(folders) and folders[0] in ONE_AFTER_THE_OTHER
        item.add_marker(pytest.mark.xdist_group("browser" if alone else str(item.path)))
