"""Bulk actions on the selected sessions: open, compare, review, label, tag, delete, export."""

from collections.abc import Callable, Sequence
from typing import Final

import streamlit as st

from director_ai.core.records.record import Annotation, Label
from director_ai.errors import DirectorError
from director_ai.storage.engine.clock import now_us
from director_ai.storage.store import Store
from director_ai.storage.summary import SessionSummary
from director_ai.ui.access.current_store import reviewer
from director_ai.ui.components.escaping import visible
from director_ai.ui.components.page_links import (
    COMPARE_WITH,
    PICKED,
    REVIEW_PAGE,
    SESSION_PAGE,
    in_address,
)
from director_ai.ui.components.settled_audits import settle_sealed
from director_ai.ui.sessions.counts import count_cache

_MESSAGE: Final = "sessions_message"
_UNDO: Final = "sessions_undo"


def action_bar(store: Store, selection: Sequence[SessionSummary]) -> None:
    """Draw all actions, disabled without a selection, so that selecting moves nothing."""
    ids = [in_address(row.id) for row in selection]
    with st.container(
        horizontal=True, gap="xsmall", vertical_alignment="center", key="list_actions"
    ):
        if st.button(
            "Open",
            key="open_session",
            icon=":material/open_in_full:",
            type="primary",
            disabled=len(selection) != 1,
            help="The session in a page of its own.",
        ):
            st.switch_page(SESSION_PAGE, query_params={"id": ids[0]})
        if st.button(
            "Compare",
            key="compare_sessions",
            icon=":material/compare_arrows:",
            disabled=len(selection) != 2,
            help="Two sessions on one axis: tick two rows.",
        ):
            st.switch_page(SESSION_PAGE, query_params={"id": ids[0], COMPARE_WITH: ids[1]})
        if st.button(
            "Review",
            key="review_sessions",
            icon=":material/rate_review:",
            disabled=not selection,
            help="Was it right? These sessions one by one, as the review queue shows them.",
        ):
            st.switch_page(REVIEW_PAGE, query_params={PICKED: ids})
        _labels(store, selection)
        _tags(store, selection)
        _deletion(store, selection)


def rows_of(rows: Sequence[SessionSummary], ids: Sequence[str]) -> list[SessionSummary]:
    """Return the rows of these ids, in the order of the rows."""
    selected = set(ids)
    return [row for row in rows if row.id in selected]


def _labels(store: Store, selection: Sequence[SessionSummary]) -> None:
    words: tuple[tuple[Label, str, str], ...] = (
        ("good", "○ Good", "The answer is good: a halt would be false."),
        ("bad", "● Bad", "The answer goes wrong: a halt is right. A known onset is kept."),
        ("unsure", "? Unsure", "It cannot be told."),
    )
    for label, word, hint in words:
        st.button(
            word,
            key=f"label_{label}",
            disabled=not selection or store.read_only,
            help=hint,
            on_click=_attempt,
            args=(_label, store, list(selection), label),
        )
    st.button(
        "Undo",
        key="label_undo",
        icon=":material/undo:",
        disabled=not st.session_state.get(_UNDO),
        help="Take the last labels back.",
        on_click=_attempt,
        args=(_undo, store),
    )


def _tags(store: Store, selection: Sequence[SessionSummary]) -> None:
    with st.popover(
        "Tag", key="tag", icon=":material/label:", disabled=not selection or store.read_only
    ):
        if not selection:
            return
        shared = [tag for tag in selection[0].tags if all(tag in row.tags for row in selection)]
        # Another choice is another control: it starts with the tags of its own sessions.
        place = ",".join(str(row.key) for row in selection)
        with st.form(f"tags_{place}", border=False):
            tags = st.multiselect(
                "Tags" if len(selection) == 1 else "Tags they share",
                shared,
                shared,
                key=f"tags_of_{place}",
                format_func=visible,
                accept_new_options=True,
                placeholder="Type a tag",
            )
            if st.form_submit_button("Save", key="tag_save"):
                _attempt(_retag, store, list(selection), shared, tags)
                st.rerun()


def _deletion(store: Store, selection: Sequence[SessionSummary]) -> None:
    with st.popover(
        "Delete", key="delete", icon=":material/delete:", disabled=not selection or store.read_only
    ):
        n_sessions = "1 session" if len(selection) == 1 else f"{len(selection):,} sessions"
        st.text(f"{n_sessions}, with all labels and notes. This cannot be undone.")
        st.button(
            f"Delete {n_sessions} for good",
            key="delete_confirmed",
            disabled=not selection,
            on_click=_attempt,
            args=(_delete, store, [row.id for row in selection]),
        )


def _label(store: Store, selection: Sequence[SessionSummary], label: Label) -> str:
    at_us, author = now_us(), reviewer()
    numbers: list[int] = []
    # One transaction for all that share an onset: mostly that is one for all.
    for onset in {row.onset if label == "bad" else None for row in selection}:
        ids = [row.id for row in selection if label != "bad" or row.onset == onset]
        numbers += store.annotate_all(ids, Annotation(label, onset, author, at_us))
    st.session_state[_UNDO] = author, numbers
    return f"Labelled {_names(selection)} {label}."


def _undo(store: Store) -> str:
    author, numbers = st.session_state.pop(_UNDO, ("", []))
    store.withdraw(numbers, author=author)
    return f"Took {len(numbers):,} labels back." if len(numbers) != 1 else "Took the label back."


def _retag(
    store: Store, selection: Sequence[SessionSummary], shared: Sequence[str], tags: Sequence[str]
) -> str:
    new = [tag.strip() for tag in tags if tag.strip()]
    for row in selection:
        own = [tag for tag in row.tags if tag not in shared]
        store.retag(row.id, list(dict.fromkeys([*own, *new])))
    return f"Tagged {_names(selection)}."


def _delete(store: Store, ids: Sequence[str]) -> str:
    settle_sealed(store)
    n_gone = store.delete(ids)
    return f"Deleted {n_gone:,} sessions." if n_gone != 1 else "Deleted 1 session."


def _attempt(action: Callable[..., str], *args: object) -> None:
    """Run an action on the store, and keep its message or its error for the page."""
    try:
        message = action(*args)
    except DirectorError as error:
        message = f"Not done: {error}"
    count_cache().clear()
    st.session_state[_MESSAGE] = message


def status_line(selection: Sequence[SessionSummary]) -> None:
    """Draw the message of the last action, or else the selection; it is cut, never wrapped."""
    message = str(st.session_state.pop(_MESSAGE, ""))
    if not message:
        message = f"{_names(selection)} selected" if selection else "Click a row to look into it."
    with st.container(key="list_status"):
        st.text(visible(message))


def _names(selection: Sequence[SessionSummary]) -> str:
    return selection[0].id if len(selection) == 1 else f"{len(selection):,} sessions"
