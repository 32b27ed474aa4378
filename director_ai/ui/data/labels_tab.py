"""The Labels tab: labels by reviewer, and as a table, out and in."""

from typing import Any

import streamlit as st

from director_ai.errors import DirectorError, ImportRefusedError, InvalidRecordError
from director_ai.storage.label_sync import add_labels, labels_of, misfits
from director_ai.storage.label_table import (
    COLUMNS,
    MAX_NAMED,
    InvalidLabelsError,
    LabelRow,
    LabelTable,
    agreement,
    write_labels,
)
from director_ai.storage.store import Store
from director_ai.storage.transfer.file_reader import ENDINGS
from director_ai.storage.transfer.label_parsing import LabelCoding
from director_ai.storage.transfer.problem import Problem
from director_ai.storage.transfer.sandbox import read_labels_safely
from director_ai.ui.access.current_store import archive, is_demo
from director_ai.ui.components.status_banner import notice, status
from director_ai.ui.data.tables import counted, label_counts, label_preview, problem_table

_APPLIED = "labels_applied"
_READ = "labels_read"


def draw() -> None:
    """Draw the tab."""
    store = archive()
    rows = labels_of(store)
    n_labelled = len({row.id for row in rows})
    status(
        f"{n_labelled:,} of {counted(store.count(), 'session')} labelled.",
        f"{counted(len(rows), 'label')}. {agreement_sentence(rows)}",
    )
    if rows:
        st.dataframe(label_counts(rows), hide_index=True, key="label_counts", placeholder="–")
    st.download_button(
        f"Download {counted(len(rows), 'label')} as CSV",
        lambda: write_labels(labels_of(store)),
        "labels.csv",
        "text/csv",
        key="labels_csv",
        on_click="ignore",
        disabled=not rows,
        icon=":material/download:",
    )
    st.space("small")
    _upload(store)


def agreement_sentence(rows: list[LabelRow]) -> str:
    """Return how far people agree, in one sentence.

    >>> from director_ai.core.records.record import Annotation
    >>> def row(author):
    ...     return LabelRow("a", Annotation("bad", author=author))
    >>> agreement_sentence([row("Ann"), row("Bo")])
    'Two people or more labelled 1 session; on 1 (100 %) they agree.'
    """
    n_shared, n_agreed = agreement(rows)
    if not n_shared:
        return "No session is labelled by two people yet."
    share = n_agreed / n_shared
    return (
        f"Two people or more labelled {counted(n_shared, 'session')}; "
        f"on {n_agreed:,} ({share:.0%}) they agree.".replace("%", " %")
    )


def _upload(store: Store) -> None:
    file = st.file_uploader(
        "Labels to add: CSV, JSONL, Parquet or JSON with id and label, and perhaps onset, note, "
        "author and at",
        ENDINGS,
        key="labels_file",
        max_upload_size=16,
        disabled=store.read_only,
        on_change=_forget,
    )
    if store.read_only:
        notice("This store is open to read only.")
    if file is None:
        st.code(f"{','.join(COLUMNS)}\na1,bad,7,wrong year,Ann,2025-11-05T10:00:00Z", language=None)
        if is_demo():
            notice("This is the demo: labels given here are gone when it ends.")
        return
    try:
        table = _table(file, *_coding_controls())
    except ImportRefusedError as error:
        status("This table is refused; no label was added.", f"{error}.")
        return
    except InvalidLabelsError as error:
        _refused(error.n_problems, error.problems)
        return
    except InvalidRecordError as error:
        status("These values cannot be told apart; no label was added.", f"{error}.")
        return
    problems = misfits(store, table.rows, where="this store")
    if problems:
        _refused(len(problems), problems[:MAX_NAMED])
        return
    _offer(store, table)


def _table(file: Any, column: str | None, coding: LabelCoding | None) -> LabelTable:
    """Return the labels of a file, read anew only if it or its reading is another."""
    asked = (file.file_id, column, coding)
    read: tuple[object, LabelTable] | None = st.session_state.get(_READ)
    if read is None or read[0] != asked:
        read = asked, read_labels_safely(file.getvalue(), column=column, coding=coding)
        st.session_state[_READ] = read
    return read[1]


def _coding_controls() -> tuple[str | None, LabelCoding | None]:
    """Return the column of labels and the meaning of its values, where they are chosen."""
    left, middle, right = st.columns(3)
    column = left.text_input("Column of labels", key="label_column", placeholder="label").strip()
    with middle:
        bad = _values("bad")
    with right:
        good = _values("good")
    return column or None, LabelCoding.of_values(bad, good) if bad or good else None


def _values(label: str) -> tuple[str, ...]:
    text = st.text_input(
        f"Values that mean {label}", key=f"label_{label}_is", placeholder="0, 1 or words"
    )
    return tuple(value.strip() for value in text.split(",") if value.strip())


def _offer(store: Store, table: LabelTable) -> None:
    rows = table.rows
    applied = st.session_state.get(_APPLIED, "")
    n_sessions = len({row.id for row in rows})
    summary = f"{counted(len(rows), 'label')} of {counted(n_sessions, 'session')}."
    status(applied or summary, summary if applied else "Nothing is written before you say so.")
    for sentence in table.notes:
        notice(f"{sentence}.")
    st.button(
        f"Add {counted(len(rows), 'label')}",
        key="apply_labels",
        type="primary",
        disabled=bool(applied) or not rows,
        on_click=_apply,
        args=(store, rows),
    )
    if rows:
        st.dataframe(label_preview(rows), hide_index=True, key="label_preview", placeholder="–")


def _refused(n_problems: int, problems: list[Problem] | tuple[Problem, ...]) -> None:
    status(f"{counted(n_problems, 'error')}; no label was added.", "One bad line refuses them all.")
    st.dataframe(problem_table(problems), hide_index=True, key="label_problems", placeholder="–")


def _apply(store: Store, rows: list[LabelRow]) -> None:
    try:
        n_new = add_labels(store, rows)
    except DirectorError as error:
        st.session_state[_APPLIED] = f"No label was added: {error}."
        return
    known = len(rows) - n_new
    st.session_state[_APPLIED] = f"Added {counted(n_new, 'label')}" + (
        f"; {known:,} stood there already." if known else "."
    )


def _forget() -> None:
    for name in (_APPLIED, _READ, "label_column", "label_bad_is", "label_good_is"):
        st.session_state.pop(name, None)
