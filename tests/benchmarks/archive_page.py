"""The Tune page on an archive of shards: waits in a real browser, and memory of the real server.

Run ``python tests/benchmarks/archive_page.py FOLDER --sessions 1000000`` on a quiet machine. The
folder is filled with an archive of generated sessions if it holds fewer, a tenth of them labelled,
and with a store of the labelled ones and of some without a label: the others were pruned.
"""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlencode

from in_browser import LIMITS, WAIT_MS, TimedPage, dashboard

from director_ai.storage import SessionRecord, Store
from director_ai.storage.transfer.curves_file import curve_of
from director_ai.storage.transfer.shard_archive import HoldoutDraw, ShardArchive
from director_ai.tuning.guarantee.holdout import group_draws
from director_ai.tuning.shard_sketch import write_sketch
from tests.ui.tune_store import FIRST_US, records

BUDGET_LABEL_S = 1.0
SHARD = 25_000
DRAWN = 2_000
N_UNLABELLED = 20
"""Sessions without a label of each shard that the store keeps."""


def filled(folder: Path, n_sessions: int) -> None:
    """Fill an archive, and the store of its labels, up to so many sessions."""
    folder.mkdir(parents=True, exist_ok=True)
    archive = ShardArchive(folder / "curves")
    with Store(folder / "sessions.db") as store:
        choice = store.holdout()
        holdout = HoldoutDraw.of(store.name, *choice)
        while archive.manifest.n_sessions < n_sessions:
            first = archive.manifest.n_sessions
            drawn = records(DRAWN, seed=first, labelled=0.1, enforced=0.02)
            curves = [curve_of(record) for record in drawn]
            numbers = range(first, first + min(SHARD, n_sessions - first))
            rows = [curves[number % DRAWN]._replace(id=f"s-{number:08d}") for number in numbers]
            names = [f"\0{row.id}" for row in rows]
            draws = group_draws(names, key=choice.key).astype("<u8").tobytes()
            store.add(list(stored(drawn, numbers)))
            write_sketch(archive, [(10, 5)], archive.append(rows, draws, holdout))
        archive.use_windows([(10, 5)])


def stored(drawn: list[SessionRecord], numbers: range) -> Iterator[SessionRecord]:
    """Yield the sessions that the store keeps: all with a label, and some without."""
    n_unlabelled = 0
    for number in numbers:
        record = drawn[number % DRAWN]
        n_unlabelled += not record.annotations
        if record.annotations or n_unlabelled <= N_UNLABELLED:
            began_us = FIRST_US + number * 1_000_000
            yield replace(
                record,
                id=f"s-{number:08d}",
                prompt="",
                started_us=began_us,
                ended_us=began_us + 900_000,
            )


def main() -> int:
    """Open the archive, move a limit, give labels; fail where a limit waits long after one."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sessions", type=int, default=200_000)
    options = parser.parse_args()
    filled(options.folder, options.sessions)
    archive = urlencode({"archive": str((options.folder / "curves").resolve())})
    with dashboard(str(options.folder / "sessions.db")) as server:
        page = server.browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(WAIT_MS)
        page.goto(f"{server.address}/sessions")
        page.locator(".st-key-sessions_table canvas").first.wait_for()
        timed = TimedPage(server, page)
        for name in ("opened first", "opened again"):
            timed.open(name, f"/tune?{archive}{LIMITS}")
        _, after_label_s = timed.moved_and_labelled()
    return int(after_label_s > BUDGET_LABEL_S)


if __name__ == "__main__":
    raise SystemExit(main())
