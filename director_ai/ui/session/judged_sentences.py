"""Judged sentences of a session: the verdicts of a model, the lowest first."""

from typing import Final

import streamlit as st

from director_ai.core.records.record import SessionRecord
from director_ai.ui.components import page_style
from director_ai.ui.components.escaping import visible

MOST_SHOWN: Final = 6
"""Verdicts that are listed; all of them are in the raw record."""


def judged_sentences(record: SessionRecord) -> None:
    """Draw the verdicts on a session's sentences; nothing without any."""
    if not record.verdicts:
        return
    page_style.heading("Judged sentences")
    page_style.definitions(verdict_rows(record))
    n_more = len(record.verdicts) - MOST_SHOWN
    if n_more > 0:
        st.text(f"and {n_more} with higher support")


def verdict_rows(record: SessionRecord) -> list[tuple[str, str]]:
    """Return support and sentence of the lowest verdicts, with what they say is not supported."""
    text = "".join(record.tokens)
    rows = []
    for verdict in sorted(record.verdicts, key=lambda each: each.support)[:MOST_SHOWN]:
        sentence = text[verdict.start : verdict.end]
        parts = ", ".join(f"\u201c{sentence[start:end]}\u201d" for start, end, _ in verdict.spans)
        named = f" Not supported: {parts}." if parts else ""
        arrival = f"(known at token {record.token_at(verdict.at)})"
        rows.append(
            (f"Support {verdict.support:.2f}", f"{visible(sentence)} {arrival}{visible(named)}")
        )
    return rows
