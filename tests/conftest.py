"""How the tests are shared out among the processes that run them."""

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
