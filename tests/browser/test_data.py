"""The Data page in a real browser: files of others come in, and nothing goes out."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import Page, expect  # noqa: E402  (after importorskip)

from director_ai.storage.store import Store  # noqa: E402
from tests.browser.conftest import OpenPage, Serve, Server, Watch, open_menu, settled  # noqa: E402
from tests.storage.records import record  # noqa: E402

SCRIPT = "<img src=x onerror=window.pwned=1>"
GRID = "[data-testid=stDataFrame]"
PICTURE = "![](http://127.0.0.1:9/x)"


@dataclass(frozen=True, slots=True)
class Shown:
    """A server, and the store it shows."""

    server: Server
    store: Store


@pytest.fixture(scope="module")
def shown(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    file = tmp_path_factory.mktemp("data") / "sessions.db"
    with Store(file) as store:
        yield Shown(serve(env={"DIRECTOR_STORE": str(file)}), store)


@pytest.fixture
def open_data(open_page: OpenPage, shown: Shown) -> Callable[[str], Page]:
    """Open the page at one of its tabs."""

    def open_(tab: str) -> Page:
        page = open_page(shown.server, f"/data?tab={tab}")
        expect(page.locator(".d-title")).to_contain_text("Data")
        settled(page)
        return page

    return open_


def upload(page: Page, key: str, file: Path) -> None:
    page.locator(f".st-key-{key} input[type=file]").set_input_files(file)
    expect(page.locator(".d-status")).to_be_visible()
    settled(page)


def lines(file: Path, *sessions: dict[str, object]) -> Path:
    file.write_text("\n".join(map(json.dumps, sessions)) + "\n", encoding="utf-8")
    return file


def session(name: str, **values: object) -> dict[str, object]:
    return {"id": name, "tokens": ["Hi", " you"], "scores": [0.9, 0.8], **values}


def test_bad_lines_are_named_and_good_ones_imported(
    open_data: Callable[[str], Page], shown: Shown, watch: Watch, tmp_path: Path
) -> None:
    before = shown.store.count()
    page = open_data("import")

    bad = lines(
        tmp_path / "bad.jsonl",
        session("f1"),
        session("f2", scores=[2, 0]),
        session("f3", tokens=7),
    )
    upload(page, "sessions_file", bad)
    expect(page.locator(".d-status")).to_contain_text("2 errors; nothing can be imported.")
    expect(page.locator(".st-key-import button")).to_be_disabled()
    # The grid is a canvas; what it tells screen readers is what it draws.
    problems = page.locator(GRID).first
    expect(problems.get_by_text("scores[0] must be a number in [0, 1], got 2")).to_be_attached()
    expect(problems.get_by_text("tokens must be a list, got 7")).to_be_attached()
    assert shown.store.count() == before

    upload(page, "sessions_file", lines(tmp_path / "good.jsonl", session("f1"), session("f2")))
    expect(page.locator(".d-status")).to_contain_text("2 sessions, 4 tokens")
    page.locator(".st-key-import button").click()
    expect(page.locator(".d-status")).to_contain_text("Imported 2 sessions; open Sessions.")
    assert shown.store.count() == before + 2

    page.locator(".st-key-open_sessions button").click()
    page.wait_for_url("**/sessions*")
    assert watch.page_errors == []


def test_hostile_text_is_shown_as_text_and_asks_for_nothing(
    open_data: Callable[[str], Page], shown: Shown, watch: Watch, tmp_path: Path
) -> None:
    page = open_data("import")
    file = tmp_path / f"{PICTURE.replace('/', '_')}{SCRIPT}.csv"
    cells = [PICTURE, f"{SCRIPT} {PICTURE}", "[0.9, 0.8, 0.7, 0.6]", "![](http://127.0.0.1:9/y)"]
    quoted = [f'"{cell}"' for cell in cells]
    file.write_text(
        f"Nr {PICTURE},Text {SCRIPT},Werte,{PICTURE}\n{','.join(quoted)}\n", encoding="utf-8"
    )

    upload(page, "sessions_file", file)
    for field, column in {
        "tokens": f"Text {SCRIPT}",
        "scores": "Werte",
        "id": f"Nr {PICTURE}",
        "model": PICTURE,
    }.items():
        open_menu(page.locator(f".st-key-map_{field} input"))
        page.get_by_role("option", name=column, exact=True).click()
        settled(page)

    expect(page.locator(".d-status")).to_contain_text("1 session, 4 tokens")
    # A grid tells of the columns in its view: of a session, its id and its text.
    expect(page.locator(GRID)).to_have_count(2)
    for grid in page.locator(GRID).all():
        expect(grid.get_by_text(f"{SCRIPT} {PICTURE}")).to_be_attached()
        expect(grid.get_by_text(PICTURE, exact=True)).to_be_attached()
    settled(page)
    page.locator(".st-key-import button").click()
    expect(page.locator(".d-status")).to_contain_text("Imported 1 session")
    assert shown.store.get(PICTURE).model == "![](http://127.0.0.1:9/y)"
    assert page.evaluate("() => window.pwned") is None
    assert watch.outgoing == []


def test_hostile_labels_and_sessions_stay_text_on_the_other_tabs(
    open_data: Callable[[str], Page], shown: Shown, watch: Watch, tmp_path: Path
) -> None:
    shown.store.add([record("labelled")])
    file = tmp_path / "labels.csv"
    said = f"id,label,note,author\nlabelled,bad,{SCRIPT},{PICTURE}\nlabelled,good,x,{SCRIPT}\n"
    file.write_text(said, encoding="utf-8")
    page = open_data("labels")
    file_input = page.locator(".st-key-labels_file input[type=file]")
    file_input.set_input_files(file)
    expect(page.get_by_text("2 labels of 1 session.")).to_be_visible()
    page.locator(".st-key-apply_labels button").click()
    expect(page.get_by_text("Added 2 labels.")).to_be_visible()
    settled(page)

    expect(page.locator(GRID).first.get_by_text(PICTURE)).to_be_attached()
    expect(page.get_by_text("labelled 1 session; on 0 (0 %) they agree.")).to_be_visible()
    page.get_by_role("tab", name="Recorder").click()
    expect(page.get_by_text("Waiting for the first session")).to_be_visible()
    shown.store.add([record(f"{SCRIPT}{PICTURE}", model=PICTURE, source=SCRIPT)])
    expect(page.get_by_text(f"✓ received: {SCRIPT}{PICTURE}, 3 tokens")).to_be_visible()

    assert page.evaluate("() => window.pwned") is None
    assert watch.outgoing == []


def test_a_session_of_another_process_is_received_within_moments(
    open_data: Callable[[str], Page], shown: Shown, watch: Watch
) -> None:
    page = open_data("Recorder")
    expect(page.get_by_text("Waiting for the first session")).to_be_visible()
    expect(page.locator(".stCode")).to_contain_text(shown.store.name)

    shown.store.add([record("arrived")])

    expect(page.get_by_text("✓ received: arrived, 3 tokens")).to_be_visible()
    page.locator(".st-key-open_received button").click()
    page.wait_for_url("**/session?id=arrived*")
    assert watch.page_errors == []


def test_the_tab_is_in_the_address_and_labels_and_backup_download(
    open_data: Callable[[str], Page], shown: Shown, tmp_path: Path
) -> None:
    page = open_data("import")

    page.get_by_role("tab", name="Storage").click()
    page.wait_for_url("**tab=Storage")
    with page.expect_download() as download:
        page.locator(".st-key-backup button").click()

    download.value.save_as(tmp_path / "copy.db")
    with Store(tmp_path / "copy.db") as copy:
        assert copy.ids() == shown.store.ids()
