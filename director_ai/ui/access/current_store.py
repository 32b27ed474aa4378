"""Current store: the one that the pages show, and the name that labels are given under."""

import getpass
import os
import tempfile
import weakref
from pathlib import Path
from typing import Final

import streamlit as st

from director_ai.errors import NotPermittedError
from director_ai.sources.sample_sessions import samples
from director_ai.storage.engine.clock import now_us
from director_ai.storage.review_visits import label_times, visit_before
from director_ai.storage.roles import Role
from director_ai.storage.store import Store
from director_ai.ui.access.login import visitor

STORE_VARIABLE = "DIRECTOR_STORE"
"""Where the command says which store to open: a file or a URL."""

_PREVIOUS_VISIT: Final = "previous_visit_us"
"""In the session's state: when each reviewer's visit before this one began, by name."""


class Archive:
    """The store this server shows, opened as the visitor may use it."""

    def __call__(self) -> Store:
        """Return the store; without one, the samples in a store of their own.

        Raises
        ------
        NotPermittedError
            If the visitor has no role.
        """
        role = visitor().role
        if role is None:
            raise NotPermittedError("nobody may look into the store without a role")
        return _opened(role)

    def clear(self) -> None:
        """Close the stores that are open; each is opened anew when it is asked for."""
        _opened.clear()


archive = Archive()


def _is_in_place(store: Store) -> bool:
    """Return whether a store is still the file of its name; one that is not is closed."""
    if not store.is_replaced():
        return True
    # What is not valid any more is forgotten, and not released.
    store.close()
    return False


# A backup that was put back is opened; a file that is gone is told of, not made anew.
@st.cache_resource(show_spinner=False, on_release=Store.close, validate=_is_in_place)
def _opened(role: Role) -> Store:
    address = os.environ.get(STORE_VARIABLE)
    if role != "operator":
        # Only who may write can make the store, or bring it up to date.
        own = _opened("operator")
        return Store(address or own.name, role=role)
    if address:
        return Store(address)
    # Labels given in the demo go with it, and so does the folder.
    folder = tempfile.TemporaryDirectory(prefix="director-demo-", ignore_cleanup_errors=True)
    store = Store(Path(folder.name) / "samples.db")
    weakref.finalize(store, folder.cleanup)
    store.add(list(samples().values()))
    return store


def is_demo() -> bool:
    """Return whether the pages show the samples because there is no store."""
    return not os.environ.get(STORE_VARIABLE)


def reviewer() -> str:
    """Return the name that labels are given under; who is signed in cannot choose another."""
    signed_in = visitor().name
    if signed_in:
        return signed_in
    try:
        return str(st.session_state.get("reviewer") or getpass.getuser())
    except (KeyError, OSError):
        # A container may run as a user that has no name.
        return "reviewer"


def visited_us(store: Store) -> int | None:
    """Return when the reviewer's visit before this one began; ``None`` if this is the first.

    It is asked once for a browser's session and name: labels given meanwhile are of this visit.
    """
    known: dict[str, int | None] = st.session_state.setdefault(_PREVIOUS_VISIT, {})
    name = reviewer()
    if name not in known:
        known[name] = visit_before(label_times(store, name), now_us())
    return known[name]
