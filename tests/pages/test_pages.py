"""The pages' behaviour without a browser."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from director_ai import HaltPolicy
from director_ai.storage.store import Store
from director_ai.ui import navigation
from director_ai.ui.access.current_store import STORE_VARIABLE, archive
from tests.storage.records import streamed

ROOT = Path(__file__).parents[2]


@pytest.fixture
def app() -> AppTest:
    return AppTest.from_file(str(ROOT / "app.py"), default_timeout=30)


def status(app: AppTest) -> str:
    return next(element.value for element in app.html if "d-status" in element.value)


def test_the_demo_opens_on_a_sample_that_is_ready_to_play(app):
    app.run()

    assert not app.exception
    assert "Ready: " in status(app)
    assert app.selectbox(key="src").value == "photosynthesis-drift"


def test_steps_judge_one_token_each(app):
    app.run()

    app.button(key="ahead").click().run()
    app.button(key="ahead").click().run()

    assert "2 of 2 tokens scored" in status(app)


@pytest.mark.slow
def test_another_limit_makes_a_what_if_of_the_same_tokens(app):
    app.run()
    for _ in range(3):
        app.button(key="ahead").click().run()

    app.slider(key="h").set_value(0.99).run()

    assert "What-if: would stop at token 0" in status(app)


@pytest.mark.slow
def test_reset_returns_to_the_limits_of_the_run(app):
    app.run()
    app.button(key="ahead").click().run()
    app.slider(key="h").set_value(0.99).run()

    app.button(key="reset_limits").click().run()

    assert app.slider(key="h").value == 0.5
    assert "What-if" not in status(app)


@pytest.mark.slow
def test_an_unknown_sample_in_the_address_opens_the_first(app):
    app.query_params["src"] = "nowhere"
    app.run()

    assert not app.exception
    assert app.selectbox(key="src").value == "photosynthesis-drift"


@pytest.mark.slow
def test_a_limit_of_the_address_that_cannot_be_is_told(app):
    app.query_params["h"] = "0,4"
    app.query_params["w"] = "20"
    app.run()

    told = next(each.value for each in app.html if "d-passing" in each.value)
    assert "no such limit: hard limit &#x27;0,4&#x27; (0 to 1).<" in told
    assert (app.slider(key="h").value, app.slider(key="w").value) == (0.5, 20)


@pytest.mark.slow
def test_pasted_text_is_asked_for(app):
    app.run()
    app.selectbox(key="from").set_value("Paste text").run()

    assert "Paste the facts and the answer." in status(app)


@pytest.mark.slow
def test_a_session_is_found_by_its_id(app):
    app.switch_page("pages/views/session.py")
    app.query_params["id"] = "espresso-steady"
    app.run()

    assert not app.exception
    assert "Completed" in status(app)


@pytest.mark.slow
def test_text_after_a_halt_that_was_only_watched_is_not_called_undelivered(app):
    app.switch_page("pages/views/session.py")
    app.query_params["id"] = "honeybees-fabrication"
    app.run()

    notices = [element.value for element in app.html if "d-notice" in element.value]

    assert any("token 91 on: recorded in shadow, nothing was held back" in said for said in notices)
    assert not any("delivered" in said for said in notices)


@pytest.mark.slow
def test_text_after_a_what_if_halt_would_not_have_been_delivered(app):
    app.switch_page("pages/views/session.py")
    app.query_params["id"] = "black_holes-fabrication"
    app.query_params["h"] = "0.9"
    app.run()

    assert any("on: would not have been delivered." in element.value for element in app.html)


@pytest.mark.slow
def test_a_recording_that_was_cut_is_unknown_past_its_end(app):
    app.switch_page("pages/views/session.py")
    app.query_params["id"] = "black_holes-fabrication"
    app.run()
    before = status(app)
    for key in ("h", "a"):
        app.slider(key=key).set_value(0.0)
    app.select_slider(key="d").set_value(1.5)
    app.run()

    assert "Stopped at token" in before
    assert "tokens seen; what came after is unknown" in status(app)


@pytest.mark.slow
def test_limits_beyond_the_sliders_reach_are_shown_as_recorded(app, tmp_path, monkeypatch):
    policy = HaltPolicy(window_size=500, trend_window=300, trend_threshold=2.3456, hard_limit=0.123)
    with Store(tmp_path / "sessions.db") as store:
        store.add([streamed("odd", [0.9, 0.8, 0.1], policy)])
    monkeypatch.setenv(STORE_VARIABLE, str(tmp_path / "sessions.db"))
    archive.clear()
    app.switch_page("pages/views/session.py")
    app.query_params["id"] = "odd"

    app.run()

    assert not app.exception
    assert "Stopped at token 2" in status(app)
    assert app.slider(key="w").value == 500


@pytest.mark.slow
@pytest.mark.parametrize("page", ["sessions", "session", "monitor", "review", "tune", "data"])
def test_a_store_that_cannot_be_opened_is_a_sentence(app, page, tmp_path, monkeypatch):
    (tmp_path / "notes.txt").write_text("no database, and long enough to be looked at" * 9)
    monkeypatch.setenv(STORE_VARIABLE, str(tmp_path / "notes.txt"))
    archive.clear()
    app.switch_page(f"pages/views/{page}.py")

    app.run()

    assert not app.exception
    assert "store must be a database" in status(app)


def test_the_menu_says_how_many_halts_wait_for_a_review(tmp_path, monkeypatch):
    with Store(tmp_path / "sessions.db") as store:
        store.add([streamed(name, [0.9, 0.1], HaltPolicy()) for name in "abc"])
    monkeypatch.setenv(STORE_VARIABLE, str(tmp_path / "sessions.db"))
    archive.clear()

    assert navigation._review_title() == "Review (3)"
