"""What the app remembers between two runs of a page."""

from dataclasses import replace

from director_ai.core.records.record_json import from_line
from director_ai.ui.live import run_registry
from director_ai.ui.live.playback import LiveRun
from director_ai.ui.live.run_registry import Finished, LiveSlot
from tests.ui.live.test_playback import a_run, no_thread_is_left  # noqa: F401

RECORD = from_line('{"id": "a", "tokens": [], "scores": []}')


def test_the_oldest_finished_session_gives_way(monkeypatch):
    monkeypatch.setattr(run_registry, "MOST_FINISHED", 2)
    finished = Finished()

    for name in ("a", "b", "c"):
        finished.add(replace(RECORD, id=name))

    assert finished.get("a") is None
    assert finished.get("b") == replace(RECORD, id="b")
    assert finished.get("c") == replace(RECORD, id="c")


def test_a_new_run_stops_the_one_before():
    slot = LiveSlot()
    first: LiveRun = slot.put(a_run())
    first.play()

    second = slot.put(a_run())

    assert first.snapshot().ended
    assert slot.run is second
    slot.clear()
    assert slot.run is None
