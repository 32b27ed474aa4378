"""Export of the selected or listed sessions as a file."""

import io
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Final, cast

import streamlit as st

from director_ai.errors import DirectorError
from director_ai.storage.engine.errors import as_store_error
from director_ai.storage.store import Store
from director_ai.storage.summary import SessionQuery, SessionSummary
from director_ai.storage.transfer.export import ExportFormat, export_records, snippet
from director_ai.ui.components.status_banner import notice
from director_ai.ui.sessions.table import PANDAS, session_csv

_LIST = "list"
_OUTCOME: Final = "sessions_export"
_ANSWER_S: Final = 1.0
"""Time for the button to learn how its download ended."""

_ALL: Final = 2**63 - 1
"""More sessions than a store can hold."""

_FORMATS: dict[str, tuple[str, str, str]] = {
    _LIST: ("List (CSV)", "sessions.csv", "text/csv"),
    "jsonl": ("Sessions (JSON Lines, lossless)", "sessions.jsonl", "application/x-ndjson"),
    "parquet": ("Sessions (Parquet, lossless)", "sessions.parquet", "application/octet-stream"),
    "csv_long": ("A row a token (CSV)", "tokens.csv", "text/csv"),
    "csv_wide": ("A row a session, with its scores (CSV)", "scores.csv", "text/csv"),
    "otlp": ("OpenTelemetry spans (OTLP JSON)", "spans.jsonl", "application/x-ndjson"),
}


@dataclass(slots=True)
class DownloadOutcome:
    """Result of the last download, known only after the run that drew its button.

    Attributes
    ----------
    problem, shown_problem
        Error of the last download, ``""`` if it succeeded; and the one the page shows.
    at_s
        When it was known, by ``time.monotonic()``.
    """

    problem: str = ""
    shown_problem: str = ""
    at_s: float = 0.0


def has_news() -> bool:
    """Return whether the last download's result differs from the one on the page."""
    outcome: DownloadOutcome | None = st.session_state.get(_OUTCOME)
    if outcome is None or outcome.problem == outcome.shown_problem:
        return False
    # A run that starts while Streamlit answers the button drops the answer: it would wait minutes.
    return time.monotonic() - outcome.at_s > _ANSWER_S


def export_button(
    store: Store, selection: Sequence[SessionSummary], query: SessionQuery, n_found: int
) -> None:
    """Offer the selected sessions, or else all that match, as a file."""
    n_sessions = len(selection) or n_found
    outcome: DownloadOutcome = st.session_state.setdefault(_OUTCOME, DownloadOutcome())
    with st.popover(f"Export {n_sessions:,}", key="export", icon=":material/download:"):
        kind = st.selectbox(
            "As",
            list(_FORMATS),
            format_func=lambda name: _FORMATS[name][0],
            key="export_format",
        )
        _, name, mime = _FORMATS[kind]
        make: Callable[[], bytes] = (
            partial(_list, store, selection, query)
            if kind == _LIST
            else partial(_file, store, selection, query, cast("ExportFormat", kind))
        )
        st.download_button(
            f"Download {name}",
            partial(make_file, outcome, make),
            name,
            mime,
            key="export_download",
            on_click="ignore",
        )
        # Read once: a file may be made meanwhile, and its news is for the next run.
        outcome.shown_problem = outcome.problem
        if outcome.shown_problem:
            notice(f"No file was made: {outcome.shown_problem}.")
        n_live = _n_live(store, selection, query)
        if n_live and kind != _LIST:
            notice(f"Left out, as still being recorded: {n_live:,}.")
        st.text("Every column that can be filtered by is in it. To load it:")
        st.code(PANDAS if kind == _LIST else snippet(cast("ExportFormat", kind), name))


def make_file(outcome: DownloadOutcome, make: Callable[[], bytes]) -> bytes:
    """Return the file; keep an error for the next run to show."""
    try:
        with as_store_error("of the app"):
            made = make()
    except DirectorError as error:
        outcome.at_s, outcome.problem = time.monotonic(), str(error)
        raise
    outcome.at_s, outcome.problem = time.monotonic(), ""
    return made


def _n_live(store: Store, selection: Sequence[SessionSummary], query: SessionQuery) -> int:
    if selection:
        return sum(row.outcome == "recording" for row in selection)
    if query.outcomes and "recording" not in query.outcomes:
        return 0
    return store.count(replace(query, outcomes=("recording",)))


def _list(store: Store, selection: Sequence[SessionSummary], query: SessionQuery) -> bytes:
    # Not as many as the page counted: more may have come since, and the oldest would be missing.
    return session_csv(selection or store.summaries(query, limit=_ALL))


def _file(
    store: Store, selection: Sequence[SessionSummary], query: SessionQuery, kind: ExportFormat
) -> bytes:
    ids = [row.id for row in selection] or store.ids(query)
    live = set(store.ids(SessionQuery(outcomes=("recording",))))
    ended = [name for name in ids if name not in live]
    file = io.BytesIO()
    export_records(store.records(ended), file, kind, header={"filters": asdict(query)})
    return file.getvalue()
