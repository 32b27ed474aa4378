"""Sessions kept after they ended on the Live page."""

from dataclasses import replace

from director_ai.core.records.record_json import from_line
from director_ai.ui.components import finished_sessions
from director_ai.ui.components.finished_sessions import FinishedSessions

RECORD = from_line('{"id": "a", "tokens": [], "scores": []}')


def test_the_oldest_finished_session_gives_way(monkeypatch):
    monkeypatch.setattr(finished_sessions, "MOST_KEPT", 2)
    finished = FinishedSessions()

    for name in ("a", "b", "c"):
        finished.add(replace(RECORD, id=name))

    assert finished.get("a") is None
    assert finished.get("b") == replace(RECORD, id="b")
    assert finished.get("c") == replace(RECORD, id="c")
