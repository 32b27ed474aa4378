"""Filters of the Sessions page in the sidebar; the address is the only state of its controls."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final

import streamlit as st

from director_ai.figures.timestamps import moment
from director_ai.storage.store import Store
from director_ai.storage.summary import OUTCOMES
from director_ai.ui.components.session_filters import (
    LONGEST,
    RULES,
    Filters,
    describe,
    describe_time,
    instant,
    instant_us,
    read,
)
from director_ai.ui.components.status_banner import notice
from director_ai.ui.sessions.counts import TOKEN_RANGES
from director_ai.ui.sessions.display_names import LABEL_WORD, OUTCOME_WORD, RULE_WORD, zone
from director_ai.ui.sessions.filter_controls import (
    Facets,
    parameters,
    pick_one,
    pick_pills,
    pick_several,
    read_address,
    settle_address,
    sync_control,
    write_address,
    write_change,
)
from director_ai.ui.sessions.table import CLOSEST_CALL_HELP
from director_ai.ui.sessions.view_menu import opened_view

_REMEMBERED: Final = "sessions_address"
_DRAWN: Final = "sessions_drawn"
_SPANS: Final[Mapping[str, str]] = {
    "all": "All time",
    "1h": "Last hour",
    "24h": "Last 24 hours",
    "7d": "Last 7 days",
}
_ENFORCED: Final = {"true": "enforced", "false": "only watched"}
_WOULD: Final = {"true": "would halt", "false": "would not"}
_SHADOW: Final = {"true": "would halt", "false": "would not"}


def address_filters(store: Store) -> tuple[Filters, list[str]]:
    """Return the filters of the address, and its invalid parameters.

    An empty address restores the filters that the page was left with; one that only names a saved
    view opens it.
    """
    settle_address()
    if not st.query_params and "filter_q" not in st.session_state:
        write_address(st.session_state.get(_REMEMBERED, Filters()))
    filters, problems = read(parameters())
    filters, missing = opened_view(store, filters)
    problems += missing
    st.session_state[_REMEMBERED], st.session_state[_DRAWN] = filters, parameters()
    return filters, problems


def is_current() -> bool:
    """Return whether the page was drawn for the current address.

    A timer's request may have left the browser before the address changed: a rerun from it would
    draw, and remember, outdated filters.
    """
    return bool(st.session_state.get(_DRAWN) == parameters())


def controls(filters: Filters, facets: Facets, *, has_shadow: bool) -> None:
    """Draw every filter; a change is written to the address.

    Parameters
    ----------
    filters
        Filters of the address.
    facets
        Number of sessions by filter and value; see ``Store.facets``.
    has_shadow
        Whether any session had a shadow policy that halted.
    """
    with st.sidebar.container(gap="small", key="filters"):
        _time(filters)
        sync_control("filter_q", filters.q)
        st.text_input(
            "Text",
            key="filter_q",
            placeholder="in prompt or answer",
            max_chars=LONGEST,
            on_change=write_change,
            args=("q", "filter_q", str),
        )
        pick_pills("Outcome", "outcome", OUTCOMES, OUTCOME_WORD, filters, facets["outcomes"])
        pick_pills("Stopped by", "rule", RULES, RULE_WORD, filters, facets["rules"])
        pick_one("Under its limits", "would", _WOULD, filters, facets["would"])
        pick_several("Label", "label", filters, facets["labels"], words=LABEL_WORD)
        for title, name, facet in (
            ("Model", "model", "models"),
            ("Source", "source", "sources"),
            ("Tag", "tag", "tags"),
        ):
            pick_several(title, name, filters, facets[facet])
        _more_filters(filters, facets, has_shadow=has_shadow)


def active(filters: Filters) -> None:
    """Draw the filters that exclude sessions in words, with the button that drops them all."""
    narrowing = filters.narrowing()
    with st.sidebar.container(horizontal=True, vertical_alignment="center", key="active_filters"):
        # In full: a control shows little of its value, and a closed one nothing.
        parts = [describe(filters, name, zone()) for name in narrowing]
        notice(f"Only: {' · '.join(parts)}" if parts else "No filter is set.")
        st.button(
            "Clear",
            key="filter_clear",
            type="tertiary",
            disabled=not narrowing,
            help="Show every session.",
            on_click=lambda: write_address(Filters()),
        )


def _time(filters: Filters) -> None:
    current = filters.since
    options = [*_SPANS] if current in _SPANS else [*_SPANS, current]
    sync_control("filter_since", current)
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
    write_address(replace(filters, since=since, until="", page="1"))


def _more_filters(filters: Filters, facets: Facets, *, has_shadow: bool) -> None:
    """Draw the filters behind More; see :func:`controls`."""
    n_hidden = sum(
        name in ("group", "enforced", "shadow", "tokens", "margin") for name in filters.narrowing()
    )
    with st.expander(
        f"More ({n_hidden})" if n_hidden else "More", key="filter_more", on_change="ignore"
    ):
        pick_several("Group", "group", filters, facets["groups"])
        pick_one("Limits were", "enforced", _ENFORCED, filters, facets["enforced"])
        if has_shadow or filters.shadow:
            pick_one("Shadow policy", "shadow", _SHADOW, filters, facets["shadow"])
        pick_one("Tokens", "tokens", TOKEN_RANGES, filters, facets["tokens"])
        least, most = st.columns(2)
        bounds = filters.tokens.partition("-")
        for column, label, key, bound in (
            (least, "Tokens, at least", "filter_least", bounds[0]),
            (most, "at most", "filter_most", bounds[2]),
        ):
            sync_control(key, int(bound) if bound else None)
            column.number_input(
                label, 0, 999_999_999, value=None, step=10, key=key, on_change=_change_tokens
            )
        sync_control("filter_margin", float(filters.margin) if filters.margin else None)
        st.number_input(
            "Closest call, at most",
            value=None,
            step=0.01,
            format="%.3f",
            key="filter_margin",
            help=CLOSEST_CALL_HELP,
            on_change=write_change,
            args=("margin", "filter_margin", _number),
        )
        _dates(filters)


def _dates(filters: Filters) -> None:
    start, end = st.columns(2)
    for column, label, name in ((start, "From", "since"), (end, "Until", "until")):
        at_us = instant_us(getattr(filters, name))
        key = f"filter_{name}_at"
        sync_control(key, None if at_us is None else _minute(moment(at_us).astimezone(zone())))
        column.datetime_input(
            label,
            value=None,
            min_value=datetime(1970, 1, 1),  # noqa: DTZ001  # the wall clock, as all of it here
            max_value=datetime(9999, 12, 30),  # noqa: DTZ001
            key=key,
            on_change=write_change,
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
    write_address(
        replace(read_address(), tokens="-".join(both).strip() if least or most else "", page="1")
    )
