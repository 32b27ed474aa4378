"""The archive that the pages look into."""

import getpass
import os
import tempfile
from pathlib import Path

import streamlit as st

from director_ai.sources.samples import samples
from director_ai.storage.store import Store

STORE_VARIABLE = "DIRECTOR_STORE"
"""Where the command says which store to open: a file or a URL."""


@st.cache_resource(show_spinner=False)
def archive() -> Store:
    """Return the store this server shows; without one, the samples in a store of their own."""
    address = os.environ.get(STORE_VARIABLE)
    if address:
        return Store(address)
    # Labels given in the demo go with it.
    folder = Path(tempfile.mkdtemp(prefix="director-demo-"))
    store = Store(folder / "samples.db")
    store.add(list(samples().values()))
    return store


def is_demo() -> bool:
    """Return whether the pages show the samples because there is no store."""
    return not os.environ.get(STORE_VARIABLE)


def reviewer() -> str:
    """Return the name that labels are given under."""
    try:
        return str(st.session_state.get("reviewer") or getpass.getuser())
    except (KeyError, OSError):
        # A container may run as a user that has no name.
        return "reviewer"
