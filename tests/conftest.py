"""How the tests are shared out among processes, which run when and twice, and what they end."""

import gc
import hashlib
import logging
import sys
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from xdist.dsession import DSession
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

from tests.examples import load_profile

WITH_A_BROWSER = ("tests/browser/", "tests/safety/")
"""Folders whose tests start servers and browsers, one of which keeps two processors busy."""


WHOLE_PAGES = "tests/pages/"
"""Folder whose tests each run whole pages; `test_pages.py` alone is part of the fast suite."""


DEAR = ("browser", "slow")
"""Marks of the tests that come after the fast ones, in this order."""


class InOrder(LoadScopeScheduling):
    """Shares the tests out in their order, to one process those with a browser.

    A unit is what follows on each other of one file. Another process takes a file with a browser
    only where nothing else is left.
    """

    def __init__(self, config: pytest.Config, log: Producer) -> None:
        # By the number of their tests, files with fast tests and with slow ones would mix.
        config.option.loadscopereorder = False
        super().__init__(config, log)
        self._units: dict[str, str] = {}

    def schedule(self) -> None:
        """Find the units, the first time, and hand them out."""
        if self.collection is None:
            self._units = units(next(iter(self.registered_collections.values())))
        super().schedule()

    def _split_scope(self, nodeid: str) -> str:
        return self._units[nodeid]

    def _assign_work_unit(self, node: WorkerController) -> None:
        if any(self._drives_a_browser(other) for other in self.nodes if other is not node):
            others = (unit for unit in self.workqueue if not is_with_a_browser(unit))
            self.workqueue.move_to_end(next(others, next(iter(self.workqueue))), last=False)
        super()._assign_work_unit(node)

    def _drives_a_browser(self, node: WorkerController) -> bool:
        return any(
            is_with_a_browser(unit) and not all(tests.values())
            for unit, tests in self.assigned_work[node].items()
        )


def units(node_ids: Sequence[str]) -> dict[str, str]:
    """Return the unit of each test, by its id."""
    found: dict[str, str] = {}
    n_units, before = 0, ""
    for node_id in node_ids:
        file = node_id.split("::", maxsplit=1)[0]
        n_units += file != before
        before = file
        found[node_id] = f"{file} {n_units}"
    return found


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> InOrder:
    """Share the tests out our way, whatever ``--dist`` says."""
    return InOrder(config, log)


@dataclass(slots=True)
class StopAfterFast:
    """Ends a run whose fast tests fail before the dear ones, minutes before its end."""

    session: DSession
    has_failed: bool = False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what fails; stop at the first dear test that comes after it."""
        if not any(mark in report.keywords for mark in DEAR):
            self.has_failed |= report.failed
        elif self.has_failed and not self.session.shouldstop:
            self.session.shouldstop = "a fast test failed, so the others are left out"


def pytest_sessionstart(session: pytest.Session) -> None:
    """Stop early where the tests are shared out; who runs them in one process sees what fails."""
    plugins = session.config.pluginmanager
    shared_out = plugins.get_plugin("dsession")
    if shared_out is not None:
        plugins.register(StopAfterFast(shared_out))


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave files unread whose tests would all be left out: reading them costs seconds."""
    if not collection_path.is_relative_to(config.rootpath):
        return None
    path, expression = collection_path.relative_to(config.rootpath), config.option.markexpr
    is_left_out = ("not browser" in expression and is_with_a_browser(path.as_posix())) or (
        "not slow" in expression and path.suffix == ".py" and is_whole_page(path.as_posix())
    )
    return True if is_left_out else None


def is_with_a_browser(name: str) -> bool:
    """Return whether a path, or the test of an id, drives a browser."""
    return f"{name}/".startswith(WITH_A_BROWSER)


def is_whole_page(name: str) -> bool:
    """Return whether a path, or the test of an id, runs whole pages and is slow for it."""
    return name.startswith(WHOLE_PAGES) and "/test_pages.py" not in name


def pytest_configure(config: pytest.Config) -> None:
    """Draw fewer examples where the slow tests are left out, and collect without garbage."""
    gc.disable()
    load_profile(default="fast" if "not slow" in config.option.markexpr else "full")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> Generator[None]:
    """Mark what drives a browser, leave out what runs for hours unless it is asked for, and sort.

    A test with a browser may run twice more if it fails; the summary tells of each that did. On a
    busy machine a key may be pressed before its button is there, however long the test waits for
    what it knows of. What is wrong fails every time.
    """
    for item in items:
        if is_with_a_browser(item.nodeid):
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.flaky(reruns=2))
        elif is_whole_page(item.nodeid):
            item.add_marker(pytest.mark.slow)
    if "soak" not in config.option.markexpr:
        soak = [item for item in items if item.get_closest_marker("soak")]
        config.hook.pytest_deselected(items=soak)
        items[:] = [item for item in items if item not in soak]
    yield
    items.sort(key=_rank)


def _rank(item: pytest.Item) -> int:
    """Return 0 for a fast test, and for a dear one the place of its mark, from 1."""
    ranks = (rank for rank, mark in enumerate(DEAR, 1) if item.get_closest_marker(mark))
    return next(ranks, 0)


def pytest_collection_finish() -> None:
    """Leave what was imported and collected out of every search for garbage.

    Half a million objects stay until the end, and each full collection would visit them all: an
    eighth of what the fast tests cost, and of collecting them another.
    """
    gc.collect()
    gc.freeze()
    gc.enable()
    # pytest listens to each of Streamlit's sixty loggers alone, six times a test, unless they tell
    # the root, where it listens anyway.
    for name in [name for name in logging.root.manager.loggerDict if name.startswith("streamlit")]:
        logging.getLogger(name).propagate = True


class CountedSecrets:
    """Stands in for `secrets`: the first secret of every test is the same, as is the second."""

    n_drawn = 0

    def token_hex(self, n_bytes: int) -> str:
        self.n_drawn += 1
        return hashlib.blake2b(b"%d" % self.n_drawn, digest_size=n_bytes).hexdigest()


SECRETS = CountedSecrets()


@pytest.fixture(scope="session", autouse=True)
def counted_secrets() -> Iterator[None]:
    """Stores made in this process have counted secrets.

    A store's secret decides which sessions are held out and which are drawn for an audit: if it
    were a new one each time, a test that counts either would fail once in some hundred runs.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("director_ai.storage.certificate_attempts.secrets", SECRETS)
        yield


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Count the secrets of each test from one, those of its fixtures included."""
    SECRETS.n_drawn = 0


@pytest.fixture(autouse=True)
def closed_archive() -> Iterator[None]:
    """The app's store, which it keeps open for as long as a server runs, ends with each test."""
    yield
    # Most tests never import the app, and shall not for this.
    current_store = sys.modules.get("director_ai.ui.access.current_store")
    if current_store is not None:
        current_store.archive.clear()
