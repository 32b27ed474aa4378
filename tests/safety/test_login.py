"""Login, denied, and what a viewer cannot do: a real browser and a real provider."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

pytest.importorskip("playwright.sync_api")
pytest.importorskip("authlib", reason="NO LOGIN WAS TRIED: pip install 'director-workbench[login]'")

from playwright.sync_api import Browser, BrowserContext, Page, Request, expect  # noqa: E402  (after importorskip)

from tests.browser.conftest import settled  # noqa: E402
from tests.safety.conftest import Trap  # noqa: E402
from tests.safety.shared_server import (  # noqa: E402
    ID,
    PAGES,
    WHAT_IS_KEPT,
    Shared,
    sign_in,
    write_secrets,
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
        expect(page.locator(".d-status")).to_contain_text("Please sign in.", timeout=30_000)
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
    expect(page.locator(".d-status")).to_contain_text("Please sign in.", timeout=30_000)
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

    write_secrets(shared.secrets, shared.provider, viewers=[])
    try:
        page.wait_for_timeout(NOTICED_MS)
        page.get_by_role("tab", name="About").click()
        expect(page.locator(".d-status")).to_contain_text("You have no access.", timeout=30_000)
    finally:
        write_secrets(shared.secrets, shared.provider)


def test_who_is_on_no_list_is_denied_whatever_they_are_called(
    page: Page, shared: Shared, outgoing: list[str], trap: Trap
) -> None:
    page.goto(shared.server.url)
    sign_in(page, shared.server, "Mallory")

    page.goto(f"{shared.server.url}/session?id={ID}")
    expect(page.locator(".d-status")).to_contain_text(
        f"{shared.provider.people['Mallory']['email']} is signed in, but on no list",
        timeout=30_000,
    )
    settled(page)
    assert page.evaluate("() => window.pwned") is None
    assert outgoing == []
    assert trap.asked == []


def test_a_broken_file_of_secrets_lets_nobody_in(page: Page, shared: Shared) -> None:
    page.goto(shared.server.url)
    expect(page.locator(".d-status")).to_contain_text("Please sign in.", timeout=30_000)
    whole = shared.secrets.read_text()
    shared.secrets.write_text(whole.replace("[auth]", "[auth"))
    try:
        page.wait_for_timeout(NOTICED_MS)
        page.reload()
        expect(page.locator(".d-status")).to_contain_text("Nobody can sign in.", timeout=30_000)
    finally:
        shared.secrets.write_text(whole)
