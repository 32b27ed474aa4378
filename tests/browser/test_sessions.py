"""The Sessions page in a real browser: an archive is asked, watched and labelled."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import FloatRect, Locator, Page, expect  # noqa: E402  (after importorskip)

from director_ai.sources.sample_sessions import samples  # noqa: E402
from director_ai.storage.store import Store  # noqa: E402
from tests.browser.conftest import ROOT, OpenPage, Serve, Server, Watch, open_menu, settled  # noqa: E402
from tests.storage.records import record  # noqa: E402

TABLE = ".st-key-sessions_table canvas"
ROW_PX = 35
HOSTILE = '<img src=x onerror="window.pwned=1">![](http://192.0.2.1/x)[a](http://192.0.2.1/)'


def store_server(serve: Serve, path: Path) -> Server:
    return serve(env={"DIRECTOR_STORE": str(path)})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sessions.db"


@pytest.fixture(scope="module")
def archive(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> Server:
    """The samples, for tests that change nothing."""
    path = tmp_path_factory.mktemp("archive") / "sessions.db"
    with Store(path) as store:
        store.add(list(samples().values()))
    return store_server(serve, path)


@pytest.fixture
def filled(path: Path, fresh_server: Serve) -> Server:
    with Store(path) as store:
        store.add(list(samples().values()))
    return store_server(fresh_server, path)


def opened(open_page: OpenPage, server: Server, query: str = "") -> Page:
    page = open_page(server, f"/sessions{query}")
    expect(page.locator(".d-title")).to_contain_text("Sessions")
    settled(page)
    return page


def click_row(page: Page, row: int) -> None:
    """Tick the box of a row; the table is a canvas."""
    box = page.locator(TABLE).first.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 16, box["y"] + ROW_PX * (row + 1) + ROW_PX / 2)


def press(page: Page, key: str) -> None:
    # In a row that wraps Streamlit keeps a second, invisible one to measure.
    page.locator(f".st-key-{key} button:visible").first.click()


def selected(page: Page) -> str:
    line = page.get_by_text(" selected", exact=False)
    expect(line).to_be_visible()
    settled(page)
    return line.inner_text().removesuffix(" selected")


def choose_format(page: Page, name: str, file: str) -> Locator:
    """Choose a format, and return the button of its file once it stands for that one."""
    open_menu(page.locator(".st-key-export_format input"))
    page.get_by_role("option", name=name).click()
    # The page may not have begun to run: the button of the format before is still there.
    button = page.locator(".st-key-export_download").get_by_role("button", name=f"Download {file}")
    expect(button).to_be_visible()
    settled(page)
    return button


def address(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def test_a_link_is_opened_sorted_and_followed_to_a_session(
    open_page: OpenPage, archive: Server, watch: Watch
) -> None:
    page = opened(open_page, archive, "?outcome=halted&rule=downward_trend")
    expect(page.get_by_text("1–6 of 6")).to_be_visible()

    open_menu(page.locator(".st-key-sort input"))
    page.get_by_role("option", name="Closest calls").click()
    page.wait_for_url("**sort=closest**")
    expect(page.locator(TABLE).first).to_be_visible()
    click_row(page, 0)
    chosen = selected(page)
    expect(page.locator(".d-status")).to_contain_text("Stopped at token")
    expect(page.locator(".st-key-peek_curve .main-svg").first).to_be_visible()
    press(page, "open_session")

    page.wait_for_url("**/session?id=**")
    assert address(page)["id"] == [chosen]
    expect(page.locator(".d-title")).to_contain_text("Session")
    assert watch.page_errors == []
    assert watch.outgoing == []


def box_of(page: Page, key: str) -> FloatRect:
    box = page.locator(f".st-key-{key}").first.bounding_box()
    assert box is not None
    return box


def opened_at_720(open_page: OpenPage, server: Server, query: str = "") -> Page:
    """Open the page at 1280 by 720, and wait until its last part is drawn."""
    page = opened(open_page, server, query)
    page.set_viewport_size({"width": 1280, "height": 720})
    expect(page.locator(".st-key-strip .main-svg").first).to_be_visible(timeout=30_000)
    expect(page.locator(TABLE).first).to_be_visible(timeout=30_000)
    settled(page)
    return page


def test_filters_figures_strip_and_ten_rows_are_in_view_at_once(
    open_page: OpenPage, archive: Server
) -> None:
    page = opened_at_720(open_page, archive)

    table = box_of(page, "sessions_table")
    assert table["y"] <= 260
    assert (min(table["height"], 720 - table["y"]) - ROW_PX) / ROW_PX >= 10
    # One line of figures, and the strip under it.
    assert box_of(page, "figures")["height"] <= 40
    assert box_of(page, "strip")["height"] == 56
    # Six figures take a second line, and still leave the table its place.
    page.locator(".st-key-figures button p").evaluate_all(
        "es => es.forEach(e => e.textContent = e.textContent.replace(/\\d+ of \\d+/,"
        " '204,312 of 204,312'))"
    )
    assert box_of(page, "figures")["height"] > 40
    assert box_of(page, "sessions_table")["y"] <= 260
    # A filter is in sight while the list that it changes is.
    for name in ("filter_since", "filter_q", "filter_outcome", "filter_rule"):
        control = box_of(page, name)
        assert control["y"] + control["height"] <= 720
        assert control["x"] + control["width"] <= table["x"]


def test_any_cell_previews_its_session_arrows_go_on_and_enter_opens(
    open_page: OpenPage, archive: Server
) -> None:
    page = opened_at_720(open_page, archive, "?sort=oldest")
    before = box_of(page, "sessions_table")
    # The second cell of the third row: no check mark is needed.
    page.mouse.click(before["x"] + 200, before["y"] + 3.5 * ROW_PX)

    first = selected(page)
    expect(page.locator(".st-key-peek_curve .main-svg").first).to_be_visible(timeout=20_000)
    table, preview = box_of(page, "sessions_table"), box_of(page, "preview")
    assert (table["y"], table["height"]) == (before["y"], before["height"])
    assert table["x"] + table["width"] <= preview["x"]
    assert preview["y"] + preview["height"] <= 720

    page.keyboard.press("ArrowDown")
    expect(page.get_by_text(f"{first} selected")).to_have_count(0, timeout=15_000)
    second = selected(page)
    assert second != first

    page.keyboard.press("Enter")
    page.wait_for_url("**/session?id=**")
    assert address(page)["id"] == [second]


def test_a_label_survives_a_reload(open_page: OpenPage, filled: Server, path: Path) -> None:
    page = opened(open_page, filled, "?label=bad&outcome=halted")
    expect(page.get_by_text("1–5 of 5")).to_be_visible()
    click_row(page, 2)
    chosen = selected(page)

    press(page, "label_unsure")
    expect(page.get_by_text("1–4 of 4")).to_be_visible()
    page.reload()

    expect(page.get_by_text("1–4 of 4")).to_be_visible()
    with Store(path) as store:
        assert store.summary(chosen).label == "unsure"


def test_a_bar_that_is_clicked_sets_the_time(open_page: OpenPage, archive: Server) -> None:
    page = opened(open_page, archive)
    bar = page.locator(".st-key-strip .bars .point").first
    expect(bar).to_be_visible()
    settled(page)

    box = page.locator(".st-key-strip .nsewdrag").first.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 6, box["y"] + box["height"] - 4)

    page.wait_for_url("**since=2026-01-05**until=**")
    expect(page.get_by_text("1–2 of 2")).to_be_visible()


def test_a_span_is_typed_and_text_is_searched_on_enter(
    open_page: OpenPage, archive: Server
) -> None:
    page = opened(open_page, archive)
    page.locator(".st-key-filter_since input").fill("9000d")
    offered = page.get_by_role("option").filter(has_text="9000d")
    expect(offered).to_be_visible()
    page.keyboard.press("Enter")
    page.wait_for_url("**since=9000d**")
    expect(page.get_by_text("Only: time = last 9000d")).to_be_visible()
    settled(page)

    search = page.locator(".st-key-filter_q input")
    search.fill("nectar")
    search.press("Enter")

    page.wait_for_url("**q=nectar**")
    expect(page.get_by_text("of 60").first).to_be_visible()
    settled(page)
    assert address(page)["since"] == ["9000d"]


def test_an_empty_store_is_filled_with_the_samples(
    open_page: OpenPage, fresh_server: Serve, path: Path
) -> None:
    page = opened(open_page, store_server(fresh_server, path))
    expect(page.locator(".d-status")).to_contain_text("No sessions yet.")

    page.get_by_role("button", name="Load the 60 samples").click()

    expect(page.get_by_text("1–60 of 60")).to_be_visible()


def test_a_session_of_another_process_shows_by_itself_and_disturbs_nothing(
    open_page: OpenPage, filled: Server, path: Path
) -> None:
    page = opened(open_page, filled)
    expect(page.get_by_text("1–60 of 60")).to_be_visible()
    click_row(page, 1)
    chosen = selected(page)
    search = page.locator(".st-key-filter_q input")
    search.fill("half a wo")
    top = page.locator(TABLE).first.bounding_box()
    script = (
        "import sys; from director_ai.core.records.record_json import from_line\n"
        "from director_ai.storage.store import Store\n"
        'line = \'{"id": "fresh", "tokens": ["Hi"], "scores": [0.9], \'\n'
        "line += '\"started_us\": 1780000000000000}'\n"
        "Store(sys.argv[1]).add([from_line(line)])"
    )

    subprocess.run([sys.executable, "-c", script, str(path)], cwd=ROOT, check=True)
    expect(page.get_by_text("1–61 of 61")).to_be_visible()
    settled(page)
    assert search.input_value() == "half a wo"
    assert selected(page) == chosen
    assert page.locator(TABLE).first.bounding_box() == top


def test_an_export_that_fails_says_why_and_the_next_one_works(
    open_page: OpenPage, fresh_server: Serve, path: Path
) -> None:
    with Store(path) as store:
        store.add([record("whole"), record("damaged")])
    with closing(sqlite3.connect(path)) as connection, connection:
        key = "(SELECT key FROM sessions WHERE id = 'damaged')"
        connection.execute(f"UPDATE bodies SET text = upper(text) WHERE session = {key}")
    page = opened(open_page, store_server(fresh_server, path))
    press(page, "export")

    choose_format(page, "Sessions (JSON Lines, lossless)", "sessions.jsonl").click()

    reason = page.get_by_text("No file was made: session 'damaged'")
    expect(reason).to_contain_text("is not what was sealed")
    settled(page)
    button = choose_format(page, "List (CSV)", "sessions.csv")
    with page.expect_download():
        button.click()
    expect(reason).to_have_count(0)


def test_text_of_others_stays_text(
    open_page: OpenPage, fresh_server: Serve, path: Path, watch: Watch
) -> None:
    hostile = record(
        HOSTILE, model=HOSTILE, source=HOSTILE, prompt=HOSTILE, tags=(HOSTILE,), group=HOSTILE
    )
    with Store(path) as store:
        store.add([replace(hostile, tokens=(HOSTILE,) * 3)])
    page = opened(open_page, store_server(fresh_server, path), f"?bad={HOSTILE}")
    expect(page.get_by_text("1–1 of 1")).to_be_visible()

    click_row(page, 0)
    expect(page.locator(".st-key-peek_facts")).to_contain_text("Prompt: <img")
    options = open_menu(page.locator(".st-key-filter_model input"))
    expect(options.first).to_contain_text("<img")
    page.keyboard.press("Enter")
    page.wait_for_url("**model=**")
    settled(page)
    page.goto(f"{page.url}&source=nowhere")
    expect(page.get_by_text("0 of 1 match.")).to_be_visible()
    settled(page)

    assert page.evaluate("() => window.pwned") is None
    assert watch.outgoing == []
    assert watch.page_errors == []
