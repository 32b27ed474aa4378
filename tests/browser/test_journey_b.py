"""A presenter's way through a demo: from a cold start to the halt, and what is left behind."""

import re
import time
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from .conftest import OpenPage, Serve, Watch, settled

GRAPH = ".st-key-curve .js-plotly-plot"
WAIT_MS = 90_000


def said(page: Page, text: str) -> None:
    expect(page.locator(".d-status")).to_contain_text(text, timeout=WAIT_MS)


def test_from_a_cold_start_to_the_halt_and_home_again(
    fresh_server: Serve, open_page: OpenPage, chromium: Browser, watch: Watch, tmp_path: Path
) -> None:
    started = time.monotonic()
    server = fresh_server()
    page = open_page(server, "/?presenter=true&x=20")
    expect(page.locator(f"{GRAPH} .main-svg").first).to_be_visible(timeout=WAIT_MS)
    settled(page)

    page.keyboard.press("Space")
    said(page, "Stopped at token 140: the score fell to 0.437, hard limit 0.5 (0.063 below)")
    assert time.monotonic() - started < 90
    settled(page)
    # The audience asks what was said, where it went wrong, and which rule stopped it by how much.
    for part in (".st-key-tokens .tokens", f"{GRAPH} .annotation-text", ".d-status b"):
        expect(page.locator(part).first).to_be_in_viewport(ratio=1)
    expect(page.locator(".st-key-tokens")).to_contain_text("though who would know")
    expect(page.locator(GRAPH)).to_contain_text("goes wrong here")
    assert page.evaluate("() => document.querySelector('.stMain').scrollTop") == 0

    # What if we had been more lenient?
    halted_at = page.locator(".d-status").inner_text()
    page.get_by_role("button", name="More").click()
    page.locator(".st-key-presenter label").click()
    page.keyboard.press("Escape")
    hard = page.get_by_role("slider", name="Hard limit")
    for _ in range(25):
        hard.press("ArrowLeft")
    page.wait_for_url(re.compile(r"h=0\.25"))
    settled(page)
    said(page, "What-if:")
    page.locator(".st-key-go_on button").first.click()
    page.wait_for_function(
        "before => { const now = document.querySelector('.d-status')?.innerText ?? '';"
        " return now !== before && /^(Stopped|Completed)/.test(now); }",
        arg=halted_at,
        timeout=WAIT_MS,
    )
    settled(page)
    outcome = page.locator(".d-status b").inner_text()

    # The link opens the same, elsewhere.
    page.get_by_role("button", name="More").click()
    link = page.locator("[data-testid=stPopoverBody] code").inner_text()
    page.keyboard.press("Escape")
    elsewhere = open_page(server, link.removeprefix(server.url))
    expect(elsewhere.get_by_role("slider", name="Hard limit")).to_have_value("0.25")
    elsewhere.close()

    with page.expect_download() as picture:
        page.locator(f"{GRAPH} [data-title*='PNG'], {GRAPH} [data-title*='image']").first.click(
            force=True
        )
    assert picture.value.suggested_filename.endswith(".png")

    with page.expect_download() as replay:
        page.locator(".st-key-replay_html button").first.click()
    file = tmp_path / "replay.html"
    replay.value.save_as(file)
    assert watch.outgoing == []

    alone = chromium.new_context(offline=True)
    try:
        player = alone.new_page()
        player.goto(file.as_uri())
        # As on the page, decimals and all.
        expect(player.locator("body")).to_contain_text(outcome.split(":")[0].split(".")[0])
    finally:
        alone.close()
