"""The two components in a real browser: they stay mounted, stay calm and obey nobody's text."""

import io
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlencode

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from director_ai.figures.theme import DARK, LIGHT, Palette
from tests.browser.conftest import OpenPage, Serve, Server, Watch, act_until, settled

APP = Path(__file__).parent / "apps" / "components_app.py"
THEMES: list[tuple[Literal["light", "dark"], Palette]] = [("light", LIGHT), ("dark", DARK)]
BOTH_THEMES = pytest.mark.parametrize(("theme", "colours"), THEMES, ids=["light", "dark"])

Rgb = tuple[int, int, int]


@pytest.fixture(scope="module")
def server(serve: Serve) -> Server:
    return serve(APP)


@pytest.fixture(autouse=True)
def quiet(watch: Watch) -> Iterator[None]:
    """Whatever a test does, nothing may fail in the page or leave the host."""
    yield
    assert watch == Watch()


@pytest.fixture
def listener() -> Iterator[tuple[int, list[bytes]]]:
    """A port of somebody else's, and what it was asked for."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as trap:

        def listen() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = trap.accept()
                    with connection:
                        connection.settimeout(1)
                        heard.append(b"")
                        with suppress(OSError):
                            heard[-1] = connection.recv(1000)

        thread = threading.Thread(target=listen)
        thread.start()
        yield trap.getsockname()[1], heard
        trap.shutdown(socket.SHUT_RDWR)
        thread.join()


def graph(page: Page, key: str = "curve") -> Locator:
    drawn = page.locator(f".st-key-{key} .graph.js-plotly-plot")
    expect(drawn.locator(".main-svg").first).to_be_visible()
    return drawn


def tokens(page: Page) -> Locator:
    return page.locator(".st-key-tokens bdi")


def x_range(page: Page) -> list[float]:
    found: list[float] = graph(page).evaluate("e => e._fullLayout.xaxis.range.map(Number)")
    return found


def axis_words(page: Page) -> dict[str, float]:
    """Return how many words are on the axis of tokens, and how many pixels they are apart."""
    found: dict[str, float] = graph(page).evaluate(
        """e => {
          const {tickvals, range, _length} = e._fullLayout.xaxis;
          const apart = (tickvals[1] - tickvals[0]) * _length / (range[1] - range[0]);
          return {n: tickvals.length, apart};
        }"""
    )
    return found


def again(page: Page, n_runs: int) -> None:
    """Run the whole script ``n_runs`` times with other data each time."""
    slider = page.locator(".st-key-shift").get_by_role("slider")
    slider.focus()
    for _ in range(n_runs):
        before = page.get_by_text(re.compile("^runs ")).inner_text()
        page.keyboard.press("ArrowRight")
        expect(page.get_by_text(re.compile("^runs "))).not_to_have_text(before)
    settled(page)


def rgb(colour: str) -> Rgb:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def css_rgb(colour: str) -> str:
    return "rgb({}, {}, {})".format(*rgb(colour))


def colours_of(png: bytes) -> dict[Rgb, int]:
    """Return how many pixels of an image have which colour."""
    with Image.open(io.BytesIO(png)) as image:
        counted = image.convert("RGB").getcolors(maxcolors=1 << 24)
    assert counted is not None
    return {colour: count for count, colour in counted}  # type: ignore[misc]


def test_a_moved_handle_is_reported_again_where_a_value_of_before_comes_back(
    open_page: OpenPage, server: Server
) -> None:
    page = open_page(server, "/?limit=1")
    graph(page)
    handle = page.get_by_role("slider", name="Limit line on the chart")

    handle.press("ArrowDown")
    expect(page.get_by_text("limit 0.49 after move 1")).to_be_visible()
    settled(page)
    handle.press("ArrowDown")

    # The second report is lost, which the page answers with 0.49.
    expect(page.get_by_text("limit 0.48 after move 3")).to_be_visible()
    expect(handle).to_have_text("0.48")


def test_both_stay_the_same_elements_over_ten_runs_with_other_data(
    open_page: OpenPage, server: Server
) -> None:
    page = open_page(server)
    mark = "e => { e.marked = true; }"
    graph(page).evaluate(mark)
    graph(page).locator(".main-svg").first.evaluate(mark)
    tokens(page).nth(3).evaluate(mark)
    first_floor = graph(page).evaluate("e => e.data[1].y[0]")
    classes = tokens(page).evaluate_all("es => es.map(e => e.className)")

    again(page, 10)

    is_marked = "e => e.marked === true"
    assert graph(page).evaluate(is_marked)
    assert graph(page).locator(".main-svg").first.evaluate(is_marked)
    assert tokens(page).nth(3).evaluate(is_marked)
    assert graph(page).evaluate("e => e.data[1].y[0]") == pytest.approx(first_floor + 0.1)
    assert tokens(page).evaluate_all("es => es.map(e => e.className)") != classes


def test_a_zoom_drawn_while_the_chart_is_fed_stays_until_it_is_reset(
    open_page: OpenPage, server: Server
) -> None:
    page = open_page(server, "/?live=1&n=100")
    box = graph(page).locator(".nsewdrag").first.bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 0.3 * box["width"], middle)
    page.mouse.down()
    for step in range(12):
        page.mouse.move(box["x"] + (0.3 + 0.02 * step) * box["width"], middle)
        page.wait_for_timeout(50)
    page.mouse.up()
    zoomed = x_range(page)
    n_before = graph(page).evaluate("e => e.data[0].x.length")
    page.wait_for_function(
        "n => document.querySelector('.st-key-curve .graph').data[0].x.length > n + 40",
        arg=n_before,
    )

    assert zoomed[1] - zoomed[0] < 80
    assert x_range(page) == zoomed

    graph(page).hover()
    page.locator(".st-key-curve [data-title='Reset axes']").click()
    page.wait_for_timeout(500)
    assert x_range(page)[1] >= n_before + 40


def test_text_of_tokens_is_text_and_keeps_apart_on_a_narrow_axis(
    open_page: OpenPage, server: Server, listener: tuple[int, list[bytes]]
) -> None:
    port, heard = listener
    attacks = [
        f"<img src=http://127.0.0.1:{port}/a onerror=\"document.title='owned'\">",
        f"![](http://127.0.0.1:{port}/b)",
        f"<style>@import 'http://127.0.0.1:{port}/c';</style>",
        "<script>document.title='owned'</script>",
        "</bdi></div>",
        ":material/home: :red[x] $x$",
        "&lt;b&gt;",
    ]
    query = urlencode([("attack", each) for each in [*attacks, "\u202etxt.exe\u200b"]])

    page = open_page(server, f"/?n=30&{query}")

    expect(tokens(page)).to_have_count(38)
    page.wait_for_timeout(500)
    assert tokens(page).evaluate_all("es => es.slice(-8).map(e => e.textContent)") == [
        *attacks,
        "⟨U+202E⟩txt.exe⟨U+200B⟩",
    ]
    assert page.locator(".st-key-tokens .tokens :not(bdi, .waiting, .halt > b)").count() == 0
    assert page.title() == "Components"
    assert heard == []

    assert axis_words(page)["n"] == 30
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_function(
        "key => document.querySelector(key)._fullLayout.xaxis.tickvals.length < 30",
        arg=".st-key-curve .graph",
    )
    assert axis_words(page)["apart"] >= 17


def test_a_clicked_token_comes_back_once_as_its_index(open_page: OpenPage, server: Server) -> None:
    page = open_page(server)

    tokens(page).nth(7).click()
    expect(page.get_by_text("picked 7 ")).to_be_visible()

    page.locator(".st-key-again button").click()
    expect(page.get_by_text("picked None ")).to_be_visible()


def test_a_clicked_point_comes_back_with_its_curve(open_page: OpenPage, server: Server) -> None:
    page = open_page(server)
    # Pixel of the hundredth point of the coherence curve, which is not the first trace.
    x, y = graph(page).evaluate(
        """e => { const {xaxis, yaxis} = e._fullLayout, box = e.getBoundingClientRect();
        return [box.x + xaxis._offset + xaxis.d2p(100),
                box.y + yaxis._offset + yaxis.d2p(e.data[2].y[100])]; }"""
    )

    page.mouse.move(x, y)
    page.wait_for_timeout(200)
    page.mouse.click(x, y)

    expect(page.get_by_text("clicked ('coherence', 100, 'token 100') callback")).to_be_visible()
    expect(page.get_by_text("callback token 100")).to_be_visible()


def test_a_clicked_cell_of_a_map_comes_back_with_its_customdata(
    open_page: OpenPage, server: Server
) -> None:
    page = open_page(server, "/?map=1")
    box = graph(page, "map").locator(".nsewdrag").first.bounding_box()
    assert box is not None

    # Column 3 of 8 from the left, row 1 of 6 from below.
    x, y = box["x"] + box["width"] * 3.5 / 8, box["y"] + box["height"] * 4.5 / 6
    page.mouse.move(x, y)
    page.wait_for_timeout(200)
    page.mouse.click(x, y)

    expect(page.get_by_text("map cell 3,1")).to_be_visible()


@BOTH_THEMES
def test_tokens_have_the_colours_of_the_theme(
    open_page: OpenPage, server: Server, theme: Literal["light", "dark"], colours: Palette
) -> None:
    page = open_page(server, color_scheme=theme)
    halt = tokens(page).nth(13)

    expect(halt).to_have_class(re.compile(r"\bhalt\b"))
    assert page.locator(".st-key-tokens .halt").count() == 1
    expect(halt.locator("b")).to_have_css("outline-color", css_rgb(colours.trend))
    expect(halt).to_have_css("border-bottom-style", "dotted")
    expect(tokens(page).nth(11)).to_have_css("border-bottom-style", "dashed")
    # One that is fine bears no mark at all.
    expect(tokens(page).nth(9)).to_have_class("")
    expect(tokens(page).nth(14)).to_have_css("color", css_rgb(colours.muted))
    painted = colours_of(page.locator(".st-key-tokens .tokens").screenshot())
    assert max(painted, key=painted.__getitem__) == rgb(colours.page)
    for heat in colours.heat[1:]:
        assert painted.get(rgb(heat), 0) > 100, heat


@BOTH_THEMES
def test_the_picture_to_download_is_opaque_and_twice_as_large(
    open_page: OpenPage, server: Server, theme: Literal["light", "dark"], colours: Palette
) -> None:
    page = open_page(server, color_scheme=theme)
    graph(page).hover()

    with page.expect_download() as download:
        page.locator(".st-key-curve [data-title='Download as PNG']").click()

    assert download.value.suggested_filename == "curve.png"
    png = download.value.path().read_bytes()
    box = graph(page).bounding_box()
    assert box is not None
    with Image.open(io.BytesIO(png)) as image:
        assert image.size == (2 * int(box["width"]), 600)
        assert image.convert("RGBA").getchannel("A").getextrema() == (255, 255)
    painted = colours_of(png)
    assert max(painted, key=painted.__getitem__) == rgb(colours.page)
    assert painted[rgb(colours.window)] > 100


def test_the_modebar_offers_the_picture_and_the_reset_and_nothing_else(
    open_page: OpenPage, server: Server
) -> None:
    page = open_page(server)

    titles = graph(page).locator(".modebar-btn").evaluate_all("es => es.map(e => e.dataset.title)")

    assert titles == ["Download as PNG", "Reset axes"]


def test_a_change_of_theme_recolours_everything_without_a_run(
    open_page: OpenPage, server: Server
) -> None:
    page = open_page(server, color_scheme="dark")
    graph(page)
    runs = page.get_by_text(re.compile("^runs ")).inner_text()

    page.emulate_media(color_scheme="light")

    expect(page.locator(".st-key-tokens .tokens")).to_have_attribute("data-theme", "light")
    page.wait_for_function(
        "colour => document.querySelector('.st-key-curve .graph').data[2].line.color === colour",
        arg=LIGHT.coherence,
    )
    drawn = graph(page).evaluate(
        "e => [e.data[1].fillcolor, e.data[3].marker.line.color, e._fullLayout.paper_bgcolor]"
    )
    assert [each.lower() for each in drawn] == ["rgba(29,78,216,0.1)", "#ffffff", "#ffffff"]
    assert page.get_by_text(re.compile("^runs ")).inner_text() == runs


MEASURE = """() => {
  window.measured = {shift: 0};
  new PerformanceObserver(list => list.getEntries().forEach(e => {
    // Streamlit itself widens the page when it hears of layout="wide".
    const ours = e.sources.some(s => s.node?.dataset?.testid !== 'stMainBlockContainer');
    if (ours && !e.hadRecentInput) window.measured.shift += e.value;
  })).observe({type: 'layout-shift', buffered: BUFFERED});
}"""


def measure(page: Page, *, from_the_start: bool) -> None:
    page.evaluate(MEASURE.replace("BUFFERED", "true" if from_the_start else "false"))


def measured(page: Page) -> dict[str, Any]:
    found: dict[str, Any] = page.evaluate("() => window.measured")
    return found


def test_nothing_moves_while_two_thousand_tokens_come(open_page: OpenPage, server: Server) -> None:
    page = open_page(server, "/?live=1&hold=1&n=1800&until=2000")
    graph(page)
    expect(tokens(page)).to_have_count(1800)
    measure(page, from_the_start=False)

    page.locator(".st-key-again button").click()
    expect(tokens(page)).to_have_count(2000)

    assert measured(page)["shift"] == 0


def test_nothing_moves_while_the_page_loads(open_page: OpenPage, server: Server) -> None:
    page = open_page(server)
    graph(page)
    measure(page, from_the_start=True)
    page.wait_for_timeout(300)

    assert measured(page)["shift"] == 0


AT_REST = """async e => {
  const top = e.scrollTop;
  await new Promise(done => setTimeout(done, 500));
  return e.scrollTop === top;
}"""


def test_the_box_follows_the_newest_token_unless_scrolled_up(
    open_page: OpenPage, server: Server
) -> None:
    page = open_page(server, "/?live=1&n=600")
    box = page.locator(".st-key-tokens .tokens")
    to_end = "e => e.scrollHeight - e.scrollTop - e.clientHeight"
    n_tokens = tokens(page).count()
    page.wait_for_function(
        "n => document.querySelector('.st-key-tokens [data-testid=stBidiComponentIsolated]')"
        ".shadowRoot.querySelectorAll('bdi').length > n + 20",
        arg=n_tokens,
    )
    assert box.evaluate(to_end) < 2

    box.hover()
    act_until(
        lambda: page.mouse.wheel(0, -300),
        lambda ms: page.wait_for_function(
            f"e => ({to_end})(e) > 200", arg=box.element_handle(), timeout=ms
        ),
    )
    # The browser scrolls for some frames, longer the busier it is; then nothing moves the text.
    page.wait_for_function(AT_REST, arg=box.element_handle())
    top = box.evaluate("e => e.scrollTop")
    page.wait_for_timeout(1000)

    assert box.evaluate("e => e.scrollTop") == top
    assert box.evaluate(to_end) > 200


def test_both_have_an_accessible_name(open_page: OpenPage, server: Server) -> None:
    page = open_page(server)

    finding = "Coherence stays above every floor until the last token."
    expect(page.get_by_role("figure", name=finding)).to_be_visible()
    expect(page.get_by_role("region", name="Tokens")).to_be_visible()


def test_without_plotly_js_the_chart_is_a_sentence(
    open_page: OpenPage, server: Server, watch: Watch
) -> None:
    page = open_page(server)
    page.route("**/plotly.min.js", lambda route: route.abort())
    page.reload()

    note = page.locator(".st-key-curve .note")
    expect(note).to_contain_text("plotly.js did not load")
    expect(note).to_contain_text("Coherence stays above every floor")
    box = page.locator(".st-key-curve .director-chart").bounding_box()
    assert box is not None
    assert box["height"] == 300
    assert all("ERR_FAILED" in error for error in watch.console_errors)
    watch.console_errors.clear()


def test_the_server_takes_our_configuration_without_a_word(
    open_page: OpenPage, server: Server
) -> None:
    open_page(server)

    log = server.log.read_text()
    assert "warn" not in log.lower()
    assert "not a valid" not in log
    assert "127.0.0.1" in log
