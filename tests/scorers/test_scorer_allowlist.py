"""Scorers an app may open: any on this machine alone, the configured ones where others look on."""

from typing import Any

import pytest

from director_ai.errors import (
    EndpointNotPermittedError,
    InvalidEndpointError,
    InvalidScorerError,
    ScorerNotPermittedError,
)
from director_ai.scorers.scorer_allowlist import (
    ScorerChoice,
    check_scorer_permitted,
    configured_scorers,
)
from director_ai.sources.chat.endpoint import Endpoint

NAMED = {
    "hhem": ScorerChoice("http:hhem@https://scores.test/score", "SCORE_KEY"),
    "nli": ScorerChoice("onnx:models/nli"),
}
ENDPOINTS = {"big": Endpoint("https://models.test/v1", "m", "MODELS_KEY")}


def check(choice: ScorerChoice, *, shared: bool) -> None:
    check_scorer_permitted(choice, shared=shared, configured=NAMED, endpoints=ENDPOINTS)


@pytest.mark.parametrize("choice", [*NAMED.values(), *map(ScorerChoice, ("lexical", "both"))])
def test_configured_and_built_in_scorers_are_permitted_everywhere(choice: ScorerChoice) -> None:
    check(choice, shared=True)
    check(choice, shared=False)


@pytest.mark.parametrize(
    "choice",
    [
        ScorerChoice("onnx:/etc"),
        ScorerChoice("http://169.254.169.254/latest"),
        ScorerChoice("http:hhem@https://scores.test/score"),
        ScorerChoice("llm_judge:m@http://127.0.0.1:8080/v1"),
    ],
)
def test_others_are_for_this_machine_alone(choice: ScorerChoice) -> None:
    check(choice, shared=False)
    with pytest.raises(ScorerNotPermittedError, match=r"configuration names \(hhem, nli\)"):
        check(choice, shared=True)


@pytest.mark.parametrize("key_env", ["SCORE_KEY", "MODELS_KEY"])
def test_no_key_goes_to_another_server_than_its_own(key_env: str) -> None:
    with pytest.raises(EndpointNotPermittedError, match="which is elsewhere"):
        check(ScorerChoice("https://mine.test/score", key_env), shared=False)


def test_a_section_without_scorers_names_none() -> None:
    assert configured_scorers(None) == configured_scorers({}) == {}
    named = {"scorer": "http:hhem@https://scores.test/score", "key_env": "SCORE_KEY"}
    assert configured_scorers({"hhem": named}) == {"hhem": NAMED["hhem"]}


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ("hhem", InvalidScorerError, "scorers must be a section"),
        ({"a": "onnx:x"}, InvalidScorerError, "scorers.a must be a section"),
        ({"a": {}}, InvalidScorerError, "scorers.a: scorer must be lexical"),
        ({"a": {"scorer": "onnx:x", "key": "sk-1"}}, InvalidScorerError, "got 'key'"),
        ({"a": {"scorer": "onnx:x", "key_env": "K"}}, InvalidScorerError, "must be left out"),
        ({"a": {"scorer": "http:ftp://x"}}, InvalidEndpointError, "scorers.a: base_url"),
        (
            {"a": {"scorer": "https://a.test/score", "key_env": "sk-5ecret"}},
            InvalidEndpointError,
            "not a key",
        ),
    ],
)
def test_a_section_that_names_no_scorer_is_refused(
    settings: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message) as raised:
        configured_scorers(settings)
    assert "5ecret" not in str(raised.value)
