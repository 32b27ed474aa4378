"""The source "Endpoint" of the Live page, without a browser: who may ask, and whom."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from director_ai.storage.store import Store
from director_ai.ui.access import login
from director_ai.ui.access.current_store import STORE_VARIABLE
from director_ai.ui.live.endpoint_run import EndpointRun, endpoint_runs
from tests.sources.fault_server import HANG, OK, WHOLE, A, FaultServer, reply
from tests.ui.access.test_login import SECRETS, said

pytestmark = pytest.mark.slow

pytest.importorskip("authlib", reason="NO LOGIN WAS TRIED: pip install '.[login]'")

ROOT = Path(__file__).parents[3]
ONLY = "Only an operator may ask a model."

Open = Callable[[str], AppTest]


@pytest.fixture
def server() -> Iterator[FaultServer]:
    verdict = reply("200 OK", b'{"support": [0.02]}', Content_Type="application/json")
    with FaultServer(
        {"hang": [[OK, A, HANG]], "whole": [[OK, WHOLE]], "judge": [[verdict]]}
    ) as server:
        yield server


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setenv(STORE_VARIABLE, str(tmp_path / "sessions.db"))
    monkeypatch.setenv(login.LOGIN_VARIABLE, "")
    endpoint_runs.clear()
    with Store(tmp_path / "sessions.db") as opened:
        yield opened


@pytest.fixture
def open_app(store: Store, server: FaultServer) -> Open:
    endpoints = {
        "one": {"base_url": server.url("hang"), "model": "tiny"},
        "other": {"base_url": "https://a.org/v1", "model": "big", "key_env": "NO_SUCH_KEY"},
        "whole": {"base_url": server.url("whole"), "model": "tiny"},
    }
    scorers = {"hhem": {"scorer": f"http:hhem@{server.url('judge')}"}}
    secrets: dict[str, Any] = {
        **SECRETS,
        "director": {**SECRETS["director"], "endpoints": endpoints, "scorers": scorers},
    }

    def open_(address: str) -> AppTest:
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30)
        app.secrets = secrets
        app.user = {"is_logged_in": True, "email": address, "email_verified": True}
        app.query_params["from"] = "Endpoint"
        app.run()
        if address.startswith("ann"):
            app.text_area(key="endpoint_prompt").input("Why?")
            app.text_area(key="endpoint_facts").input("Because.").run()
        return app

    return open_


def become(app: AppTest, address: str) -> None:
    app.user = {"is_logged_in": True, "email": address, "email_verified": True}


def name_of(app: AppTest) -> str:
    """Return the id of the run on show."""
    asked = app.query_params["run"]
    return asked if isinstance(asked, str) else asked[0]


def test_a_viewer_is_told_who_may_ask(open_app: Open) -> None:
    app = open_app("vi@b.org")

    assert ONLY in said(app)
    assert "endpoint_start" not in {button.key for button in app.button}


def test_who_was_an_operator_when_the_page_was_drawn_starts_nothing(
    open_app: Open, server: FaultServer, store: Store
) -> None:
    app = open_app("ann@a.org")
    become(app, "vi@b.org")

    app.button(key="endpoint_start").click().run()

    assert not app.exception
    assert ONLY in said(app)
    assert (server.requests, store.count()) == ([], 0)


def test_who_was_an_operator_when_the_page_was_drawn_stops_nothing(
    open_app: Open, server: FaultServer
) -> None:
    app = open_app("ann@a.org")
    app.button(key="endpoint_start").click().run()
    run = endpoint_runs().get(name_of(app))
    assert run is not None
    become(app, "vi@b.org")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(EndpointRun, "stop", lambda _: pytest.fail("a viewer stopped it"))
        app.button(key="endpoint_stop").click().run()

    assert ONLY in said(app)
    assert not run.is_over
    become(app, "ann@a.org")
    app.run()
    app.button(key="endpoint_stop").click().run()
    deadline = time.monotonic() + 60
    while not run.is_over and time.monotonic() < deadline:
        time.sleep(0.01)
    assert run.session.reason is not None
    assert run.session.reason.halt_class == "operator"


def test_a_named_endpoint_is_shown_as_it_is(open_app: Open, server: FaultServer) -> None:
    app = open_app("ann@a.org")

    assert app.selectbox(key="endpoint_name").options == ["one", "other", "whole"]
    assert f"{server.url('hang')} for the model tiny, without a key." in said(app)
    assert "127.0.0.1:8080" not in said(app)
    assert "endpoint_url" not in {field.key for field in app.text_input}

    app.selectbox(key="endpoint_name").set_value("other").run()
    assert "https://a.org/v1 for the model big, with a key of this server" in said(app)
    assert "NO_SUCH_KEY" not in said(app)


def test_another_tab_finds_the_question_of_a_run_filled_in(open_app: Open) -> None:
    app = open_app("ann@a.org")
    app.number_input(key="endpoint_tokens").set_value(77).run()
    app.button(key="endpoint_start").click().run()
    name = name_of(app)

    fresh = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30)
    fresh.secrets, fresh.user = app.secrets, app.user
    fresh.query_params["from"] = "Endpoint"
    fresh.query_params["run"] = name
    fresh.run()

    assert not fresh.exception
    assert fresh.text_area(key="endpoint_prompt").value == "Why?"
    assert fresh.text_area(key="endpoint_facts").value == "Because."
    assert fresh.number_input(key="endpoint_tokens").value == 77
    assert fresh.selectbox(key="endpoint_name").value == "one"
    fresh.button(key="endpoint_stop").click().run()


def test_a_model_of_the_configuration_judges_the_answer(open_app: Open, store: Store) -> None:
    app = open_app("ann@a.org")
    app.text_area(key="endpoint_facts").input("The sky is blue.")
    app.selectbox(key="endpoint_name").set_value("whole")
    app.button_group(key="endpoint_scorer").set_value("model").run()
    # Of a shared app no other scorer is offered: a string could name any address of its network.
    assert app.selectbox(key="scorer_name").options == ["hhem"]
    app.button(key="endpoint_start").click().run()

    run = endpoint_runs().get(name_of(app))
    assert isinstance(run, EndpointRun)
    deadline = time.monotonic() + 30
    while not run.is_over and time.monotonic() < deadline:
        time.sleep(0.01)
    assert run.session.halt_evidence == "judged 0.02: The sky"
    assert str(run.session.scorer).startswith("sentence:coherence hhem@1#")
    app.run()
    assert not app.exception
