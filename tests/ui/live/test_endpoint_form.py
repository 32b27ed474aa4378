"""Endpoints come from the secrets, and their keys from the environment alone."""

import pytest

from director_ai.errors import InvalidEndpointError
from director_ai.sources.chat.endpoint import Endpoint
from director_ai.ui.live import endpoint_form
from director_ai.ui.live.endpoint_form import named_endpoints


def given(monkeypatch: pytest.MonkeyPatch, secrets: dict[str, object]) -> None:
    monkeypatch.setattr(endpoint_form, "secrets", lambda: secrets)


@pytest.mark.parametrize(
    "secrets", [{}, {"director": {"roles": {}}}, {"director": {"endpoints": {}}}, {"director": 1}]
)
def test_a_server_that_names_none_has_none(
    monkeypatch: pytest.MonkeyPatch, secrets: dict[str, object]
) -> None:
    given(monkeypatch, secrets)

    assert named_endpoints() == {}


def test_an_endpoint_knows_its_key_by_the_name_of_a_variable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    section = {"base_url": "https://a.org/v1", "model": "m", "key_env": "CANARY_KEY"}
    given(monkeypatch, {"director": {"endpoints": {"big": section}}})
    monkeypatch.setenv("CANARY_KEY", "sk-canary")

    found = named_endpoints()

    assert found == {"big": Endpoint("https://a.org/v1", "m", "CANARY_KEY")}
    assert "sk-canary" not in repr(found)


def test_a_key_in_the_configuration_is_refused_and_not_quoted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    section = {"base_url": "https://a.org/v1", "model": "m", "key_env": "sk-canary"}
    given(monkeypatch, {"director": {"endpoints": {"big": section}}})

    with pytest.raises(InvalidEndpointError, match="not a key") as caught:
        named_endpoints()
    assert "sk-canary" not in str(caught.value)
