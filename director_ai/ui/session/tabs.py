"""Tabs of the Session page: tokens, comparison, raw record and downloads."""

from collections.abc import Callable, Mapping
from typing import Final

import streamlit as st

from director_ai.core.records.record import SessionRecord
from director_ai.core.records.record_json import to_line
from director_ai.reports.headline import is_what_if
from director_ai.reports.incident_note import note_markdown
from director_ai.reports.replay_html import session_html
from director_ai.ui.components.escaping import file_name
from director_ai.ui.components.page_links import COMPARE_WITH
from director_ai.ui.components.stream_view import StreamView
from director_ai.ui.session import comparison, tables


def comparison_requested() -> bool:
    """Return whether the address asks for another session beside this one."""
    return COMPARE_WITH in st.query_params


def details(record: SessionRecord, view: StreamView) -> None:
    """Draw the tabs, and what is in the open one."""
    if comparison_requested() and "show" not in st.session_state:
        # Not as its default: another default would make it another control, at its first tab.
        st.session_state["show"] = "Compare"
    tabs = st.tabs(list(_TABS), key="show", bind="query-params")
    for tab, draw in zip(tabs, _TABS.values(), strict=True):
        if tab.open:
            with tab:
                draw(record, view)


def _tokens(record: SessionRecord, view: StreamView) -> None:
    table = tables.token_table(record, view).rename(columns=tables.HEADINGS)
    st.dataframe(table, hide_index=True, height=320, key="token_table", placeholder="–")


def _raw(record: SessionRecord, view: StreamView) -> None:  # noqa: ARG001  # as all tabs
    st.code(tables.pretty_json(record), language="json", height=320)


def _download(record: SessionRecord, view: StreamView) -> None:
    name = f"session-{file_name(record.id)}"
    # The picture lets limits act that only watched: what is taken along says so.
    policy = view.policy if is_what_if(record, view.policy) else record.policy
    with st.container(horizontal=True):
        st.download_button(
            "Session as JSON",
            to_line(record) + "\n",
            f"{name}.jsonl",
            "application/x-ndjson",
            key="json",
            on_click="ignore",
        )
        st.download_button(
            "Tokens as CSV",
            lambda: tables.token_csv(tables.token_table(record, view)),
            f"{name}.csv",
            "text/csv",
            key="csv",
            on_click="ignore",
        )
        st.download_button(
            "Replay as HTML",
            lambda: session_html(record, policy),
            f"{name}.html",
            "text/html",
            key="html",
            on_click="ignore",
            help="One file that plays this session in any browser, without a network.",
        )
        st.download_button(
            "Note as Markdown",
            lambda: note_markdown(record, policy),
            f"{name}.md",
            "text/markdown",
            key="markdown",
            on_click="ignore",
            help="For a ticket or the log of the shift: why it stopped, and what it would take.",
        )
    st.text("The camera button on the curve saves it as a PNG. To load the downloads:")
    st.code(
        f'import pandas as pd\nsession = pd.read_json("{name}.jsonl", lines=True)\n'
        f'tokens = pd.read_csv("{name}.csv", keep_default_na=False)',
        language="python",
    )


_TABS: Final[Mapping[str, Callable[[SessionRecord, StreamView], None]]] = {
    "Tokens": _tokens,
    "Compare": comparison.compare,
    "Raw record": _raw,
    "Download": _download,
}
