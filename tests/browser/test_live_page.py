"""The Live page around its picture, in a real browser: which token, and which sample."""

import re
from urllib.parse import quote

import pytest

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import Page, expect  # noqa: E402  (after importorskip)

from tests.browser.conftest import OpenPage, Server, Watch, open_menu, settled  # noqa: E402


def open_live(open_page: OpenPage, server: Server, speed: int) -> Page:
    page = open_page(server, f"/?x={speed}&src=honeybees-fabrication")
    expect(page.locator(".st-key-curve .main-svg").first).to_be_visible()
    return page


def play(page: Page) -> None:
    page.locator(".st-key-play button").click()


def seen(page: Page, token: int) -> None:
    expect(page.locator(".st-key-tokens bdi").nth(token)).to_be_attached()


def test_the_scrub_slider_of_a_playing_run_is_not_the_one_that_moves_the_cursor(
    open_page: OpenPage, app_server: Server
) -> None:
    page = open_live(open_page, app_server, 1)
    waiting = page.locator(".st-key-t_waiting").get_by_role("slider")
    real = page.locator(".st-key-t").get_by_role("slider")
    expect(waiting).to_be_disabled()
    expect(real).to_have_count(0)

    play(page)
    seen(page, 4)
    expect(waiting).to_be_disabled()
    expect(real).to_have_count(0)

    play(page)
    expect(real).to_be_enabled()
    expect(waiting).to_have_count(0)
    settled(page)
    expect(real).to_have_value(str(page.locator(".st-key-tokens bdi").count() - 1))


def test_a_token_picked_while_playing_is_under_the_cursor_after_a_pause(
    open_page: OpenPage, app_server: Server
) -> None:
    page = open_live(open_page, app_server, 1)
    play(page)
    seen(page, 8)

    page.locator(".st-key-tokens bdi").nth(3).click()
    expect(page.locator(".st-key-margins [aria-label^='Margins of token 3:']")).to_have_count(1)
    play(page)

    expect(page.locator(".st-key-play")).to_contain_text("Play")
    where = page.locator(".st-key-t [data-testid=stSliderThumbValue]")
    expect(where).to_have_text("3")


def test_an_unknown_sample_is_named_and_never_obeyed(
    open_page: OpenPage, app_server: Server, watch: Watch
) -> None:
    hostile = "![](http://127.0.0.1:9/a) <img src=x onerror=window.pwned=1> **b**"
    page = open_page(app_server, f"/?x=20&src={quote(hostile + 'long' * 500)}")
    notice = page.locator(".d-notice")

    said = f"There is no sample '{hostile[:60]}…'; the first sample is shown instead: "
    expect(notice).to_contain_text(said)
    expect(page.locator(".st-key-src input")).to_have_value(re.compile("Photosynthesis"))
    box = notice.bounding_box()
    assert box is not None
    assert box["height"] < 30
    assert page.evaluate("() => window.pwned") is None
    assert watch.outgoing == []

    # The notice comes before the buttons whose key this is.
    settled(page)
    page.keyboard.press("ArrowRight")
    expect(page.locator(".d-status")).to_contain_text("The next token must be")
    settled(page)
    expect(notice).to_contain_text(said)

    open_menu(page.locator(".st-key-src input")).first.click()
    expect(page).to_have_url(re.compile("src=black_holes-steady"))
    expect(notice).to_have_count(0)


def test_a_known_sample_is_shown_without_a_notice(open_page: OpenPage, app_server: Server) -> None:
    page = open_live(open_page, app_server, 20)

    expect(page.locator(".d-notice")).to_have_count(0)
