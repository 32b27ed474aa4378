"""Session lookup by id: in the store, among the samples, or just played."""

from typing import Final

import streamlit as st

from director_ai.core.records.record import SessionRecord
from director_ai.errors import DamagedSessionError, UnknownSessionError
from director_ai.sources.sample_sessions import samples
from director_ai.ui.access.current_store import archive
from director_ai.ui.components import page_style
from director_ai.ui.components.escaping import visible
from director_ai.ui.components.finished_sessions import finished, own_finished
from director_ai.ui.components.page_links import from_address, in_address
from director_ai.ui.components.status_banner import notice, status

MAX_AVAILABLE: Final = 200


def requested_record() -> SessionRecord | None:
    """Return the session that the address names; ``None`` after drawing a choice of others."""
    session_id = from_address(st.query_params.get("id", ""))
    record = find_session(session_id)
    if record is not None:
        st.session_state.setdefault("session_id", session_id)
        if st.session_state["session_id"] != session_id:
            st.session_state["session_id"] = session_id
            st.session_state.pop("session_cursor", None)
            # A link from this page to itself leaves the browser's address as it was.
            st.query_params["id"] = in_address(session_id)
        return record
    page_style.without_sidebar()
    ids = available_ids()
    n_stored = archive().count()
    if session_id:
        status(f"There is no session '{session_id}' here.", f"The store holds {n_stored:,}.")
    else:
        status("Which session?", f"The store holds {n_stored:,}; the newest are below.")
    selected = st.selectbox("Session", ids, index=None, format_func=visible, key="choose_session")
    if selected:
        st.query_params["id"] = in_address(selected)
        st.rerun()
    return None


def find_session(id: str) -> SessionRecord | None:
    """Return the session of an id: of the store, of the samples, or just played.

    ``None`` if there is none, or none that can be shown; a notice tells of damage.
    """
    try:
        return archive().get(id)
    except UnknownSessionError:
        return samples().get(id) or finished().get(id)
    except DamagedSessionError as error:
        notice(f"Damaged: {error}.")
    try:
        return archive().get(id, verify=False)
    except DamagedSessionError:
        return None


def available_ids() -> list[str]:
    """Return the ids of the newest sessions to choose from."""
    stored = [row.id for row in archive().summaries(limit=MAX_AVAILABLE)]
    # A run that somebody else has played is for whoever they give its link to.
    return list(dict.fromkeys([*own_finished(), *stored, *samples()]))
