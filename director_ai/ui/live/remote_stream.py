"""Remote stream: one stream that another process records, as it comes."""

from typing import Final, NamedTuple

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from director_ai.core.halting.policy_text import limits_text
from director_ai.core.records.record import SessionRecord
from director_ai.errors import StoreError, UnknownSessionError
from director_ai.figures.theme import RULE_NAME, RULE_OF_MECHANISM
from director_ai.reports.headline import headline
from director_ai.reports.sentences import halt_sentence, rounded_up
from director_ai.storage.live_streams import live_streams
from director_ai.storage.store import Store
from director_ai.ui.access.current_store import archive
from director_ai.ui.access.login import recheck_access
from director_ai.ui.components import page_style
from director_ai.ui.components.escaping import visible
from director_ai.ui.components.reader_line import reader_line
from director_ai.ui.components.status_banner import rule_of, status
from director_ai.ui.components.stream_view import NEVER_SHOWN, Marks, StreamView
from director_ai.ui.live.stream_follower import FollowedStream

RECORDERS: Final = "Recorders"
"""What the choice of source calls streams that other processes record."""

POLL_S: Final = 0.5
STALLED_S: Final = 5.0
"""A stream that goes on but has brought no token for so long is said to be stalled."""

STAGE_HEIGHT: Final = 480
"""Pixels of curve and text; on a wide screen the style sheet fits them to the window."""

FOLLOWED: Final = 200
"""Tokens in sight while following."""

_PICKED: Final = "picked_stream"
"""Session-state key of the id of a stream that waits to be put on show."""


class RemoteStream(NamedTuple):
    """Source "Recorders": the stream to be shown."""

    id: str


def watched_id() -> str | None:
    """Return the id of the stream on show, if one is."""
    stream_id = st.session_state.get("watched")
    return stream_id if st.session_state.get("from") == RECORDERS else None


def pick_stream(id: str) -> None:
    """Ask for a stream to be put on show; to be called from a callback."""
    st.session_state[_PICKED] = id


def is_stream_picked() -> bool:
    """Return whether a stream waits to be put on show by the next run of the whole page."""
    return _PICKED in st.session_state


def show_picked_stream() -> None:
    """Put the stream that was picked on show; to be called before any control is drawn.

    Not from the callback: a timer's request that is under way still carries the controls as they
    were, and would put them back.
    """
    if is_stream_picked():
        st.session_state["from"] = RECORDERS
        st.session_state["watched"] = st.session_state.pop(_PICKED)
        st.session_state["watch_paused"] = False


def choose_stream(choice: DeltaGenerator) -> RemoteStream | None:
    """Draw the choice among the streams being recorded; return it, or ``None`` without any.

    Parameters
    ----------
    choice
        Where the choice is drawn.
    """
    store = archive()
    ids = [stream.id for stream in live_streams(store, n_last=1)]
    linked = st.query_params.get("watch", "")
    current = st.session_state.get("watched") or linked
    if current and current not in ids:
        # It ended a while ago; its tokens so far are still worth looking at.
        ids.insert(0, current)
    if not ids:
        status(
            "No stream is being recorded now.",
            f"A stream that any process records into {store.name} appears here within a second. "
            "The Data page has the four lines that record one.",
        )
        st.query_params.pop("watch", None)
        _wait(store)
        return None
    if st.session_state.get("watched") not in ids:
        st.session_state["watched"] = current or ids[0]
    stream_id: str = choice.selectbox(
        "Stream being recorded",
        ids,
        key="watched",
        format_func=visible,
        label_visibility="collapsed",
    )
    st.query_params["watch"] = stream_id
    return RemoteStream(stream_id)


@st.fragment(run_every=POLL_S)
def _wait(store: Store) -> None:
    recheck_access()
    if live_streams(store, n_last=1):
        st.rerun()


