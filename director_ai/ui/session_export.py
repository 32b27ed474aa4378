"""The sessions of a list, as a file to take along."""

import io
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from typing import cast

import streamlit as st

from director_ai.storage.store import Store
from director_ai.storage.summary import SessionQuery, SessionSummary
from director_ai.storage.transfer.export import ExportFormat, export_records, snippet
from director_ai.ui.session_list import PANDAS, session_csv

_LIST = "list"

_FORMATS: dict[str, tuple[str, str, str]] = {
    _LIST: ("List (CSV)", "sessions.csv", "text/csv"),
    "jsonl": ("Sessions (JSON Lines, lossless)", "sessions.jsonl", "application/x-ndjson"),
    "parquet": ("Sessions (Parquet, lossless)", "sessions.parquet", "application/octet-stream"),
    "csv_long": ("A row a token (CSV)", "tokens.csv", "text/csv"),
    "csv_wide": ("A row a session, with its scores (CSV)", "scores.csv", "text/csv"),
    "otlp": ("OpenTelemetry spans (OTLP JSON)", "spans.jsonl", "application/x-ndjson"),
}


def export_button(
    store: Store, chosen: Sequence[SessionSummary], query: SessionQuery, n_found: int
) -> None:
    """Offer the chosen sessions, or else all that were found, as a file."""
    n_sessions = len(chosen) or n_found
    with st.popover(f"Export {n_sessions:,}", key="export", icon=":material/download:"):
        kind = st.selectbox(
            "As",
            list(_FORMATS),
            format_func=lambda name: _FORMATS[name][0],
            key="export_format",
        )
        _, name, mime = _FORMATS[kind]
        make: Callable[[], bytes] = (
            partial(_list, store, chosen, query, n_found)
            if kind == _LIST
            else partial(_file, store, chosen, query, cast("ExportFormat", kind))
        )
        st.download_button(
            f"Download {name}", make, name, mime, key="export_download", on_click="ignore"
        )
        st.text("Every column that can be filtered by is in it. To load it:")
        st.code(PANDAS if kind == _LIST else snippet(cast("ExportFormat", kind), name))


def _list(
    store: Store, chosen: Sequence[SessionSummary], query: SessionQuery, n_found: int
) -> bytes:
    return session_csv(chosen or store.summaries(query, limit=n_found))


def _file(
    store: Store, chosen: Sequence[SessionSummary], query: SessionQuery, kind: ExportFormat
) -> bytes:
    ids = [row.id for row in chosen] or store.ids(query)
    live = set(store.ids(SessionQuery(outcomes=("recording",))))
    ended = [name for name in ids if name not in live]
    file = io.BytesIO()
    export_records(store.records(ended), file, kind, header={"filters": asdict(query)})
    return file.getvalue()
