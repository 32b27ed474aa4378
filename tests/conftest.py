"""How the tests are shared out among the processes that run them, and which may run twice."""

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

ONE_AFTER_THE_OTHER = ("tests/browser/", "tests/safety/")
"""Folders whose tests start servers and browsers: two at once would disturb each other."""


class BrowserApart(LoadScopeScheduling):
    """Keeps the tests of a file together, and those with a browser all in one process."""

    def _split_scope(self, nodeid: str) -> str:
        return (
            "browser"
            if nodeid.startswith(ONE_AFTER_THE_OTHER)
            else nodeid.split("::", maxsplit=1)[0]
        )


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> BrowserApart:
    """Share the tests out our way, whatever ``--dist`` says."""
    return BrowserApart(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let a test with a browser run once more if it fails; the summary tells of each that did.

    On a busy machine a key may be pressed before its button is there, however long the test waits
    for what it knows of. What is wrong fails twice.
    """
    for item in items:
        if item.nodeid.startswith(ONE_AFTER_THE_OTHER):
            item.add_marker(pytest.mark.flaky(reruns=1))
