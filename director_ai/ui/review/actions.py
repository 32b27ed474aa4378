"""What the Review page's keys do."""

import time
from typing import Final

import streamlit as st

from director_ai.core.records.record import Annotation
from director_ai.errors import DirectorError
from director_ai.ui.access.current_store import archive, reviewer
from director_ai.ui.review.batch import LABEL_OF, Given, Verdict, Visit

NOTE: Final = "review_note"
LEAST_LOOK_S: Final = 0.25
"""A verdict sooner than this after the one before is a key that bounced, not an opinion."""


def decide(visit: Visit, id: str, verdict: Verdict, cursor: int, halt: int) -> None:
    """Write a verdict on the session ``id``, or on all like it, and go on to the next.

    Parameters
    ----------
    visit
        The visit.
    id
        The session whose card bore the button.
    verdict
        What the reviewer said.
    cursor, halt
        Tokens.
    """
    now_s = time.monotonic()
    # The card may have gone by the time its key arrives.
    if visit.card is None or visit.card.id != id or now_s - visit.shown_s < LEAST_LOOK_S:
        return
    label = LABEL_OF[verdict]
    ids = [card.id for card in visit.alike()] if visit.grouped else [id]
    onset = visit.onsets.get(id)
    if verdict == "late":
        onset = cursor if onset is None else onset
        if onset >= halt:
            visit.problem = (
                "Too late for what? Put the cursor where it goes wrong, before the halt "
                "(← or a click on a token), then press 3 again."
            )
            return
    elif label != "bad" or visit.grouped:
        # Where one answer goes wrong says nothing of another.
        onset = None
    note = str(st.session_state.get(NOTE, ""))
    given = Given(verdict, onset, note, reviewer(), time.time_ns() // 1000)
    annotation = Annotation(label, onset, given.author, given.at_us, note)
    try:
        keys = archive().annotate_all(ids, annotation)
    except DirectorError as error:
        visit.problem = f"Not kept: {error}"
        return
    visit.notes[id] = note
    visit.give(ids, given, keys)
    visit.shown_s = now_s
    _show_note(visit)


def undo(visit: Visit) -> None:
    """Take back what was last written, and return to its card."""
    if not visit.steps:
        return
    try:
        last = visit.steps[-1]
        archive().withdraw(last.keys, author=last.author)
    except DirectorError as error:
        visit.problem = f"Not taken back: {error}"
        return
    visit.undo()
    _show_note(visit)


def go(visit: Visit, position: int) -> None:
    """Show another card; the note begun on this one is kept for it."""
    if visit.card is not None:
        visit.notes[visit.card.id] = str(st.session_state.get(NOTE, ""))
    visit.go(position)
    _show_note(visit)


def point(visit: Visit, index: int) -> None:
    """Move the cursor."""
    visit.cursor = max(0, index)
    visit.problem = ""


def mark_onset(visit: Visit, index: int) -> None:
    """Say that the answer goes wrong at the cursor; once more at the same token unsays it."""
    if visit.card is None:
        return
    if visit.onsets.get(visit.card.id) == index:
        del visit.onsets[visit.card.id]
    else:
        visit.onsets[visit.card.id] = index
    visit.problem = ""


def toggle_relief(visit: Visit) -> None:
    """Show what it would take, or hide it."""
    visit.relieved = not visit.relieved


def toggle_group(visit: Visit) -> None:
    """Let the next verdict be for all similar halts, or for this one alone."""
    visit.grouped = not visit.grouped
    visit.problem = ""


def _show_note(visit: Visit) -> None:
    st.session_state[NOTE] = "" if visit.card is None else visit.notes.get(visit.card.id, "")
