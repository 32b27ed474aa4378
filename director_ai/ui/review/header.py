"""Header of the Review page: queue controls, progress and notices."""

import time
from collections.abc import Mapping
from typing import Any, cast

import streamlit as st

from director_ai.reports.sentences import FAULT_TEXT
from director_ai.storage.review_visits import PAUSE_US, label_steps
from director_ai.ui.access.current_store import archive, reviewer, visited_us
from director_ai.ui.components import page_style
from director_ai.ui.components.key_guard import key_guard
from director_ai.ui.components.page_links import PICKED, from_address
from director_ai.ui.components.settled_audits import settle_sealed
from director_ai.ui.components.status_banner import notice
from director_ai.ui.review import actions
from director_ai.ui.review.batch import LABEL_OF, ReviewBatch, UndoStep, duration
from director_ai.ui.review.queue import FAULT_HINTS, open_queue, queue_sentence
from director_ai.ui.review.queue_query import (
    ALL_TIME,
    KIND_NAME,
    LABEL_WORDS,
    ORDERS,
    SPAN_WORDS,
    QueueQuery,
    ReviewOrder,
    SessionKind,
    is_span,
)

BATCH = "review_batch"


def current_batch() -> ReviewBatch:
    """Draw the queue's controls and the header, and return the batch of the query they hold."""
    page_style.title("Review", hidden=True)
    with st.sidebar:
        query = _queue_controls()
    batch = st.session_state.get(BATCH)
    returned = st.session_state.pop(actions.RETURN_TO, None)
    # Fixed once opened: labelling must not reshuffle what is still to come.
    if batch is None or batch.query != query or (returned is not None and not batch.verdicts):
        batch = start_batch(query, batch, first=returned)
    st.text(_progress(batch))
    return cast(ReviewBatch, batch)


def start_batch(
    query: QueueQuery, before: ReviewBatch | None, *, first: str | None = None
) -> ReviewBatch:
    """Start a batch on the queue as it is now, at the session ``first`` if it is in it.

    Earlier undo steps are kept; after a reload they are those of the visit, from the store.
    """
    if query.is_blind:
        settle_sealed(archive())
    queue = open_queue(archive(), query, now_us=_now_us())
    steps = before.steps if before else _stored_steps()
    batch = ReviewBatch(query, queue, time.monotonic(), steps=steps)
    places = {card.id: place for place, card in enumerate(queue.cards)}
    batch.show(0 if first is None else places.get(first, 0))
    if first is not None:
        absent = "" if first in places else ", which is not in this queue"
        batch.message = f"Taken back: your verdict on {first}{absent}."
    st.session_state[BATCH] = batch
    st.session_state["review_note"] = ""
    return batch


def _stored_steps() -> list[UndoStep]:
    author = reviewer()
    given = label_steps(archive(), author, since_us=_now_us() - PAUSE_US)
    return [
        UndoStep(step.ids[0], step.keys, author, dict.fromkeys(step.ids), "", None)
        for step in given
    ]


def guard_keys(batch: ReviewBatch) -> None:
    """Let no key act twice, nor on a card that has not been on screen for a moment."""
    key_guard(
        "" if batch.card is None else f"{batch.position} {batch.card.id}",
        keys=["1", "2", "3", "4", "U", "K", "J"],
        once=["A", "W", "O", "H", "E"],
        buttons=[
            *(f"review_{verdict}_" for verdict in LABEL_OF),
            *("review_undo", "review_previous", "review_next"),
        ],
        key="review_guard",
    )


def queue_notice(batch: ReviewBatch) -> None:
    """Draw the queue's summary, or the problem of the last action."""
    if archive().read_only:
        notice("This store is open to read only: labels cannot be kept.")
    notice(
        batch.message or f"{batch.query.description()}: {queue_sentence(batch.queue, batch.query)}"
    )


