"""Tabs that are closed leave nothing behind in the server."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

pytest.importorskip("playwright.sync_api")
pytest.importorskip("websockets")

from websockets import Subprotocol  # noqa: E402
from websockets.sync.client import ClientConnection, connect  # noqa: E402

from tests.browser.conftest import Serve, Server  # noqa: E402
from tests.safety.conftest import Trap  # noqa: E402

N_TABS = 20
TTL_S = 1
"""Streamlit keeps what a closed tab had, for two minutes if it is not told otherwise."""

PATIENCE_S = 30


class Held(NamedTuple):
    """What a process holds of its system."""

    n_threads: int
    n_files: int


MAY_GROW = Held(3, 3)
"""Seen here: 7 to 10 threads as Streamlit's pools fill, and 13 to 19 files, three of which belong
to each tab that Streamlit still remembers. A thread or a file a tab would make it 20."""


def held(server: Server) -> Held:
    process = Path("/proc") / str(server.process.pid)
    return Held(*(len(list((process / name).iterdir())) for name in ("task", "fd")))


def told(tab: ClientConnection) -> Iterator[ForwardMsg]:
    """Yield what the server tells a tab, until it has nothing to say for too long."""
    while True:
        message = tab.recv(PATIENCE_S)
        assert isinstance(message, bytes)
        yield ForwardMsg.FromString(message)


def play_and_close(server: Server) -> None:
    """Open the Live page, press Play, wait until it plays, and close the tab.

    To the server a tab is its socket; twenty real ones take a minute of everybody's time.
    """
    with connect(
        f"ws://{server.host}/_stcore/stream",
        subprotocols=[Subprotocol("streamlit")],
        # What is not read must not keep the goodbye from being heard.
        max_queue=None,
    ) as tab:
        asked = BackMsg()
        asked.rerun_script.query_string = "x=20"
        tab.send(asked.SerializeToString())
        play = ""
        for message in told(tab):
            button = message.delta.new_element.button
            if button.label.startswith("Play"):
                play = button.id
            if message.WhichOneof("type") == "script_finished":
                break
        pressed = asked.rerun_script.widget_states.widgets.add()
        pressed.id, pressed.trigger_value = play, True
        tab.send(asked.SerializeToString())
        # Once it plays, the button pauses.
        next(m for m in told(tab) if m.delta.new_element.button.label.startswith("Pause"))


def test_closed_tabs_leave_no_thread_and_no_file_open(serve: Serve, trap: Trap) -> None:
    server = serve(env={**trap.env, "STREAMLIT_SERVER_DISCONNECTED_SESSION_TTL": str(TTL_S)})
    for _ in range(3):
        play_and_close(server)
    before = held(server)

    for _ in range(N_TABS):
        play_and_close(server)
    time.sleep(TTL_S + 1)
    # Streamlit looks for what is too old whenever a tab closes.
    play_and_close(server)
    time.sleep(1)

    after = held(server)
    assert after.n_threads <= before.n_threads + MAY_GROW.n_threads
    assert after.n_files <= before.n_files + MAY_GROW.n_files
    assert trap.asked == []
