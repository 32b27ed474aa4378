"""Every stored text is hostile, on every page: none of it runs, none of it calls home."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from urllib.parse import quote, urlsplit

import pytest

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import Browser, Page, Request, expect  # noqa: E402  (after importorskip)

from director_ai import HaltPolicy, StreamingKernel  # noqa: E402
from director_ai.core.halting.reason import HaltReason  # noqa: E402
from director_ai.core.records.record import Annotation, SessionRecord  # noqa: E402
from director_ai.core.scoring.types import EvidenceChunk  # noqa: E402
from director_ai.storage.recording.recorder import Recorder  # noqa: E402
from director_ai.storage.store import Store  # noqa: E402
from tests.browser.conftest import Serve, Server, open_menu, settled  # noqa: E402
from tests.safety.conftest import Trap  # noqa: E402
from tests.sources.fault_server import OK, FaultServer, chunk, sse  # noqa: E402
from tests.storage.records import streamed  # noqa: E402

POLICY = HaltPolicy()
FALLING = [0.9] * 12 + [0.8, 0.7, 0.6, 0.5, 0.4, 0.3]
CALM = [0.9] * 18
MARK = "hostile"


def hostile(field: str, trap: str) -> str:
    """Return a text for a field that tries every way out at once; no two are alike."""
    call = f"{trap}/{field}"
    run = f"window.pwned='{field}'"
    return (
        f"{MARK}-{field} "
        f"![]({call}/markdown) [link]({call}/link) <{call}/auto> "
        f'<img src="{call}/img" onerror="{run}"> <script>{run}</script> '
        f'<svg onload="{run}"><image href="{call}/svg"/></svg> '
        f'<iframe srcdoc="<script>parent.{run}</script>" src="{call}/frame"></iframe> '
        f'<link rel="stylesheet" href="{call}/css"> <style>@import "{call}/import";</style> '
        f'<b style="background:url({call}/style)">b</b> <a href="javascript:{run}">a</a> '
        f"'\"></div></style></script><script>{run}</script> "
        f":material/home: $\\href{{{call}/tex}}{{x}}$ :red[x] {{{{constructor}}}} "
        f'=HYPERLINK("{call}/cell") \u202e\u2066\x1b[31m'
    )


def record(number: int, scores: list[float], label: str, trap: str) -> SessionRecord:
    """Return a session every text of which is hostile."""

    def text(field: str) -> str:
        return hostile(f"{field}{number}", trap)

    plain = streamed(f"s{number}", scores, POLICY, started_us=number * 60_000_000)
    said = Annotation(label, 3, text("author"), 1_000, text("note"))  # type: ignore[arg-type]
    return replace(
        plain,
        id=text("id"),
        ended_us=plain.started_us + 5_000_000,
        source=text("source"),
        model=text("model"),
        # Of two that may be compared word by word.
        prompt=hostile(f"prompt{number // 2 * 2}", trap),
        tokens=tuple(f" {text(f'token{place}-')}" for place in range(len(plain.tokens))),
        annotations=(said,) if label else (),
        evidence=(EvidenceChunk(text("evidence"), 0.5, text("evidence-source")),),
        evidence_note=text("evidence-note"),
        group=text("group"),
        tags=(text("tag"),),
        shadow_policy=HaltPolicy(0.2),
    )


def faulty(number: int, trap: str) -> SessionRecord:
    """Return a session that ended in a fault of whoever sent it."""
    told = hostile("detail", trap)
    reason = HaltReason("fault", hostile("code", trap), 4, (), told)
    return replace(record(number, CALM, "", trap), ended_by="fault", halt=reason)


@pytest.fixture(scope="module")
def store(trap: Trap, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store(tmp_path_factory.mktemp("hostile") / "sessions.db") as opened:
        sessions = [
            record(number, FALLING if number % 2 else CALM, ("good", "bad")[number % 2], trap.url)
            for number in range(8)
        ]
        opened.add([*sessions, record(8, FALLING, "", trap.url), faulty(9, trap.url)])
        yield opened


@pytest.fixture(scope="module")
def server(serve: Serve, store: Store, trap: Trap) -> Server:
    return serve(env={**trap.env, "DIRECTOR_STORE": store.name})


@pytest.fixture(scope="module")
def outgoing() -> list[str]:
    """Addresses that the page asked for on any other host, or by leaving."""
    return []


@pytest.fixture(scope="module")
def page(chromium: Browser, server: Server, outgoing: list[str]) -> Iterator[Page]:
    def note(request: Request) -> None:
        target = urlsplit(request.url)
        if target.scheme not in ("data", "blob") and target.netloc != server.host:
            outgoing.append(request.url)

    with chromium.new_context(viewport={"width": 1280, "height": 2000}) as context:
        opened = context.new_page()
        opened.on("request", note)
        opened.on("dialog", lambda dialog: outgoing.append(f"dialog {dialog.message}"))
        yield opened


def expect_shown(page: Page, *fields: str) -> None:
    """Wait until these fields are on the page: one without them would prove nothing."""
    for field in fields:
        found = page.get_by_text(f"{MARK}-{field}").or_(page.get_by_role("option"))
        expect(found.filter(has_text=f"{MARK}-{field}").first).to_be_attached()
    settled(page)


def expect_harmless(page: Page, outgoing: list[str], trap: Trap) -> None:
    for frame in page.frames:
        assert frame.evaluate("() => window.pwned ?? parent.pwned ?? null") is None
    links = page.eval_on_selector_all("a[href]", "all => all.map(a => a.href)")
    assert [link for link in links if trap.url in link or link.startswith("javascript:")] == []
    assert page.locator("iframe[srcdoc], img[src*='/img'], svg[onload]").count() == 0
    assert outgoing == []
    assert trap.asked == []


def click_row(page: Page, table: str) -> None:
    """Tick the box of the first row; the table is a canvas."""
    scroller = page.locator(f"{table} .dvn-scroller").first
    expect(scroller).to_be_visible()
    settled(page)
    scroller.click(position={"x": 15, "y": 50})


def look_into_a_session(page: Page) -> None:
    click_row(page, "[data-testid=stDataFrame]")
    expect(page.locator(".st-key-peek_facts")).to_contain_text(MARK)
    open_menu(page.locator(".st-key-filter_model input"))


def look_at_the_raw_record(page: Page) -> None:
    page.get_by_role("tab", name="Raw record").click()
    expect(page.locator("[data-testid=stJson], [data-testid=stCode]").first).to_be_visible()


def look_at_the_faults(page: Page) -> None:
    page.locator(".st-key-faults summary, [data-testid=stExpander] summary").last.click()


def look_into_a_flip(page: Page) -> None:
    click_row(page, "[class*=st-key-flips_]")
    expect(page.locator(".st-key-peek")).to_contain_text("selected")


def nothing(page: Page) -> None:
    pass


@pytest.mark.parametrize(
    ("path", "look", "fields"),
    [
        ("/sessions", look_into_a_session, ("prompt", "model")),
        ("/session?id={8}", look_at_the_raw_record, ("id8", "prompt8", "model8", "tag8")),
        ("/session?id={8}", look_at_the_raw_record, ("group8", "evidence8", "evidence-note8")),
        ("/session?id={9}", nothing, ("id9", "code", "detail", "source9")),
        ("/session?id={1}", nothing, ("note1", "author1", "token13")),
        ("/session?id={1}&vs={0}", nothing, ("id1", "id0", "token3-0")),
        ("/session?id={1}&vs={unknown}", nothing, ("id1", "unknown")),
        ("/session?id={unknown}", nothing, ("unknown",)),
        ("/review", look_at_the_faults, ("prompt8", "model8", "evidence8", "code")),
        ("/review?q=completed&label=any", nothing, ("prompt", "token")),
        ("/tune?h=0.6&a=0.7&d=0.5&view=Segments", look_into_a_flip, ("id1", "model")),
        ("/data?tab=Labels", nothing, ("author",)),
        ("/data?tab=Storage", nothing, ()),
        ("/?src={unknown}", nothing, ("unknown",)),
    ],
)
def test_hostile_text_is_shown_and_never_obeyed(
    path: str,
    look: Callable[[Page], None],
    fields: tuple[str, ...],
    page: Page,
    server: Server,
    store: Store,
    trap: Trap,
    outgoing: list[str],
) -> None:
    ids = {row.id.split()[0].removeprefix(f"{MARK}-id"): row.id for row in store.summaries()}
    for name, value in {**ids, "unknown": hostile("unknown", trap.url)}.items():
        path = path.replace(f"{{{name}}}", quote(value))

    page.goto(f"{server.url}{path}")
    settled(page)
    look(page)

    expect_shown(page, *fields)
    expect_harmless(page, outgoing, trap)


def test_hostile_streams_are_watched_as_text(
    page: Page, server: Server, store: Store, trap: Trap, outgoing: list[str]
) -> None:
    def text(field: str) -> str:
        return hostile(field, trap.url)

    kernel = StreamingKernel.from_policy(HaltPolicy(trend_threshold=1.5))
    with Recorder(store.name, flush_s=0.05) as recorder:
        streams = []
        for name, source in (("live", text("live-source")), ("nameless", "")):
            tokens = [f" {text(f'{name}-token{place}-')}" for place in range(9)]
            streams.append(
                recorder.record(
                    kernel.stream(tokens, lambda _: 0.9),
                    kernel.policy,
                    id=text(f"{name}-id"),
                    prompt=text(f"{name}-prompt"),
                    model=text(f"{name}-model"),
                    group=text(f"{name}-group"),
                    tags=[text(f"{name}-tag")],
                    source=source,
                )
            )
            next(streams[-1])
        recorder.flush()
        try:
            page.goto(f"{server.url}/?from=Recorders&watch={quote(text('live-id'))}")
            # Of the one that says no source, the strip shows the model.
            expect_shown(page, "live-source", "nameless-model", "live-token0-")
            chosen = page.get_by_role("combobox", name="Stream being recorded")
            expect(chosen).to_have_value(re.compile(f"{MARK}-live-id"))
            next(streams[0])
            recorder.flush()
            expect_shown(page, "live-token1-")
            page.locator(".sparklines button").filter(has_text=f"{MARK}-nameless").click()
            expect_shown(page, "nameless-token0-")
            expect_harmless(page, outgoing, trap)
        finally:
            for stream in streams:
                stream.close()
    store.delete([text("live-id"), text("nameless-id")])


def test_a_hostile_answer_of_a_model_is_shown_as_text(
    page: Page, server: Server, trap: Trap, outgoing: list[str]
) -> None:
    said = hostile("answer-token", trap.url)
    answer = [sse(chunk(f" {said}") | {"model": hostile("served", trap.url)}) for _ in range(3)]
    failed = sse({"error": {"message": f"no more {hostile('message', trap.url)}"}})
    with FaultServer({"evil": [[OK, *answer, failed]]}) as model:
        page.goto(f"{server.url}/?from=Endpoint&h=0&a=0&d=1.5")
        page.get_by_label("Address", exact=True).fill(model.url("evil"))
        page.get_by_label("Address", exact=True).press("Enter")
        for label in ("Model", "Prompt", "Facts (blank lines between sources)"):
            field = page.get_by_label(label, exact=True)
            field.fill(hostile(f"asked-{label.split()[0]}", trap.url))
            field.press("Control+Enter")
        ask = page.locator(".st-key-endpoint_start button").first
        expect(ask).to_be_enabled()
        ask.click()

        expect_shown(page, "answer-token", "message")
        expect_harmless(page, outgoing, trap)
        page.reload()
        expect_shown(page, "answer-token", "message")
        expect_harmless(page, outgoing, trap)


def test_a_hostile_session_is_received_as_text(
    page: Page, server: Server, store: Store, trap: Trap, outgoing: list[str]
) -> None:
    page.goto(f"{server.url}/data?tab=Recorder")
    expect(page.get_by_text("Waiting for the first session")).to_be_visible()

    store.add([record(10, CALM, "", trap.url)])

    expect(page.get_by_text("received: hostile-id10")).to_be_visible()
    expect_shown(page, "source10")
    expect_harmless(page, outgoing, trap)
