"""What the app remembers between two runs of a page."""

from collections import OrderedDict
from threading import Lock

import streamlit as st

from director_ai.core.records.record import SessionRecord
from director_ai.ui.live.playback import LiveRun

MOST_FINISHED = 200


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


class Finished:
    """Sessions that ended on the Live page since the server started, newest kept."""

    def __init__(self) -> None:
        self._records: OrderedDict[str, SessionRecord] = OrderedDict()
        self._lock = Lock()

    def add(self, record: SessionRecord) -> None:
        """Keep a record; the oldest gives way."""
        with self._lock:
            self._records[record.id] = record
            while len(self._records) > MOST_FINISHED:
                self._records.popitem(last=False)

    def get(self, id: str) -> SessionRecord | None:
        """Return the record, or ``None``."""
        with self._lock:
            return self._records.get(id)


@st.cache_resource(show_spinner=False)
def finished() -> Finished:
    """Return the sessions finished in this process; anyone with the link may look at one."""
    return Finished()


def keep_finished(record: SessionRecord) -> None:
    """Keep a session that ended on this browser session's Live page; once."""
    if finished().get(record.id) is None:
        finished().add(record)
        st.session_state.setdefault("finished_here", []).append(record.id)


def finished_here() -> list[str]:
    """Return the ids that this browser session has kept, newest first: nobody else's."""
    own: list[str] = st.session_state.get("finished_here", [])
    return [name for name in reversed(own) if finished().get(name) is not None]
