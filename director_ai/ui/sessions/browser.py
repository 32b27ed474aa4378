"""Session list: order, pages, selection, and a preview of the selected session."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import streamlit as st

from director_ai.core.records.record import SessionRecord
from director_ai.errors import DirectorError
from director_ai.reports.headline import headline
from director_ai.storage.store import Store
from director_ai.storage.summary import OUTCOMES, SessionQuery, SessionSummary
from director_ai.ui.components.escaping import visible
from director_ai.ui.components.status_banner import status
from director_ai.ui.components.stream_view import Marks, StreamView
from director_ai.ui.sessions import bulk_actions, table
from director_ai.ui.sessions.counts import SessionCounts
from director_ai.ui.sessions.filter_controls import read_address, write_address
from director_ai.ui.sessions.filters import Filters

PAGE_SIZE: Final = 200
_SHOWN: Final = "sessions_shown"
_SELECTED: Final = "sessions_selected"

_SORTS: Final = {
    "newest": "Newest",
    "oldest": "Oldest",
    "nearest_misses": "Nearest misses",
    "closest": "Closest calls",
    "lowest": "Lowest score",
    "longest": "Longest",
}


def listing(store: Store, query: SessionQuery, filters: Filters, numbers: SessionCounts) -> None:
    """Draw the list, its bulk actions, and a preview of the selected session."""
    n_found = numbers.overview.n_sessions
    last = max(1, math.ceil(n_found / PAGE_SIZE))
    page = min(int(filters.page), last)
    multi = _toolbar(filters, page, last, n_found)
    rows = page_rows(store, query, page, numbers.overview.n_recording)
    st.session_state[_SHOWN] = [row.id for row in rows]
    selection = bulk_actions.rows_of(rows, st.session_state.get(_SELECTED, []))
    selection = selection if multi else selection[:1]
    # Above the table: below it they would be off the screen.
    bulk_actions.action_bar(store, selection, query, n_found)
    key = "sessions_several" if multi else "sessions_one"
    _restore_selection(key, rows, selection)
    table.draw_table(
        table.session_table(rows, with_shadow=numbers.has_shadow),
        key=key,
        several=multi,
        on_select=lambda: _keep_selection(key),
    )
    if len(selection) == 1:
        _peek(store, selection[0])


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


def _toolbar(filters: Filters, page: int, last: int, n_found: int) -> bool:
    """Draw order and pages; return whether several rows may be selected."""
    order, multi, place, back, on = st.columns(
        [6.4, 1.7, 2, 0.5, 0.5], vertical_alignment="center", gap="small"
    )
    if st.session_state.get("sort") != filters.sort:
        st.session_state["sort"] = filters.sort
    order.segmented_control(
        "Order",
        list(_SORTS),
        key="sort",
        format_func=_SORTS.__getitem__,
        required=True,
        label_visibility="collapsed",
        help="Nearest misses: sessions that completed, the one that came closest to a halt first.",
        on_change=_set_order,
    )
    first = (page - 1) * PAGE_SIZE
    place.text(f"{first + 1:,}–{min(first + PAGE_SIZE, n_found):,} of {n_found:,}")
    for column, icon, hint, target, possible in (
        (back, "chevron_left", "Previous page", page - 1, page > 1),
        (on, "chevron_right", "Next page", page + 1, page < last),
    ):
        column.button(
            "",
            key=f"page_{icon}",
            icon=f":material/{icon}:",
            help=hint,
            disabled=not possible,
            on_click=_set_page,
            args=(target,),
        )
    return multi.toggle("Select several", key="select_several")


def _set_order() -> None:
    write_address(replace(read_address(), sort=st.session_state["sort"], page="1"))


def _set_page(page: int) -> None:
    write_address(replace(read_address(), page=str(page)))


def _keep_selection(key: str) -> None:
    """Keep the ids of the selected rows: positions change when sessions come and go."""
    ids = st.session_state[_SHOWN]
    rows = st.session_state[key]["selection"]["rows"]
    st.session_state[_SELECTED] = [ids[row] for row in rows if row < len(ids)]


def _restore_selection(
    key: str, rows: Sequence[SessionSummary], selection: Sequence[SessionSummary]
) -> None:
    """Select the rows of the selected ids in the table, unless it shows them already."""
    ids = {row.id for row in selection}
    places = [place for place, row in enumerate(rows) if row.id in ids]
    state = st.session_state.get(key)
    if sorted(state["selection"]["rows"] if state else []) != places:
        st.session_state[key] = {"selection": {"rows": places, "columns": [], "cells": []}}


@st.cache_resource(show_spinner=False, max_entries=16)
def _record(_store: Store, id: str, changed_us: int) -> SessionRecord:  # noqa: ARG001  # a new version is another session
    return _store.get(id)


def _peek(store: Store, row: SessionSummary) -> None:
    """Draw a preview of one session: verdict, curve, prompt, answer and label."""
    try:
        record = _record(store, row.id, row.changed_us)
    except DirectorError as error:
        status("This session cannot be shown.", str(error))
        return
    view = StreamView.of_record(record, record.policy)
    summary = headline(record, record.policy, view.judgement, view.margins)
    status(summary.text, summary.note, rule=summary.rule)
    left, right = st.columns([2, 1], gap="medium")
    with left:
        view.curve(key="peek", generation=row.id, height=240, marks=Marks(row.onset))
    with right.container(height=240, border=True, key="peek_facts"):
        for name, value in (
            ("Prompt", row.prompt),
            ("Answer", "".join(record.tokens)),
            ("Evidence", record.evidence_note),
            ("Label", _last_annotation(record)),
        ):
            if value:
                st.text(f"{name}: {visible(value[:600])}{'…' if len(value) > 600 else ''}")


def _last_annotation(record: SessionRecord) -> str:
    if not record.annotations:
        return ""
    last = record.annotations[-1]
    onset = "" if last.onset is None else f", onset at token {last.onset}"
    note = f": {last.note}" if last.note else ""
    return f"{last.label}{onset}, by {last.author or 'nobody named'}{note}"
