"""The Import tab: preview, column mapping and import of a file."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import pandas as pd
import streamlit as st

from director_ai.errors import DirectorError, ImportRefusedError
from director_ai.storage.store import Store
from director_ai.storage.transfer.column_mapping import ColumnMapping
from director_ai.storage.transfer.file_reader import ENDINGS
from director_ai.storage.transfer.import_plan import Counts, ImportPlan
from director_ai.storage.transfer.sandbox import read_upload_safely
from director_ai.ui.access.current_store import archive, is_demo
from director_ai.ui.components.escaping import visible
from director_ai.ui.components.status_banner import notice, status
from director_ai.ui.data.tables import FIELD_NAMES, counted, problem_table, session_preview

SERVE = "director-ai serve --store sessions.db"

FORMATS = {
    "jsonl": "JSONL",
    "parquet": "Parquet",
    "csv": "CSV",
    "original": "sessions as director-ai logs them",
    "otlp": "OTLP spans",
}

_FIRST_FIELDS = 8
_MOST_COLUMNS = 200
_EXCERPT = 80
_STATE = "import_reading"


@dataclass(slots=True)
class Reading:
    """An uploaded file as it was read, so that a rerun does not read it again.

    Attributes
    ----------
    file_id
        Streamlit's id of the upload.
    guess
        Plan by the guessed mapping.
    plan, preview
        As it is read now, and its first sessions.
    clashes
        Ids for which the store holds another session.
    n_added
        Sessions imported from it; ``None`` before.
    refused
        Reason of the store not to take it.
    """

    file_id: str
    guess: ImportPlan
    plan: ImportPlan
    preview: pd.DataFrame
    clashes: tuple[str, ...] = ()
    n_added: int | None = None
    refused: str = ""


def draw() -> None:
    """Draw the tab."""
    store = archive()
    if is_demo():
        notice("This is the demo: what is imported here is gone when it ends. To keep sessions:")
        st.code(SERVE, language="shell")
    file = st.file_uploader(
        "Sessions to import: JSONL, CSV, Parquet or JSON; .gz is unpacked",
        ENDINGS,
        key="sessions_file",
        disabled=store.read_only,
        on_change=_forget,
    )
    if store.read_only:
        notice("This store is open to read only.")
    if file is None:
        _hint()
        return
    reading = _reading(store, file)
    if reading is None:
        return
    _verdict(store, reading)
    plan = reading.plan
    if plan.problems and not _lacks_columns(plan):
        st.dataframe(
            problem_table(plan.problems),
            hide_index=True,
            height=min(300, 38 + 35 * len(plan.problems)),
            column_config={"message": st.column_config.TextColumn(width="large")},
            key="problems",
        )
        if plan.n_problems_not_listed:
            notice(f"And {plan.n_problems_not_listed:,} more, not listed.")
    if reading.clashes:
        st.dataframe(
            {"session": [visible(name[:_EXCERPT]) for name in reading.clashes]},
            hide_index=True,
            height=min(300, 38 + 35 * len(reading.clashes)),
            key="clashes",
        )
    if plan.columns and plan.mapping is not None:
        # As the first reading went: it must not close on whoever is choosing.
        is_open = not reading.guess.ok
        with st.expander("Columns", icon=":material/view_column:", expanded=is_open):
            _mapping_controls(reading.guess)
    if plan.counts.n_sessions:
        shown = len(reading.preview)
        st.text(f"The first {counted(shown, 'session')}" if shown > 1 else "The session")
        st.dataframe(
            reading.preview,
            hide_index=True,
            column_config={
                "coherence": st.column_config.LineChartColumn(y_min=0, y_max=1, color="gray"),
                "lowest": st.column_config.NumberColumn(format="%.3f"),
            },
            key="preview",
        )


def _hint() -> None:
    st.text("One session a line is enough:")
    st.code(
        '{"id": "a1", "tokens": ["The", " sky"], "scores": [0.91, 0.88], "label": "good"}',
        language="json",
    )
    st.text(
        "A table needs a column of tokens or text and one of scores: a row a session, or a row a "
        "token. Other names are mapped in the next step. Nothing is imported before you say so."
    )


def _reading(store: Store, file: Any) -> Reading | None:
    """Return the file read by the mapping of the controls; if it is refused, show the reason."""
    reading: Reading | None = st.session_state.get(_STATE)
    try:
        if reading is None or reading.file_id != file.file_id:
            plan = _read(file, None)
            reading = _remembered(store, file.file_id, plan, plan)
        mapping = _control_mapping(reading.guess)
        if mapping != reading.plan.mapping:
            plan = reading.guess if mapping == reading.guess.mapping else _read(file, mapping)
            reading = _remembered(store, file.file_id, reading.guess, plan)
    except ImportRefusedError as error:
        status("This file is refused; nothing was imported.", f"{error}.")
        return None
    return reading


def _remembered(store: Store, file_id: str, guess: ImportPlan, plan: ImportPlan) -> Reading:
    clashes = store.plan_insert(plan.records).clashes if plan.ok else ()
    reading = Reading(file_id, guess, plan, session_preview(plan.records), clashes)
    st.session_state[_STATE] = reading
    return reading


def _read(file: Any, mapping: ColumnMapping | None) -> ImportPlan:
    with st.spinner("Reading the file…"):
        return read_upload_safely(file.getvalue(), file.name, mapping)


def _control_mapping(guess: ImportPlan) -> ColumnMapping | None:
    """Return the mapping of the controls, drawn or not; the guess where they are untouched."""
    if guess.mapping is None or not guess.columns:
        return guess.mapping
    choices = {
        entry.name: st.session_state[f"map_{entry.name}"]
        for entry in fields(ColumnMapping)
        if f"map_{entry.name}" in st.session_state
    }
    return replace(guess.mapping, **choices)


def _mapping_controls(guess: ImportPlan) -> None:
    mapping = guess.mapping
    assert mapping is not None
    names = list(FIELD_NAMES)
    _choices(guess, mapping, names[:_FIRST_FIELDS])
    st.segmented_control(
        "1, true and yes mean",
        ["bad", "good"],
        default=mapping.one_is,
        key="map_one_is",
    )
    _choices(guess, mapping, names[_FIRST_FIELDS:])


def _choices(guess: ImportPlan, mapping: ColumnMapping, names: Sequence[str]) -> None:
    used = [column for column in mapping.columns().values() if column in guess.columns]
    options = list(dict.fromkeys([None, *used, *guess.columns[:_MOST_COLUMNS]]))
    columns = st.columns(4)
    for place, name in enumerate(names):
        column = getattr(mapping, name)
        columns[place % 4].selectbox(
            FIELD_NAMES[name],
            options,
            index=options.index(column) if column in options else 0,
            format_func=lambda option: "not in the file" if option is None else visible(option),
            key=f"map_{name}",
        )


def _verdict(store: Store, reading: Reading) -> None:
    """Show the summary of the file and the button that imports it."""
    plan = reading.plan
    if reading.n_added is not None:
        known = plan.counts.n_sessions - reading.n_added
        status(
            f"Imported {counted(reading.n_added, 'session')}; open Sessions.",
            f"{counted(known, 'session')} stood in the store already." if known else plan.summary,
        )
    elif reading.clashes:
        status(
            f"{counted(len(reading.clashes), 'session')} of this file the store holds with other "
            "tokens; nothing can be imported.",
            _note(plan),
        )
    elif reading.refused:
        status("Nothing was imported.", reading.refused)
    else:
        status(_headline(plan), _note(plan))
    with st.container(horizontal=True):
        st.button(
            f"Import {counted(plan.counts.n_sessions, 'session')}",
            key="import",
            type="primary",
            disabled=not plan.ok
            or bool(reading.clashes)
            or store.read_only
            or reading.n_added is not None,
            on_click=_import,
            args=(store, reading),
        )
        done = reading.n_added is not None
        if done and st.button("Open Sessions", key="open_sessions", type="primary"):
            st.switch_page("pages/views/sessions.py")


def _lacks_columns(plan: ImportPlan) -> bool:
    mapping = plan.mapping
    return bool(plan.columns) and mapping is not None and not (mapping.tokens and mapping.scores)


def _headline(plan: ImportPlan) -> str:
    if _lacks_columns(plan):
        return "Which columns hold the tokens and their scores? Choose them below."
    if plan.ok:
        return plan.summary
    if plan.counts.n_errors:
        return f"{counted(plan.counts.n_errors, 'error')}; nothing can be imported."
    return "There are no sessions in this file."


def _note(plan: ImportPlan) -> str:
    parts = [FORMATS[plan.format]]
    if plan.columns:
        parts.append(counted(len(plan.columns), "column"))
    if not plan.ok and plan.counts.n_sessions:
        parts.append(f"what can be read: {plan.summary.removesuffix('.')}")
    return " · ".join([*parts, *_counts(plan.counts)])


def _counts(counts: Counts) -> list[str]:
    parts = [counted(counts.n_warnings, "warning")] if counts.n_warnings else []
    return [*parts, f"{counted(counts.n_out_of_range, 'score')} out of range"]


def _import(store: Store, reading: Reading) -> None:
    if _control_mapping(reading.guess) != reading.plan.mapping:
        # Clicked while other columns were being read: what comes must be seen first.
        return
    try:
        reading.n_added = store.add(reading.plan.records)
    except DirectorError as error:
        reading.refused = f"{error}."


def _forget() -> None:
    """Let go of the last file, so that the columns of the next are guessed anew."""
    st.session_state.pop(_STATE, None)
    for entry in fields(ColumnMapping):
        st.session_state.pop(f"map_{entry.name}", None)
