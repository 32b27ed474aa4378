"""The Live page at 1280 by 720, unscrolled: limits, banner, curve and answer in sight at once."""

import pytest

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import Locator, Page, expect  # noqa: E402  (after importorskip)

from tests.browser.conftest import OpenPage, Server, open_menu, settled  # noqa: E402

SIZE = {"width": 1280, "height": 720}
LIMITS = ("h", "a", "w", "d", "n", "s")
WAIT_MS = 60_000
LINE_PX = 32
"""Height of a line of the answer."""


def halted(open_page: OpenPage, server: Server, query: str = "") -> Page:
    page = open_page(server, f"/?x=20{query}")
    page.set_viewport_size(SIZE)  # type: ignore[arg-type]  # a dict of two numbers
    expect(page.locator(".st-key-curve .main-svg").first).to_be_visible(timeout=WAIT_MS)
    page.keyboard.press("Space")
    expect(page.locator(".d-status")).to_contain_text("Stopped at token", timeout=WAIT_MS)
    settled(page)
    return page


def is_whole(part: Locator, least: int = 1) -> bool:
    box = part.bounding_box()
    assert box is not None, part
    return (
        box["x"] >= 0
        and box["y"] >= 0
        and box["x"] + box["width"] <= SIZE["width"]
        and box["y"] + box["height"] <= SIZE["height"]
        and box["height"] >= least
    )


def test_limits_banner_curve_and_answer_are_in_sight_together(
    open_page: OpenPage, app_server: Server
) -> None:
    page = halted(open_page, app_server)

    for key in LIMITS:
        assert is_whole(page.locator(f".st-key-{key}")), key
    assert is_whole(page.locator(".d-status"))
    assert is_whole(page.locator(".st-key-curve .js-plotly-plot"), least=300)
    assert is_whole(page.locator(".st-key-tokens .tokens"), least=6 * LINE_PX)
    assert page.evaluate("() => document.querySelector('.stMain').scrollTop") == 0
    bar = page.locator(".st-key-bar").bounding_box()
    assert bar is not None
    assert bar["height"] <= 44


def test_a_presenter_sees_curve_and_answer_whole_and_no_limits(
    open_page: OpenPage, app_server: Server
) -> None:
    page = halted(open_page, app_server, "&presenter=true&h=0.4")

    assert is_whole(page.locator(".st-key-curve .js-plotly-plot"), least=300)
    assert is_whole(page.locator(".st-key-tokens .tokens"), least=6 * LINE_PX)
    assert is_whole(page.locator(".d-status"))
    expect(page.locator(".stSidebar")).not_to_be_visible()
    # Hidden, yet drawn: the address keeps its limits.
    assert "h=0.4" in page.url
    curve = page.locator(".st-key-curve").bounding_box()
    assert curve is not None
    assert curve["x"] < 40


def test_no_text_shows_through_the_head(open_page: OpenPage, app_server: Server) -> None:
    page = open_page(app_server, "/")

    colour = page.locator(".stAppHeader").evaluate("e => getComputedStyle(e).backgroundColor")

    assert colour == "rgb(255, 255, 255)"


CONTROLS = {
    "the switch": ".st-key-presenter label",
    "a button": ".st-key-restart button",
    "the sample": ".st-key-src input",
    "the speed": ".st-key-x input",
    "a slider": ".st-key-s .stSlider [data-rac] > [data-rac]",
    "the mode": ".st-key-m button >> nth=1",
    "the curve": ".st-key-curve .nsewdrag",
    "the answer": ".st-key-tokens .tokens",
}


@pytest.mark.parametrize("control", CONTROLS)
def test_space_plays_and_pauses_whatever_was_clicked_last(
    open_page: OpenPage, app_server: Server, control: str
) -> None:
    page = open_page(app_server, "/?src=honeybees-fabrication&h=0&a=0&d=1.5")
    expect(page.locator(".st-key-curve .main-svg").first).to_be_visible(timeout=WAIT_MS)
    if control == "the switch":
        page.get_by_role("button", name="More").click()
    clicked = page.locator(CONTROLS[control]).first
    if control in ("the sample", "the speed"):
        open_menu(clicked)
        page.get_by_role("option", selected=True).click()
    else:
        clicked.click()
    settled(page)
    switched = page.locator(".st-key-presenter input").is_checked() if "switch" in control else None

    page.keyboard.press("Space")

    play = page.locator(".st-key-play")
    expect(play).to_contain_text("Pause", timeout=WAIT_MS)
    expect(page.locator("[role=listbox]")).to_have_count(0)
    if switched is not None:
        assert page.locator(".st-key-presenter input").is_checked() == switched

    page.keyboard.press("Space")

    expect(play).to_contain_text("Play", timeout=WAIT_MS)


def test_space_held_down_acts_once_and_a_text_field_keeps_it(
    open_page: OpenPage, app_server: Server
) -> None:
    page = open_page(app_server, "/?h=0&a=0&d=1.5")
    play = page.locator(".st-key-play")
    expect(page.locator(".st-key-curve .main-svg").first).to_be_visible(timeout=WAIT_MS)

    # Without a release between them, the presses after the first are the key's own repetition.
    for _ in range(4):
        page.keyboard.down("Space")
    page.keyboard.up("Space")
    expect(play).to_contain_text("Pause", timeout=WAIT_MS)
    settled(page)
    expect(play).to_contain_text("Pause")

    page.goto(f"{app_server.url}/?from=Paste+text")
    field = page.locator(".st-key-pasted_facts textarea")
    field.fill("A")
    field.press("Space")
    expect(field).to_have_value("A ")


def test_a_phone_shows_the_banner_whole_above_the_curve_and_the_controls_last(
    open_page: OpenPage, app_server: Server
) -> None:
    page = open_page(app_server, "/?x=20&src=honeybees-fabrication")
    page.set_viewport_size({"width": 390, "height": 844})
    expect(page.locator(".st-key-curve .main-svg").first).to_be_visible(timeout=WAIT_MS)
    page.keyboard.press("Space")
    banner = page.locator(".d-status")
    expect(banner).to_contain_text("Stopped at token", timeout=WAIT_MS)
    settled(page)

    top, curve, bar = (
        page.locator(part).first.bounding_box()
        for part in (".d-status", ".st-key-curve", ".st-key-bar")
    )
    assert top is not None
    assert curve is not None
    assert bar is not None
    assert top["y"] + top["height"] <= curve["y"] < bar["y"]
    assert bar["y"] + bar["height"] <= 844
    assert banner.evaluate("e => e.scrollHeight <= e.clientHeight")
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
