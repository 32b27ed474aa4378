"""Scorer form of the Live page: the facts, log-probabilities, or a model that judges sentences."""

from collections.abc import Mapping
from typing import Final

import streamlit as st

from director_ai.errors import DirectorError
from director_ai.scorers.scorer_allowlist import ScorerChoice, configured_scorers
from director_ai.scorers.scorer_string import BUILT_IN, scorer_endpoint
from director_ai.sources.chat.logprob import WITHOUT_FACTS
from director_ai.ui.access.login import is_shared, secrets
from director_ai.ui.components.escaping import visible
from director_ai.ui.components.status_banner import notice

_MODEL: Final = "model"
_OTHER: Final = "Another scorer"
_NAMES: Final[Mapping[str, str]] = {
    "lexical": "The facts",
    "logprob": "Log-probabilities",
    "both": "The lower of both",
    _MODEL: "A model",
}
_CERTAINTY: Final[Mapping[str, str]] = {
    "logprob": "The newest token",
    "logprob:entropy": "Its alternatives",
    "logprob:surprise": "The newest ten",
}


def named_scorers() -> dict[str, ScorerChoice]:
    """Return the scorers of the section ``director.scorers`` by their names.

    Where others may be looking no other model may be opened.

    Raises
    ------
    InvalidScorerError, InvalidEndpointError
        If one names no scorer.
    InvalidLoginError
        If the secrets cannot be read.
    """
    director = secrets().get("director")
    return configured_scorers(director.get("scorers") if isinstance(director, Mapping) else None)


def fill_in_scorer(choice: ScorerChoice) -> None:
    """Put a scorer into the form, as after a reload."""
    if choice.scorer in WITHOUT_FACTS:
        st.session_state["endpoint_scorer"] = "logprob"
        st.session_state["endpoint_certainty"] = choice.scorer
        return
    if choice.scorer in BUILT_IN:
        st.session_state["endpoint_scorer"] = choice.scorer
        return
    st.session_state["endpoint_scorer"] = _MODEL
    names = [name for name, named in _named()[0].items() if named == choice]
    if names:
        st.session_state["scorer_name"] = names[0]
    elif not is_shared():
        st.session_state["scorer_name"] = _OTHER
        st.session_state["scorer_string"] = choice.scorer
        st.session_state["scorer_key_env"] = choice.key_env or ""


def scorer_form() -> ScorerChoice | None:
    """Draw the choice of scorer; return it, or ``None`` while it is not complete."""
    st.session_state.setdefault("endpoint_scorer", BUILT_IN[0])
    kind = st.segmented_control(
        "Score by",
        list(_NAMES),
        required=True,
        key="endpoint_scorer",
        format_func=_NAMES.__getitem__,
        help="The facts: their words, compared with the answer's. Log-probabilities: how sure the "
        "model was of each token; the server must send them. A model: judges each finished "
        "sentence by the facts, while their words are compared.",
        persist_state="session",
    )
    if kind == "logprob":
        st.session_state.setdefault("endpoint_certainty", WITHOUT_FACTS[0])
        certainty = st.segmented_control(
            "Certainty of",
            list(_CERTAINTY),
            required=True,
            key="endpoint_certainty",
            format_func=_CERTAINTY.__getitem__,
            help="The newest token: its probability. Its alternatives: how many others could as "
            "well have stood there; the server must send the likeliest five. The newest ten: the "
            "geometric mean of their probabilities.",
            persist_state="session",
        )
        return ScorerChoice(certainty or WITHOUT_FACTS[0])
    if kind != _MODEL:
        return ScorerChoice(kind or BUILT_IN[0])
    choice, problem = _model()
    if problem:
        notice(problem)
    return choice


def _named() -> tuple[dict[str, ScorerChoice], str]:
    """Return the scorers that the configuration names, and the problem with them or ``""``."""
    try:
        return named_scorers(), ""
    except DirectorError as error:
        return {}, str(error)


def _model() -> tuple[ScorerChoice | None, str]:
    """Draw the choice of model; return it, and the problem with it or ``""``."""
    named, problem = _named()
    if problem:
        return None, problem
    names = [*named, *([] if is_shared() else [_OTHER])]
    if not names:
        return None, "The server's configuration names no scorer; others cannot be used here."
    if st.session_state.get("scorer_name") not in names:
        # The configuration may have changed since it was chosen.
        st.session_state.pop("scorer_name", None)
    name = st.selectbox(
        "Scorer", names, key="scorer_name", format_func=visible, persist_state="session"
    )
    if name != _OTHER:
        return named[name], ""
    scorer = st.text_input(
        "Scorer string",
        key="scorer_string",
        placeholder="http:MODEL@https://scores.example.org/score",
        help="onnx:FOLDER, embedding:FOLDER, http:URL, http:MODEL@URL or llm_judge:MODEL@URL",
        persist_state="session",
    )
    key_env = st.text_input(
        "Variable with the scorer's key (optional)",
        key="scorer_key_env",
        placeholder="SCORER_KEY",
        help="The name of an environment variable of this server, never the key itself.",
        persist_state="session",
    )
    choice = ScorerChoice(scorer.strip(), key_env.strip() or None)
    if not choice.scorer:
        return None, "Still missing: a scorer."
    try:
        scorer_endpoint(*choice)
    except DirectorError as error:
        return None, str(error)
    return choice, ""
