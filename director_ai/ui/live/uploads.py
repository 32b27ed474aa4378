"""Uploads of the Live page: pasted text, or a file of recordings."""

import streamlit as st

from director_ai.errors import DirectorError
from director_ai.sources.jsonl_file import read_records
from director_ai.ui.components.escaping import visible
from director_ai.ui.components.status_banner import status
from director_ai.ui.live.playback import LiveSource
from director_ai.ui.live.sources import pasted_source, recorded_source


def pasted() -> LiveSource | None:
    """Draw the places for facts and an answer; return them, or ``None`` until both are there."""
    with st.expander("Facts and answer", expanded=True):
        left, right = st.columns(2)
        facts = left.text_area(
            "Facts (blank lines between sources)",
            height=140,
            key="pasted_facts",
            persist_state="session",
        )
        prompt = left.text_input("Prompt (optional)", key="pasted_prompt", persist_state="session")
        answer = right.text_area(
            "Answer to judge", height=220, key="pasted_answer", persist_state="session"
        )
    if not facts.strip() or not answer.strip():
        status(
            "Paste the facts and the answer.",
            "Each token of the answer is then scored against "
            "the facts by the lexical baseline, and judged by the limits beside.",
        )
        return None
    return pasted_source(facts, answer, prompt)


def from_file() -> LiveSource | None:
    """Draw the choice of a file and of a session in it; return that one, or ``None`` without."""
    upload = st.file_uploader(
        "Recorded sessions, one JSON object a line", type=["jsonl"], key="upload"
    )
    if upload is None:
        status(
            "Choose a file of recorded sessions.",
            "Each line holds id, tokens and scores; the JSON download of any session has the form.",
        )
        return None
    try:
        text = upload.getvalue().decode("utf-8")
        records = read_records(text.split("\n"), name=upload.name)
    except UnicodeDecodeError as error:
        status(
            "This file cannot be read.",
            f"{visible(upload.name)} must be text in UTF-8, got other bytes at {error.start:,}",
        )
        return None
    except DirectorError as error:
        status("This file cannot be read.", str(error))
        return None
    if not records:
        status("This file holds no session.", "Each line is one JSON object.")
        return None
    position = st.selectbox(
        "Session",
        range(len(records)),
        format_func=lambda place: visible(records[place].id)[:80],
        key="recorded",
    )
    return recorded_source(records[position or 0], upload.name)
