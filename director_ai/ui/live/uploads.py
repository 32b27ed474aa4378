"""Uploads of the Live page: pasted text, or a file of recordings."""

from typing import Final

import streamlit as st

from director_ai.errors import DirectorError
from director_ai.sources.jsonl_file import read_records
from director_ai.ui.components.escaping import visible
from director_ai.ui.components.status_banner import notice, status
from director_ai.ui.live.playback import LiveSource
from director_ai.ui.live.shared_text import PastedText, unpack
from director_ai.ui.live.sources import pasted_source, recorded_source

SHARED: Final = "paste"
"""Query parameter: pasted facts and answer; see :mod:`director_ai.ui.live.shared_text`."""

_KEYS: Final = PastedText("pasted_facts", "pasted_prompt", "pasted_answer")


def pasted_text() -> PastedText:
    """Return what the places for facts, prompt and answer hold."""
    return PastedText(*(st.session_state.get(key, "") for key in _KEYS))


def pasted() -> LiveSource | None:
    """Draw the places for facts and an answer; return them, or ``None`` until both are there."""
    if SHARED in st.query_params and _KEYS.facts not in st.session_state:
        try:
            st.session_state.update(zip(_KEYS, unpack(st.query_params[SHARED]), strict=True))
        except ValueError as error:
            notice(f"{error}.".capitalize())
    before = pasted_text()
    complete = bool(before.facts.strip() and before.answer.strip())
    with st.expander("Facts and answer", expanded=not complete, key="paste"):
        left, right = st.columns(2)
        facts = left.text_area(
            "Facts (blank lines between sources)",
            height=140,
            key=_KEYS.facts,
            persist_state="session",
        )
        prompt = left.text_input("Prompt (optional)", key=_KEYS.prompt, persist_state="session")
        answer = right.text_area(
            "Answer to judge", height=220, key=_KEYS.answer, persist_state="session"
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
