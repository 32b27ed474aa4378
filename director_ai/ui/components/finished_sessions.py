"""Finished sessions: those that ended on the Live page since the server started."""

from collections import OrderedDict
from threading import Lock
from typing import Final

import streamlit as st

from director_ai.core.records.record import SessionRecord

MOST_KEPT: Final = 200


class FinishedSessions:
    """Sessions that ended on the Live page since the server started, newest kept."""

    def __init__(self) -> None:
        self._records: OrderedDict[str, SessionRecord] = OrderedDict()
        self._lock = Lock()

    def add(self, record: SessionRecord) -> None:
        """Keep a record; the oldest gives way."""
        with self._lock:
            self._records[record.id] = record
            while len(self._records) > MOST_KEPT:
                self._records.popitem(last=False)

    def get(self, id: str) -> SessionRecord | None:
        """Return the record, or ``None``."""
        with self._lock:
            return self._records.get(id)


@st.cache_resource(show_spinner=False)
def finished() -> FinishedSessions:
    """Return the sessions finished in this process; anyone with the link may look at one."""
    return FinishedSessions()


def keep_finished(record: SessionRecord) -> None:
    """Keep a session that ended on this browser session's Live page; once."""
    if finished().get(record.id) is None:
        finished().add(record)
        st.session_state.setdefault("own_finished", []).append(record.id)


def own_finished() -> list[str]:
    """Return the ids that this browser session has kept, newest first: nobody else's."""
    own: list[str] = st.session_state.get("own_finished", [])
    return [name for name in reversed(own) if finished().get(name) is not None]
