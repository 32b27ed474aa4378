"""Streams that other processes record, on the Live page, in a real browser."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Page, expect

from director_ai import HaltPolicy, StreamingKernel
from director_ai.core.runtime.sync_stream import TokenStream
from director_ai.storage.recording.recorder import Recorder
from director_ai.storage.store import Store

from .conftest import OpenPage, Serve, Server, settled

POLICY = HaltPolicy(hard_limit=0.3, window_threshold=0.0, trend_threshold=1.5)
HOSTILE = '<img src=x onerror="window.hacked=1">'
WAIT_MS = 90_000


def store_server(serve: Serve, path: Path) -> Server:
    return serve(env={"DIRECTOR_STORE": str(path)})


@contextmanager
def recording(path: Path, levels: list[float]) -> Iterator[tuple[Recorder, list[TokenStream]]]:
    """Record streams whose scores stay at these levels; they go on as they are pulled."""
    with Recorder(path, flush_s=0.05) as recorder:
        streams = []
        for number, level in enumerate(levels):
            kernel = StreamingKernel.from_policy(POLICY)
            stream = kernel.stream(
                (f" {number}.{index}" for index in range(500)), lambda _, level=level: level
            )
            streams.append(
                recorder.record(stream, POLICY, id=f"s{number}{HOSTILE}", source=f"of {number}")
            )
        yield recorder, streams
        for stream in streams:
            stream.close()


def tiles(page: Page) -> list[str]:
    return page.locator(".sparklines button .name").all_inner_texts()


def test_streams_appear_by_themselves_and_one_is_followed_to_its_halt(
    open_page: OpenPage, fresh_server: Serve, tmp_path: Path
) -> None:
    path = tmp_path / "s.db"
    with Store(path):
        pass
    page = open_page(store_server(fresh_server, path))
    expect(page.locator(".sparklines")).to_have_count(0)

    # The nearer to the hard limit, the later it began.
    levels = [0.95 - number / 50 for number in range(14)]
    with recording(path, levels) as (recorder, streams):
        for stream in streams:
            for _ in range(12):
                next(stream)
        recorder.flush()

        expect(page.locator(".sparklines button")).to_have_count(12, timeout=WAIT_MS)
        expect(page.get_by_text("14 being recorded now · 2 calmer ones not drawn")).to_be_visible()
        assert tiles(page) == [f"of {number}" for number in range(13, 1, -1)]
        expect(page.locator(".sparklines button .state").first).to_have_text(
            "0.39 left, hard limit"
        )

        page.locator(".sparklines button").nth(1).click()
        page.locator(".st-key-watch_curve .main-svg").first.wait_for(timeout=WAIT_MS)
        assert parse_qs(urlsplit(page.url).query)["watch"] == [f"s12{HOSTILE}"]
        tokens = page.locator(".tokens bdi")
        expect(tokens).to_have_count(12, timeout=WAIT_MS)
        expect(page.locator(".d-status")).to_contain_text("Stalled: no token for", timeout=WAIT_MS)

        for _ in range(5):
            next(streams[12])
        expect(page.locator(".d-status")).to_contain_text(
            "The next token must be at least 0.3", timeout=WAIT_MS
        )
        expect(tokens).to_have_count(17, timeout=WAIT_MS)
        settled(page)
        page.keyboard.press("Space")
        expect(page.get_by_role("button", name=re.compile("Resume"))).to_be_visible(timeout=WAIT_MS)
        for _ in range(5):
            next(streams[12])
        recorder.flush()
        page.wait_for_timeout(1_500)
        expect(tokens).to_have_count(17)
        page.keyboard.press("Space")
        expect(tokens).to_have_count(22, timeout=WAIT_MS)

        streams[12].close()
        expect(page.locator(".d-status")).to_contain_text("the consumer went away", timeout=WAIT_MS)
        expect(page.locator(".sparklines button .state", has_text="infrastructure")).to_have_count(
            1
        )
    assert not page.evaluate("window.hacked")


def test_a_halt_is_seen_among_the_streams_and_held_still_when_asked(
    open_page: OpenPage, fresh_server: Serve, tmp_path: Path
) -> None:
    path = tmp_path / "s.db"
    with Store(path):
        pass
    server = store_server(fresh_server, path)
    with recording(path, [0.9, 0.2, 0.8]) as (recorder, streams):
        next(streams[0]), next(streams[2])
        recorder.flush()
        page = open_page(server)
        expect(page.locator(".sparklines button")).to_have_count(2, timeout=WAIT_MS)

        # While somebody points at a tile its stream stays under the pointer.
        page.locator(".sparklines button").last.hover()
        streams[1].run_to_end()
        expect(page.locator(".sparklines button")).to_have_count(3, timeout=WAIT_MS)
        assert tiles(page) == ["of 2", "of 0", "of 1"]
        page.mouse.move(1, 1)
        expect(page.locator(".sparklines button .name").first).to_have_text("of 1")
        expect(page.locator(".sparklines button .state").first).to_have_text("✖ halted at 0")

        page.locator(".st-key-strip_paused label").first.click()
        page.wait_for_timeout(1_500)
        streams[0].close()
        streams[2].close()
        recorder.flush()
        page.wait_for_timeout(2_500)
        assert tiles(page) == ["of 1", "of 2", "of 0"]
        expect(page.get_by_text("2 being recorded now · 1 just ended")).to_be_visible()
        page.locator(".st-key-strip_paused label").first.click()
        expect(page.get_by_text("0 being recorded now")).to_be_visible(timeout=WAIT_MS)


def test_without_any_stream_the_page_says_how_to_get_one(
    open_page: OpenPage, fresh_server: Serve, tmp_path: Path
) -> None:
    path = tmp_path / "s.db"
    with Store(path):
        pass
    page = open_page(store_server(fresh_server, path), "/?from=Recorders")
    expect(page.get_by_text("No stream is being recorded now.")).to_be_visible()

    with recording(path, [0.9]) as (recorder, streams):
        next(streams[0])
        recorder.flush()
        expect(page.locator(".tokens bdi")).to_have_count(1, timeout=WAIT_MS)
