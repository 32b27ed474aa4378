"""The controls of the Sessions page's filters. The address is what they show and what they set."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, Final

import streamlit as st

from director_ai.figures.moment import moment
from director_ai.storage.summary import OUTCOMES
from director_ai.ui.session_filters import (
    LONGEST,
    RULES,
    Filters,
    describe,
    describe_time,
    instant,
    instant_us,
    meant,
    read,
)
from director_ai.ui.session_words import LABEL_WORD, OUTCOME_WORD, RULE_WORD, zone
from director_ai.ui.status import notice
from director_ai.ui.text import visible

_REMEMBERED: Final = "sessions_address"
_SPANS: Final[Mapping[str, str]] = {
    "all": "All time",
    "1h": "Last hour",
    "24h": "Last 24 hours",
    "7d": "Last 7 days",
}

Facets = Mapping[str, Mapping[str, int]]


def asked() -> tuple[Filters, list[str]]:
    """Return the filters the address asks for, and what in it is no filter.

    Without any, on coming from another page, they are those the page was left with.
    """
    if not st.query_params and "filter_q" not in st.session_state:
        put(st.session_state.get(_REMEMBERED, Filters()))
    filters, problems = read({name: st.query_params.get_all(name) for name in st.query_params})
    st.session_state[_REMEMBERED] = filters
    return filters, problems


def put(filters: Filters) -> None:
    """Write the filters into the address; the next run shows them."""
    st.query_params.from_dict(filters.parameters())


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
        _shown("filter_q", filters.q)
        st.text_input(
            "Text",
            key="filter_q",
            placeholder="in prompt or answer",
            max_chars=LONGEST,
            on_change=_change,
            args=("q", "filter_q", str),
        )
    with label:
        _several("Label", "label", filters, facets["labels"], words=LABEL_WORD)
    for column, title, name, facet in (
        (model, "Model", "model", "models"),
        (source, "Source", "source", "sources"),
        (tag, "Tag", "tag", "tags"),
    ):
        with column:
            _several(title, name, filters, facets[facet])
    with more:
        _more(filters, facets, has_shadow=has_shadow)
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
        _pills("Outcome", "outcome", OUTCOMES, OUTCOME_WORD, filters, facets["outcomes"])
    with rule:
        _pills("Rule that held", "rule", RULES, RULE_WORD, filters, facets["rules"])
    narrowing = filters.narrowing()
    if narrowing:
        # In full: a control shows little of what is chosen in it, and a closed one nothing.
        said = " · ".join(describe(filters, name, zone()) for name in narrowing)
        notice(f"Only: {said}")


def _time(filters: Filters) -> None:
    current = filters.since
    options = [*_SPANS] if current in _SPANS else [*_SPANS, current]
    _shown("filter_since", current)
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


def _several(
    label: str,
    name: str,
    filters: Filters,
    counts: Mapping[str, int],
    *,
    words: Mapping[str, str] | None = None,
) -> None:
    chosen = getattr(filters, name)
    key = f"filter_{name}"
    _shown(key, list(chosen))
    drawn = words or {value: visible(value) for value in sorted({*counts, *chosen})}
    st.multiselect(
        label,
        list(drawn),
        key=key,
        format_func=lambda value: f"{drawn[value]} ({counts.get(value, 0):,})",
        placeholder="Any",
        on_change=_change,
        args=(name, key, partial(meant, drawn)),
    )


def _pills(
    label: str,
    name: str,
    options: tuple[str, ...],
    words: Mapping[str, str],
    filters: Filters,
    counts: Mapping[str, int],
) -> None:
    key = f"filter_{name}"
    _shown(key, [value for value in options if value in getattr(filters, name)])
    st.pills(
        label,
        options,
        key=key,
        selection_mode="multi",
        wrap=True,
        format_func=lambda value: f"{words[value]} ({counts.get(value, 0):,})",
        on_change=_change,
        args=(name, key, partial(meant, words)),
    )


def _more(filters: Filters, facets: Facets, *, has_shadow: bool) -> None:
    n_hidden = sum(
        name in ("group", "enforced", "shadow", "tokens", "margin") for name in filters.narrowing()
    )
    with st.popover(
        f"More ({n_hidden})" if n_hidden else "More", key="filter_more", width="stretch"
    ):
        _several("Prompt family", "group", filters, facets["groups"])
        _either("Limits were", "enforced", ("enforced", "only watched"), filters)
        if has_shadow or filters.shadow:
            _either("Shadow policy", "shadow", ("would halt", "would not"), filters)
        least, most = st.columns(2)
        bounds = filters.tokens.partition("-")
        for column, label, key, bound in (
            (least, "Tokens, at least", "filter_least", bounds[0]),
            (most, "at most", "filter_most", bounds[2]),
        ):
            _shown(key, int(bound) if bound else None)
            column.number_input(
                label, 0, 999_999_999, value=None, step=10, key=key, on_change=_change_tokens
            )
        _shown("filter_margin", float(filters.margin) if filters.margin else None)
        st.number_input(
            "Closest call, at most",
            value=None,
            step=0.01,
            format="%.3f",
            key="filter_margin",
            help="How far the closest token lay above the lowest score that would have passed; "
            "negative where a rule held.",
            on_change=_change,
            args=("margin", "filter_margin", _number),
        )
        _dates(filters)


def _either(label: str, name: str, words: tuple[str, str], filters: Filters) -> None:
    key = f"filter_{name}"
    _shown(key, getattr(filters, name) or None)
    st.segmented_control(
        label,
        ("true", "false"),
        key=key,
        format_func=lambda value: words[value == "false"],
        on_change=_change,
        args=(name, key, str),
    )


def _dates(filters: Filters) -> None:
    start, end = st.columns(2)
    for column, label, name in ((start, "From", "since"), (end, "Until", "until")):
        at_us = instant_us(getattr(filters, name))
        key = f"filter_{name}_at"
        shown = None if at_us is None else _minute(moment(at_us).astimezone(zone()))
        _shown(key, shown)
        column.datetime_input(
            label,
            value=None,
            min_value=datetime(1970, 1, 1),  # noqa: DTZ001  # the wall clock, as all of it here
            max_value=datetime(9999, 12, 30),  # noqa: DTZ001
            key=key,
            on_change=_change,
            args=(name, key, _as_instant),
        )


def _minute(at: datetime) -> datetime:
    first = datetime(1970, 1, 1)  # noqa: DTZ001
    return max(first, at.replace(second=0, microsecond=0, tzinfo=None))


def _as_instant(at: datetime) -> str:
    local = at.replace(tzinfo=zone())
    return instant(round(local.timestamp() * 1e6))


def _number(value: float) -> str:
    return f"{value:g}"


def _change_tokens() -> None:
    least, most = st.session_state["filter_least"], st.session_state["filter_most"]
    both = ("" if bound is None else str(bound) for bound in (least, most))
    put(replace(read_address(), tokens="-".join(both).strip() if least or most else "", page="1"))


def _change(name: str, key: str, convert: Callable[[Any], Any]) -> None:
    """Write what a control now holds into the address, back on the first page of the list."""
    value = st.session_state[key]
    untouched = getattr(Filters(), name)
    put(
        replace(
            read_address(),
            **{name: untouched if value in (None, "") else convert(value), "page": "1"},
        )
    )


def read_address() -> Filters:
    """Return the filters as the address has them, whatever else stands there."""
    return read({name: st.query_params.get_all(name) for name in st.query_params})[0]


def _shown(key: str, value: Any) -> None:
    """Let a control show ``value``; one that does is left alone, lest typing be disturbed."""
    if key not in st.session_state or st.session_state[key] != value:
        st.session_state[key] = value
