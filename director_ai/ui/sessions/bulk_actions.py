"""What can be done to the sessions chosen in the list: label, tag, delete, take away."""

from collections.abc import Callable, Sequence
from typing import Final

import streamlit as st

from director_ai.core.records.record import Annotation, Label
from director_ai.errors import DirectorError
from director_ai.storage.engine.clock import now_us
from director_ai.storage.store import Store
from director_ai.storage.summary import SessionQuery, SessionSummary
from director_ai.ui.access.current_store import reviewer
from director_ai.ui.components.escaping import visible
from director_ai.ui.review.queue_query import PICKED
from director_ai.ui.session.comparison import OTHER
from director_ai.ui.sessions.counts import counts
from director_ai.ui.sessions.export import export_button

SESSION_PAGE: Final = "pages/views/session.py"
REVIEW_PAGE: Final = "pages/views/review.py"
_SAID: Final = "sessions_said"
_UNDO: Final = "sessions_undo"


def bar(store: Store, chosen: Sequence[SessionSummary], query: SessionQuery, n_found: int) -> None:
    """Draw what can be done, whether or not anything is chosen: nothing may move when it is."""
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        if st.button(
            "Open",
            key="open_session",
            icon=":material/open_in_full:",
            type="primary",
            disabled=len(chosen) != 1,
            help="Why did this one stop?",
        ):
            st.switch_page(SESSION_PAGE, query_params={"id": chosen[0].id})
        if st.button(
            "Compare",
            key="compare_sessions",
            icon=":material/compare_arrows:",
            disabled=len(chosen) != 2,
            help="Two sessions on one axis: turn Select several on, and choose two.",
        ):
            beside = {"id": chosen[0].id, OTHER: chosen[1].id}
            st.switch_page(SESSION_PAGE, query_params=beside)
        if st.button(
            "Review",
            key="review_sessions",
            icon=":material/rate_review:",
            disabled=not chosen,
            help="Was it right? These sessions one by one, as the review queue shows them.",
        ):
            st.switch_page(REVIEW_PAGE, query_params={PICKED: [row.id for row in chosen]})
        _labels(store, chosen)
        _tags(store, chosen)
        _deletion(store, chosen)
        export_button(store, chosen, query, n_found)
    # On a line of its own: beside the buttons a long id would wrap, and move the table.
    st.text(_said(chosen))


def selected(rows: Sequence[SessionSummary], ids: Sequence[str]) -> list[SessionSummary]:
    """Return the rows of these ids, in the order of the rows."""
    wanted = set(ids)
    return [row for row in rows if row.id in wanted]


def _labels(store: Store, chosen: Sequence[SessionSummary]) -> None:
    words: tuple[tuple[Label, str, str], ...] = (
        ("good", "○ Good", "The answer is good: a halt would be false."),
        ("bad", "● Bad", "The answer goes wrong: a halt is right. A known onset is kept."),
        ("unsure", "? Unsure", "It cannot be told."),
    )
    for label, word, hint in words:
        st.button(
            word,
            key=f"label_{label}",
            disabled=not chosen or store.read_only,
            help=hint,
            on_click=_attempt,
            args=(_label, store, list(chosen), label),
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


def _tags(store: Store, chosen: Sequence[SessionSummary]) -> None:
    with st.popover(
        "Tag", key="tag", icon=":material/label:", disabled=not chosen or store.read_only
    ):
        if not chosen:
            return
        shared = [tag for tag in chosen[0].tags if all(tag in row.tags for row in chosen)]
        # Another choice is another control: it starts with the tags of its own sessions.
        place = ",".join(str(row.key) for row in chosen)
        with st.form(f"tags_{place}", border=False):
            tags = st.multiselect(
                "Tags" if len(chosen) == 1 else "Tags they share",
                shared,
                shared,
                key=f"tags_of_{place}",
                format_func=visible,
                accept_new_options=True,
                placeholder="Type a tag",
            )
            if st.form_submit_button("Save", key="tag_save"):
                _attempt(_retag, store, list(chosen), shared, tags)
                st.rerun()


def _deletion(store: Store, chosen: Sequence[SessionSummary]) -> None:
    with st.popover(
        "Delete", key="delete", icon=":material/delete:", disabled=not chosen or store.read_only
    ):
        said = "1 session" if len(chosen) == 1 else f"{len(chosen):,} sessions"
        st.text(f"{said}, with all labels and notes. This cannot be undone.")
        st.button(
            f"Delete {said} for good",
            key="delete_confirmed",
            type="primary",
            disabled=not chosen,
            on_click=_attempt,
            args=(_delete, store, [row.id for row in chosen]),
        )


def _label(store: Store, chosen: Sequence[SessionSummary], label: Label) -> str:
    at_us, author = now_us(), reviewer()
    numbers: list[int] = []
    # One transaction for all that share an onset: mostly that is one for all.
    for onset in {row.onset if label == "bad" else None for row in chosen}:
        ids = [row.id for row in chosen if label != "bad" or row.onset == onset]
        numbers += store.annotate_all(ids, Annotation(label, onset, author, at_us))
    st.session_state[_UNDO] = author, numbers
    return f"Labelled {_names(chosen)} {label}."


def _undo(store: Store) -> str:
    author, numbers = st.session_state.pop(_UNDO, ("", []))
    store.withdraw(numbers, author=author)
    return f"Took {len(numbers):,} labels back." if len(numbers) != 1 else "Took the label back."


def _retag(
    store: Store, chosen: Sequence[SessionSummary], shared: Sequence[str], tags: Sequence[str]
) -> str:
    wanted = [tag.strip() for tag in tags if tag.strip()]
    for row in chosen:
        own = [tag for tag in row.tags if tag not in shared]
        store.retag(row.id, list(dict.fromkeys([*own, *wanted])))
    return f"Tagged {_names(chosen)}."


def _delete(store: Store, ids: Sequence[str]) -> str:
    n_gone = store.delete(ids)
    return f"Deleted {n_gone:,} sessions." if n_gone != 1 else "Deleted 1 session."


def _attempt(act: Callable[..., str], *args: object) -> None:
    """Do something to the store; say what came of it, also where it failed."""
    try:
        said = act(*args)
    except DirectorError as error:
        said = f"Not done: {error}"
    counts().forget()
    st.session_state[_SAID] = said


def _said(chosen: Sequence[SessionSummary]) -> str:
    said = str(st.session_state.pop(_SAID, ""))
    if said or chosen:
        return visible(said or f"{_names(chosen)} selected")
    return "Select a row to look into it."


def _names(chosen: Sequence[SessionSummary]) -> str:
    return chosen[0].id if len(chosen) == 1 else f"{len(chosen):,} sessions"
