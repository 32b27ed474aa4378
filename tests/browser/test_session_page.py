"""The Session page in a real browser: any session by its address."""

import csv
import io
from pathlib import Path

import pytest

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import expect  # noqa: E402  (after importorskip)

from director_ai.core.records.record_json import from_line  # noqa: E402
from director_ai.reports.incident_note import note_markdown  # noqa: E402
from tests.browser.conftest import OpenPage, Server, open_menu, settled  # noqa: E402

GRAPH = ".st-key-curve .js-plotly-plot"
SAMPLE = "/session?id=honeybees-fabrication"


def test_a_sample_is_explained_by_its_address(open_page: OpenPage, app_server: Server) -> None:
    page = open_page(app_server, SAMPLE)

    expect(page.locator(f"{GRAPH} .main-svg").first).to_be_visible()
    expect(page.locator(".d-status")).to_contain_text("Would have stopped at token 91")
    expect(page.locator(GRAPH)).to_contain_text("would stop at 91")
    expect(page.get_by_text("Hard limit 0.5 → 0.3512: then halts at token 91")).to_be_visible()
    expect(page.locator(".st-key-tokens .halt")).to_have_count(1)


def test_the_cursor_follows_keys_and_clicks_and_is_in_the_address(
    open_page: OpenPage, app_server: Server
) -> None:
    page = open_page(app_server, f"{SAMPLE}&t=40")
    expect(page.get_by_text("Token 40:")).to_be_visible()
    expect(page.locator(f"{GRAPH} .main-svg").first).to_be_visible()
    settled(page)

    page.keyboard.press("ArrowRight")
    expect(page.get_by_text("Token 41:")).to_be_visible()
    settled(page)
    page.locator(".st-key-tokens bdi").nth(3).click()
    expect(page.get_by_text("Token 3:")).to_be_visible()

    page.wait_for_url("**t=3")


def test_an_unknown_session_says_what_there_is(open_page: OpenPage, app_server: Server) -> None:
    page = open_page(app_server, "/session?id=<img src=x onerror=window.pwned=1>")

    expect(page.locator(".d-status")).to_contain_text("There is no session '<img src=x")
    expect(page.locator(".d-status")).to_contain_text("The store holds 60.")
    assert page.evaluate("() => window.pwned") is None


def test_the_downloads_hold_the_session(open_page: OpenPage, app_server: Server) -> None:
    page = open_page(app_server, SAMPLE)
    page.get_by_role("tab", name="Download").click()

    with page.expect_download() as json_file:
        page.locator(".st-key-json button:visible").first.click()
    with page.expect_download() as csv_file:
        page.locator(".st-key-csv button:visible").first.click()
    with page.expect_download() as note:
        page.locator(".st-key-markdown button:visible").first.click()

    record = from_line(Path(json_file.value.path()).read_text(encoding="utf-8"))
    rows = list(csv.DictReader(io.StringIO(Path(csv_file.value.path()).read_text("utf-8"))))
    assert record.id == "honeybees-fabrication"
    assert Path(note.value.path()).read_text("utf-8") == note_markdown(record)
    assert [float(row["score"]) for row in rows] == list(record.scores)


def test_the_curve_can_be_saved_as_a_picture(open_page: OpenPage, app_server: Server) -> None:
    page = open_page(app_server, SAMPLE)
    expect(page.locator(f"{GRAPH} .main-svg").first).to_be_visible()
    page.locator(GRAPH).hover()

    with page.expect_download() as picture:
        page.locator(".st-key-curve .modebar-btn[data-title='Download as PNG']").click()

    assert Path(picture.value.path()).read_bytes().startswith(b"\x89PNG")
    assert picture.value.suggested_filename.endswith(".png")


def test_another_session_is_put_beside_one_and_they_change_places(
    open_page: OpenPage, app_server: Server
) -> None:
    page = open_page(app_server, SAMPLE)
    page.get_by_role("tab", name="Compare").click()
    choice = page.locator(".st-key-compare_with input")
    expect(choice).to_be_visible()
    open_menu(choice)
    # Part of the one id that holds it: the first option offers to take it as it stands.
    choice.press_sequentially("espresso-fab")
    expect(page.get_by_role("option", name="espresso-fabrication")).to_be_visible()
    choice.press("Enter")
    both = page.locator(".st-key-compare .js-plotly-plot")
    expect(both.locator(".main-svg").first).to_be_visible()
    settled(page)

    page.locator(".st-key-align").get_by_text("onset").click()
    page.wait_for_url("**align=onset**")
    settled(page)
    starts = both.evaluate(
        "graph => graph.data.filter(t => t.showlegend !== false).map(t => t.x[0])"
    )
    assert starts == [-57, -63]

    page.get_by_role("link", name="Open it").click()
    page.wait_for_url("**id=espresso-fabrication**")
    expect(page.locator(".d-status")).to_contain_text("Would have stopped at token 98")
    expect(page.locator(".st-key-compare_with input")).to_have_value("honeybees-fabrication")


def test_a_session_just_finished_opens_by_its_address(
    open_page: OpenPage, app_server: Server
) -> None:
    page = open_page(app_server, "/?x=20&src=honeybees-fabrication")
    page.locator(".st-key-play button").click()
    link = page.get_by_role("link", name="Look at this session")
    expect(link).to_be_visible()
    address = link.get_attribute("href")

    other = open_page(app_server, f"/{address}")

    expect(other.locator(".d-status")).to_contain_text("Stopped at token 91")


def test_the_limits_of_a_page_stay_with_it_from_page_to_page(
    open_page: OpenPage, app_server: Server
) -> None:
    page = open_page(app_server, "/?src=honeybees-fabrication&h=0.99")
    hard = page.locator(".st-key-h [data-testid=stSliderThumbValue]")
    said = page.locator(".d-status")
    page.locator(".st-key-ahead button").first.click()
    expect(said).to_contain_text("Stopped at token 0")
    settled(page)
    page.locator(".st-key-h").get_by_role("slider").press("ArrowLeft")
    expect(said).to_contain_text("What-if: would stop at token 0")
    settled(page)

    page.get_by_role("link", name="Look at this session").click()
    expect(page.locator(".d-title")).to_contain_text("Session")
    expect(said).to_contain_text("Stopped at token 0")
    expect(said).not_to_contain_text("What-if")
    expect(hard).to_have_text("0.99")

    page.get_by_role("link", name="Live").click()
    expect(page.locator(".d-title")).to_contain_text("Live")
    expect(hard).to_have_text("0.98")
    expect(said).to_contain_text("What-if: would stop at token 0")


def test_it_opens_on_verdict_curve_and_text_and_back_leads_to_the_filtered_list(
    open_page: OpenPage, app_server: Server
) -> None:
    page = open_page(app_server, "/sessions?label=bad")
    page.set_viewport_size({"width": 1280, "height": 720})
    page.locator(".st-key-sessions_table .dvn-scroller").first.click(position={"x": 200, "y": 60})
    expect(page.locator(".st-key-preview .d-status")).to_be_visible()
    settled(page)

    page.keyboard.press("Enter")
    page.wait_for_url("**/session?*")
    for part in (".d-status", ".st-key-curve .js-plotly-plot", ".st-key-tokens .tokens"):
        expect(page.locator(part)).to_be_in_viewport(ratio=1)
    expect(page.locator(".st-key-tokens .legend")).to_contain_text("room left")
    settled(page)

    page.go_back()

    page.wait_for_url("**/sessions?label=bad")
    expect(page.locator(".st-key-sessions_table")).to_be_visible()
