"""``director-ai serve`` and ``director-ai demo``: the app in a browser."""

import os
import sys
from argparse import Namespace

from streamlit.runtime.pages_manager import PagesManager
from streamlit.web import cli as streamlit_cli

from director_ai.cli.opening import STORE_VARIABLE, address_of, changing
from director_ai.cli.output import counted, note
from director_ai.sources.samples import app_root
from director_ai.storage.maintenance import file_of


def serve(chosen: Namespace) -> int:
    """Open the app on the chosen store, which is made if it is not there."""
    # Whatever is wrong with the store is said here, where someone reads it.
    with changing(chosen, may_create=True) as store:
        note(f"{store.name} holds {counted(store.count(), 'session')}.")
    address = address_of(chosen)[0]
    file = file_of(address)
    os.environ[STORE_VARIABLE] = address if file is None else str(file.expanduser().absolute())
    return _start(chosen, host=chosen.host)


def demo(chosen: Namespace) -> int:
    """Open the app on the samples, in a store that goes when the app ends."""
    os.environ.pop(STORE_VARIABLE, None)
    return _start(chosen)


def _start(chosen: Namespace, *, host: str | None = None) -> int:
    # Beside a folder named pages, Streamlit takes the first address of a fresh server for an
    # unknown page and says so in a dialog, until st.navigation has run once.
    PagesManager.uses_pages_directory = False
    sys.argv = [
        "streamlit",
        "run",
        str(app_root() / "app.py"),
        f"--server.port={chosen.port}",
        f"--server.headless={'true' if chosen.no_browser else 'false'}",
        "--server.fileWatcherType=none",
        *([] if host is None else [f"--server.address={host}"]),
    ]
    return int(streamlit_cli.main(standalone_mode=False) or 0)
