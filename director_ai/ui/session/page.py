"""Session page: one finished session, under its recorded limits or a what-if."""

from dataclasses import replace

import streamlit as st

from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.halting.policy_text import limits_text
from director_ai.core.records.record import SessionRecord
from director_ai.errors import UnknownSessionError
from director_ai.reports.headline import headline, is_what_if
from director_ai.ui.access.current_store import archive
from director_ai.ui.access.login import recheck_access
from director_ai.ui.components import page_style
from director_ai.ui.components.address_note import note_in_address
from director_ai.ui.components.escaping import visible
from director_ai.ui.components.evidence_panel import evidence_panel
from director_ai.ui.components.reader_line import reader_line
from director_ai.ui.components.status_banner import notice, status
from director_ai.ui.components.stream_view import Marks, Picture, StreamView
from director_ai.ui.session import sidebar
from director_ai.ui.session.judged_sentences import judged_sentences

CURSOR = "t"
FOLLOW_S = 0.5
STAGE_HEIGHT = 480
"""Pixels of curve and text; on a wide screen the style sheet fits them to the window."""


def follow(record: SessionRecord) -> None:
    """Follow a session that is still being recorded."""
    live = _is_recording(record.id)
    if live:
        notice(f"Being recorded: {record.n_tokens} tokens so far.")

    @st.fragment(run_every=FOLLOW_S if live else None)
    def poll() -> None:
        recheck_access()
        if live and (
            not _is_recording(record.id) or archive().summary(record.id).n_tokens != record.n_tokens
        ):
            st.rerun()

    poll()


def _is_recording(id: str) -> bool:
    try:
        return archive().summary(id).ended_by is None
    except UnknownSessionError:
        return False


def with_recorded_mode(policy: HaltPolicy, record: SessionRecord) -> HaltPolicy:
    """Return the policy with the record's cadence and observe mode, which no control sets."""
    recorded = record.policy
    observed = recorded.halt_mode == "observe" and policy.halt_mode == "hard"
    return replace(
        policy,
        halt_mode="observe" if observed else policy.halt_mode,
        score_every_n=recorded.score_every_n,
        adaptive=recorded.adaptive,
        max_cadence=recorded.max_cadence,
        score_final=recorded.score_final,
    )


def head(record: SessionRecord, view: StreamView) -> None:
    """Draw the verdict on the session and its reason."""
    if is_what_if(record, view.policy):
        page_style.what_if_stripe()
    _headline(record, view)


def picture(record: SessionRecord, view: StreamView, cursor: int, shown: Picture) -> None:
    """Draw the curve and the text."""
    marks = view.marks_of(record, onset=record.onset, cursor=cursor)
    if marks.kept is None:
        undelivered = _undelivered(record, view)
        marks = Marks(record.onset, cursor, view.delivered, undelivered, acted=marks.acted)
    with st.container(key="stage"):
        curve, text = st.columns([8, 5], gap="small")
    with curve:
        view.curve(
            key="curve",
            generation=record.id,
            height=STAGE_HEIGHT,
            marks=marks,
            picture=shown,
            movable=True,
            on_cursor=_set_cursor,
        )
    with text:
        view.text(
            key="tokens",
            generation=record.id,
            height=STAGE_HEIGHT,
            marks=marks,
            follow=False,
            on_cursor=_set_cursor,
        )
    _cursor_bar(record, view, cursor)
    if marks.kept is not None:
        notice(reader_line(record))
    elif view.delivered is not None and view.delivered < record.n_tokens:
        notice(f"Grey, from token {view.delivered} on: {_undelivered(record, view)}.")


def beside(record: SessionRecord, view: StreamView, cursor: int) -> None:
    """Draw margins at the cursor, counterfactual, evidence, judged sentences and the facts."""
    view.margins_at(cursor, key="margins", height=170, font_size=page_style.FONT)
    sidebar.counterfactual(record, view)
    evidence_panel(record.evidence, record.evidence_note)
    judged_sentences(record)
    sidebar.facts(record)


def _undelivered(record: SessionRecord, view: StreamView) -> str:
    """Describe the delivery of the text after the halt."""
    if not record.enforced:
        return "recorded in shadow, nothing was held back"
    would = "would not have been" if is_what_if(record, view.policy) else "not"
    return f"{would} delivered"


def _headline(record: SessionRecord, view: StreamView) -> None:
    summary = headline(record, view.policy, view.judgement, view.margins)
    what_if = is_what_if(record, view.policy)
    limits = f"Limits: {limits_text(view.policy)}."
    if what_if:
        limits += f" Recorded under: {limits_text(record.policy)}."
    note = f"{summary.note} {limits}" if summary.note else limits
    status(summary.text, note, rule=summary.rule, what_if=what_if)


def cursor(view: StreamView) -> int:
    """Return the token under the cursor, and note it in the address."""
    if "session_cursor" not in st.session_state:
        requested = st.query_params.get(CURSOR, "")
        start = int(requested) if requested.isdecimal() else view.judgement.trigger
        st.session_state["session_cursor"] = view.n_scored - 1 if start is None else start
    last = max(0, view.n_scored - 1)
    index = min(max(0, int(st.session_state["session_cursor"])), last)
    note_in_address({CURSOR: str(index)}, key="address")
    return index


def _set_cursor(index: int) -> None:
    st.session_state["session_cursor"] = index


def _cursor_bar(record: SessionRecord, view: StreamView, cursor: int) -> None:
    token = visible(record.tokens[cursor]) if view.n_scored else ""
    score = f"{view.scores[cursor]:.3f}" if view.n_scored else "none"
    with st.container(
        horizontal=True, vertical_alignment="center", gap="xsmall", key="session_bar"
    ):
        _cursor_buttons(view, cursor)
        st.text(f"Token {cursor}: {token!r}, score {score}{_basis(record, cursor)}")


def _basis(record: SessionRecord, cursor: int) -> str:
    """Return what a token's score rests on; nothing for a scorer without a model."""
    if not record.verdicts or cursor >= len(record.scores):
        return ""
    return ", judged by the model" if record.judged[cursor] else ", by the words"


def _cursor_buttons(view: StreamView, cursor: int) -> None:
    trigger = view.judgement.trigger
    dip = view.next_dip(cursor)
    for key, icon, shortcut, hint, target in (
        ("first", "first_page", "Home", "First token", 0),
        ("back", "chevron_left", "Left", "One token back", cursor - 1),
        ("ahead", "chevron_right", "Right", "One token on", cursor + 1),
        ("last", "last_page", "End", "Last token", view.n_scored - 1),
    ):
        st.button(
            "",
            key=f"session_{key}",
            icon=f":material/{icon}:",
            shortcut=shortcut,
            help=hint,
            on_click=_set_cursor,
            args=(target,),
        )
    st.button(
        "Halt",
        key="session_halt",
        shortcut="H",
        disabled=trigger is None,
        on_click=_set_cursor,
        args=(trigger or 0,),
    )
    st.button(
        "Next dip",
        key="session_dip",
        shortcut="M",
        help="Go to where the margin is next at its lowest; after the last, to the first",
        disabled=dip is None,
        on_click=_set_cursor,
        args=(dip or 0,),
    )
