"""Journey C in a real browser: a night's halts reviewed by keyboard alone."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import Page, expect  # noqa: E402  (after importorskip)

from director_ai.storage.store import Store
from director_ai.storage.summary import SessionQuery
from director_ai.ui.review.queue import open_queue
from director_ai.ui.review.queue_query import QueueQuery
from tests.browser.conftest import OpenPage, Serve, Server, Watch, card_seen, settled  # noqa: E402
from tests.ui.review_store import night_store
from tests.ui.tune_store import records

GRAPH = ".st-key-review_curve .js-plotly-plot"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with night_store(tmp_path / "night.db", time.time_ns() // 1000) as opened:
        yield opened


@pytest.fixture
def server(fresh_server: Serve, store: Store) -> Server:
    return fresh_server(env={"DIRECTOR_STORE": store.name})


def progress(page: Page, n_done: int) -> None:
    """Wait until the page counts ``n_done`` labels."""
    expect(page.get_by_text(re.compile(rf"\b{n_done} / \d+ labelled"))).to_be_visible()
    settled(page)


def n_done(page: Page) -> int:
    said = page.get_by_text(re.compile(r"\d+ / \d+ labelled")).inner_text()
    return int(re.search(r"(\d+) / ", said)[1])


def decide(page: Page, key: str) -> None:
    """Press a verdict's key and wait for the next card."""
    before = n_done(page)
    card_seen(page)
    page.keyboard.press(key)
    progress(page, before + 1)


def closest_first(store: Store) -> list[str]:
    now_us = time.time_ns() // 1000
    cards = open_queue(store, QueueQuery(order="closest"), now_us=now_us).cards
    return [card.id for card in cards]


def opened(open_page: OpenPage, server: Server, path: str = "/review?order=closest") -> Page:
    page = open_page(server, path)
    expect(page.locator(f"{GRAPH} .main-svg").first).to_be_visible()
    expect(page.locator(".st-key-review_tokens .halt")).to_have_count(1)
    settled(page)
    return page


def test_a_night_is_reviewed_by_keyboard_alone(
    open_page: OpenPage, server: Server, store: Store, watch: Watch
) -> None:
    ids = closest_first(store)
    halts = [store.get(name).halt_index for name in ids]
    page = opened(open_page, server)
    keys = page.keyboard
    expect(
        page.get_by_text("43 to review, of 3 causes: 31 trend, 8 window, 4 hard.")
    ).to_be_visible()

    # A doubt: what would it take, where does it go wrong, a word about it.
    keys.press("w")
    expect(page.locator(".st-key-review_takes")).to_contain_text("What it would take")
    for back in range(1, 4):
        settled(page)
        keys.press("ArrowLeft")
        expect(page.get_by_text(f"Token {halts[0] - back}:")).to_be_visible()
    settled(page)
    keys.press("o")
    expect(page.get_by_text(f"· goes wrong at {halts[0] - 3}")).to_be_visible()
    settled(page)
    keys.press("h")
    expect(page.get_by_text(f"Token {halts[0]}:")).to_be_visible()
    settled(page)
    keys.press("n")
    keys.type("1 doubt, only")
    keys.press("Enter")
    settled(page)
    decide(page, "1")

    # A second thought.
    decide(page, "2")
    card_seen(page)
    keys.press("u")
    progress(page, 1)
    card_seen(page)
    keys.press("3")
    expect(page.get_by_text("Too late for what?")).to_be_visible()
    settled(page)
    for back in (1, 2):
        keys.press("ArrowLeft")
        expect(page.get_by_text(f"Token {halts[1] - back}:")).to_be_visible()
        settled(page)
    decide(page, "3")
    decide(page, "4")

    # Back and forth without a label.
    card_seen(page)
    keys.press("k")
    expect(page.get_by_text("Your verdict: unsure.")).to_be_visible()
    card_seen(page)
    keys.press("j")
    expect(page.get_by_text("Session 4 of 43")).to_be_visible()
    settled(page)

    # Similar halts, all at once.
    while page.locator(".st-key-review_alike button").first.is_disabled():
        decide(page, "1")
    before = n_done(page)
    keys.press("a")
    said = page.get_by_text(re.compile(r"The next verdict is for all \d+ sessions"))
    expect(said).to_be_visible()
    n_alike = int(re.search(r"all (\d+)", said.inner_text())[1])
    card_seen(page)
    keys.press("2")
    progress(page, before + n_alike)
    card_seen(page)
    keys.press("u")
    progress(page, before)
    keys.press("a")
    expect(said).to_be_visible()
    card_seen(page)
    keys.press("2")
    progress(page, before + n_alike)

    while n_done(page) < 43:
        decide(page, "1")

    expect(page.locator(".d-status")).to_contain_text("43 reviewed in ")
    expect(page.locator(".d-status")).to_contain_text("1 late (median 2 tokens), 1 unsure")
    expect(page.locator(".d-status")).to_contain_text(f"{n_alike} false")
    worth = f"With {n_alike} good and {42 - n_alike} bad sessions no limits can be chosen"
    expect(page.locator(".st-key-review_impact")).to_contain_text(worth)
    page.screenshot(path=server.log.with_name("end.png"))
    assert n_alike > 1
    given = [store.annotations(name) for name in ids]
    assert [len(said) for said in given] == [1] * 43
    first, second, third = (said[0].annotation for said in given[:3])
    assert (first.label, first.onset, first.note) == ("bad", halts[0] - 3, "1 doubt, only")
    assert (second.label, second.onset, second.note) == ("bad", halts[1] - 2, "")
    assert third.label == "unsure"
    assert store.count(SessionQuery(labels=("good",))) == n_alike
    assert store.count(SessionQuery(outcomes=("infrastructure",), labels=("none",))) == 6
    assert page.evaluate("() => window.pwned") is None
    assert watch.page_errors == []
    assert watch.outgoing == []


