"""The controls of the Sessions page's filters. The address is what they show and what they set."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import streamlit as st

from director_ai.storage.summary import OUTCOMES
from director_ai.ui.components.status_banner import notice
from director_ai.ui.session_more import more_filters
from director_ai.ui.sessions.display_names import LABEL_WORD, OUTCOME_WORD, RULE_WORD, zone
from director_ai.ui.sessions.filter_controls import (
    Facets,
    change,
    pills,
    put,
    read_address,
    several,
    shown,
)
from director_ai.ui.sessions.filters import LONGEST, RULES, Filters, describe, describe_time, read

_REMEMBERED: Final = "sessions_address"
_DRAWN: Final = "sessions_drawn"
_SPANS: Final[Mapping[str, str]] = {
    "all": "All time",
    "1h": "Last hour",
    "24h": "Last 24 hours",
    "7d": "Last 7 days",
}


def asked() -> tuple[Filters, list[str]]:
    """Return the filters the address asks for, and what in it is no filter.

    Without any, on coming from another page, they are those the page was left with.
    """
    if not st.query_params and "filter_q" not in st.session_state:
        put(st.session_state.get(_REMEMBERED, Filters()))
    parameters = _parameters()
    filters, problems = read(parameters)
    st.session_state[_REMEMBERED], st.session_state[_DRAWN] = filters, parameters
    return filters, problems


def is_drawn() -> bool:
    """Return whether the page was drawn for the address that this run was asked for with.

    What a timer asks for may have left the browser before it heard of a new address. A rerun from
    there would draw, and write down, the filters of before.
    """
    return bool(st.session_state.get(_DRAWN) == _parameters())


def _parameters() -> dict[str, list[str]]:
    return {name: st.query_params.get_all(name) for name in st.query_params}


def controls(filters: Filters, facets: Facets, *, has_shadow: bool) -> None:
    """Draw every filter as it stands; changing one writes the address.

    Parameters
    ----------
    filters
        What the address asks for.
    facets
        How many sessions each value would find; see ``Store.facets``.
    has_shadow
        Whether any session had a shadow policy that halted.
    """
    time, text, label, model, source, tag, more, clear = st.columns(
        [1.05, 1.25, 1, 1, 1, 1, 0.75, 0.6], vertical_alignment="bottom", gap="small"
    )
    with time:
        _time(filters)
    with text:
        shown("filter_q", filters.q)
        st.text_input(
            "Text",
            key="filter_q",
            placeholder="in prompt or answer",
            max_chars=LONGEST,
            on_change=change,
            args=("q", "filter_q", str),
        )
    with label:
        several("Label", "label", filters, facets["labels"], words=LABEL_WORD)
    for column, title, name, facet in (
        (model, "Model", "model", "models"),
        (source, "Source", "source", "sources"),
        (tag, "Tag", "tag", "tags"),
    ):
        with column:
            several(title, name, filters, facets[facet])
    with more:
        more_filters(filters, facets, has_shadow=has_shadow)
    clear.button(
        "Clear",
        key="filter_clear",
        disabled=not filters.narrowing(),
        help="Show every session.",
        on_click=lambda: put(Filters()),
        width="stretch",
    )
    outcome, rule = st.columns([1.9, 1], gap="small")
    with outcome:
        pills("Outcome", "outcome", OUTCOMES, OUTCOME_WORD, filters, facets["outcomes"])
    with rule:
        pills("Rule that held", "rule", RULES, RULE_WORD, filters, facets["rules"])
    narrowing = filters.narrowing()
    if narrowing:
        # In full: a control shows little of what is chosen in it, and a closed one nothing.
        said = " · ".join(describe(filters, name, zone()) for name in narrowing)
        notice(f"Only: {said}")


def _time(filters: Filters) -> None:
    current = filters.since
    options = [*_SPANS] if current in _SPANS else [*_SPANS, current]
    shown("filter_since", current)
    st.selectbox(
        "Time",
        options,
        key="filter_since",
        format_func=lambda since: _time_word(since, filters),
        accept_new_options=True,
        help="Choose, or type a span such as 36h, 90m, 10d or 2w.",
        on_change=_change_time,
    )


def _time_word(since: str, filters: Filters) -> str:
    until = filters.until if since == filters.since else ""
    if not until and since in _SPANS:
        return _SPANS[since]
    return describe_time(since, until, zone()).capitalize()


def _change_time() -> None:
    filters = read_address()
    since = str(st.session_state["filter_since"]).strip()
    put(replace(filters, since=since, until="", page="1"))
