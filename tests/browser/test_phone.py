"""Every page on a phone of 390 pixels: content first, whole, and nothing to scroll sideways."""

import pytest

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import Browser, expect  # noqa: E402  (after importorskip)

from tests.browser.conftest import Server, settled  # noqa: E402

PAGES = {
    "/sessions": (".st-key-figures", ".st-key-sessions_table canvas"),
    "/session?id=honeybees-fabrication": (".d-status", ".st-key-curve .main-svg"),
    "/review?q=watched&label=any": (".d-status", ".st-key-review_curve .main-svg"),
    "/monitor": (".d-status", ".d-status"),
    "/data?tab=Import": (".stCode", "[data-testid=stFileUploaderDropzone]"),
    "/data?tab=Labels": (".d-status", "[data-testid=stFileUploaderDropzone]"),
    "/data?tab=Storage": (".stCode", ".st-key-backup button"),
}
"""First content of every page but Live and Tune, which have tests of their own, and its last."""

CONTROLS = ".stMain :is(button, input, select, [role=slider])"
NOT_CONTROLS = "[role=tab], [data-testid=stCode] button, .st-key-figures button, .modebar-btn"


def test_no_page_starts_with_controls_or_is_wider_than_a_phone(
    chromium: Browser, app_server: Server
) -> None:
    # A phone is never wider first: the sidebar would stay as it was then.
    narrow = chromium.new_page(viewport={"width": 390, "height": 844})
    found = {}
    for address, (content, last) in PAGES.items():
        narrow.goto(app_server.url + address)
        expect(narrow.locator(last).first).to_be_visible()
        settled(narrow)
        first = narrow.locator(content).first
        expect(first).to_be_in_viewport(ratio=1)
        box = first.bounding_box()
        assert box is not None
        found[address] = narrow.evaluate(
            """([controls, others, top]) => ({
              width: document.documentElement.scrollWidth,
              cut: [...document.querySelectorAll('.d-status')]
                .some(e => e.scrollHeight > e.clientHeight + 1 || e.scrollWidth > e.clientWidth),
              above: [...document.querySelectorAll(controls)]
                .filter(e => e.checkVisibility() && !e.matches(others))
                .filter(e => e.getBoundingClientRect().height > 1)
                .filter(e => e.getBoundingClientRect().top < top)
                .map(e => e.outerHTML.slice(0, 80)),
              beside: [...document.querySelectorAll('.stMain button')]
                .filter(e => e.checkVisibility({visibilityProperty: true}))
                .filter(e => e.getBoundingClientRect().right > innerWidth)
                .map(e => e.innerText),
              folded: [...document.querySelectorAll('.stSidebar')]
                .every(e => e.getBoundingClientRect().right <= 1),
            })""",
            [CONTROLS, NOT_CONTROLS, box["y"]],
        )

    narrow.close()
    whole = {"width": 390, "cut": False, "above": [], "beside": [], "folded": True}
    assert found == dict.fromkeys(PAGES, whole)
