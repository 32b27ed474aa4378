"""Table of changed sessions, with labels, links and a CSV export."""

import csv
import io
from collections.abc import Sequence
from typing import Final

import streamlit as st
from streamlit.elements.arrow import DataframeStateInput

from director_ai.core.records.record import Annotation, Label
from director_ai.errors import DirectorError
from director_ai.replay.crossings import NEVER
from director_ai.storage.engine.clock import now_us
from director_ai.storage.store import Store
from director_ai.storage.transfer.csv_cells import guard
from director_ai.tuning.analysis import PolicyAnalysis
from director_ai.tuning.archive_study import ArchiveStudy
from director_ai.tuning.study import TuneData
from director_ai.ui.access.current_store import reviewer
from director_ai.ui.components import page_style, session_peek
from director_ai.ui.components.escaping import visible
from director_ai.ui.components.page_links import session_link
from director_ai.ui.tune.analysis import Analysis
from director_ai.ui.tune.archive import counting
from director_ai.ui.tune.changed_sessions import (
    WITHOUT_LABEL,
    FlipRow,
    OutcomePair,
    flip_records,
    flip_rows,
    flip_table,
    outcome_pair,
    without_label_table,
)
from director_ai.ui.tune.state import COUNT, FLIPS, PEEK, PICKED

MOST_ROWS: Final = 200
HEIGHT: Final = 540
"""Of the table, in pixels: that of the peek beside it."""

_VERSION: Final = "tune_table_version"
_MESSAGE: Final = "tune_message"
_BELOW: Final = "tune_flip_below"
"""Session-state key: id of the session under the selected one."""

_GOING_ON: Final = "tune_flip_next"
"""Session-state key: id of the session that a table which starts anew selects."""

_LABELLED: Final = "tune_flip_labels"
"""Session-state key: number and session of each label given here, the newest last."""

_LABELS: Final[tuple[tuple[Label, str, str], ...]] = (
    ("good", "○ Good", "The answer is good: a halt would be false."),
    ("bad", "● Bad", "The answer goes wrong: a halt is right. A known onset is kept."),
    ("unsure", "? Unsure", "It cannot be told: it then counts in no rate."),
)


