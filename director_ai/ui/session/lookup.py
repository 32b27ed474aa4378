"""Sessions by their id, wherever they are: in the archive, among the samples, or just played."""

from typing import Final

import streamlit as st

from director_ai.core.records.record import SessionRecord
from director_ai.errors import DamagedSessionError, UnknownSessionError
from director_ai.sources.sample_sessions import samples
from director_ai.ui.access.current_store import archive
from director_ai.ui.components.escaping import visible
from director_ai.ui.components.finished_sessions import finished, own_finished
from director_ai.ui.components.status_banner import notice, status

MOST_ON_OFFER: Final = 200


def asked_for() -> SessionRecord | None:
    """Return the session the address names; if there is none, say what there is instead."""
    asked = st.query_params.get("id", "")
    record = found(asked)
    if record is not None:
        st.session_state.setdefault("session_id", asked)
        if st.session_state["session_id"] != asked:
            st.session_state["session_id"] = asked
            st.session_state.pop("session_cursor", None)
        return record
    ids = on_offer()
    n_stored = archive().count()
    if asked:
        status(f"There is no session '{asked}' here.", f"The archive holds {n_stored:,}.")
    else:
        status("Which session?", f"The archive holds {n_stored:,}; the newest are below.")
    chosen = st.selectbox("Session", ids, index=None, format_func=visible, key="choose_session")
    if chosen:
        st.query_params["id"] = chosen
        st.rerun()
    return None


def found(id: str) -> SessionRecord | None:
    """Return the session of this id: of the archive, of the samples, or just played.

    ``None`` where there is none, or none that can be shown; a damaged one is said to be so.
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


def on_offer() -> list[str]:
    """Return the ids of the newest sessions there are."""
    stored = [row.id for row in archive().summaries(limit=MOST_ON_OFFER)]
    # A run that somebody else has played is for whoever they give its link to.
    return list(dict.fromkeys([*own_finished(), *stored, *samples()]))
