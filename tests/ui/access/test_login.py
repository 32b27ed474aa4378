"""The door in front of every page, without a browser."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from director_ai.errors import InvalidLoginError, NotPermittedError
from director_ai.storage.store import Store
from director_ai.ui.access import login
from director_ai.ui.access.current_store import STORE_VARIABLE, archive, reviewer
from tests.storage.records import record

pytestmark = pytest.mark.slow

pytest.importorskip("authlib", reason="NO LOGIN WAS TRIED: pip install '.[login]'")

ROOT = Path(__file__).parents[3]
PAGES = ("live", "sessions", "monitor", "review", "tune", "data", "session")
SECRETS: dict[str, Any] = {
    "auth": {
        "redirect_uri": "http://127.0.0.1:8501/oauth2callback",
        "cookie_secret": "5e" * 20,
        "client_id": "director",
        "client_secret": "not-told",
        "server_metadata_url": "http://127.0.0.1:9/x",
    },
    "director": {"roles": {"operators": ["ann@a.org"], "viewers": ["*@b.org"]}},
}

Open = Callable[..., AppTest]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """The store that the pages open; what a test does to this process is taken back."""
    monkeypatch.setenv(STORE_VARIABLE, str(tmp_path / "sessions.db"))
    monkeypatch.setenv(login.LOGIN_VARIABLE, "")
    with Store(tmp_path / "sessions.db") as opened:
        opened.add([record("secret-session", prompt="a secret question")])
        yield opened


@pytest.fixture
def open_app(store: Store) -> Open:
    def open_(
        page: str = "data", *, email: str = "", secrets: dict[str, Any] = SECRETS, **query: str
    ) -> AppTest:
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30)
        app.secrets = secrets
        if email:
            app.user = {"is_logged_in": True, "email": email, "email_verified": True}
        if page != "live":
            app.switch_page(f"pages/views/{page}.py")
        for name, value in query.items():
            app.query_params[name] = value
        return app.run()

    return open_


def said(app: AppTest) -> str:
    return " ".join([*(html.value for html in app.html), *(text.value for text in app.text)])


def keys(app: AppTest) -> set[str | None]:
    return {button.key for button in app.button}


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_who_is_not_signed_in_sees_a_door_on_every_page(page: str, open_app: Open) -> None:
    app = open_app(page, id="secret-session")

    assert not app.exception
    assert "Please sign in." in said(app)
    assert keys(app) == {"sign_in_"}
    assert "secret" not in said(app)


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_who_is_on_no_list_is_told_so_and_may_leave(page: str, open_app: Open) -> None:
    app = open_app(page, email="<b>eve@c.org", id="secret-session")

    assert "&lt;b&gt;eve@c.org is signed in, but on no list of this server." in said(app)
    assert keys(app) == {"sign_out"}
    assert "secret" not in said(app)


def test_an_operator_may_change_the_store(open_app: Open, store: Store) -> None:
    app = open_app(email="ann@a.org", tab="Storage")
    app.button(key="load_samples").click().run()

    assert store.count() == 61
    assert "ann@a.org, operator" in said(app)


def test_a_viewer_finds_the_buttons_disabled_with_a_sentence(open_app: Open) -> None:
    app = open_app(email="vi@b.org", tab="Storage")

    assert app.button(key="load_samples").disabled
    assert app.button(key="retain").disabled
    assert "You are a viewer here: nothing can be changed." in said(app)
    assert "vi@b.org, viewer" in said(app)


def test_a_page_that_forgets_to_disable_a_button_still_changes_nothing(
    open_app: Open, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Store, "read_only", False)
    app = open_app(email="vi@b.org", tab="Storage")

    app.button(key="load_samples").click().run()

    assert "Nothing was changed: a viewer may not change" in said(app)
    assert store.count() == 1


def test_a_press_of_a_disabled_button_is_not_heard(open_app: Open, store: Store) -> None:
    app = open_app(email="vi@b.org", tab="Storage")
    # Disabled is only what a browser is told.
    app.button(key="load_samples").proto.disabled = False

    app.button(key="load_samples").click().run()

    assert "Nothing was changed" not in said(app)
    assert store.count() == 1


def test_with_several_providers_each_has_a_button(open_app: Open) -> None:
    provider = {
        name: SECRETS["auth"][name]
        for name in ("client_id", "client_secret", "server_metadata_url")
    }
    auth = {**SECRETS["auth"], "company": provider, "partner": provider}

    app = open_app(secrets={**SECRETS, "auth": auth})
    assert keys(app) == {"sign_in_company", "sign_in_partner"}


@pytest.mark.parametrize(
    "secrets",
    [
        {"auth": SECRETS["auth"]},
        {"director": SECRETS["director"]},
        {**SECRETS, "director": {"roles": {}}},
        {**SECRETS, "auth": {**SECRETS["auth"], "cookie_secret": "hunter2"}},
    ],
)
def test_a_login_that_cannot_work_lets_nobody_in_and_tells_only_the_log(
    secrets: dict[str, Any], open_app: Open, caplog: pytest.LogCaptureFixture
) -> None:
    app = open_app(email="ann@a.org", secrets=secrets)

    assert "Nobody can sign in." in said(app)
    assert "secret" not in said(app)
    assert "nobody is let in: " in caplog.text
    assert "hunter2" not in caplog.text


def test_a_login_that_vanishes_does_not_open_the_door(open_app: Open) -> None:
    open_app(email="ann@a.org")

    app = open_app(secrets={"else": 1})
    assert "Nobody can sign in." in said(app)


def test_a_broken_file_of_secrets_does_not_open_the_door(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "secrets.toml"
    file.write_text("[auth\ncookie_secret = 'not-told'")
    before = st.get_option("secrets.files")
    st.config.set_option("secrets.files", [str(file)])
    try:
        with pytest.raises(InvalidLoginError, match="must be valid TOML") as caught:
            login.secrets()
        assert "not-told" not in str(caught.value)
        assert login.visitor() == login.Visitor("", None)
        with pytest.raises(NotPermittedError):
            archive()
        assert login.is_shared()
    finally:
        st.config.set_option("secrets.files", before)


@pytest.mark.parametrize("address", ["0.0.0.0", "192.168.0.7", "", "unix:///tmp/x"])
def test_a_server_that_others_reach_is_closed_without_a_login(address: str, open_app: Open) -> None:
    before = st.get_option("server.address")
    st.config.set_option("server.address", address or None)
    try:
        app = open_app(secrets={"else": 1})
        shared = login.is_shared()
    finally:
        st.config.set_option("server.address", before)

    assert "This server is closed." in said(app)
    assert shared


def test_on_this_machine_alone_everybody_is_an_operator(store: Store) -> None:
    assert login.visitor() == login.Visitor("", "operator")
    assert not login.is_shared()
    assert not archive().read_only


def test_labels_bear_the_name_that_somebody_signed_in_with(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "director_ai.ui.access.current_store.visitor",
        lambda: login.Visitor("ann@a.org", "operator"),
    )
    st.session_state["reviewer"] = "Somebody Else"

    assert reviewer() == "ann@a.org"


def test_the_environment_is_as_it_was() -> None:
    assert not os.environ.get(login.LOGIN_VARIABLE)
