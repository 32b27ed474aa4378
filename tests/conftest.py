"""Which tests run when and twice, and what they end."""

import sys
from collections.abc import Iterator

import pytest

from tests.examples import load_profile

WITH_A_BROWSER = ("tests/browser/", "tests/safety/")
"""Folders whose tests start servers and browsers."""


WHOLE_PAGES = "tests/pages/"
"""Folder whose tests each run whole pages; `test_pages.py` alone is part of the fast suite."""


def pytest_configure(config: pytest.Config) -> None:
    """Draw fewer examples where the slow tests are left out."""
    load_profile(default="fast" if "not slow" in config.option.markexpr else "full")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what drives a browser, and leave out what runs for hours unless it is asked for.

    A test with a browser may run twice more if it fails; the summary tells of each that did. On a
    busy machine a key may be pressed before its button is there, however long the test waits for
    what it knows of. What is wrong fails every time.
    """
    for item in items:
        if item.nodeid.startswith(WITH_A_BROWSER):
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.flaky(reruns=2))
        elif item.nodeid.startswith(WHOLE_PAGES) and item.path.name != "test_pages.py":
            item.add_marker(pytest.mark.slow)
    if "soak" not in config.option.markexpr:
        soak = [item for item in items if item.get_closest_marker("soak")]
        config.hook.pytest_deselected(items=soak)
        items[:] = [item for item in items if item not in soak]


@pytest.fixture(autouse=True)
def closed_archive() -> Iterator[None]:
    """The app's store, which it keeps open for as long as a server runs, ends with each test."""
    yield
    # Most tests never import the app, and shall not for this.
    current_store = sys.modules.get("director_ai.ui.access.current_store")
    if current_store is not None:
        current_store.archive.clear()
