"""Limit lines dragged on the curve of the Live page, and the stream that goes on under them."""

import pytest

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import Locator, Page, expect  # noqa: E402  (after importorskip)

from tests.browser.conftest import OpenPage, Server, settled  # noqa: E402

LINES = {"h": ("hard limit", "y"), "a": ("window limit", "y")}
"""Trace of each limit that is a level of coherence, by its key in the address."""

CURSOR = "+document.querySelector('.st-key-t input[type=range]')?.value"

LEVEL = """name => document.querySelector('.st-key-curve .js-plotly-plot')
  .data.find(trace => trace.name === name)?.y[0]"""


def grip(page: Page, rule: str) -> Locator:
    return page.get_by_role("slider", name=f"{rule} line on the chart")


def drag(page: Page, handle: Locator, by_px: int) -> None:
    box = handle.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    for step in range(1, 11):
        page.mouse.move(x, y + by_px * step / 10)


def assert_agreement(page: Page, key: str, value: str) -> None:
    """Slider, address, line and handle show one value."""
    expect(page.locator(f".st-key-{key} input[type=range]")).to_have_value(value)
    page.wait_for_url(lambda url: f"{key}={value}" in url)
    page.wait_for_function(f"level => ({LEVEL})('{LINES[key][0]}') === level", arg=float(value))


def test_a_dragged_limit_judges_anew_and_the_stream_goes_on_under_it(
    open_page: OpenPage, app_server: Server
) -> None:
    # Of the window rule alone, so that its line decides.
    page = open_page(app_server, "/?x=20&h=0&d=1.5")
    page.set_viewport_size({"width": 1280, "height": 720})
    expect(page.locator(".st-key-curve .main-svg").first).to_be_visible()
    page.keyboard.press("Space")
    banner = page.locator(".d-status")
    expect(banner).to_contain_text("Stopped at token 140: the mean of the last 10 tokens fell to")
    settled(page)
    window = grip(page, "Window")

    # Up: it would have stopped earlier, told while the button is still held.
    drag(page, window, -60)
    expect(banner).to_contain_text("What-if: would stop at token")
    page.mouse.up()
    strict = window.inner_text()
    assert float(strict) > 0.6
    assert_agreement(page, "a", strict)
    expect(window).to_have_attribute("aria-valuenow", strict)

    # The arrow keys move it as well, and leave the page's cursor where it is.
    looked_at = page.locator(".st-key-t input[type=range]").input_value()
    window.press("ArrowDown")
    assert_agreement(page, "a", f"{float(strict) - 0.01:g}")
    assert page.locator(".st-key-t input[type=range]").input_value() == looked_at

    # Down, past the halt: nothing would have stopped it so far.
    drag(page, window, 200)
    page.mouse.up()
    assert_agreement(page, "a", window.inner_text())
    expect(banner).to_contain_text("it would not have stopped here")
    page.locator(".st-key-go_on button").first.click()
    expect(banner).to_contain_text("Stopped at token 1")
    settled(page)
    page.wait_for_function(f"() => {CURSOR} > 140")

    # A reload comes back to the token, under the limits of the address.
    seen = page.locator(".st-key-t input[type=range]")
    before = seen.input_value()
    page.reload()
    expect(seen).to_have_value(before)
    expect(banner).to_contain_text("Stopped at token 1")
