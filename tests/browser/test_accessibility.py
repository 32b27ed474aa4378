"""Every page by the rules of axe-core, in both themes, without an error on the console."""

from typing import Literal

import pytest

pytest.importorskip("playwright.sync_api")

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect  # noqa: E402  (after importorskip)

from tests.browser.conftest import OpenPage, Server, Watch, settled  # noqa: E402

SESSION = "honeybees-fabrication"
READY = {
    f"/?src={SESSION}": ".st-key-curve .main-svg",
    "/?presenter=true": ".st-key-curve .main-svg",
    "/sessions": ".st-key-sessions_table canvas",
    "/sessions?q=no+such+text": ".d-status",
    f"/session?id={SESSION}": ".st-key-curve .main-svg",
    "/review?q=watched&label=any": ".st-key-review_curve .main-svg",
    "/review": ".d-status",
    "/monitor": ".d-title",
    "/tune": ".st-key-threshold_curve .main-svg",
    "/data?tab=Import": "[data-testid=stFileUploaderDropzone]",
    "/data?tab=Recorder": ".stCode",
    "/data?tab=Labels": "[data-testid=stFileUploaderDropzone]",
    "/data?tab=Storage": ".st-key-backup button",
    "/data?tab=Help": ".st-key-doc",
}
"""Address of every page and state, and the part of it that comes last."""


RULES: dict[str, dict[str, list[str]]] = {
    "light": {"resultTypes": ["violations"]},
    "dark": {"runOnly": ["color-contrast", "link-in-text-block"]},
}
"""Options of axe-core by theme: all its rules, then those of colours, as all else is the same."""


def violations(page: Page, scheme: Literal["light", "dark"]) -> list[str]:
    """Return what axe-core finds wrong, a line an element."""
    found = Axe().run(page, options=RULES[scheme])
    return [
        f"{rule['id']}: {element['target']} {element['any'][:1]}"
        for rule in found.response["violations"]
        for element in rule["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_breaks_a_rule_of_axe_or_logs_an_error(
    open_page: OpenPage, app_server: Server, watch: Watch, scheme: Literal["light", "dark"]
) -> None:
    page = open_page(app_server, "/data?tab=Help", color_scheme=scheme)
    page.set_viewport_size({"width": 1280, "height": 720})

    found = {}
    for address, part in READY.items():
        page.goto(app_server.url + address)
        expect(page.locator(part).first).to_be_visible()
        settled(page)
        found[address] = violations(page, scheme)
        if address == "/sessions":
            page.locator(".st-key-sessions_table .dvn-scroller").click(position={"x": 200, "y": 50})
            expect(page.locator(".st-key-peek_curve .main-svg").first).to_be_visible()
            settled(page)
            found["a peek"] = violations(page, scheme)

    # The rules do not see whether a link shows that it has the focus.
    link = page.get_by_test_id("stTopNavLink").first
    link.focus()
    expect(link).to_have_css("outline-style", "solid")

    assert {address: wrong for address, wrong in found.items() if wrong} == {}
    assert watch.page_errors == []
    # Streamlit looks for its own health beside each page first, which is not there.
    ours = [error for error in watch.console_errors if "status of 404" not in error]
    assert ours == []
