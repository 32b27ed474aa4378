"""The Live page on a real llama.cpp server, in a real browser."""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from director_ai.core.records.record import SessionRecord
from director_ai.storage.store import Store
from director_ai.storage.summary import SessionQuery
from tests.sources.llama_server import LlamaServer, llama_server

from .conftest import OpenPage, Serve, Server, open_menu

WAIT_MS = 90_000
NO_LIMITS = "&h=0&a=0&d=1.5"


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("asked") / "s.db"


@pytest.fixture(scope="module")
def server(serve: Serve, path: Path) -> Server:
    return serve(env={"DIRECTOR_STORE": str(path)})


@pytest.fixture
def llama(tmp_path: Path) -> Iterator[LlamaServer]:
    with llama_server(tmp_path) as server:
        yield server


def asked(open_page: OpenPage, server: Server, url: str, query: str, *, n_tokens: int) -> Page:
    """Fill in the question and press Start."""
    page = open_page(server, f"/?from=Endpoint{query}")
    for label, value in (("Address", url), ("Tokens at most", str(n_tokens))):
        page.get_by_label(label, exact=True).fill(value)
        page.get_by_label(label, exact=True).press("Enter")
    page.get_by_label("Prompt", exact=True).fill("Why is the sky blue?")
    page.get_by_label("Prompt", exact=True).press("Control+Enter")
    page.get_by_role("radio", name="Log-probabilities").click()
    start = page.locator(".st-key-endpoint_start button").first
    expect(start).to_be_enabled(timeout=WAIT_MS)
    start.click()
    return page


def said(page: Page, text: str | re.Pattern[str]) -> None:
    expect(page.locator(".d-status")).to_contain_text(text, timeout=WAIT_MS)


def n_shown(page: Page) -> int:
    return page.locator(".tokens bdi").count()


def sealed(path: Path, id: str) -> SessionRecord:
    """Return a session once it is stored that it has ended, which the page shows a flush before."""
    deadline = time.monotonic() + WAIT_MS / 1_000
    with Store(path) as store:
        ended = SessionQuery(outcomes=("halted", "completed", "infrastructure", "abandoned"))
        while id not in store.ids(ended) and time.monotonic() < deadline:
            time.sleep(0.05)
        return store.get(id)


def session_id(page: Page) -> str:
    page.wait_for_url(re.compile("run=live-"))
    return parse_qs(urlsplit(page.url).query)["run"][0]


def under_way(page: Page, llama: LlamaServer) -> str:
    """Wait for some tokens, not those of a run before, then let the server hang."""
    waiting = re.compile("SourceLostError|no token yet")
    expect(page.locator(".d-status")).not_to_contain_text(waiting, timeout=WAIT_MS)
    expect(page.locator(".tokens bdi").nth(20)).to_be_attached(timeout=WAIT_MS)
    llama.freeze()
    page.wait_for_timeout(1_500)
    return session_id(page)


def test_a_halt_cancels_the_request_and_is_recorded(
    open_page: OpenPage, server: Server, llama: LlamaServer, path: Path
) -> None:
    page = asked(open_page, server, llama.url, "", n_tokens=30_000)

    said(page, "Stopped at token")
    assert llama.settle() is not None
    record = sealed(path, session_id(page))
    assert (record.ended_by, record.prompt, record.model) == (
        "halted",
        "Why is the sky blue?",
        "default",
    )
    assert record.n_tokens < 100
    expect(page.locator(".tokens bdi")).to_have_count(record.n_tokens, timeout=WAIT_MS)


def test_a_reload_finds_the_stream_and_stop_ends_it_while_its_server_hangs(
    open_page: OpenPage, server: Server, llama: LlamaServer, path: Path
) -> None:
    page = asked(open_page, server, llama.url, NO_LIMITS, n_tokens=30_000)
    under_way(page, llama)
    n_before = n_shown(page)

    page.reload()
    expect(page.locator(".tokens bdi").nth(n_before - 1)).to_be_attached(timeout=WAIT_MS)
    llama.thaw()
    expect(page.locator(".tokens bdi").nth(n_before)).to_be_attached(timeout=WAIT_MS)
    llama.freeze()
    page.wait_for_timeout(1_500)

    page.locator(".st-key-endpoint_stop button").first.click()
    said(page, "Stopped: by hand")
    expect(page.locator(".st-key-endpoint_start button").first).to_have_text(
        re.compile("Ask again")
    )
    llama.thaw()
    record = sealed(path, session_id(page))
    assert record.ended_by == "operator"
    expect(page.locator(".tokens bdi")).to_have_count(record.n_tokens, timeout=WAIT_MS)


