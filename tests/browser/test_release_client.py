"""The reference client in a real browser: its page on a real llama.cpp answer, and its script."""

import base64
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from director_ai import AsyncStreamingKernel, ReleasePolicy, StreamSession
from director_ai.sources import Endpoint
from tests.browser.conftest import PATIENCE_MS
from tests.integrations import talk_app
from tests.integrations.test_asgi import serving
from tests.integrations.test_release_frames import transcript
from tests.sources.llama_server import LlamaServer, llama

__all__ = ["llama"]

N_PASSED = 60
SHOWN_TEXTS = """() => {
  window.shown = [];
  const turns = document.getElementById("turns");
  new MutationObserver(() => {
    window.shown.push([...turns.querySelectorAll(".turn:not(.user)")].at(-1)?.textContent ?? "");
  }).observe(turns, { childList: true, subtree: true, characterData: true });
}"""


class Certain:
    """A scorer that finds every answer fine, up to one token."""

    def stream_callback(self, question: str) -> Any:
        """Return the callback of one answer."""
        calls = count()
        return lambda text: 0.9 if next(calls) < N_PASSED else 0.2


@pytest.fixture
def page(chromium: Browser) -> Any:
    context = chromium.new_context()
    context.set_default_timeout(PATIENCE_MS)
    yield context.new_page()
    context.close()


def test_no_character_that_is_taken_back_stays_on_the_screen(
    page: Page, llama: LlamaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions: list[StreamSession] = []
    lenient = {"window_threshold": 0.0, "trend_threshold": 1.5}
    kernel = AsyncStreamingKernel(**lenient, on_fault="halt", on_halt=sessions.append)
    monkeypatch.setattr(talk_app, "kernel", kernel)
    monkeypatch.setattr(talk_app, "endpoint", Endpoint(llama.url, "default"))
    monkeypatch.setattr(talk_app, "scorer", Certain())
    monkeypatch.setattr(talk_app, "release", ReleasePolicy(8, at_halt="nothing", replacement="…"))
    requests: list[Any] = []
    page.on("request", lambda sent: requests.append(sent.post_data_json if sent.post_data else 0))

    with serving(talk_app.app) as port:
        page.goto(f"http://127.0.0.1:{port}/")
        page.evaluate(SHOWN_TEXTS)
        page.get_by_label("Question").fill("Why is the sky blue?")
        page.get_by_role("button", name="Ask").click()
        expect(page.get_by_text("stopped: hard_limit")).to_be_visible()
        answer = page.locator(".turn:not(.user)")
        expect(answer).to_have_text("…")
        page.get_by_label("Question").fill("And then?")
        page.get_by_role("button", name="Ask").click()
        expect(page.get_by_text("stopped: hard_limit")).to_have_count(2)
        shown = page.evaluate("window.shown")

    (first, _) = sessions
    assert (first.n_released, first.n_kept) == (N_PASSED - 8, 0)
    # It was there to be read, a piece at a time, and never a character that was held back.
    first_shown = shown[: shown.index("…")]
    assert first_shown[-1] == first.released
    assert all(first.released.startswith(text) for text in first_shown)
    assert requests[-1]["messages"] == [
        {"role": "user", "content": "Why is the sky blue?"},
        {"role": "assistant", "content": "…"},
        {"role": "user", "content": "And then?"},
    ]
    assert llama.settle() is not None


FOLLOW = """async ([script, bodies]) => {
  const { Screen, follow } = await import(script);
  return Promise.all(bodies.map(async (body) => {
    const bytes = Uint8Array.from(atob(body), (character) => character.charCodeAt(0));
    const stream = new ReadableStream({
      start(controller) {
        for (let at = 0; at < bytes.length; at += 7) {
          controller.enqueue(bytes.slice(at, at + 7));
        }
        controller.close();
      },
    });
    const screen = new Screen();
    await follow(stream, screen);
    return [screen.text, screen.end.code];
  }));
}"""


def test_the_script_reads_every_transcript_as_python_does(
    page: Page, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(60, "director_ai")
    # In a thread: playwright's event loop is running in this one.
    with ThreadPoolExecutor(1) as pool:
        transcripts = list(pool.map(transcript, range(400)))
    bodies = [base64.b64encode(body).decode() for body, _, _ in transcripts]

    with serving(talk_app.app) as port:
        page.goto(f"http://127.0.0.1:{port}/")
        screens = page.evaluate(FOLLOW, ["/release_client.js", bodies])

    codes = [getattr(last, "code", "cut_off") for _, _, last in transcripts]
    assert screens == [[text, code] for (_, text, _), code in zip(transcripts, codes, strict=True)]
