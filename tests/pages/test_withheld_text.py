"""Sessions whose text is withheld: every page still draws its charts of them."""

import json
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from director_ai.core.records.record import SessionRecord, without_text
from director_ai.storage.store import Store
from director_ai.storage.summary import SessionQuery
from director_ai.ui.access.current_store import STORE_VARIABLE
from director_ai.ui.live.remote_stream import RECORDERS
from tests.ui.tune_store import records

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """An archive without a word of text."""
    path = tmp_path / "hashed.db"
    monkeypatch.setenv(STORE_VARIABLE, str(path))
    with Store(path) as opened:
        made = [without_text(record) for record in records(80, enforced=0.2, labelled=0.7)]
        opened.add(made)
        yield opened


def shown(page, **address):
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    app.switch_page(f"pages/views/{page}.py")
    for name, value in address.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    return app


def charts(app: AppTest) -> dict[str, str]:
    """Return what is drawn as JSON, by the key of the component."""
    return {
        element.proto.id.rpartition("-")[2]: element.proto.json
        for element in app.get("bidi_component")
        if element.proto.json
    }


def drawn(chart: str) -> set[float]:
    """Return every number that a figure's traces are drawn with."""
    found, open_ = set(), [json.loads(json.loads(chart).get("figure", "{}")).get("data", [])]
    while open_:
        value = open_.pop()
        if isinstance(value, list):
            open_ += value
        elif isinstance(value, dict):
            open_ += [value.get(axis) for axis in "xyz"]
        elif isinstance(value, int | float):
            found.add(value)
    return found


def scores(record: SessionRecord) -> set[float]:
    """Return the scores as a curve rounds them."""
    return {round(score, 4) for score in record.scores}


@pytest.mark.parametrize(
    ("page", "parameter", "curve", "address"),
    [("live", "watch", "watch_curve", {"from": RECORDERS}), ("session", "id", "curve", {})],
)
def test_the_curve_of_a_session_is_that_of_its_scores(store, page, parameter, curve, address):
    record = store.get(store.ids()[0])
    assert set("".join(record.tokens)) == {"▒", "."}

    found = charts(shown(page, **{parameter: record.id}, **address))

    assert scores(record) <= drawn(found[curve])


def test_a_halt_is_reviewed_by_its_curve_and_margins(store):
    app = shown("review")

    found = charts(app)

    record = store.get(app.session_state["review_batch"].card.id)
    assert scores(record) <= drawn(found["review_curve"])
    assert any(drawn(found["review_margins"]))
    assert json.loads(found["review_tokens"])["tokens"] == list(record.tokens)


def test_the_list_draws_its_strip_its_sparklines_and_a_look_at_one(store):
    app = shown("sessions", outcome="halted")
    chosen = store.ids(SessionQuery(outcomes=("halted",)))[0]
    app.session_state["sessions_checked"] = [chosen]
    app.run()

    found = charts(app)

    assert any(drawn(found["strip"]))
    assert all(len(curve) > 1 for curve in app.dataframe[0].value["Coherence"])
    assert scores(store.get(chosen)) <= drawn(found["peek_curve"])


@pytest.mark.parametrize("view", ["Curve", "Map", "Rules", "Delay", "Length", "Scores"])
def test_every_view_of_tune_is_drawn(view):
    found = charts(shown("tune", view=view))

    assert any(drawn(chart) for chart in found.values())


@pytest.mark.parametrize("tab", ["Import", "Recorder", "Labels", "Storage", "Help"])
def test_every_tab_of_data_is_drawn(store, tab):
    app = shown("data", tab=tab)

    if tab == "Storage":
        assert {metric.label: metric.value for metric in app.metric}["Sessions"] == "80"
    elif tab == "Labels":
        n_labelled = store.count(SessionQuery(labels=("good", "bad")))
        assert app.dataframe[0].value["sessions"].sum() == n_labelled
