"""Getting ready for the pages that come next."""

import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from director_ai.storage.store import Store
from director_ai.storage.summary import SessionQuery
from director_ai.ui import prefetch
from director_ai.ui.components import cached_study
from director_ai.ui.sessions import counts
from director_ai.ui.sessions.counts import CountCache


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "s.db") as opened:
        yield opened


def running() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name == "director-prefetch"]


def test_what_is_prepared_is_there_when_it_is_asked_for(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for thread in running():
        # Of a page that another test has drawn.
        thread.join(60)
    counted, studied = [], []
    monkeypatch.setattr(cached_study, "read_study", lambda store: studied.append(store.name))
    monkeypatch.setattr(prefetch, "archive", lambda: store)
    numbers = CountCache()
    monkeypatch.setattr(prefetch, "count_cache", lambda: numbers)
    monkeypatch.setattr(
        counts,
        "count",
        lambda store, query, stamp, real=counts.count: (
            counted.append(query) or real(store, query, stamp)
        ),
    )
    monkeypatch.setattr(counts, "_REUSE_FACTOR", 1e9)

    prefetch.prefetch.__wrapped__()
    (thread,) = running()
    thread.join(60)

    assert not thread.is_alive()
    assert "director_ai.ui.tune.page" in sys.modules
    numbers.get(store, SessionQuery())
    assert counted == [SessionQuery()]
    assert studied == [store.name]


def test_what_cannot_be_prepared_is_logged_and_left_to_the_page(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = Store(tmp_path / "s.db")
    store.close()
    (tmp_path / "s.db").unlink()
    (tmp_path / "s.db").mkdir()

    prefetch._load(store, CountCache())

    assert "are not prepared" in caplog.text


def test_curves_of_a_huge_store_wait_for_the_page_that_needs_them(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    studied = []
    monkeypatch.setattr(cached_study, "read_study", lambda store: studied.append(store.name))
    monkeypatch.setattr(prefetch, "_MOST_READ_AHEAD", -1)

    prefetch._load(store, CountCache())

    assert studied == []
