"""The demo in a real browser: a stream is watched, halted and explained."""

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import Page, expect  # noqa: E402  (after importorskip)

from tests.browser.conftest import OpenPage, Server, Watch, settled  # noqa: E402

GRAPH = ".st-key-curve .js-plotly-plot"
N_POINTS = f"""() => {{
  const plot = document.querySelector('{GRAPH}');
  return plot?.data?.find(trace => trace.name === 'Coherence')?.x.length ?? 0;
}}"""


def wait_for_points(page: Page, at_least: int) -> None:
    page.wait_for_function(f"n => ({N_POINTS})() >= n", arg=at_least)


def play(page: Page) -> None:
    page.locator(".st-key-play button").click()


def halted(page: Page) -> None:
    expect(page.locator(".d-status")).to_contain_text("Stopped at token")
    settled(page)


def open_fast(open_page: OpenPage, server: Server, query: str = "") -> Page:
    page = open_page(server, f"/?x=20&src=honeybees-fabrication{query}")
    expect(page.locator(f"{GRAPH} .main-svg").first).to_be_visible()
    settled(page)
    return page


@pytest.fixture
def trap() -> Iterator[tuple[int, list[str]]]:
    """A listener that nothing may ever ask for anything."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listener:
        threading.Thread(target=listener.serve_forever, daemon=True).start()
        yield listener.server_address[1], asked
        listener.shutdown()


def test_the_curve_moves_within_two_seconds_of_play(
    open_page: OpenPage, app_server: Server, watch: Watch
) -> None:
    page = open_page(app_server)
    expect(page.locator(f"{GRAPH} .main-svg").first).to_be_visible()

    play(page)

    wait_for_points(page, 3)
    assert watch.page_errors == []
    assert watch.outgoing == []


def test_the_halt_and_its_reason_are_on_screen_together(
    open_page: OpenPage, app_server: Server
) -> None:
    page = open_fast(open_page, app_server)
    page.evaluate(
        f"""() => {{
          const look = () => {{
            const plot = document.querySelector('{GRAPH}');
            const said = document.querySelector('.d-status')?.innerText ?? '';
            const drawn = plot?.data?.some(trace => trace.name === 'Halt') ?? false;
            if (said.startsWith('Stopped at') && !window.saidAt) window.saidAt = performance.now();
            if (drawn && !window.drawnAt) window.drawnAt = performance.now();
            if (!(window.saidAt && window.drawnAt)) requestAnimationFrame(look);
          }};
          look();
        }}"""
    )

    play(page)
    halted(page)

    page.wait_for_function("() => window.saidAt && window.drawnAt")
    # Said no later than the frame after the one that draws it, at 30 frames a second.
    assert page.evaluate("() => window.saidAt - window.drawnAt") < 67
    box = page.locator(".d-status").bounding_box()
    assert box is not None
    assert 0 <= box["y"] < box["y"] + box["height"] <= 900
    expect(page.locator(".d-status")).to_contain_text("hard limit 0.5 (")
    expect(page.locator(".d-status")).to_contain_text("the line through the last 5 tokens fell by")
    expect(page.locator(".d-status")).to_contain_text("Not broken: ")


def test_no_update_remounts_the_chart_and_a_zoom_survives(
    open_page: OpenPage, app_server: Server
) -> None:
    page = open_fast(open_page, app_server, "&h=0.3&a=0.3")
    page.evaluate(f"() => {{ document.querySelector('{GRAPH}').mine = true; }}")
    play(page)
    wait_for_points(page, 5)
    box = page.locator(f"{GRAPH} .nsewdrag").first.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 60, box["y"] + 80)
    page.mouse.down()
    page.mouse.move(box["x"] + 260, box["y"] + 90, steps=4)
    page.mouse.up()
    shown = "document.querySelector('" + GRAPH + "').layout.xaxis.range.map(x => Math.round(x))"
    zoomed = page.evaluate(shown)

    wait_for_points(page, 60)

    assert page.evaluate(f"() => document.querySelector('{GRAPH}').mine") is True
    assert page.evaluate(shown) == zoomed


def test_a_stream_of_two_thousand_tokens_stays_fluid(
    open_page: OpenPage, app_server: Server, tmp_path: Path
) -> None:
    record = {"id": "long", "tokens": [" word"] * 2000, "scores": [0.9, 0.88] * 1000}
    file = tmp_path / "long.jsonl"
    file.write_text(json.dumps(record))
    page = open_page(app_server, "/?x=20&from=File")
    page.locator(".st-key-upload input[type=file]").set_input_files(file)
    expect(page.locator(".d-status")).to_contain_text("Ready: 2000 tokens")
    play(page)
    wait_for_points(page, 5)
    page.evaluate(
        f"""() => {{
          window.seen = {{redraws: 0, shift: 0, from: performance.now()}};
          document.querySelector('{GRAPH}').on('plotly_afterplot', () => {{ seen.redraws += 1; }});
          new PerformanceObserver(list => list.getEntries().forEach(entry => {{
            if (!entry.hadRecentInput) seen.shift += entry.value;
          }})).observe({{type: 'layout-shift'}});
        }}"""
    )

    page.evaluate(
        """() => new Promise(done => {
          const look = () => seen.redraws >= 20 ? done() : setTimeout(look, 50);
          look();
        })"""
    )

    seen = page.evaluate("() => ({...seen, seconds: (performance.now() - seen.from) / 1000})")
    assert seen["redraws"] / seen["seconds"] <= 5.5
    assert seen["shift"] < 0.001


def test_keys_play_pause_step_and_jump(open_page: OpenPage, app_server: Server) -> None:
    page = open_fast(open_page, app_server)
    page.keyboard.press("Space")
    halted(page)
    where = page.locator(".st-key-t [data-testid=stSliderThumbValue]")

    page.keyboard.press("ArrowLeft")
    expect(where).to_have_text("90")
    settled(page)
    page.keyboard.press("h")
    expect(where).to_have_text("91")
    settled(page)
    page.keyboard.press("Home")
    expect(where).to_have_text("0")
    settled(page)
    page.locator(".st-key-restart button").first.click()
    expect(page.locator(".d-status")).to_contain_text("Ready")
    settled(page)
    page.keyboard.press("ArrowRight")
    expect(page.locator(".d-status")).to_contain_text("The next token must be")


def test_other_limits_judge_the_tokens_seen_at_once_and_can_be_played_on(
    open_page: OpenPage, app_server: Server
) -> None:
    page = open_fast(open_page, app_server, "&d=1.5")
    play(page)
    halted(page)

    for key in ("a", "h"):
        # On the slider itself: without the focus, the key moves the cursor of the picture.
        page.locator(f".st-key-{key}").get_by_role("slider").press("Home")
        # A press that comes while the last one's answer is drawn may be taken back.
        settled(page)
    expect(page.locator(".d-status")).to_contain_text("What-if: it would not have stopped here.")
    expect(page).to_have_url(re.compile(r"[?&]a=0(\.0+)?(&|$)"))

    page.get_by_role("button", name="Run on").click()
    wait_for_points(page, 95)


def test_hostile_text_is_shown_and_never_obeyed(
    open_page: OpenPage, app_server: Server, watch: Watch, trap: tuple[int, list[str]]
) -> None:
    port, asked = trap
    hostile = [
        '<img src=x onerror="window.pwned=1">',
        f"![](http://127.0.0.1:{port}/markdown)",
        f'<img src="http://127.0.0.1:{port}/html">',
        "<script>window.pwned=1</script>",
        "[link](javascript:window.pwned=1)",
    ]
    page = open_page(app_server, "/?x=20&from=Paste+text")
    page.locator(".st-key-pasted_facts textarea").fill("\n\n".join(hostile))
    page.locator(".st-key-pasted_answer textarea").fill(" ".join(hostile))
    page.keyboard.press("Control+Enter")
    page.locator(".st-key-pasted_prompt input").fill(hostile[1])
    page.keyboard.press("Enter")
    expect(page.locator(".d-status")).to_contain_text("Ready")
    settled(page)

    play(page)
    expect(page.locator(".st-key-play")).to_contain_text("Play again")
    settled(page)
    shown = page.locator(".st-key-tokens .tokens").inner_text().replace("\n", "")
    page.get_by_role("link", name="Look at this session").click()
    expect(page.locator(".d-title")).to_contain_text("Session")
    expect(page.locator(".d-facts")).to_contain_text("![](http://127.0.0.1")

    assert "<img src=x onerror=" in shown
    assert page.evaluate("() => window.pwned") is None
    assert asked == []
    assert watch.outgoing == []


def test_a_file_that_cannot_be_read_names_its_line(
    open_page: OpenPage, app_server: Server, tmp_path: Path
) -> None:
    file = tmp_path / "bad.jsonl"
    file.write_text('{"id": "a", "tokens": ["x"], "scores": [0.5]}\n{"id": "b", "tokens": [1]}\n')
    page = open_page(app_server, "/?from=File")

    page.locator(".st-key-upload input[type=file]").set_input_files(file)

    expect(page.locator(".d-status")).to_contain_text("bad.jsonl, line 2: scores must be present")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_presenter_mode_is_larger_in_either_theme(
    open_page: OpenPage, app_server: Server, scheme: str
) -> None:
    page = open_page(app_server, "/?presenter=true", color_scheme=scheme)  # type: ignore[arg-type]
    expect(page.locator(f"{GRAPH} .main-svg").first).to_be_visible()

    font = page.evaluate(f"() => document.querySelector('{GRAPH}').layout.font.size")
    background = page.evaluate(
        "() => getComputedStyle(document.querySelector('.stApp')).backgroundColor"
    )

    assert font == 18
    assert background == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(14, 17, 23)")
