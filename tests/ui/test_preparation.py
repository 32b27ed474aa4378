"""Getting ready for the pages that come next."""

import sys
import threading
from pathlib import Path

import pytest

from director_ai.storage.store import Store
from director_ai.storage.summary import SessionQuery
from director_ai.ui import preparation, session_numbers, tune_data
from director_ai.ui.session_numbers import Counts


def test_what_is_prepared_is_there_when_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted, studied = [], []
    monkeypatch.setattr(tune_data, "study", lambda store: studied.append(store.name))
    monkeypatch.setattr(preparation, "archive", lambda: Store(tmp_path / "s.db"))
    numbers = Counts()
    monkeypatch.setattr(preparation, "counts", lambda: numbers)
    monkeypatch.setattr(
        session_numbers,
        "count",
        lambda store, query, stamp, real=session_numbers.count: (
            counted.append(query) or real(store, query, stamp)
        ),
    )
    monkeypatch.setattr(session_numbers, "_PATIENCE", 1e9)

    preparation.prepare.__wrapped__()
    (thread,) = [each for each in threading.enumerate() if each.name == "director-preparation"]
    thread.join(60)

    assert not thread.is_alive()
    assert "director_ai.ui.tune_page" in sys.modules
    with Store(tmp_path / "s.db") as store:
        numbers.get(store, SessionQuery())
    assert counted == [SessionQuery()]
    assert studied == [str(tmp_path / "s.db")]


def test_what_cannot_be_prepared_is_logged_and_left_to_the_page(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = Store(tmp_path / "s.db")
    store.close()
    (tmp_path / "s.db").unlink()
    (tmp_path / "s.db").mkdir()

    preparation._ready(store, Counts())

    assert "are not prepared" in caplog.text
