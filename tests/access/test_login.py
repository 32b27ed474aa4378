"""What the secrets must say for a login to be one."""

from typing import Any

import pytest

from director_ai.access.login import Login
from director_ai.errors import InvalidLoginError

SECRET = "5e" * 20


def secrets(**auth: Any) -> dict[str, Any]:
    """Return secrets that are complete, but for what is given; ``None`` leaves a key out."""
    section = {
        "redirect_uri": "https://director.a.org/oauth2callback",
        "cookie_secret": SECRET,
        "client_id": "director",
        "client_secret": "not-told",
        "server_metadata_url": "https://id.a.org/.well-known/openid-configuration",
        **auth,
    }
    return {
        "auth": {name: value for name, value in section.items() if value is not None},
        "director": {"roles": {"operators": ["ann@a.org"]}},
    }


def test_without_a_section_there_is_no_login() -> None:
    assert Login.from_secrets({}) is None
    assert Login.from_secrets({"director": {"endpoints": {}}}) is None


def test_a_complete_login_knows_its_host() -> None:
    login = Login.from_secrets(secrets())

    assert login is not None
    assert (login.host, login.providers) == ("director.a.org", ())
    assert login.roles.operators == {"ann@a.org"}


def test_several_providers_are_known_by_name() -> None:
    own = dict.fromkeys(("client_id", "client_secret", "server_metadata_url"))
    provider = {name: secrets()["auth"][name] for name in own}

    login = Login.from_secrets(
        secrets(**own, company=provider, partner=provider, client_kwargs={"prompt": "login"})
    )
    assert login is not None
    assert login.providers == ("company", "partner")


@pytest.mark.parametrize(
    ("auth", "said"),
    [
        ({"redirect_uri": None}, "auth.redirect_uri must be there"),
        ({"redirect_uri": "https://a.org/"}, "must end with /oauth2callback"),
        ({"redirect_uri": "/oauth2callback"}, "must be an absolute URL"),
        ({"redirect_uri": "ftp://a.org/oauth2callback"}, "must be an absolute URL"),
        ({"redirect_uri": "http://[/oauth2callback"}, "must be an absolute URL"),
        ({"redirect_uri": "http://10.0.0.5:8501/oauth2callback"}, "must begin with https://"),
        ({"cookie_secret": None}, "auth.cookie_secret must be there"),
        ({"cookie_secret": "short"}, "must have 32 characters or more"),
        ({"client_id": None}, "auth.client_id must be there"),
        ({"client_secret": ""}, "auth.client_secret must be there"),
        ({"server_metadata_url": None}, "auth.server_metadata_url must be there"),
        ({"server_metadata_url": "http://id.a.org/x"}, "must begin with https://"),
        ({"company": {"client_id": "x"}}, "auth.company.client_secret must be there"),
        ({"my_company": {}}, "auth.my_company must be a name without _"),
    ],
)
def test_a_login_that_could_not_work_is_refused_and_no_secret_is_quoted(
    auth: dict[str, Any], said: str
) -> None:
    with pytest.raises(InvalidLoginError, match=said) as caught:
        Login.from_secrets(secrets(**auth))

    assert not any(secret in str(caught.value) for secret in ("not-told", SECRET, "short"))


def test_a_login_on_this_machine_may_go_without_tls() -> None:
    login = Login.from_secrets(
        secrets(
            redirect_uri="http://localhost:{port}/oauth2callback",
            server_metadata_url="http://127.0.0.1:9/x",
        )
    )

    assert login is not None
    assert login.url == "http://localhost:{port}"


def test_half_a_login_is_refused() -> None:
    whole = secrets()

    with pytest.raises(InvalidLoginError, match="director.roles must come with a section auth"):
        Login.from_secrets({"director": whole["director"]})
    with pytest.raises(InvalidLoginError, match="auth must come with a section director.roles"):
        Login.from_secrets({"auth": whole["auth"]})


def test_a_login_without_its_packages_says_how_to_install_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("director_ai.access.login.find_spec", lambda name: None)

    with pytest.raises(InvalidLoginError, match=r"pip install '\.\[login\]'"):
        Login.from_secrets(secrets())
