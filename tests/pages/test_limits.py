"""The limits of one page, or of one session, are not those of the next."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from director_ai import HaltPolicy
from director_ai.storage.store import Store
from director_ai.ui.access.current_store import STORE_VARIABLE
from tests.storage.records import streamed

ROOT = Path(__file__).parents[2]
SCORES = [0.9, 0.45, 0.9]


@pytest.fixture
def app(tmp_path, monkeypatch) -> AppTest:
    """The app on three sessions that completed under a hard limit looser than the usual one."""
    with Store(tmp_path / "sessions.db") as store:
        store.add(
            [
                streamed("forty", SCORES, HaltPolicy(hard_limit=0.4)),
                streamed("thirty", SCORES, HaltPolicy(hard_limit=0.3)),
                streamed("long", SCORES, HaltPolicy(hard_limit=0.4, window_size=500)),
            ]
        )
    monkeypatch.setenv(STORE_VARIABLE, str(tmp_path / "sessions.db"))
    return AppTest.from_file(str(ROOT / "app.py"), default_timeout=30)


def live(app: AppTest) -> None:
    go(app, "live")


def session(app: AppTest, id: str, **named: str) -> None:
    go(app, "session", id=id, **named)


def go(app: AppTest, page: str, **query: str) -> None:
    app.switch_page(f"pages/views/{page}.py")
    # Of a page's address a browser takes nothing along to the next.
    app.query_params.clear()
    for name, value in query.items():
        app.query_params[name] = value
    # Twice: Streamlit carries values over when the first run is done.
    app.run().run()
    assert not app.exception


def shown(app: AppTest) -> tuple[float, str]:
    status = next(element.value for element in app.html if "d-status" in element.value)
    return app.slider(key="h").value, "What-if" if "What-if" in status else "as recorded"


def test_a_session_opened_from_live_is_judged_as_recorded(app):
    live(app)

    session(app, "forty")

    assert shown(app) == (0.4, "as recorded")


def test_a_session_opened_after_another_is_judged_as_recorded(app):
    session(app, "forty")
    app.slider(key="h").set_value(0.6).run()

    session(app, "thirty")
    assert shown(app) == (0.3, "as recorded")

    session(app, "long")
    assert shown(app) == (0.4, "as recorded")
    assert app.slider(key="w").value == 500

    session(app, "forty")
    assert shown(app) == (0.4, "as recorded")
    assert app.slider(key="w").value == 10


def test_an_address_that_names_a_limit_is_obeyed(app):
    session(app, "forty", h="0.6")

    assert shown(app) == (0.6, "What-if")


def test_an_address_may_name_a_limit_between_the_steps_and_a_long_window(app):
    session(app, "forty", d="0.123456", n="150")

    assert app.select_slider(key="d").value == 0.123456
    assert app.slider(key="n").value == 150


def test_a_page_come_back_to_has_its_own_limits_again(app):
    live(app)
    app.slider(key="h").set_value(0.7).run()
    session(app, "forty")
    app.slider(key="h").set_value(0.2).run()

    live(app)
    assert app.slider(key="h").value == 0.7

    session(app, "forty")
    assert shown(app) == (0.2, "What-if")


def test_what_the_tune_page_tries_stays_there(app):
    go(app, "tune")
    app.slider(key="h").set_value(0.6).run()

    live(app)
    assert app.slider(key="h").value == 0.5

    go(app, "tune")
    assert app.slider(key="h").value == 0.6
