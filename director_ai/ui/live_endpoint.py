"""A stream from a model's endpoint on the Live page: what to ask, start and stop."""

from typing import Final

import streamlit as st

from director_ai.core.halting.policy import HaltPolicy
from director_ai.errors import DirectorError
from director_ai.sources.endpoint import Endpoint
from director_ai.sources.logprob import SCORERS, ScorerName
from director_ai.sources.permission import check_permitted
from director_ai.ui import live_cursor, live_screen
from director_ai.ui.archive import archive
from director_ai.ui.endpoint_run import EndpointRun, Question, endpoint_runs, live_recorder
from director_ai.ui.login import is_shared, visitor
from director_ai.ui.named_endpoints import named_endpoints
from director_ai.ui.status import notice, status
from director_ai.ui.text import visible

_OTHER: Final = "Another address"
_WORDS: Final[dict[ScorerName, str]] = {
    "lexical": "The facts",
    "logprob": "Log-probabilities",
    "both": "The lower of both",
}
_PROBLEM: Final = "endpoint_problem"


def endpoint_page(policy: HaltPolicy, *, presenting: bool) -> None:
    """Draw the source "Endpoint" below the choice of source."""
    if visitor().role != "operator":
        status("Only an operator may ask a model.", "What it answers is recorded.")
        return
    run = _current()
    going = run is not None and not run.is_over
    with st.expander("What to ask", expanded=not going and run is None):
        question = _question()
    start, stop, newest, _ = st.columns([1.6, 1.6, 1.6, 5], vertical_alignment="center")
    start.button(
        "Ask again" if run is not None else "Start",
        key="ask",
        shortcut="Space" if not going else None,
        type="primary",
        disabled=going or question is None,
        on_click=_start,
        args=(question, policy),
        width="stretch",
    )
    stop.button(
        "Stop",
        key="stop_asking",
        shortcut="Space" if going else None,
        help="Cancels the request, even if its server hangs.",
        disabled=not going,
        on_click=run.stop if run is not None else None,
        width="stretch",
    )
    newest.button(
        "Follow",
        key="to_end",
        shortcut="End",
        help="Go to the newest token",
        disabled=run is None,
        on_click=live_cursor.follow,
        width="stretch",
    )
    problem = st.session_state.get(_PROBLEM)
    if run is None:
        status(
            "This cannot be asked." if problem else "Ask a model, and watch its answer judged.",
            problem
            or "Any OpenAI-compatible endpoint: OpenAI, vLLM, Ollama, llama.cpp. The stream is "
            "judged as it comes and recorded; a halt cancels the request.",
        )
        return
    if problem:
        notice(f"This cannot be asked. {problem}")
    live_screen.screen(run, run.snapshot(), policy, presenting=presenting)


def _current() -> EndpointRun | None:
    asked = st.query_params.get("run", "")
    return endpoint_runs().get(asked) if asked else None


def _start(question: Question, policy: HaltPolicy) -> None:
    store = archive()
    try:
        check_permitted(question.endpoint, shared=is_shared(), configured=named_endpoints())
        run = EndpointRun(question, policy, live_recorder(store, store.name))
    except DirectorError as error:
        st.session_state[_PROBLEM] = str(error)
        return
    st.session_state.pop(_PROBLEM, None)
    endpoint_runs().add(run)
    live_cursor.follow()
    st.query_params["run"] = run.record_id


def _question() -> Question | None:
    """Draw the question; return it, or ``None`` while it is not one."""
    where, what = st.columns(2, gap="medium")
    with where:
        endpoint, problem = _endpoint()
    with what:
        prompt = st.text_area("Prompt", key="ask_prompt", height=100, persist_state="session")
        facts = st.text_area(
            "Facts (blank lines between sources)",
            key="ask_facts",
            height=120,
            persist_state="session",
        )
        scorer = st.segmented_control(
            "Score by",
            SCORERS,
            default="lexical",
            required=True,
            key="ask_scorer",
            format_func=_WORDS.__getitem__,
            help="The facts: the built-in lexical baseline. Log-probabilities: how sure the "
            "model was of each token; the server must send them.",
        )
    if problem:
        notice(problem)
    missing = [
        name
        for name, text, needed in (
            ("a prompt", prompt, True),
            ("facts to score by", facts, scorer != "logprob"),
        )
        if needed and not text.strip()
    ]
    if missing:
        notice(f"Still missing: {' and '.join(missing)}.")
    if endpoint is None or missing:
        return None
    n_tokens = int(st.session_state["ask_tokens"])
    return Question(endpoint, prompt, facts, scorer or "lexical", n_tokens)


def _endpoint() -> tuple[Endpoint | None, str]:
    """Draw whom to ask; return it, and what is wrong with it."""
    try:
        named = named_endpoints()
    except DirectorError as error:
        return None, str(error)
    names = [*named, *([] if is_shared() else [_OTHER])]
    if not names:
        return None, "The server's configuration names no endpoint; others cannot be asked here."
    name = st.selectbox("Endpoint", names, key="ask_endpoint", format_func=visible)
    other = name == _OTHER
    url = st.text_input("Address", "http://127.0.0.1:8080/v1", key="ask_url", disabled=not other)
    model = st.text_input("Model", "default", key="ask_model", disabled=not other)
    key_env = st.text_input(
        "Variable with the key (optional)",
        key="ask_key_env",
        placeholder="OPENAI_API_KEY",
        disabled=not other,
        help="The name of an environment variable of this server. The key itself is never typed, "
        "stored or shown.",
    )
    st.number_input("Tokens at most", 1, 100_000, 400, step=50, key="ask_tokens")
    if not other:
        return named[name], ""
    try:
        return Endpoint(url.strip(), model.strip(), key_env.strip() or None), ""
    except DirectorError as error:
        return None, str(error)
