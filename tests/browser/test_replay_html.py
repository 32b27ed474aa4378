"""The one-file replay in a real browser, opened from a disk."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import Browser, Page, expect  # noqa: E402  (after importorskip)

from director_ai.core.records.record import SessionRecord, without_text
from director_ai.figures.theme import DARK, LIGHT, rgba
from director_ai.reports.replay_html import session_html
from director_ai.sources.sample_sessions import samples

BEES = samples()["honeybees-fabrication"]
HALT = 91
PAYLOADS = (
    "</script><img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "![](http://127.0.0.1:1/x)",
    "javascript:alert(1)",
    "pay\u202etxt.exe",
    "&lt;b&gt;",
)


@dataclass(slots=True)
class Opened:
    """A page opened from a file, and what it did besides showing itself."""

    page: Page
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)


class Opener:
    def __init__(self, chromium: Browser, folder: Path, closing: ExitStack) -> None:
        self._chromium, self._folder, self._closing = chromium, folder, closing

    def __call__(self, record: SessionRecord, **context: Any) -> Opened:
        file = self._folder / "replay.html"
        file.write_text(session_html(record), encoding="utf-8")
        options = {"viewport": {"width": 1280, "height": 900}, **context}
        opened = self._chromium.new_context(**options)
        self._closing.callback(opened.close)
        page = opened.new_page()
        seen = Opened(page)

        def dismiss(dialog: Any) -> None:
            seen.dialogs.append(dialog.message)
            dialog.dismiss()

        page.on("request", lambda request: seen.requests.append(request.url))
        page.on("pageerror", lambda error: seen.errors.append(str(error)))
        page.on("console", lambda message: seen.errors.append(message.text))
        page.on("dialog", dismiss)
        page.goto(file.as_uri())
        expect(page.locator("#chart .curve").first).to_be_attached()
        return seen


@pytest.fixture
def open_replay(chromium: Browser, tmp_path: Path) -> Iterator[Opener]:
    with ExitStack() as closing:
        yield Opener(chromium, tmp_path, closing)


def at(page: Page, index: int) -> None:
    expect(page.locator("#where")).to_have_text(f"token {index} (0–{BEES.n_tokens - 1})")


def test_it_opens_at_the_halt_and_says_why(open_replay: Opener) -> None:
    opened = open_replay(BEES)
    page = opened.page

    expect(page.locator("h1")).to_contain_text(
        "Would have stopped at token 91: the score fell to 0.351"
    )
    at(page, HALT)
    expect(page.locator("#margins .hard")).to_have_text("■ hard −0.149 broken")
    expect(page.locator("#margins .trend")).to_have_text("▲ trend −0.058 broken")
    expect(page.locator("#next")).to_have_text("The stream would end here.")
    expect(page.locator("#tokens .halt")).to_have_text(BEES.tokens[HALT])
    expect(page.locator("#tokens .undelivered")).to_have_count(BEES.n_tokens - HALT)
    expect(page.locator("#chart .halt .note")).to_have_text("✖ would stop at 91")
    expect(page.locator("#chart .onset text")).to_have_text("▽ goes wrong here (label)")
    expect(page.locator("#chart .windows .name")).to_have_text(["fell by 0.208", "mean 0.584"])
    expect(page.locator("#facts")).to_contain_text("What is the waggle dance?")
    assert page.title() == "honeybees-fabrication · session replay"
    assert opened.errors == []
    assert len(opened.requests) == 1


def test_it_plays_to_the_halt_and_stays_there(open_replay: Opener) -> None:
    opened = open_replay(BEES)
    page = opened.page
    page.locator("#speed").select_option("100")
    page.locator("h1").click()

    page.keyboard.press("Space")
    expect(page.locator("#play-word")).to_have_text("Pause")
    expect(page.locator("#tokens .future").first).to_be_attached()
    expect(page.locator("#play-word")).to_have_text("Play")

    at(page, HALT)
    expect(page.locator("#announce")).to_contain_text("Would have stopped at token 91")
    expect(page.locator("#tokens .future")).to_have_count(BEES.n_tokens - HALT - 1)

    page.keyboard.press("Space")
    at(page, BEES.n_tokens - 1)
    expect(page.locator("#tokens .future")).to_have_count(0)
    assert opened.errors == []


def test_a_step_that_would_pass_the_halt_ends_on_it(open_replay: Opener) -> None:
    # Two pictures a second: a step of 250 tokens.
    page = open_replay(BEES, reduced_motion="reduce").page
    page.locator("#speed").select_option("500")

    page.locator("#play").click()
    at(page, 0)
    at(page, HALT)
    expect(page.locator("#play-word")).to_have_text("Play")


def test_the_keys_step_and_jump(open_replay: Opener) -> None:
    page = open_replay(BEES).page

    for key, index in (
        ("Home", 0),
        ("ArrowLeft", 0),
        ("ArrowRight", 1),
        ("ArrowRight", 2),
        ("h", HALT),
        ("ArrowLeft", HALT - 1),
        ("End", BEES.n_tokens - 1),
        ("ArrowRight", BEES.n_tokens - 1),
        ("H", HALT),
    ):
        page.keyboard.press(key)
        at(page, index)


def test_the_keys_change_the_picture_and_nothing_moves_by_it(open_replay: Opener) -> None:
    page = open_replay(BEES).page
    legend, controls = page.locator("#legend"), page.locator("#controls")
    place = controls.bounding_box()
    expect(page.locator("#rules")).to_have_attribute("aria-pressed", "true")
    expect(legend).to_contain_text("Mean below its limit")
    expect(page.locator("#chart .bracket")).to_have_count(2)

    page.keyboard.press("f")
    expect(page.locator("#floor")).to_have_attribute("aria-pressed", "true")
    expect(legend).to_contain_text("The window rule halts below")
    expect(page.locator("#chart .bracket")).to_have_count(0)
    at(page, HALT)
    assert controls.bounding_box() == place

    page.locator("#rules").click()
    expect(page.locator("#chart .bracket")).to_have_count(2)
    page.keyboard.press("ArrowLeft")
    # Those of the halt and of the cursor; their figures are said of the cursor alone.
    expect(page.locator("#chart .bracket")).to_have_count(4)
    expect(page.locator("#chart .windows .name")).to_have_text(["mean 0.610"])


def test_the_slider_and_the_chart_and_the_text_move_the_cursor(open_replay: Opener) -> None:
    page = open_replay(BEES).page

    page.locator("#scrub").focus()
    page.keyboard.press("Home")
    at(page, 0)
    page.keyboard.press("ArrowRight")
    at(page, 1)
    page.locator("#scrub").fill("40")
    at(page, 40)
    page.locator("#tokens bdi").nth(12).click()
    at(page, 12)

    chart = page.locator("#chart").bounding_box()
    halt_line = page.locator("#chart .halt .upright").bounding_box()
    assert chart is not None
    assert halt_line is not None
    page.mouse.move(chart["x"] + 200, chart["y"] + 150)
    page.mouse.down()
    page.mouse.move(halt_line["x"] + halt_line["width"] / 2, chart["y"] + 150, steps=4)
    page.mouse.up()
    at(page, HALT)


def test_every_control_is_reached_by_tab_and_space_presses_the_one_in_focus(
    open_replay: Opener,
) -> None:
    page = open_replay(BEES).page

    reached = []
    for _ in range(11):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("() => document.activeElement.id"))
    assert reached == [
        *("first", "back", "play", "ahead", "last", "halt", "scrub", "speed"),
        *("rules", "floor", "tokens"),
    ]
    page.locator("#back").focus()
    page.keyboard.press("Space")
    at(page, HALT - 1)
    expect(page.locator("#play-word")).to_have_text("Play")


def test_a_click_on_a_button_leaves_the_space_key_to_play(open_replay: Opener) -> None:
    page = open_replay(BEES).page

    page.locator("#first").click()
    page.keyboard.press("Space")

    expect(page.locator("#play-word")).to_have_text("Pause")


def test_nothing_moves_while_it_plays(open_replay: Opener) -> None:
    page = open_replay(BEES).page
    page.locator("#speed").select_option("100")
    places = """() =>
        ["chart", "controls", "scrub", "speed", "readout", "margins", "tokens", "facts"]
        .map((id) => document.getElementById(id).getBoundingClientRect())
        .map(({x, y, width, height}) => [x, y, width, height].join())
        .concat(Array.from(document.querySelectorAll("#margins span, #tokens bdi"),
                           (node) => node.offsetLeft + "," + node.offsetTop))"""
    before = page.evaluate(places)

    page.locator("#play").click()
    for _ in range(8):
        time.sleep(0.1)
        assert page.evaluate(places) == before


def test_text_of_others_is_shown_as_text(open_replay: Opener) -> None:
    tokens = [*PAYLOADS, *BEES.tokens[len(PAYLOADS) :]]
    nasty = PAYLOADS[0]
    opened = open_replay(
        replace(BEES, id=nasty, model=nasty, source=PAYLOADS[2], prompt=nasty, tokens=tuple(tokens))
    )
    page = opened.page
    page.keyboard.press("Home")
    for _ in PAYLOADS:
        page.keyboard.press("ArrowRight")
    page.wait_for_timeout(200)

    shown = page.locator("#tokens bdi")
    for index, payload in enumerate(PAYLOADS):
        expected = payload.replace("\u202e", "⟨U+202E⟩")
        assert shown.nth(index).evaluate("node => node.textContent") == expected
    expect(page.locator("#facts")).to_contain_text(nasty)
    assert page.locator("img, a, iframe, object, embed, form").count() == 0
    assert page.locator("script").count() == 2
    assert opened.dialogs == []
    assert opened.errors == []
    assert len(opened.requests) == 1


def test_the_policy_in_the_page_stops_what_a_script_would_ask_for(open_replay: Opener) -> None:
    opened = open_replay(BEES)

    refused = opened.page.evaluate(
        """async () => {
            const said = new Promise((done) => document.addEventListener(
                "securitypolicyviolation", (event) => done(event.effectiveDirective)));
            new Image().src = "http://127.0.0.1:1/x";
            return said;
        }"""
    )

    assert refused == "img-src"
    inline = opened.page.evaluate(
        """() => {
            const script = document.createElement("script");
            script.textContent = "window.ran = true";
            document.body.append(script);
            return window.ran === undefined;
        }"""
    )
    assert inline


def test_a_session_without_its_text_says_so(open_replay: Opener) -> None:
    page = open_replay(without_text(BEES)).page

    expect(page.locator("#withheld")).to_be_visible()
    expect(page.locator("#tokens bdi").first).to_have_text("▒" * len(BEES.tokens[0]))
    at(page, HALT)


def test_a_session_of_no_tokens_is_drawn(chromium: Browser, tmp_path: Path) -> None:
    file = tmp_path / "empty.html"
    file.write_text(session_html(replace(BEES, tokens=(), scores=(), held=())), encoding="utf-8")
    page = chromium.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(file.as_uri())

    expect(page.locator("h1")).to_have_text("No token was recorded.")
    expect(page.locator("#play")).to_be_disabled()
    page.keyboard.press("Space")
    page.keyboard.press("End")
    assert errors == []
    page.close()


def test_a_reader_who_wants_less_motion_gets_two_pictures_a_second(open_replay: Opener) -> None:
    page = open_replay(BEES, reduced_motion="reduce").page
    page.locator("#speed").select_option("20")
    page.evaluate(
        """() => {
            window.changes = [];
            new MutationObserver(() => window.changes.push(performance.now()))
                .observe(document.getElementById("where"), {childList: true});
        }"""
    )

    page.locator("#play").click()
    page.wait_for_function("() => window.changes.length > 3")

    changes = page.evaluate("() => window.changes.slice(1)")
    assert len(changes) >= 2
    assert all(b - a > 400 for a, b in zip(changes, changes[1:], strict=False))


@pytest.mark.parametrize(("scheme", "palette"), [("light", LIGHT), ("dark", DARK)])
def test_it_follows_the_reader_s_theme(open_replay: Opener, scheme: str, palette: Any) -> None:
    opened = open_replay(BEES, color_scheme=scheme)
    page = opened.page

    def computed(selector: str, name: str) -> str:
        script = "([s, n]) => getComputedStyle(document.querySelector(s)).getPropertyValue(n)"
        return str(page.evaluate(script, [selector, name]))

    def rgb(colour: str) -> str:
        return rgba(colour, 1)[5:-3].replace(",", ", ")

    assert computed("body", "background-color") == f"rgb({rgb(palette.page)})"
    assert computed("#chart .curve:not(.tail)", "stroke") == f"rgb({rgb(palette.coherence)})"
    page.keyboard.press("f")
    for place, rule in enumerate(("hard", "window", "trend"), start=1):
        line = f"#legend li:nth-child({place}) path"
        assert computed(line, "stroke") == f"rgb({rgb(palette.rule(rule))})"
    assert opened.errors == []


def test_it_fits_a_narrow_screen(open_replay: Opener) -> None:
    page = open_replay(BEES, viewport={"width": 390, "height": 800}).page

    assert page.evaluate("() => document.documentElement.scrollWidth") == 390
