"""The Recorder tab: the lines that record into this store, and the proof that they do."""

from pathlib import Path

import streamlit as st

from director_ai.storage.engine.clock import now_us
from director_ai.storage.statistics import last_key, newest_after
from director_ai.storage.store import Store
from director_ai.storage.summary import SessionSummary
from director_ai.ui.access.current_store import archive, is_demo
from director_ai.ui.access.login import recheck_access
from director_ai.ui.components.page_links import SESSION_PAGE, in_address
from director_ai.ui.components.recorder_snippet import recorder_snippet
from director_ai.ui.components.served_policy import served_policy
from director_ai.ui.components.status_banner import notice, status
from director_ai.ui.data.tables import counted

OBSERVE = "Observe"
ENFORCE = "Enforce"

_SINCE = "recorder_since"
EVERY_S = 0.4


def draw() -> None:
    """Draw the tab."""
    store = archive()
    with st.container(horizontal=True, gap="large", vertical_alignment="bottom"):
        mode = st.segmented_control(
            "When a limit is crossed",
            [OBSERVE, ENFORCE],
            default=OBSERVE,
            required=True,
            key="recorder_mode",
            persist_state="session",
            help="Observe records the whole answer and notes where it would have been halted, so "
            "that other limits can be tried on it. Enforce halts; the recording ends there.",
        )
        asynchronous = st.toggle("Async", key="recorder_async", persist_state="session")
        shadow = st.toggle(
            "With a shadow policy",
            key="recorder_shadow",
            persist_state="session",
            help="A second set of limits that only watches: where would it have halted?",
        )
    st.code(
        recorder_snippet(
            address_of(store),
            enforce=mode == ENFORCE,
            asynchronous=asynchronous,
            shadow=shadow,
            policy=served_policy(),
        ),
        language="python",
    )
    if "***" in address_of(store):
        notice("Put the password in place of ***; it is not shown here.")
    if is_demo():
        notice("This is the demo: its store, and what is recorded there, is gone when it ends.")
    st.session_state.setdefault(_SINCE, last_key(store))
    _waiting()


def address_of(store: Store) -> str:
    """Return where the store is, as another process on this machine would open it."""
    return store.name if "://" in store.name else str(Path(store.name).absolute())


def received(session: SessionSummary, now: int) -> str:
    """Return what came, in one sentence; ``now`` in microseconds since the Unix epoch."""
    ago_s = max(0.0, (now - session.changed_us) / 1e6)
    ago = f"{ago_s:.1f} s" if ago_s < 60 else f"{ago_s / 60:.0f} min"
    tokens = counted(session.n_tokens, "token")
    if session.outcome == "recording":
        return f"● receiving: {session.id}, {tokens} so far, {ago} ago"
    return f"✓ received: {session.id}, {tokens}, {ago} ago"


@st.fragment(run_every=EVERY_S)
def _waiting() -> None:
    recheck_access()
    session = newest_after(archive(), st.session_state[_SINCE])
    if session is None:
        status("Waiting for the first session…", "Run the lines above; it shows up here at once.")
        return
    status(received(session, now_us()), f"{session.source} {session.model}".strip())
    if st.button("Open session", key="open_received", icon=":material/show_chart:"):
        st.switch_page(SESSION_PAGE, query_params={"id": in_address(session.id)})
