"""The very first request of a server, to a page's address too, goes through ``app.py``."""

import pytest

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import Page, expect  # noqa: E402  (after importorskip)

from tests.browser.conftest import ROOT, OpenPage, Serve, Watch  # noqa: E402

PAGES = {"/": "Live", "/tune": "Tune"}
"""The page without a name in its address, and one of those with a name, which start alike."""


def came_through_the_app(page: Page, title: str) -> None:
    """Assert what ``app.py`` alone gives a page: style sheet, title and menu."""
    expect(page.locator(".d-title").first).to_contain_text(title)
    weight = "() => getComputedStyle(document.querySelector('.d-title')).fontWeight"
    assert page.evaluate(weight) == "650"
    assert page.title() == "Director"
    menu = page.get_by_test_id("stTopNavLink").all_inner_texts()
    # Before each name the word that draws its icon, after one a number.
    names = [entry.split("\n")[-1].split(" (")[0] for entry in menu]
    assert names == ["Live", "Sessions", "Monitor", "Review", "Tune", "Data"]


@pytest.mark.parametrize(("path", "title"), PAGES.items())
def test_the_first_request_of_a_fresh_server_goes_through_the_app(
    open_page: OpenPage, fresh_server: Serve, watch: Watch, path: str, title: str
) -> None:
    page = open_page(fresh_server(), path)

    came_through_the_app(page, title)
    expect(page.get_by_text("Page not found")).to_have_count(0)
    assert watch.page_errors == []
    assert watch.outgoing == []


def test_so_does_that_of_a_server_that_streamlit_itself_has_started(
    open_page: OpenPage, fresh_server: Serve, watch: Watch
) -> None:
    # Beside a folder named pages, Streamlit says once that it does not know the page, in a dialog
    # over it; director-ai prevents that, and nothing in app.py could.
    page = open_page(fresh_server(ROOT / "app.py"), "/session")

    came_through_the_app(page, "Session")
    assert watch.page_errors == []
    assert watch.outgoing == []