def test_a_server_that_dies_leaves_what_had_come_with_its_reason(
    open_page: OpenPage, server: Server, llama: LlamaServer, path: Path
) -> None:
    page = asked(open_page, server, llama.url, NO_LIMITS, n_tokens=30_000)
    name = under_way(page, llama)
    n_before = n_shown(page)

    llama.kill()
    said(page, "Stopped: the source broke off")
    said(page, "SourceLostError")
    assert n_before > 20
    expect(page.locator(".tokens bdi").nth(n_before - 1)).to_be_attached(timeout=WAIT_MS)
    record = sealed(path, name)
    assert record.ended_by == "fault"
    expect(page.locator(".tokens bdi")).to_have_count(record.n_tokens, timeout=WAIT_MS)

    page.locator(".st-key-endpoint_start button").first.click()
    page.wait_for_function("name => !location.search.includes(name)", arg=name)
    # Above the form, which stays open as it was.
    said(page, "The model cannot be reached.")
    expect(page.locator(".st-key-endpoint_prompt textarea")).to_be_visible()


def test_after_a_reload_and_the_servers_death_retry_asks_the_same_once_more(
    open_page: OpenPage, server: Server, llama: LlamaServer, path: Path, tmp_path: Path
) -> None:
    page = asked(open_page, server, llama.url, NO_LIMITS, n_tokens=30_000)
    name = under_way(page, llama)
    page.reload()
    button = page.locator(".st-key-endpoint_start button").first
    expect(page.locator(".tokens bdi").nth(20)).to_be_attached(timeout=WAIT_MS)

    llama.kill()
    said(page, "SourceLostError")
    expect(button).to_have_text(re.compile("Retry"), timeout=WAIT_MS)
    expect(button).to_be_enabled()
    port = urlsplit(llama.url).port
    assert port is not None
    (tmp_path / "again").mkdir()
    with llama_server(tmp_path / "again", port=port) as revived:
        button.click()
        page.wait_for_function("name => !location.search.includes(name)", arg=name)
        under_way(page, revived)
        page.locator(".st-key-endpoint_stop button").first.click()
        said(page, "Stopped: by hand")
        expect(button).to_have_text(re.compile("Ask again"), timeout=WAIT_MS)

    first, second = sealed(path, name), sealed(path, session_id(page))
    assert (first.ended_by, second.ended_by) == ("fault", "operator")
    assert (first.prompt, first.model) == (second.prompt, second.model)
    assert second.n_tokens > 20


def test_who_comes_back_from_another_page_finds_the_stream_going_on(
    open_page: OpenPage, server: Server, llama: LlamaServer
) -> None:
    page = asked(open_page, server, llama.url, NO_LIMITS, n_tokens=30_000)
    under_way(page, llama)
    name, n_before = session_id(page), n_shown(page)

    page.get_by_role("link", name="Sessions").first.click()
    expect(page.locator(".d-title")).to_contain_text("Sessions", timeout=WAIT_MS)
    page.wait_for_timeout(1_000)
    page.get_by_role("link", name="Live").first.click()
    expect(page.locator(".d-title")).to_contain_text("Live", timeout=WAIT_MS)
    open_menu(page.locator(".st-key-from input"))
    page.get_by_role("option", name="Endpoint").click()

    expect(page.locator(".tokens bdi").nth(n_before - 1)).to_be_attached(timeout=WAIT_MS)
    assert session_id(page) == name
    page.locator(".st-key-endpoint_stop button").first.click()
    said(page, "Stopped: by hand")
    llama.thaw()


def test_what_cannot_be_asked_is_said_before_it_is(open_page: OpenPage, server: Server) -> None:
    page = open_page(server, "/?from=Endpoint")
    expect(page.get_by_text("Still missing: a prompt and facts to score by.")).to_be_visible()

    page.get_by_label("Address", exact=True).fill("ftp://127.0.0.1/")
    page.get_by_label("Address", exact=True).press("Enter")

    expect(page.get_by_text("base_url must begin with http:// or https://")).to_be_visible()
    expect(page.locator(".st-key-endpoint_start button").first).to_be_disabled()