def watch(id: str, bar: DeltaGenerator, *, presenting: bool) -> None:
    """Draw a stream, and keep drawing it while it goes on; its buttons go into the bar."""
    try:
        followed = _followed(id)
        followed.poll()
    except UnknownSessionError as error:
        status("This stream is not in the store.", str(error))
        return
    is_running = not followed.is_over
    paused = bool(st.session_state.get("watch_paused"))
    bar.button(
        "Resume" if paused else "Pause",
        key="watch_pause",
        shortcut="Space",
        disabled=not is_running,
        help="The stream goes on; only the picture waits.",
        on_click=_toggle,
    )
    bar.page_link(
        "pages/views/session.py",
        label="Look at this session",
        icon=":material/show_chart:",
        query_params={"id": id},
    )

    @st.fragment(run_every=POLL_S if is_running and not paused else None, key="watch")
    def drawn() -> None:
        recheck_access()
        try:
            if is_running and not paused:
                followed.poll()
        except StoreError as error:
            status("The store cannot be read; what had come is shown.", str(error))
        else:
            _draw(followed, presenting=presenting)
        if is_running and followed.is_over:
            # The buttons around still speak of a stream under way.
            st.rerun()

    drawn()


def _followed(id: str) -> FollowedStream:
    kept = st.session_state.get("followed_stream")
    if not isinstance(kept, FollowedStream) or kept.id != id:
        kept = st.session_state["followed_stream"] = FollowedStream(archive(), id)
    return kept


def _toggle() -> None:
    st.session_state["watch_paused"] = not st.session_state.get("watch_paused")


def _draw(followed: FollowedStream, *, presenting: bool) -> None:
    record = followed.record
    complete = followed.is_over and record.ended_by == "completed"
    view = StreamView.of(
        followed.tokens, followed.scores, followed.held, record.policy, complete=complete
    )
    _banner(followed, view)
    font_size = page_style.PRESENTER_FONT if presenting else page_style.FONT
    with st.container(key="stage"):
        curve, text = st.columns([8, 5], gap="small")
    with curve:
        view.curve(
            key="watch_curve",
            generation=followed.id,
            height=STAGE_HEIGHT,
            marks=Marks(acted=record.enforced),
            last=None if followed.is_over else FOLLOWED,
            font_size=font_size,
        )
    with text:
        view.text(
            key="watch_tokens",
            generation=followed.id,
            height=STAGE_HEIGHT,
            marks=_marks(record, view),
            follow=not followed.is_over,
        )
    view.margins_at(view.n_scored - 1, key="watch_margins", height=190, font_size=font_size)


def _marks(record: SessionRecord, view: StreamView) -> Marks:
    if record.n_kept is not None:
        return Marks(delivered=record.n_released, undelivered=NEVER_SHOWN, kept=record.n_kept)
    return Marks(delivered=view.delivered if record.enforced else None)


def _banner(followed: FollowedStream, view: StreamView) -> None:
    record = followed.record
    policy = record.policy
    facts = [
        f"Limits: {limits_text(policy)}",
        f"{view.n_scored} of {len(followed.tokens)} tokens scored",
    ]
    if followed.tokens_per_s is not None:
        facts.append(f"{followed.tokens_per_s:.1f} tokens/s")
    if followed.lag_s is not None and not followed.is_over:
        facts.append(f"lag {followed.lag_s:.1f} s")
    note = " · ".join(facts)
    if followed.is_over:
        ending = headline(record, policy, view.judgement, view.margins)
        lines = (ending.note, reader_line(record), note)
        status(ending.text, " · ".join(filter(None, lines)), rule=ending.rule)
    elif followed.is_silent:
        status("Its recorder has fallen silent; what had come is shown.", note)
    elif not followed.tokens:
        status(f"Connected, no tokens yet ({followed.waited_s:.0f} s).", note)
    elif followed.waited_s > STALLED_S:
        status(f"Stalled: no token for {followed.waited_s:.0f} s.", note)
    elif view.judgement.trigger is not None:
        # Only watched, or a soft halt under way.
        at_trigger = view.margins[:, view.judgement.trigger].tolist()
        verb = "Stopping" if record.enforced else "Would have stopped"
        sentence = halt_sentence(view.judgement.alarms, policy, at_trigger, verb=verb)
        status(sentence, note, rule=rule_of(view.judgement))
    else:
        floor, mechanism = view.next_floor()
        rule = RULE_OF_MECHANISM[mechanism]
        bound = f"at least {rounded_up(floor)}" if floor > 0 else "anything"
        newest = f" This one: {view.scores[-1]:.2f}." if view.n_scored else ""
        status(f"The next token must be {bound} ({RULE_NAME[rule]}).{newest}", note, rule=rule)
