"""How soon a page shows what another process records: both tell the time, and it is printed."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import Page, expect  # noqa: E402  (after importorskip)

from director_ai.storage.store import Store  # noqa: E402
from director_ai.ui.data import recorder_tab  # noqa: E402
from director_ai.ui.sessions import page as sessions_page  # noqa: E402
from tests.browser.conftest import ROOT, OpenPage, Serve, Server, settled  # noqa: E402
from tests.storage.records import record  # noqa: E402

AT_MOST_S = 15.0
"""A busy machine is slow; a page that waits to be reloaded is wrong."""

RECORD = """
import sys, time
from director_ai import HaltPolicy, StreamingKernel
from director_ai.storage.recording.recorder import Recorder

policy = HaltPolicy()
streams = []
with Recorder(sys.argv[1]) as recorder:
    for line in sys.stdin:
        kernel = StreamingKernel.from_policy(policy)
        words = (" word" for _ in iter(int, 1))
        stream = recorder.record(kernel.stream(words, lambda _: 0.9), policy, id=line.strip())
        next(stream)
        print(time.time(), flush=True)
        streams.append(stream)
    for stream in streams:
        stream.close()
"""
FIRST_SIGHT = """text => {
  window.firstSight = new Promise(resolve => {
    const look = () => document.body.innerText.includes(text)
      ? resolve(Date.now() / 1000) : setTimeout(look, 10);
    look();
  });
}"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with Store(tmp_path / "sessions.db") as store:
        store.add([record("before")])
    return tmp_path / "sessions.db"


@pytest.fixture
def server(fresh_server: Serve, path: Path) -> Server:
    return fresh_server(env={"DIRECTOR_STORE": str(path)})


@pytest.fixture
def recording(path: Path) -> Iterator["subprocess.Popen[str]"]:
    """A process that begins a session for every name it is told, and says when that was."""
    with subprocess.Popen(
        [sys.executable, "-c", RECORD, str(path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        process.communicate(timeout=30)


def seen_after_s(page: Page, process: "subprocess.Popen[str]", name: str, text: str) -> float:
    """Return the seconds between a session's first token and the first sight of ``text``."""
    page.evaluate(FIRST_SIGHT, text)
    process.stdin.write(f"{name}\n")
    process.stdin.flush()
    recorded_s = float(process.stdout.readline())
    return page.evaluate("() => window.firstSight") - recorded_s


@pytest.mark.parametrize(
    ("address", "before", "first", "second"),
    [
        ("/sessions", "1–1 of 1", "1–2 of 2", "1–3 of 3"),
        (
            "/data?tab=recorder",
            "Waiting for the first session",
            "receiving: first",
            "receiving: second",
        ),
    ],
)
def test_what_another_process_records_is_seen_by_itself(
    open_page: OpenPage,
    server: Server,
    recording: "subprocess.Popen[str]",
    address: str,
    before: str,
    first: str,
    second: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    page = open_page(server, address)
    expect(page.get_by_text(before)).to_be_visible()
    settled(page)

    # The first while the server still gets its other pages ready, the second when it has.
    took_s = [
        seen_after_s(page, recording, name, text)
        for name, text in (("first", first), ("second", second))
    ]

    said = " and ".join(f"{seconds:.2f} s" for seconds in took_s)
    with capsys.disabled():
        print(f"\n{address}: seen {said} after the first token")
    assert max(took_s) < AT_MOST_S


def test_the_pages_look_often_enough_to_show_it_within_a_second() -> None:
    assert sessions_page.WATCH_S <= 0.5
    assert recorder_tab.EVERY_S <= 0.5
