"""A filter of the Sessions page as a control: the address is what it shows, and what it sets."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import streamlit as st

from director_ai.ui.components.escaping import visible
from director_ai.ui.sessions.filters import Filters, meant, read

Facets = Mapping[str, Mapping[str, int]]
"""How many sessions each value of a facet would find."""


def put(filters: Filters) -> None:
    """Write the filters into the address; the next run shows them."""
    st.query_params.from_dict(filters.parameters())


def several(
    label: str,
    name: str,
    filters: Filters,
    counts: Mapping[str, int],
    *,
    words: Mapping[str, str] | None = None,
) -> None:
    """Draw a choice of any of the values there are; ``words`` says what to call them."""
    chosen = getattr(filters, name)
    key = f"filter_{name}"
    shown(key, list(chosen))
    drawn = words or {value: visible(value) for value in sorted({*counts, *chosen})}
    st.multiselect(
        label,
        list(drawn),
        key=key,
        format_func=lambda value: f"{drawn[value]} ({counts.get(value, 0):,})",
        placeholder="Any",
        on_change=change,
        args=(name, key, partial(meant, drawn)),
    )


def pills(
    label: str,
    name: str,
    options: tuple[str, ...],
    words: Mapping[str, str],
    filters: Filters,
    counts: Mapping[str, int],
) -> None:
    """Draw a choice of any of a few values, all in sight."""
    key = f"filter_{name}"
    shown(key, [value for value in options if value in getattr(filters, name)])
    st.pills(
        label,
        options,
        key=key,
        selection_mode="multi",
        wrap=True,
        format_func=lambda value: f"{words[value]} ({counts.get(value, 0):,})",
        on_change=change,
        args=(name, key, partial(meant, words)),
    )


def one(
    label: str, name: str, words: Mapping[str, str], filters: Filters, counts: Mapping[str, int]
) -> None:
    """Draw a choice of one of a few values, or none."""
    key, value = f"filter_{name}", getattr(filters, name)
    shown(key, value if value in words else None)
    st.pills(
        label,
        list(words),
        key=key,
        wrap=True,
        format_func=lambda value: f"{words[value]} ({counts.get(value, 0):,})",
        on_change=change,
        args=(name, key, lambda value: meant(words, [value])[0]),
    )


def change(name: str, key: str, convert: Callable[[Any], Any]) -> None:
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


def shown(key: str, value: Any) -> None:
    """Let a control show ``value``; one that does is left alone, lest typing be disturbed."""
    if key not in st.session_state or st.session_state[key] != value:
        st.session_state[key] = value
