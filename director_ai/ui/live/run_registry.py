"""Run registry: the run that a browser session has on its Live page."""

import streamlit as st

from director_ai.ui.live.playback import LiveRun


class LiveSlot:
    """The one run a browser session has at a time."""

    def __init__(self) -> None:
        self.run: LiveRun | None = None

    def put(self, run: LiveRun) -> LiveRun:
        """Replace the run; the one before is stopped."""
        self.clear()
        self.run = run
        return run

    def clear(self) -> None:
        """Stop the run, if any."""
        if self.run is not None:
            self.run.stop()
            self.run = None


@st.cache_resource(scope="session", on_release=LiveSlot.clear, show_spinner=False)
def live_slot() -> LiveSlot:
    """Return this browser session's slot; closing the tab stops what is in it."""
    return LiveSlot()