def test_the_end_card_says_what_the_labels_are_worth_as_tune_does(
    open_page: OpenPage, server: Server, store: Store
) -> None:
    # Enough that a proposal is possible, whichever of the good ones the store's secret seals.
    store.add(records(1_500, enforced=0.0))
    page = opened(open_page, server)
    decide(page, "1")

    page.keyboard.press("e")

    worth = page.locator(".st-key-review_impact")
    expect(worth).to_contain_text("(≤ 5 % false halts at 95 % confidence)")
    said = re.search(r"the proposed limits: halt (.*) \(≤", worth.inner_text())
    settled(page)
    page.get_by_role("link", name="Tune with these limits").click()
    page.wait_for_url(re.compile(r"/tune\?.*h="))
    settled(page)
    page.locator(".st-key-guaranteed").get_by_role("button", name="Use").hover()
    expect(page.get_by_text(f"Halts {said[1]}.")).to_be_visible()


def test_a_held_key_labels_one_card_double_presses_skip_none_and_undo_survives_a_reload(
    open_page: OpenPage, server: Server, store: Store
) -> None:
    ids = closest_first(store)
    page = opened(open_page, server)
    card_seen(page)
    keys = page.keyboard

    # Down again without up is how a browser tells of a key that is held.
    for _ in range(10):
        keys.down("1")
        page.wait_for_timeout(100)
    keys.up("1")
    progress(page, 1)
    for n_labelled in range(2, 6):
        card_seen(page)
        keys.press("1")
        keys.press("1", delay=50)
        progress(page, n_labelled)
    # A switch that was clicked has the focus, and the key is still the page's.
    for _ in range(2):
        page.locator(".st-key-second label").click()
        settled(page)
    expect(page.get_by_text("Session 1 of 38")).to_be_visible()
    card_seen(page)
    keys.press("1")
    progress(page, 1)
    assert set(ids[:6]) == set(store.ids(SessionQuery(labels=("bad",))))

    page.reload()
    expect(page.get_by_text("Session 1 of 37")).to_be_visible()
    card_seen(page)
    keys.press("u")
    expect(page.get_by_text(f"Taken back: your verdict on {ids[5]}.")).to_be_visible()
    assert set(ids[:5]) == set(store.ids(SessionQuery(labels=("bad",))))


def test_an_incident_is_labelled_by_one_key_and_its_exceptions_after(
    open_page: OpenPage, server: Server, store: Store
) -> None:
    page = opened(open_page, server, "/review")
    page.set_viewport_size({"width": 1280, "height": 720})
    expect(page.get_by_text("Incident 1 of 3 · Session 1 of 43")).to_be_visible()
    expect(page.get_by_text("The next verdict is for all 31 sessions")).to_be_visible()
    settled(page)
    for name in ("curve", "tokens", "right_0", "unsure_0", "undo", "note"):
        expect(page.locator(f".st-key-review_{name}")).to_be_in_viewport(ratio=1)
    card_seen(page)
    page.keyboard.press("1")
    progress(page, 31)
    expect(page.get_by_text("Incident 2 of 3")).to_be_visible()

    card_seen(page)
    page.keyboard.press("k")
    expect(page.get_by_text("Your verdict: right halt.")).to_be_visible()
    card_seen(page)
    page.keyboard.press("2")
    expect(page.get_by_text("Incident 2 of 3")).to_be_visible()
    settled(page)

    assert store.count(SessionQuery(labels=("bad",))) == 30
    assert store.count(SessionQuery(labels=("good",))) == 1


def test_a_click_on_a_token_moves_the_cursor(open_page: OpenPage, server: Server) -> None:
    page = opened(open_page, server, "/review?order=rule")

    page.locator(".st-key-review_tokens bdi").nth(3).click()

    expect(page.get_by_text("Token 3:")).to_be_visible()
    expect(page.get_by_text("by rule: 43 to review")).to_be_visible()


def test_the_labels_can_be_taken_away(open_page: OpenPage, server: Server) -> None:
    page = opened(open_page, server)
    decide(page, "2")
    page.keyboard.press("e")
    expect(page.locator(".d-status")).to_contain_text("1 reviewed in ")
    settled(page)

    with page.expect_download() as file:
        page.locator(".st-key-review_csv button").click()

    lines = Path(file.value.path()).read_text("utf-8").splitlines()
    assert lines[0].startswith("id,verdict,label,onset")
    assert ",false,good,," in lines[1]
    expect(page.get_by_text("second=true")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_whole_card_fits_a_small_screen(
    open_page: OpenPage, server: Server, scheme: str
) -> None:
    page = open_page(server, "/review", color_scheme=scheme)
    page.set_viewport_size({"width": 1280, "height": 800})
    expect(page.locator(f"{GRAPH} .main-svg").first).to_be_visible()
    settled(page)

    for name in ("right_0", "unsure_0", "undo", "note"):
        expect(page.locator(f".st-key-review_{name}")).to_be_in_viewport(ratio=1)
