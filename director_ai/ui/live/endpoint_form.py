"""Endpoint form of the Live page: the model, the prompt, and the facts to score by."""

from collections.abc import Mapping
from typing import Any, Final

import streamlit as st

from director_ai.errors import DirectorError
from director_ai.scorers.scorer_allowlist import ScorerChoice
from director_ai.sources.chat.endpoint import Endpoint
from director_ai.sources.chat.endpoint_allowlist import configured_endpoints
from director_ai.sources.chat.logprob import WITHOUT_FACTS
from director_ai.ui.access.login import is_shared, secrets
from director_ai.ui.components.escaping import visible
from director_ai.ui.components.status_banner import notice
from director_ai.ui.live.endpoint_run import Question
from director_ai.ui.live.scorer_form import fill_in_scorer, scorer_form

_OTHER_ADDRESS: Final = "Another address"
_INITIAL: Final[dict[str, Any]] = {
    "endpoint_url": "http://127.0.0.1:8080/v1",
    "endpoint_model": "default",
    "endpoint_tokens": 400,
}


def named_endpoints() -> dict[str, Endpoint]:
    """Return the endpoints of the section ``director.endpoints`` by their names.

    Where others may be looking, as :func:`director_ai.ui.access.login.is_shared` tells, no other
    endpoint may be called.

    Raises
    ------
    InvalidEndpointError
        If one is incomplete.
    InvalidLoginError
        If the secrets cannot be read.
    """
    director = secrets().get("director")
    return configured_endpoints(
        director.get("endpoints") if isinstance(director, Mapping) else None
    )


def fill_in(question: Question) -> None:
    """Put a question into a form that nobody has filled in yet, as after a reload."""
    if "endpoint_prompt" in st.session_state:
        return
    endpoint = question.endpoint
    st.session_state["endpoint_prompt"] = question.prompt
    st.session_state["endpoint_facts"] = question.facts
    fill_in_scorer(ScorerChoice(question.scorer, question.scorer_key_env))
    st.session_state["endpoint_tokens"] = question.max_tokens
    names = [name for name, named in _named()[0].items() if named == endpoint]
    if names:
        st.session_state["endpoint_name"] = names[0]
    elif not is_shared():
        st.session_state["endpoint_name"] = _OTHER_ADDRESS
        st.session_state["endpoint_url"] = endpoint.base_url
        st.session_state["endpoint_model"] = endpoint.model
        st.session_state["endpoint_key_env"] = endpoint.key_env or ""


def endpoint_in_form() -> Endpoint | None:
    """Return the endpoint that the form shows, or ``None`` while it names none.

    Of the state, so that its limits are known before the form is drawn.
    """
    named = _named()[0]
    name = st.session_state.get("endpoint_name", next(iter(named), _OTHER_ADDRESS))
    if name in named:
        return named[name]
    url, model = (
        st.session_state.get(key, _INITIAL[key]) for key in ("endpoint_url", "endpoint_model")
    )
    try:
        return Endpoint(url.strip(), model.strip())
    except DirectorError:
        return None


def question_form() -> Question | None:
    """Draw the form; return its question, or ``None`` while that is not complete."""
    # Not as the fields' own defaults, which would not let a reload fill them in.
    for key, value in _INITIAL.items():
        st.session_state.setdefault(key, value)
    left, right = st.columns(2, gap="medium")
    with left:
        endpoint, problem = _endpoint()
        n_tokens = st.number_input(
            "Tokens at most", 1, 100_000, step=50, key="endpoint_tokens", persist_state="session"
        )
    with right:
        prompt = st.text_area("Prompt", key="endpoint_prompt", height=100, persist_state="session")
        facts = st.text_area(
            "Facts (blank lines between sources)",
            key="endpoint_facts",
            height=120,
            persist_state="session",
        )
        choice = scorer_form()
    if problem:
        notice(problem)
    missing = [
        name
        for name, text, needed in (
            ("a prompt", prompt, True),
            ("facts to score by", facts, choice is None or choice.scorer not in WITHOUT_FACTS),
        )
        if needed and not text.strip()
    ]
    if missing:
        notice(f"Still missing: {' and '.join(missing)}.")
    if endpoint is None or choice is None or missing:
        return None
    return Question(endpoint, prompt, facts, choice.scorer, int(n_tokens), choice.key_env)


def _named() -> tuple[dict[str, Endpoint], str]:
    """Return the endpoints that the configuration names, and the problem with them or ``""``."""
    try:
        return named_endpoints(), ""
    except DirectorError as error:
        return {}, str(error)


def _endpoint() -> tuple[Endpoint | None, str]:
    """Draw the choice of endpoint; return it, and the problem with it or ``""``."""
    named, problem = _named()
    if problem:
        return None, problem
    names = [*named, *([] if is_shared() else [_OTHER_ADDRESS])]
    if not names:
        return None, "The server's configuration names no endpoint; others cannot be asked here."
    if st.session_state.get("endpoint_name") not in names:
        # The configuration may have changed since it was chosen.
        st.session_state.pop("endpoint_name", None)
    name = st.selectbox(
        "Endpoint", names, key="endpoint_name", format_func=visible, persist_state="session"
    )
    if name != _OTHER_ADDRESS:
        endpoint = named[name]
        with_key = "with a key of this server's" if endpoint.key_env else "without a key"
        notice(f"Asks {endpoint.base_url} for the model {endpoint.model}, {with_key}.")
        return endpoint, ""
    url = st.text_input("Address", key="endpoint_url", persist_state="session")
    model = st.text_input("Model", key="endpoint_model", persist_state="session")
    key_env = st.text_input(
        "Variable with the key (optional)",
        key="endpoint_key_env",
        placeholder="OPENAI_API_KEY",
        help="The name of an environment variable of this server. The key itself is never typed, "
        "stored or shown.",
        persist_state="session",
    )
    try:
        return Endpoint(url.strip(), model.strip(), key_env.strip() or None), ""
    except DirectorError as error:
        return None, str(error)
