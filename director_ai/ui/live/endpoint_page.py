"""Endpoint source of the Live page: form, start and stop of a model's stream."""

from typing import Final

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from director_ai.core.halting.policy import HaltPolicy
from director_ai.errors import (
    DirectorError,
    RateLimitedError,
    SourceError,
    SourceLostError,
    SourceRefusedError,
    SourceTimeoutError,
)
from director_ai.scorers.scorer_allowlist import ScorerChoice, check_scorer_permitted
from director_ai.sources.chat.endpoint_allowlist import check_permitted
from director_ai.ui.access.current_store import archive
from director_ai.ui.access.login import is_shared, visitor
from director_ai.ui.components.status_banner import notice, status
from director_ai.ui.components.stream_view import Picture
from director_ai.ui.live import cursor, player
from director_ai.ui.live.endpoint_form import fill_in, named_endpoints, question_form
from director_ai.ui.live.endpoint_run import (
    EndpointRun,
    Question,
    attach,
    endpoint_runs,
    live_recorder,
)
from director_ai.ui.live.scorer_form import named_scorers

_PROBLEM: Final = "endpoint_problem"
_RUN_ID: Final = "endpoint_run_id"
"""The id of the run of this tab: the address forgets it while another page or source is open."""


def endpoint_page(
    policy: HaltPolicy, bar: DeltaGenerator, *, presenting: bool, picture: Picture
) -> None:
    """Draw the source "Endpoint", its buttons in the bar."""
    if visitor().role != "operator":
        status("Only an operator may ask a model.", "What it answers is recorded.")
        return
    run = _current()
    is_running = run is not None and not run.is_over
    if run is not None:
        fill_in(run.question)
    refusal = None if run is None else run.refusal
    if refusal is not None:
        status(refusal_sentence(refusal), str(refusal))
    with st.expander("What to ask", expanded=run is None or refusal is not None):
        question = question_form()
    bar.button(
        _start_label(run, question),
        key="endpoint_start",
        shortcut="Space" if not is_running else None,
        type="primary",
        disabled=is_running or question is None,
        on_click=_start,
        args=(question, policy),
    )
    bar.button(
        "Stop",
        key="endpoint_stop",
        shortcut="Space" if is_running else None,
        help="Cancels the request, even if its server hangs.",
        disabled=not is_running,
        on_click=_stop,
        args=(run,),
    )
    bar.button(
        "Follow",
        key="to_end",
        shortcut="End",
        help="Go to the newest token",
        disabled=run is None,
        on_click=cursor.follow,
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
    if refusal is not None:
        return
    player.screen(run, run.snapshot(), policy, presenting=presenting, picture=picture)


def refusal_sentence(error: SourceError) -> str:
    """Return why a model gave no answer, in plain words.

    >>> refusal_sentence(SourceRefusedError("the server answered 401", 401))
    'The model refused the key (401).'
    """
    match error:
        case RateLimitedError(status=code):
            said = f"The model is busy ({code}). Wait a moment, then ask again."
        case SourceRefusedError(status=(401 | 403) as code):
            said = f"The model refused the key ({code})."
        case SourceRefusedError(status=404):
            said = "There is no such model or address (404)."
        case SourceRefusedError(status=code) if code >= 500:
            said = f"The model's server failed ({code})."
        case SourceRefusedError(status=code):
            said = f"The model refused the question ({code})."
        case SourceTimeoutError():
            said = "The model did not answer in time."
        case SourceLostError():
            said = "The model cannot be reached."
        case _:
            said = "The model's answer cannot be read."
    return said


def _current() -> EndpointRun | None:
    run_id = st.query_params.get("run", "") or st.session_state.get(_RUN_ID, "")
    run = endpoint_runs().get(run_id) if run_id else None
    if run is not None:
        st.query_params["run"] = st.session_state[_RUN_ID] = run.record_id
        attach(run)
    return run


def _start_label(run: EndpointRun | None, question: Question | None) -> str:
    if run is None:
        return "Start"
    return "Retry" if run.has_failed and question == run.question else "Ask again"


def _start(question: Question, policy: HaltPolicy) -> None:
    try:
        # First, as it knows what the visitor may do by now.
        recorder = live_recorder(archive())
        endpoints = named_endpoints()
        check_permitted(question.endpoint, shared=is_shared(), configured=endpoints)
        check_scorer_permitted(
            ScorerChoice(question.scorer, question.scorer_key_env),
            shared=is_shared(),
            configured=named_scorers(),
            endpoints=endpoints,
        )
        run = EndpointRun(question, policy, recorder)
    except DirectorError as error:
        st.session_state[_PROBLEM] = str(error)
        return
    st.session_state.pop(_PROBLEM, None)
    endpoint_runs().add(run)
    cursor.follow()
    st.query_params["run"] = run.record_id


def _stop(run: EndpointRun) -> None:
    # The button may have been drawn for an operator, and pressed by a viewer.
    if visitor().role == "operator":
        run.stop()