def flip_list(analysis: Analysis) -> None:
    """Draw the sessions that end otherwise under the limits in use."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        place = st.container(width="stretch", key="flip_count")
        st.checkbox(
            "also those halted at another token",
            key="flips_moved",
            bind="query-params",
            on_change=lambda: st.rerun([COUNT, FLIPS, PEEK]),
        )
    with place:
        st.fragment(_count, key=COUNT)(analysis)
    with st.container(horizontal=True, gap="small", key="flips_and_peek"):
        with st.container(width="stretch"):
            st.fragment(_list, key=FLIPS)(analysis)
        with st.container(width=session_peek.WIDTH, key="peek"):
            st.fragment(_peek, key=PEEK)(analysis)


def _rows(analysis: Analysis) -> list[FlipRow]:
    moved = bool(st.session_state.get("flips_moved"))
    return flip_rows(analysis.view().flips, moved=moved)


def _outcomes(view: PolicyAnalysis) -> OutcomePair:
    before, after = view.outcomes
    return outcome_pair(
        view.data, view.replay, (view.baseline.policy, before), (view.policy, after)
    )


def _count(analysis: Analysis) -> None:
    rows, view = _rows(analysis), analysis.view()
    count = f"{len(rows):,}" if len(rows) <= MOST_ROWS else f"{MOST_ROWS:,} of {len(rows):,}"
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.text(
            f"Sessions that end otherwise than {view.baseline.name}: {count}, "
            f"harmful changes first{_elsewhere(view)}",
            width="stretch",
        )
        st.download_button(
            "CSV",
            # Made where no control can be read: of the limits that are in use as it is drawn.
            lambda: flips_csv(rows, view.data, _outcomes(view)),
            "flips.csv",
            "text/csv",
            key="flips_csv",
            icon=":material/download:",
            on_click="ignore",
        )


def _elsewhere(view: PolicyAnalysis) -> str:
    """Return how many more of an archive change, which have no label and are not at hand."""
    counts = view.flip_counts
    n_more = sum(counts) - sum(int(mask.sum()) for mask in view.flips)
    if not st.session_state.get("flips_moved"):
        n_more -= counts.moved - int(view.flips.moved.sum())
    return f"; {n_more:,} more without a label, in their shards" if n_more else ""


def _list(analysis: Analysis) -> None:
    shown = _rows(analysis)[:MOST_ROWS]
    st.session_state[PICKED] = None
    if shown:
        # A label moves rows: the table starts anew, so that no other session is selected by it.
        key = f"flips_{st.session_state.get(_VERSION, 0)}"
        picked = _table(shown, analysis, key=key)
        st.session_state[PICKED] = None if picked is None else shown[picked].row
        below = shown[picked + 1 : picked + 2] if picked is not None else []
        st.session_state[_BELOW] = analysis.data.ids[below[0].row] if below else ""
    if analysis.archive is not None:
        _without_label(analysis, analysis.archive)


def _without_label(analysis: Analysis, archive: ArchiveStudy) -> None:
    """Draw the sessions of an archive without a label where they are asked for."""
    # Not drawn unasked: their ids are read from their shards.
    is_asked = st.checkbox(
        f"List those without a label, {MOST_ROWS} at most",
        key="flips_unlabelled",
        bind="query-params",
        help="They are counted in their shards, and in every number of this page; their curves "
        "are not at hand.",
    )
    if not is_asked:
        return
    view = analysis.view()
    with_moved = bool(st.session_state.get("flips_moved"))
    kinds = [kind for kind in WITHOUT_LABEL if with_moved or kind != "moved"]
    found = counting(archive).changed(view.context, view.policy, kinds, MOST_ROWS)
    st.dataframe(
        without_label_table(found),
        key="flips_without_label",
        hide_index=True,
        placeholder="",
        alt="Sessions without a label that end otherwise, one a row",
        column_config={
            "Change": st.column_config.TextColumn(width=125, pinned=True),
            "By now": st.column_config.TextColumn("By"),
        },
    )


def flips_csv(rows: Sequence[FlipRow], data: TuneData, outcomes: OutcomePair) -> str:
    """Return every session that ends otherwise as CSV."""
    records = flip_records(rows, data, outcomes)
    file = io.StringIO()
    writer = csv.DictWriter(file, list(records[0]) if records else [], lineterminator="\r\n")
    writer.writeheader()
    for record in records:
        writer.writerow(
            {
                name: guard(value) if isinstance(value, str) else value
                for name, value in record.items()
            }
        )
    return file.getvalue()


def _table(shown: Sequence[FlipRow], analysis: Analysis, *, key: str) -> int | None:
    column = st.column_config
    event = st.dataframe(
        flip_table(shown, analysis.data, _outcomes(analysis.view())),
        key=key,
        height=HEIGHT,
        hide_index=True,
        placeholder="",
        alt="Sessions that end otherwise, one a row",
        on_select=lambda: st.rerun([FLIPS, PEEK]),
        selection_mode="single-row",
        selection_default=_first_selection(shown, analysis.data),
        column_config={
            "Change": column.TextColumn(width=125, pinned=True),
            "Coherence": column.AreaChartColumn(
                y_min=0, y_max=1, width=130, color=page_style.colours().coherence
            ),
            "Label": column.TextColumn(width=75),
            "Was": column.TextColumn(width=95, help="Token of the halt, or how it ended."),
            "By": column.TextColumn(width=95),
            "Now": column.TextColumn(width=95, help="The same under the limits in use."),
            "By now": column.TextColumn("By", width=95),
            "Margin now": column.NumberColumn(
                width=95,
                format="%+.3f",
                help="How far the session stays from the nearest limit in use; negative: halted.",
            ),
            "Tokens ±": column.NumberColumn(
                width=80,
                format="%+d",
                help="Tokens the reader gets more, or fewer, than before; empty where the "
                "recording does not tell.",
            ),
            "Tokens": column.NumberColumn(width=70),
        },
    )
    rows = event["selection"]["rows"]
    return int(rows[0]) if rows and rows[0] < len(shown) else None


def _first_selection(shown: Sequence[FlipRow], data: TuneData) -> DataframeStateInput:
    """Return the selection of a table that starts anew: the session to go on with."""
    going_on = st.session_state.get(_GOING_ON, "")
    rows = [place for place, flip in enumerate(shown) if data.ids[flip.row] == going_on]
    return {"selection": {"rows": rows, "columns": [], "cells": []}}


def _peek(analysis: Analysis) -> None:
    """Draw the selected session with its actions, which are disabled without one."""
    selected: int | None = st.session_state.get(PICKED)
    session = "" if selected is None else analysis.data.ids[selected]
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key="peek_acts"):
        st.link_button(
            "Open",
            session_link(session, analysis.view().policy),
            icon=":material/open_in_new:",
            disabled=selected is None,
            help="The session under these limits, in a page of its own.",
        )
        for label, word, meaning in _LABELS:
            st.button(
                word,
                key=f"flip_{label}",
                disabled=selected is None or analysis.store.read_only,
                help=meaning,
                on_click=_label,
                args=(analysis.store, session, label),
                kwargs={"onset": None if selected is None else _onset(analysis.data, selected)},
            )
        labelled: list[tuple[int, str]] = st.session_state.get(_LABELLED, [])
        st.button(
            "",
            key="flip_undo",
            icon=":material/undo:",
            disabled=not labelled or analysis.store.read_only,
            help=f"Withdraws the label of {visible(labelled[-1][1])}."
            if labelled
            else "No label was given here yet.",
            on_click=_undo,
            args=(analysis.store,),
        )
    message = str(st.session_state.pop(_MESSAGE, ""))
    selection = f"{session} selected" if session else "Select a row to look into it."
    st.text(visible(f"{message} {selection}".strip()))
    if session:
        session_peek.session_peek(analysis.store, session, analysis.view().policy)


def _onset(data: TuneData, row: int) -> int | None:
    onset = int(data.labelled.onsets[row])
    return None if onset == NEVER else onset


def _label(store: Store, id: str, label: Label, *, onset: int | None) -> None:
    kept = onset if label == "bad" else None
    try:
        number = store.annotate(id, Annotation(label, kept, reviewer(), now_us()))
    except DirectorError as error:
        st.session_state[_MESSAGE] = f"Not done: {error}"
    else:
        st.session_state.setdefault(_LABELLED, []).append((number, id))
        _start_anew(f"Labelled {id} {label}.", st.session_state.get(_BELOW, ""))
    # Every number on the page may have changed.
    st.rerun()


def _undo(store: Store) -> None:
    """Withdraw the newest label given here, and select its session again."""
    number, session = st.session_state[_LABELLED][-1]
    try:
        store.withdraw([number])
    except DirectorError as error:
        st.session_state[_MESSAGE] = f"Not done: {error}"
    else:
        st.session_state[_LABELLED].pop()
        _start_anew(f"Withdrew the label of {session}.", session)
    st.rerun()


def _start_anew(message: str, session: str) -> None:
    """Let the table start anew, with a session selected."""
    st.session_state[_VERSION] = st.session_state.get(_VERSION, 0) + 1
    st.session_state[_MESSAGE], st.session_state[_GOING_ON] = message, session