def faults(batch: ReviewBatch) -> None:
    """Draw the infrastructure halts, each with a hint at its cause."""
    if not batch.queue.faults:
        return
    n_faults = sum(batch.queue.faults.values())
    with st.expander(f"Infrastructure halts, not counted as halts: {n_faults}", key="faults"):
        for code, count in batch.queue.faults.items():
            hint = FAULT_HINTS.get(code, "see the session")
            st.text(f"{count} × {FAULT_TEXT.get(code, code)}: {hint}")


def _queue_controls() -> QueueQuery:
    st.session_state.setdefault("reviewer", reviewer())
    picked = tuple(dict.fromkeys(map(from_address, st.query_params.get_all(PICKED))))
    if picked:
        st.button("The whole queue", key="review_whole", on_click=whole_queue, width="stretch")
    me = st.text_input("Your name", key="reviewer", persist_state="session", max_chars=80)
    second = st.toggle(
        "Second reviewer",
        key="second",
        bind="query-params",
        help="Sessions that somebody else labelled and you did not; their label is hidden.",
    )
    kind = _choice(
        "Sessions",
        "q",
        KIND_NAME,
        disabled=bool(picked),
        help="Halted; halts of a kernel that only watched; 20 completed ones, drawn at random, to "
        "look for misses; or 20 that monitoring has drawn for its audit.",
    )
    is_fixed = bool(picked) or kind == "audit"
    label = _choice("Label", "label", LABEL_WORDS, disabled=second or is_fixed)
    since = _choice(
        "Started",
        "since",
        SPAN_WORDS,
        accept_new_options=True,
        disabled=is_fixed,
        help="Also a number of minutes, hours, days or weeks, such as 36h or 2w. A visit is when "
        "you last sat down to label.",
    )
    order = _choice(
        "Order",
        "order",
        ORDERS,
        disabled=kind == "completed" or is_fixed,
        help="By cause: halts alike in rule, prompt, answer and evidence come together, the "
        "largest group first. Only at random does a part of the queue tell the share of false "
        "halts in the whole. Closest first teaches most, and is biased.",
    )
    return QueueQuery(
        kind=cast(SessionKind, kind),
        label=label,
        since=since if is_span(since) else ALL_TIME,
        order=cast(ReviewOrder, order),
        second=(me or "reviewer") if second and kind != "audit" else "",
        picked=picked,
        auditor=reviewer() if kind == "audit" else "",
        visited_us=visited_us(archive()),
    )


def _choice(label: str, name: str, words: Mapping[Any, str], **settings: Any) -> str:
    """Draw a choice among the keys of ``words``, the first of them unless the address says other.

    Streamlit's own binding would put the words into the address.
    """
    default = next(iter(words))
    options = list(words)
    value = st.query_params.get(name) or default
    if value not in words:
        if settings.get("accept_new_options") and is_span(value):
            options.append(value)
        else:
            value = default
    if st.session_state.get(name) != value:
        st.session_state[name] = value
    st.selectbox(
        label,
        options,
        key=name,
        format_func=lambda option: words.get(option, f"last {option}").capitalize(),
        on_change=_write_choice,
        args=(name, default),
        **settings,
    )
    return value


def _write_choice(name: str, default: str) -> None:
    value = st.session_state[name] or default
    if value == default:
        st.query_params.pop(name, None)
    else:
        st.query_params[name] = value


def whole_queue() -> None:
    """Drop the sessions picked by hand; call it from a callback."""
    st.query_params.pop(PICKED, None)


def _progress(batch: ReviewBatch) -> str:
    n_cards, n_done = len(batch.queue.cards), len(batch.verdicts)
    if not n_cards:
        return ""
    where = f"Session {batch.position + 1} of {n_cards} · " if batch.card else ""
    if batch.card and batch.queue.n_incidents < n_cards:
        incident = batch.queue.incident_of[batch.card.id] + 1
        where = f"Incident {incident} of {batch.queue.n_incidents} · {where}"
    spent = time.monotonic() - batch.started_s
    rate = f" · {duration(spent / n_done)} each" if n_done else ""
    return f"{where}{n_done} / {n_cards} labelled · {duration(spent)}{rate}"


def _now_us() -> int:
    return time.time_ns() // 1000
