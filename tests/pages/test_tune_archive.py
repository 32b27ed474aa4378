"""The Tune page on an archive of curves, without a browser."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from director_ai.cli.main import main
from director_ai.core.records.record import Annotation
from director_ai.storage.store import Store
from director_ai.storage.summary import SessionQuery
from director_ai.tuning import archive_study, labelled_shards
from director_ai.ui.access.current_store import STORE_VARIABLE
from tests.pages.result_card import numbers
from tests.pages.test_tune import said, tune
from tests.ui.tune_store import records

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store, an archive of it, and one of another store."""
    path = tmp_path_factory.mktemp("archive")
    for name, seed in (("sessions", 0), ("other", 1)):
        with Store(path / f"{name}.db") as store:
            store.add(records(120, seed=seed, labelled=0.4, enforced=0.1))
        store_options = ["--store", str(path / f"{name}.db"), "--shard-sessions", "50"]
        assert main(["archive", str(path / name), *store_options]) == 0
    return path


@pytest.fixture(autouse=True)
def opened(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(STORE_VARIABLE, str(folder / "sessions.db"))
    monkeypatch.setattr("director_ai.ui.tune.page._PAUSE_S", 0.0)


def told(app: AppTest) -> dict[str, object]:
    """Return what the page tells of the sessions."""
    lines = [text.value for text in app.text]
    starts = ("Halts ", "Against ", "From ", "±")
    return {
        "card": numbers(app),
        "lines": [line for line in lines if line.startswith(starts)],
        "candidates": app.dataframe[-1].value.to_dict(),
    }


def n_changed(app: AppTest) -> list[int]:
    """Return how many changed sessions are listed, and how many more it says there are."""
    line = next(text.value for text in app.text if text.value.startswith("Sessions that end"))
    return [int(number) for number in re.findall(r"\b\d+\b", line)]


def proposed(app: AppTest) -> list[str]:
    """Return the three proposals."""
    return [html.value for html in app.html if 'class="d-proposal"' in html.value]


def n_good(app: AppTest) -> int:
    """Return how many sessions it says are good."""
    found = re.search(r"([\d,]+) good, ", said(app))
    assert found
    return int(found[1])


def counted(monkeypatch: pytest.MonkeyPatch, module: Any, *names: str) -> dict[str, int]:
    """Return how often a module's work on shards is done from now on, by its names."""
    counts = dict.fromkeys(names, 0)
    for name in names:
        work = getattr(module, name)

        def counting(*args: object, name: str = name, work: Any = work, **options: object) -> Any:
            counts[name] += 1
            return work(*args, **options)

        monkeypatch.setattr(module, name, counting)
    return counts


@pytest.mark.parametrize("address", [{"h": "0.55", "d": "0.3"}, {"m": "soft", "vs": "default"}])
def test_it_tells_what_it_tells_of_the_store(folder: Path, address: dict[str, str]) -> None:
    app = tune(archive=str(folder / "sessions"), **address)

    assert "Archive sessions, 3 shards." in said(app)
    whole = tune(**address)
    assert told(app) == told(whole)
    # The list of a store has every session; that of an archive some, and the number of the others.
    assert sum(n_changed(app)) == sum(n_changed(whole))


def test_changed_sessions_without_a_label_are_listed_on_request(folder: Path) -> None:
    columns = ["Change", "Was", "By", "Now", "By now", "Tokens"]
    address = {"h": "0.6", "d": "1.5", "flips_moved": "true"}
    app = tune(archive=str(folder / "sessions"), flips_unlabelled="true", **address)
    listed = app.dataframe[1].value.set_index("Id")[columns]

    whole = tune(**address).dataframe[0].value
    expected = whole[whole["Label"] == "–"].set_index("Id")[columns]
    assert len(expected)
    pd.testing.assert_frame_equal(listed.sort_index(), expected.sort_index(), check_dtype=False)


def test_a_breakpoint_is_one_of_all_sessions(folder: Path) -> None:
    values = []
    for address in ({"archive": str(folder / "sessions")}, {}):
        app = tune(h="0.6", **address)
        app.button(key="h_strict").click().run()
        values.append(app.slider(key="h").value)

    assert values[0] == values[1] > 0.6


@pytest.mark.parametrize("view", ["Leak", "Segments", "Scorers", "Experiments"])
def test_what_an_archive_cannot_show_is_said(folder: Path, view: str) -> None:
    assert "Go back to the store to see it" in said(
        tune(archive=str(folder / "sessions"), view=view)
    )


def test_sessions_without_a_label_are_among_the_numbers(folder: Path) -> None:
    tables = [
        tune(view="Numbers", **address).dataframe[0].value.to_dict()
        for address in ({"archive": str(folder / "sessions")}, {})
    ]

    assert tables[0] == tables[1]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("nowhere", "where there is none"),
        ("other", "which holds out other sessions"),
        ("http://127.0.0.1:9/a", "The archive cannot be opened."),
    ],
)
def test_what_cannot_be_opened_is_told(folder: Path, name: str, reason: str) -> None:
    address = name if "://" in name else str(folder / name)

    app = tune(archive=address)

    assert reason in said(app)
    app.button(key="archive_close").click().run()
    assert "120 sessions: " in said(app)


def test_a_damaged_shard_is_named(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    for path in (folder / "sessions").rglob("*"):
        if path.is_file():
            target = copy / path.relative_to(folder / "sessions")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    shard = copy / "part-00001.parquet"
    shard.write_bytes(shard.read_bytes()[:-1])

    assert "part-00001.parquet of " in said(tune(archive=str(copy)))


def test_shards_are_read_once_and_after_a_label_its_session_alone(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = counted(monkeypatch, labelled_shards, "gather", "gather_at")
    monkeypatch.setattr("director_ai.ui.tune.archive._last", [])
    address = str(folder / "sessions")

    tune(archive=address, h="0.4")
    before = n_good(tune(archive=address, h="0.5"))
    assert counts == {"gather": 3, "gather_at": 0}

    with Store(folder / "sessions.db") as store:
        store.add([replace(record, id="new") for record in records(1, labelled=0.0)])
    tune(archive=address)
    assert counts == {"gather": 3, "gather_at": 0}

    with Store(folder / "sessions.db") as store:
        query = SessionQuery(labels=("none",))
        name = next(row.id for row in store.summaries(query, limit=9) if row.id != "new")
        store.annotate(name, Annotation("good", None, "ann", 1_800_000_000_000_000))
    assert n_good(tune(archive=address, h="0.5")) == before + 1
    assert counts == {"gather": 3, "gather_at": 1}


def test_proposals_are_sought_once_for_all_visitors(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = counted(monkeypatch, archive_study, "common_plateaus")
    address = {"archive": str(folder / "sessions"), "budget": "19"}

    first = proposed(tune(**address, h="0.4"))
    passes = counts["common_plateaus"]
    assert passes
    assert proposed(tune(**address, h="0.5")) == first
    assert counts["common_plateaus"] == passes

    tune(**address, m="soft")
    assert counts["common_plateaus"] > passes


def test_filters_of_the_store_are_refused(folder: Path) -> None:
    app = tune(archive=str(folder / "sessions"), model="m")

    assert "An archive is tuned whole, or by scorer." in said(app)
    app.button(key="archive_whole").click().run()
    assert "3 shards" in said(app)
