"""Contact sheet: every page as a picture, in three sizes and both themes, on two stores.

    python tests/browser/contact_sheet.py OUT [--readme]

OUT gets a folder a store, a picture a page, size and theme, and one sheet a store and theme with
all of them. ``--readme`` also makes the README's picture anew.
"""

import argparse
import html
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal, NamedTuple

ROOT: Final = Path(__file__).resolve().parents[2]
# Run as a script, the folder of this file would be searched in place of the repository.
sys.path[0] = str(ROOT)

from PIL import Image  # noqa: E402
from playwright.sync_api import Browser, Page, sync_playwright  # noqa: E402

from director_ai.storage.store import Store  # noqa: E402
from tests.benchmarks.chromium import chromium_path  # noqa: E402
from tests.browser.conftest import FLAGS, PATIENCE_MS, run_server, settled  # noqa: E402
from tests.ui.review_store import night  # noqa: E402
from tests.ui.tune_store import records  # noqa: E402

Theme = Literal["light", "dark"]

SIZES: Final = ((1280, 720), (1440, 900), (390, 844))
THEMES: Final[tuple[Theme, ...]] = ("light", "dark")
N_SESSIONS: Final = 200
N_COLOURS: Final = 192
"""Of the README's picture, which is kept small."""
README_PICTURE: Final = ROOT / "sample_data" / "screenshot.png"


class Shot(NamedTuple):
    """Page of the sheet.

    Attributes
    ----------
    name, address
        Of the page.
    part
        Selector of the part that comes last.
    plays
        Whether to play the stream up to its halt.
    """

    name: str
    address: str
    part: str
    plays: bool = False


def shots(session: str) -> tuple[Shot, ...]:
    """Return every page, with one session opened."""
    return (
        Shot("live", "/?x=20", ".st-key-curve .main-svg", plays=True),
        Shot("presenter", "/?x=20&presenter=true", ".st-key-curve .main-svg", plays=True),
        Shot("sessions", "/sessions", ".st-key-sessions_table canvas"),
        Shot("nothing-found", "/sessions?q=no+such+text", ".st-key-wider_q button"),
        Shot("session", f"/session?id={session}", ".st-key-curve .main-svg"),
        Shot("review", "/review?label=any", ".st-key-review_curve .main-svg"),
        Shot("monitor", "/monitor", ".stCode code"),
        Shot("tune", "/tune", ".st-key-threshold_curve .main-svg, .d-status"),
        Shot("import", "/data?tab=Import", "[data-testid=stFileUploaderDropzone]"),
        Shot("recorder", "/data?tab=Recorder", ".stCode code"),
        Shot("labels", "/data?tab=Labels", "[data-testid=stFileUploaderDropzone]"),
        Shot("storage", "/data?tab=Storage", ".st-key-backup button"),
        Shot("help", "/data?tab=Help", ".st-key-doc"),
    )


def fill(path: Path) -> str:
    """Make a store of generated sessions; return the id of one that was halted."""
    of_a_night = night(time.time_ns() // 1000)
    with Store(path) as store:
        store.add([*of_a_night, *records(N_SESSIONS - len(of_a_night))])
    return of_a_night[0].id


def picture(page: Page, url: str, shot: Shot, file: Path) -> None:
    """Take the picture of what is in view, once the page is whole."""
    page.goto(url + shot.address)
    page.locator(shot.part).first.wait_for()
    settled(page)
    if shot.plays:
        page.keyboard.press("Space")
        page.get_by_text("Stopped at token").first.wait_for()
        settled(page)
    for note in page.locator(".director-chart .note").all():
        note.wait_for(state="hidden")
    page.screenshot(path=file, animations="disabled")


@contextmanager
def opened(browser: Browser, size: tuple[int, int], theme: Theme) -> Iterator[Page]:
    """Open a page of a size and a theme."""
    width, height = size
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme)
    context.set_default_timeout(PATIENCE_MS)
    try:
        yield context.new_page()
    finally:
        context.close()


def sheet(browser: Browser, folder: Path, theme: Theme) -> None:
    """Put all pictures of a folder and theme on one."""
    figures = "".join(
        f'<figure><img src="{html.escape(file.name)}"><figcaption>{html.escape(file.stem)}'
        "</figcaption></figure>"
        for file in sorted(folder.glob(f"*-{theme}.png"))
    )
    style = "body{display:flex;flex-wrap:wrap;gap:8px;font:12px sans-serif}"
    style += "figure{margin:0}img{height:260px;border:1px solid #888}"
    source = folder / f"sheet-{theme}.html"
    source.write_text(f"<style>{style}</style>{figures}", encoding="utf-8")
    with opened(browser, (1900, 900), "light") as page:
        page.goto(source.as_uri())
        page.screenshot(path=source.with_suffix(".png"), full_page=True)
    source.unlink()


def main() -> None:
    """Make the sheet."""
    parser = argparse.ArgumentParser(description="Make a picture of every page.")
    parser.add_argument("out", type=Path, help="folder for the pictures")
    parser.add_argument("--readme", action="store_true", help="make the README's picture anew")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=FLAGS)
        generated = Path(scratch, "sessions.db")
        stores = {
            "samples": ({}, "honeybees-fabrication"),
            "generated": ({"DIRECTOR_STORE": str(generated)}, fill(generated)),
        }
        for name, (env, session) in stores.items():
            folder = args.out / name
            folder.mkdir(parents=True, exist_ok=True)
            with run_server(None, Path(scratch, f"{name}.log"), env) as server:
                for size in SIZES:
                    for theme in THEMES:
                        with opened(browser, size, theme) as page:
                            for shot in shots(session):
                                file = f"{shot.name}-{size[0]}x{size[1]}-{theme}.png"
                                picture(page, server.url, shot, folder / file)
                                print(folder / file)
            for theme in THEMES:
                sheet(browser, folder, theme)
        browser.close()
    if args.readme:
        with Image.open(args.out / "samples" / "live-1280x720-light.png") as live:
            # By coverage: a thin line keeps its colour.
            few = live.convert("RGB").quantize(N_COLOURS, Image.Quantize.MAXCOVERAGE)
            few.save(README_PICTURE, optimize=True)


if __name__ == "__main__":
    main()
