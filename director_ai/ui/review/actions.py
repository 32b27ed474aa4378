"""Actions of the Review page: callbacks of its buttons and keys."""

import time
from typing import Final

import streamlit as st

from director_ai.core.records.record import Annotation
from director_ai.errors import DirectorError
from director_ai.ui.access.current_store import archive, reviewer
from director_ai.ui.components.key_guard import SEEN_MS
from director_ai.ui.review.batch import LABEL_OF, ReviewBatch, Verdict, VerdictEntry

NOTE: Final = "review_note"
RETURN_TO: Final = "review_return_to"
"""Id of a session whose label was taken back, and which the queue on screen does not hold."""
MIN_VIEW_S: Final = SEEN_MS / 1000
"""A verdict sooner than this after the one before is a key that bounced, not an opinion."""


def decide(batch: ReviewBatch, id: str, verdict: Verdict, cursor: int, halt: int) -> None:
    """Store a verdict on the session ``id``, or on its whole incident, and show the next card.

    Parameters
    ----------
    batch
        Batch under review.
    id
        Session of the card whose button was pressed.
    verdict
        Judgement of the reviewer.
    cursor, halt
        Token indices.
    """
    now_s = time.monotonic()
    # The card may have gone by the time its key arrives.
    if batch.card is None or batch.card.id != id or now_s - batch.shown_s < MIN_VIEW_S:
        return
    label = LABEL_OF[verdict]
    ids = [card.id for card in batch.similar_cards()] if batch.grouped else [id]
    onset = batch.onsets.get(id)
    if verdict == "late":
        onset = cursor if onset is None else onset
        if onset >= halt:
            batch.message = (
                "Too late for what? Put the cursor where it goes wrong, before the halt "
                "(← or a click on a token), then press 3 again."
            )
            return
    elif label != "bad" or batch.grouped:
        # Where one answer goes wrong says nothing of another.
        onset = None
    note = str(st.session_state.get(NOTE, ""))
    entry = VerdictEntry(verdict, onset, note, reviewer(), time.time_ns() // 1000)
    annotation = Annotation(label, onset, entry.author, entry.at_us, note)
    try:
        keys = archive().annotate_all(ids, annotation)
    except DirectorError as error:
        batch.message = f"Not kept: {error}"
        return
    batch.notes[id] = note
    batch.add_verdict(ids, entry, keys)
    batch.shown_s = now_s
    _show_note(batch)


def undo(batch: ReviewBatch) -> None:
    """Withdraw the last verdict, and return to its card; after a reload on a queue made anew."""
    if not batch.steps:
        return
    try:
        last = batch.steps[-1]
        archive().withdraw(last.keys, author=last.author)
    except DirectorError as error:
        batch.message = f"Not taken back: {error}"
        return
    batch.undo()
    if batch.card is None or batch.card.id != last.id:
        st.session_state[RETURN_TO] = last.id
    _show_note(batch)


def show_card(batch: ReviewBatch, position: int) -> None:
    """Show another card; the note begun on this one is kept for it."""
    if batch.card is not None:
        batch.notes[batch.card.id] = str(st.session_state.get(NOTE, ""))
    batch.show(position)
    _show_note(batch)


def move_cursor(batch: ReviewBatch, index: int) -> None:
    """Move the cursor."""
    batch.cursor = max(0, index)
    batch.message = ""


def mark_onset(batch: ReviewBatch, index: int) -> None:
    """Toggle the onset at the cursor."""
    if batch.card is None:
        return
    if batch.onsets.get(batch.card.id) == index:
        del batch.onsets[batch.card.id]
    else:
        batch.onsets[batch.card.id] = index
    batch.message = ""


def toggle_counterfactual(batch: ReviewBatch) -> None:
    """Show or hide the counterfactual."""
    batch.shows_counterfactual = not batch.shows_counterfactual


def toggle_group(batch: ReviewBatch) -> None:
    """Apply the next verdict to the whole incident, or to this session alone."""
    batch.grouped = not batch.grouped
    batch.message = ""


def _show_note(batch: ReviewBatch) -> None:
    st.session_state[NOTE] = "" if batch.card is None else batch.notes.get(batch.card.id, "")
