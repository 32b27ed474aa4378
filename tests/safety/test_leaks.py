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

from director_ai.storage.store import Store  # noqa: E402
from director_ai.ui.live.endpoint_run import ABANDONED, LEASE_S  # noqa: E402
from tests.browser.conftest import Serve, Server  # noqa: E402
from tests.safety.conftest import Trap  # noqa: E402
from tests.sources.llama_server import LlamaServer, llama  # noqa: E402

__all__ = ["llama"]

N_TABS = 10
TTL_S = 1
"""Streamlit keeps what a closed tab had, for two minutes if it is not told otherwise."""

PATIENCE_S = 90


class Held(NamedTuple):
    """What a process holds of its system."""

    n_threads: int
    n_files: int


MAY_GROW = Held(6, 6)
"""Seen: 7 to 10 threads as Streamlit's pools fill, and 13 to 19 files, three of which belong to
each of the two tabs that Streamlit may still remember. A thread or a file a tab would make it 10.
"""


def held(server: Server) -> Held:
    process = Path("/proc") / str(server.process.pid)
    return Held(*(len(list((process / name).iterdir())) for name in ("task", "fd")))


def shrinks(server: Server, before: Held) -> bool:
    """Wait until closed tabs are let go of: Streamlit looks for old ones whenever a tab closes."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        now = held(server)
        if (
            now.n_threads <= before.n_threads + MAY_GROW.n_threads
            and now.n_files <= before.n_files + MAY_GROW.n_files
        ):
            return True
        # One tab after the other is forgotten, not several that came at once.
        time.sleep(TTL_S)
        play_and_close(server)
    return False


def told(tab: ClientConnection) -> Iterator[ForwardMsg]:
    """Yield what the server tells a tab, until it has nothing to say for too long."""
    while True:
        message = tab.recv(PATIENCE_S)
        assert isinstance(message, bytes)
        yield ForwardMsg.FromString(message)


def play_and_close(server: Server) -> None:
    """Open the Live page, press Play, wait until it plays, and close the tab.

    To the server a tab is its socket; ten real ones take half a minute of everybody's time.
    """
    with connect(
        f"ws://{server.host}/_stcore/stream",
        subprotocols=[Subprotocol("streamlit")],
        open_timeout=PATIENCE_S,
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


def ask_and_close(server: Server, url: str) -> None:
    """Fill in what to ask on the Live page, press Start, wait for the answer, and close the tab."""
    fields = {
        "Address": ("string_value", url),
        "Prompt": ("string_value", "Why is the sky blue?"),
        "Facts (blank lines between sources)": ("string_value", "It scatters light."),
        "Tokens at most": ("double_value", 30_000.0),
    }
    with connect(
        f"ws://{server.host}/_stcore/stream",
        subprotocols=[Subprotocol("streamlit")],
        open_timeout=PATIENCE_S,
        max_queue=None,
    ) as tab:
        asked = BackMsg()
        # Limits that nothing halts at.
        asked.rerun_script.query_string = "from=Endpoint&h=0&a=0&d=1.5"
        tab.send(asked.SerializeToString())
        start = ""
        for message in told(tab):
            new = message.delta.new_element
            for drawn in (new.text_input, new.text_area, new.number_input):
                if drawn.label in fields:
                    field = asked.rerun_script.widget_states.widgets.add()
                    field.id = drawn.id
                    name, value = fields[drawn.label]
                    setattr(field, name, value)
            if new.button.label == "Start":
                start = new.button.id
            if message.WhichOneof("type") == "script_finished":
                break
        assert len(asked.rerun_script.widget_states.widgets) == len(fields)
        # As in a browser: what was filled in has reached the page before its button is pressed.
        tab.send(asked.SerializeToString())
        next(m for m in told(tab) if m.WhichOneof("type") == "script_finished")
        pressed = asked.rerun_script.widget_states.widgets.add()
        pressed.id, pressed.trigger_value = start, True
        tab.send(asked.SerializeToString())
        next(m for m in told(tab) if m.delta.new_element.button.label == "Ask again")


def test_closed_tabs_cancel_their_requests_and_leave_nothing(
    serve: Serve, trap: Trap, llama: LlamaServer, tmp_path: Path
) -> None:
    env = {"STREAMLIT_SERVER_DISCONNECTED_SESSION_TTL": str(TTL_S)}
    server = serve(env={**trap.env, **env, "DIRECTOR_STORE": str(tmp_path / "sessions.db")})
    ask_and_close(server, llama.url)
    assert llama.is_busy()
    assert llama.settle(LEASE_S + PATIENCE_S) is not None
    before = held(server)

    for _ in range(N_TABS):
        ask_and_close(server, llama.url)
    assert held(server).n_threads > before.n_threads + N_TABS
    # It has a place for one answer: the others wait for theirs.
    assert llama.is_busy()
    deadline = time.monotonic() + LEASE_S + PATIENCE_S
    while (
        held(server).n_threads > before.n_threads + MAY_GROW.n_threads
        and time.monotonic() < deadline
    ):
        time.sleep(0.1)
    assert llama.settle(PATIENCE_S) is not None

    assert shrinks(server, before)
    with Store(tmp_path / "sessions.db") as store:
        ends = {store.get(row.id).halt for row in store.summaries()}
        assert store.count() == N_TABS + 1
    assert all(halt is not None and ABANDONED in str(halt) for halt in ends)
    assert trap.asked == []


def test_closed_tabs_leave_no_thread_and_no_file_open(serve: Serve, trap: Trap) -> None:
    server = serve(env={**trap.env, "STREAMLIT_SERVER_DISCONNECTED_SESSION_TTL": str(TTL_S)})
    for _ in range(3):
        play_and_close(server)
    before = held(server)

    for _ in range(N_TABS):
        play_and_close(server)

    assert shrinks(server, before)
    assert trap.asked == []
