"""The filters of the Sessions page that are behind More."""

from dataclasses import replace
from datetime import datetime
from typing import Final

import streamlit as st

from director_ai.figures.timestamps import moment
from director_ai.ui.sessions.counts import TOKEN_RANGES
from director_ai.ui.sessions.display_names import zone
from director_ai.ui.sessions.filter_controls import (
    Facets,
    change,
    one,
    put,
    read_address,
    several,
    shown,
)
from director_ai.ui.sessions.filters import Filters, instant, instant_us

_ENFORCED: Final = {"true": "enforced", "false": "only watched"}
_SHADOW: Final = {"true": "would halt", "false": "would not"}


def more_filters(filters: Filters, facets: Facets, *, has_shadow: bool) -> None:
    """Draw the button, and the filters that it brings up; see ``session_facets.controls``."""
    n_hidden = sum(
        name in ("group", "enforced", "shadow", "tokens", "margin") for name in filters.narrowing()
    )
    with st.popover(
        f"More ({n_hidden})" if n_hidden else "More", key="filter_more", width="stretch"
    ):
        several("Prompt family", "group", filters, facets["groups"])
        one("Limits were", "enforced", _ENFORCED, filters, facets["enforced"])
        if has_shadow or filters.shadow:
            one("Shadow policy", "shadow", _SHADOW, filters, facets["shadow"])
        one("Tokens", "tokens", TOKEN_RANGES, filters, facets["tokens"])
        least, most = st.columns(2)
        bounds = filters.tokens.partition("-")
        for column, label, key, bound in (
            (least, "Tokens, at least", "filter_least", bounds[0]),
            (most, "at most", "filter_most", bounds[2]),
        ):
            shown(key, int(bound) if bound else None)
            column.number_input(
                label, 0, 999_999_999, value=None, step=10, key=key, on_change=_change_tokens
            )
        shown("filter_margin", float(filters.margin) if filters.margin else None)
        st.number_input(
            "Closest call, at most",
            value=None,
            step=0.01,
            format="%.3f",
            key="filter_margin",
            help="How far the closest token lay above the lowest score that would have passed; "
            "negative where a rule held.",
            on_change=change,
            args=("margin", "filter_margin", _number),
        )
        _dates(filters)


def _dates(filters: Filters) -> None:
    start, end = st.columns(2)
    for column, label, name in ((start, "From", "since"), (end, "Until", "until")):
        at_us = instant_us(getattr(filters, name))
        key = f"filter_{name}_at"
        shown(key, None if at_us is None else _minute(moment(at_us).astimezone(zone())))
        column.datetime_input(
            label,
            value=None,
            min_value=datetime(1970, 1, 1),  # noqa: DTZ001  # the wall clock, as all of it here
            max_value=datetime(9999, 12, 30),  # noqa: DTZ001
            key=key,
            on_change=change,
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
