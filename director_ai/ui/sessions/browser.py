"""Session list: order, pages, selection, and a preview of the session pointed at."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import streamlit as st

from director_ai.storage.store import Store
from director_ai.storage.summary import OUTCOMES, SessionQuery, SessionSummary
from director_ai.ui.components import session_peek
from director_ai.ui.components.press_key import press_key
from director_ai.ui.components.session_filters import Filters
from director_ai.ui.sessions import bulk_actions, table
from director_ai.ui.sessions.counts import SessionCounts
from director_ai.ui.sessions.export import export_button
from director_ai.ui.sessions.filter_controls import read_address, write_address
from director_ai.ui.sessions.view_menu import view_menu

PAGE_SIZE: Final = 200
_SHOWN: Final = "sessions_shown"
_CHECKED: Final = "sessions_checked"
_POINTED: Final = "sessions_pointed"
_TABLE: Final = "sessions_table"

_SORTS: Final = {
    "newest": "Newest",
    "oldest": "Oldest",
    "nearest_misses": "Nearest misses",
    "closest": "Closest calls",
    "lowest": "Lowest score",
    "longest": "Longest",
}


def listing(store: Store, query: SessionQuery, filters: Filters, numbers: SessionCounts) -> None:
    """Draw the list, its bulk actions, and a preview of one session beside it."""
    n_found = numbers.overview.n_sessions
    last = max(1, math.ceil(n_found / PAGE_SIZE))
    page = min(int(filters.page), last)
    rows = page_rows(store, query, page, numbers.overview.n_recording)
    st.session_state[_SHOWN] = [row.id for row in rows]
    checked = bulk_actions.rows_of(rows, st.session_state.get(_CHECKED, []))
    pointed = bulk_actions.rows_of(rows, st.session_state.get(_POINTED, [])[:1])
    selection = checked or pointed
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="list_bar"):
        _order(filters)
        bulk_actions.status_line(selection)
        _pages(page, last, n_found)
        view_menu(store, filters)
        export_button(store, selection, query, n_found)
    # Above the table: below it they would be off the screen.
    bulk_actions.action_bar(store, selection)
    _restore_selection(rows, checked, pointed)
    previewed = pointed or (checked if len(checked) == 1 else [])
    # The table keeps its place in the tree: a preview beside it must not take the focus from it.
    with st.container(horizontal=True, gap="small", key="list_and_preview"):
        table.draw_table(
            table.session_table(rows, with_shadow=numbers.has_shadow),
            key=_TABLE,
            columns=filters.column,
            on_select=_keep_selection,
        )
        if previewed:
            with st.container(width=session_peek.WIDTH, key="preview"):
                session_peek.session_peek(store, previewed[0].id)
        if len(selection) == 1:
            press_key("Enter", ["open_session"], key="enter_opens")


def page_rows(
    store: Store, query: SessionQuery, page: int, n_recording: int
) -> list[SessionSummary]:
    """Return one page of the list: sessions that are being recorded come before all others."""
    start = (page - 1) * PAGE_SIZE
    if not n_recording:
        return store.summaries(query, limit=PAGE_SIZE, offset=start)
    live = replace(query, outcomes=("recording",))
    others = tuple(name for name in query.outcomes or OUTCOMES if name != "recording")
    rows = store.summaries(live, limit=PAGE_SIZE, offset=start)
    if len(rows) < PAGE_SIZE and others:
        before = max(0, start - store.count(live))
        ended = replace(query, outcomes=others)
        rows += store.summaries(ended, limit=PAGE_SIZE - len(rows), offset=before)
    return rows


def _order(filters: Filters) -> None:
    if st.session_state.get("sort") != filters.sort:
        st.session_state["sort"] = filters.sort
    st.selectbox(
        "Order",
        list(_SORTS),
        key="sort",
        format_func=_SORTS.__getitem__,
        label_visibility="collapsed",
        width=170,
        help="Nearest misses: sessions that completed, the one that came closest to a halt first.",
        on_change=_set_order,
    )


def _pages(page: int, last: int, n_found: int) -> None:
    """Draw the place in the list, with the buttons to its other pages."""
    first = (page - 1) * PAGE_SIZE
    st.text(f"{first + 1:,}–{min(first + PAGE_SIZE, n_found):,} of {n_found:,}", width="content")
    for icon, hint, target, possible in (
        ("chevron_left", "Previous page", page - 1, page > 1),
        ("chevron_right", "Next page", page + 1, page < last),
    ):
        st.button(
            "",
            key=f"page_{icon}",
            icon=f":material/{icon}:",
            help=hint,
            disabled=not possible,
            on_click=_set_page,
            args=(target,),
        )


def _set_order() -> None:
    write_address(replace(read_address(), sort=st.session_state["sort"], page="1"))


def _set_page(page: int) -> None:
    write_address(replace(read_address(), page=str(page)))


def _keep_selection() -> None:
    """Keep the ids of the selected rows: positions change when sessions come and go."""
    ids, selection = st.session_state[_SHOWN], st.session_state[_TABLE]["selection"]
    st.session_state[_CHECKED] = [ids[row] for row in selection["rows"] if row < len(ids)]
    cells = [cell for cell in selection["cells"] if cell[0] < len(ids)]
    # The column is kept beside the id, so that the cell stays where the reader put it.
    st.session_state[_POINTED] = [ids[cells[-1][0]], cells[-1][1]] if cells else []


def _restore_selection(
    rows: Sequence[SessionSummary],
    checked: Sequence[SessionSummary],
    pointed: Sequence[SessionSummary],
) -> None:
    """Select the rows and the cell of the kept ids in the table, unless it shows them already."""
    places = {row.id: place for place, row in enumerate(rows)}
    selected = sorted(places[row.id] for row in checked)
    cells = [(places[row.id], st.session_state[_POINTED][1]) for row in pointed]
    state = st.session_state.get(_TABLE)
    selection = state["selection"] if state else {"rows": [], "cells": []}
    if (sorted(selection["rows"]), [tuple(cell) for cell in selection["cells"]]) != (
        selected,
        cells,
    ):
        st.session_state[_TABLE] = {"selection": {"rows": selected, "columns": [], "cells": cells}}
