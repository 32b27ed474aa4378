"""Login, denied, and what a viewer cannot do: a real browser and a real provider."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from urllib.parse import urlsplit

import pytest

pytest.importorskip("playwright.sync_api")
pytest.importorskip("authlib", reason="NO LOGIN WAS TRIED: pip install '.[login]'")

from playwright.sync_api import Browser, BrowserContext, Page, Request, expect  # noqa: E402  (after importorskip)

from director_ai import HaltPolicy, StreamingKernel  # noqa: E402
from director_ai.storage.recording.recorder import Recorder  # noqa: E402
from tests.browser.conftest import settled  # noqa: E402
from tests.safety.conftest import Trap  # noqa: E402
from tests.safety.shared_server import (  # noqa: E402
    ID,
    PAGES,
    WHAT_IS_KEPT,
    Shared,
    sign_in,
)

NOTICED_MS = 700
"""Streamlit looks for changed secrets five times a second."""


@pytest.fixture(scope="module")
def window(chromium: Browser) -> Iterator[BrowserContext]:
    """One window for all tests: a new one would load the whole app again."""
    with chromium.new_context(viewport={"width": 1280, "height": 900}) as context:
        yield context


@pytest.fixture
def page(window: BrowserContext) -> Iterator[Page]:
    """A page of somebody whom the server does not know yet."""
    window.clear_cookies()
    opened = window.new_page()
    yield opened
    opened.close()


@pytest.fixture
def outgoing(page: Page, shared: Shared) -> list[str]:
    """Addresses asked for on any host but the server's and the provider's."""
    found: list[str] = []
    known = {shared.server.host, urlsplit(shared.provider.url).netloc}

    def note(request: Request) -> None:
        target = urlsplit(request.url)
        if target.scheme not in ("data", "blob") and target.netloc not in known:
            found.append(request.url)

    page.on("request", note)
    return found


def test_a_stranger_is_sent_nothing_but_the_door(page: Page, shared: Shared, trap: Trap) -> None:
    # What the browser is sent counts, not what it shows.
    frames: list[str | bytes] = []
    page.on(
        "websocket", lambda socket: socket.on("framereceived", lambda frame: frames.append(frame))
    )
    for path in PAGES:
        page.goto(f"{shared.server.url}{path}?id={ID}")
        expect(page.locator(".d-status")).to_contain_text("Please sign in.")
        settled(page)
        assert page.get_by_role("link", name="Sessions").count() == 0

    sent = b"".join(f if isinstance(f, bytes) else f.encode() for f in frames)
    assert sent.count(b"Please sign in.") == len(PAGES)
    assert WHAT_IS_KEPT.encode() not in sent
    assert b"sessions.db" not in sent
    assert trap.asked == []


def test_an_operator_signs_in_writes_and_signs_out(
    page: Page, shared: Shared, outgoing: list[str], trap: Trap
) -> None:
    page.goto(shared.server.url)
    sign_in(page, shared.server, "Ann")
    page.goto(f"{shared.server.url}/data?tab=storage")
    n_before = shared.store.count()

    page.get_by_role("button", name="Load 60 samples").click()
    expect(page.get_by_text("Loaded 60 sessions.")).to_be_visible()
    assert shared.store.count() == n_before + 60
    shared.store.delete([row.id for row in shared.store.summaries() if row.source != "test"])

    page.get_by_role("button", name="Account").click()
    expect(page.get_by_text("ann@a.org, operator")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.locator(".d-status")).to_contain_text("Please sign in.")
    assert outgoing == []
    assert trap.asked == []


def test_a_viewer_looks_and_changes_nothing_and_is_out_once_off_the_list(
    page: Page, shared: Shared
) -> None:
    page.goto(shared.server.url)
    sign_in(page, shared.server, "Vi")
    page.goto(f"{shared.server.url}/session?id={ID}")
    expect(page.locator(".d-facts", has_text=WHAT_IS_KEPT).first).to_be_visible()
    page.goto(f"{shared.server.url}/data?tab=storage")
    expect(page.get_by_text("You are a viewer here: nothing can be changed.")).to_be_visible()
    expect(page.get_by_role("button", name="Load 60 samples")).to_be_disabled()

    shared.write_secrets(viewers=[])
    try:
        page.wait_for_timeout(NOTICED_MS)
        page.get_by_role("tab", name="Help").click()
        expect(page.locator(".d-status")).to_contain_text("You have no access.")
    finally:
        shared.write_secrets()


def test_who_is_taken_off_the_list_sees_no_more_of_a_stream(page: Page, shared: Shared) -> None:
    frames: list[str | bytes] = []
    page.on(
        "websocket", lambda socket: socket.on("framereceived", lambda frame: frames.append(frame))
    )
    kernel = StreamingKernel.from_policy(HaltPolicy(trend_threshold=1.5))
    with Recorder(shared.store.name, flush_s=0.05) as recorder:
        tokens = (f" word{index}" for index in range(100))
        stream = recorder.record(
            kernel.stream(tokens, lambda text: 0.9), kernel.policy, id="going-on"
        )
        for _ in range(5):
            next(stream)
        page.goto(shared.server.url)
        sign_in(page, shared.server, "Vi")
        page.goto(f"{shared.server.url}/?from=Recorders&watch=going-on")
        expect(page.locator(".tokens bdi")).to_have_count(5)

        shared.write_secrets(viewers=[])
        try:
            # Nothing is pressed: what draws itself has to look.
            expect(page.locator(".d-status")).to_contain_text("You have no access.")
            expect(page.locator(".sparklines, .tokens")).to_have_count(0)
            n_before = len(frames)
            for _ in range(5):
                next(stream)
            recorder.flush()
            page.wait_for_timeout(1_500)
        finally:
            shared.write_secrets()
        stream.close()
    shared.store.delete(["going-on"])
    sent = b"".join(f if isinstance(f, bytes) else f.encode() for f in frames[n_before:])
    assert b"word5" not in sent
    assert b"word" in b"".join(f for f in frames[:n_before] if isinstance(f, bytes))


def test_who_is_on_no_list_is_denied_whatever_they_are_called(
    page: Page, shared: Shared, outgoing: list[str], trap: Trap
) -> None:
    page.goto(shared.server.url)
    sign_in(page, shared.server, "Mallory")

    page.goto(f"{shared.server.url}/session?id={ID}")
    expect(page.locator(".d-status")).to_contain_text(
        f"{shared.provider.people['Mallory']['email']} is signed in, but on no list"
    )
    settled(page)
    assert page.evaluate("() => window.pwned") is None
    assert outgoing == []
    assert trap.asked == []


def test_a_page_that_fails_shows_nobody_how(page: Page, shared: Shared) -> None:
    frames: list[str | bytes] = []
    page.on(
        "websocket", lambda socket: socket.on("framereceived", lambda frame: frames.append(frame))
    )
    page.goto(shared.server.url)
    sign_in(page, shared.server, "Vi")
    # No page foresees this: the type of a column is not what the store made it.
    with closing(sqlite3.connect(shared.store.name)) as raw, raw:
        (whole,) = raw.execute("SELECT policy FROM sessions WHERE id = ?", (ID,)).fetchone()
        raw.execute("UPDATE sessions SET policy = 'what-went-wrong' WHERE id = ?", (ID,))
    try:
        page.goto(f"{shared.server.url}/session?id={ID}")
        expect(page.locator("[data-testid=stException]")).to_be_visible()
        settled(page)
    finally:
        with closing(sqlite3.connect(shared.store.name)) as raw, raw:
            raw.execute("UPDATE sessions SET policy = ? WHERE id = ?", (whole, ID))

    sent = b"".join(f if isinstance(f, bytes) else f.encode() for f in frames)
    assert "Traceback" in shared.server.log.read_text()
    for told in (b"Traceback", b"director_ai/", b'File "', b"what-went-wrong", b"JSONDecodeError"):
        assert told not in sent, told


def test_a_broken_file_of_secrets_lets_nobody_in(page: Page, shared: Shared) -> None:
    page.goto(shared.server.url)
    expect(page.locator(".d-status")).to_contain_text("Please sign in.")
    whole = shared.secrets.read_text()
    shared.secrets.write_text(whole.replace("[auth]", "[auth"))
    try:
        page.wait_for_timeout(NOTICED_MS)
        page.reload()
        expect(page.locator(".d-status")).to_contain_text("Nobody can sign in.")
    finally:
        shared.secrets.write_text(whole)
