"""Filter controls bound to the address of the Sessions page."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Final

import streamlit as st

from director_ai.ui.components.escaping import visible
from director_ai.ui.components.session_filters import Filters, choice_values, read

Facets = Mapping[str, Mapping[str, int]]
"""Number of sessions by facet and value."""

_WRITTEN: Final = "sessions_written"


def parameters() -> dict[str, list[str]]:
    """Return the values of each parameter of the address."""
    return {name: st.query_params.get_all(name) for name in st.query_params}


def write_address(filters: Filters) -> None:
    """Write the filters to the address; the next run of the page shows them."""
    before = parameters()
    st.query_params.from_dict(filters.parameters())
    st.session_state[_WRITTEN] = before, filters.parameters()


def settle_address() -> None:
    """Write the filters once more if this run was asked for before the browser had them.

    A timer's request may bring the change of a control ahead of the control's own, which then
    still names the address of before; and only that one draws the page.
    """
    before, written = st.session_state.pop(_WRITTEN, (None, {}))
    if parameters() == before:
        st.query_params.from_dict(written)


def pick_several(
    label: str,
    name: str,
    filters: Filters,
    counts: Mapping[str, int],
    *,
    words: Mapping[str, str] | None = None,
) -> None:
    """Draw a multi-select of all values; ``words`` maps values to display names."""
    values = getattr(filters, name)
    key = f"filter_{name}"
    sync_control(key, list(values))
    labels = words or {value: visible(value) for value in sorted({*counts, *values})}
    st.multiselect(
        label,
        list(labels),
        key=key,
        format_func=lambda value: f"{labels[value]} ({counts.get(value, 0):,})",
        placeholder="Any",
        on_change=write_change,
        args=(name, key, partial(choice_values, labels)),
    )


def pick_pills(
    label: str,
    name: str,
    options: tuple[str, ...],
    words: Mapping[str, str],
    filters: Filters,
    counts: Mapping[str, int],
) -> None:
    """Draw a multi-select of few values, all in sight."""
    key = f"filter_{name}"
    sync_control(key, [value for value in options if value in getattr(filters, name)])
    st.pills(
        label,
        options,
        key=key,
        selection_mode="multi",
        wrap=True,
        format_func=lambda value: f"{words[value]} ({counts.get(value, 0):,})",
        on_change=write_change,
        args=(name, key, partial(choice_values, words)),
    )


def pick_one(
    label: str, name: str, words: Mapping[str, str], filters: Filters, counts: Mapping[str, int]
) -> None:
    """Draw a choice of at most one of few values."""
    key, value = f"filter_{name}", getattr(filters, name)
    sync_control(key, value if value in words else None)
    st.pills(
        label,
        list(words),
        key=key,
        wrap=True,
        format_func=lambda value: f"{words[value]} ({counts.get(value, 0):,})",
        on_change=write_change,
        args=(name, key, lambda value: choice_values(words, [value])[0]),
    )


def write_change(name: str, key: str, convert: Callable[[Any], Any]) -> None:
    """Write a control's value to the address, and return to the first page of the list."""
    value = st.session_state[key]
    default = getattr(Filters(), name)
    write_address(
        replace(
            read_address(),
            **{name: default if value in (None, "") else convert(value), "page": "1"},
        )
    )


def read_address() -> Filters:
    """Return the filters of the address; invalid parameters are ignored."""
    return read(parameters())[0]


def sync_control(key: str, value: Any) -> None:
    """Set a control to ``value`` unless it shows it already, lest typing be disturbed."""
    if key not in st.session_state or st.session_state[key] != value:
        st.session_state[key] = value
