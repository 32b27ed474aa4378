"""The run on show is one at a time."""

from director_ai.ui.live.playback import LiveRun
from director_ai.ui.live.run_registry import LiveSlot
from tests.ui.live.test_playback import a_run, no_thread_is_left  # noqa: F401


def test_a_new_run_stops_the_one_before():
    slot = LiveSlot()
    first: LiveRun = slot.put(a_run())
    first.play()

    second = slot.put(a_run())

    assert first.snapshot().ended
    assert slot.run is second
    slot.clear()
    assert slot.run is None
