"""One card of the Review page: everything needed to say whether a halt was right."""

from functools import partial
from typing import Any, Final, NamedTuple

import streamlit as st

from director_ai.core.records.record import SessionRecord
from director_ai.errors import DirectorError
from director_ai.figures.halt_curve import halt_curve_alt, halt_curve_data, halt_curve_figure
from director_ai.figures.theme import RULE_NAME
from director_ai.replay.counterfactual import Relief, reliefs
from director_ai.reports.headline import acting
from director_ai.reports.sentences import halt_sentence, relief_line
from director_ai.storage.summary import SessionSummary
from director_ai.ui.access.current_store import archive
from director_ai.ui.components import page_style
from director_ai.ui.components.escaping import escape_label, visible
from director_ai.ui.components.focus_hotkey import note_key
from director_ai.ui.components.plotly_chart import ChartClick, plotly_chart
from director_ai.ui.components.status_banner import rule_of, status
from director_ai.ui.components.stream_view import StreamView
from director_ai.ui.review import actions as acts
from director_ai.ui.review.batch import VERDICT_NAME, Verdict, Visit
from director_ai.ui.session import tables

AROUND: Final = 40
"""Tokens shown on either side of the halt."""

_ON_HALTS: Final[tuple[tuple[str, Verdict, str], ...]] = (
    ("1", "right", "The answer is bad: stopping it was right."),
    ("2", "false", "The answer is good: it should not have been stopped."),
    ("3", "late", "The answer went wrong well before the halt, at the onset or the cursor."),
    ("4", "unsure", "It cannot be told."),
)
_ON_COMPLETED: Final[tuple[tuple[str, Verdict, str], ...]] = (
    ("1", "missed", "The answer is bad: it should have been stopped."),
    ("2", "passed", "The answer is good: letting it complete was right."),
    ("4", "unsure", "It cannot be told."),
)


class Card(NamedTuple):
    """A session as the reviewer sees it.

    Attributes
    ----------
    record, view
        The session, and what its own limits make of it.
    changes
        What it would take, nearest first.
    focus
        The token it is about: the halt, or the closest call of a session that completed.
    """

    record: SessionRecord
    view: StreamView
    changes: tuple[Relief, ...]
    focus: int


@st.cache_resource(max_entries=64, show_spinner=False)
def prepared(id: str, changed_us: int) -> Card:  # noqa: ARG001  # part of the cache's key
    """Return the card of a session; of the next one before it is asked for."""
    record = archive().get(id)
    limits = acting(record.policy)
    complete = record.ended_by == "completed"
    view = StreamView.of(record.tokens, record.scores, record.held, limits, complete=complete)
    changes = reliefs(record.tokens, record.scores, limits, complete=complete)
    changes.sort(key=lambda change: abs(change.value - getattr(limits, change.limit)))
    call = view.closest_call()
    focus = view.judgement.trigger
    if focus is None:
        focus = call[1] if call else 0
    return Card(record, view, tuple(changes), focus)


def card(visit: Visit) -> None:
    """Draw the card on screen, its keys, and get the next one ready."""
    summary = visit.card
    assert summary is not None
    try:
        shown = prepared(summary.id, summary.changed_us)
    except DirectorError as error:
        status("This session cannot be shown.", str(error))
        _ways(visit)
        return
    cursor = shown.focus if visit.cursor is None else visit.cursor
    cursor = min(cursor, max(0, shown.view.n_scored - 1))
    onset = visit.onsets.get(summary.id)
    _headline(visit, shown)
    left, right = st.columns([2, 1], gap="medium")
    with left:
        _curve(visit, shown, onset, cursor)
        shown.view.text(
            key="review_tokens",
            generation=shown.record.id,
            height=150,
            onset=onset,
            cursor=cursor,
            delivered=shown.view.delivered if shown.record.enforced else None,
            follow=False,
            on_cursor=partial(acts.point, visit),
        )
        _verdicts(visit, summary, shown, cursor)
        _ways(visit)
    with right:
        _steps(visit, shown, cursor)
        _at_cursor(visit, shown, onset, cursor)
        _context(shown.record)
    following = visit.upcoming()
    if following is not None:
        _get_ready(following)


def _get_ready(summary: SessionSummary) -> None:
    try:
        prepared(summary.id, summary.changed_us)
    except DirectorError:
        # Said when it is its turn.
        return


def _headline(visit: Visit, shown: Card) -> None:
    record, view = shown.record, shown.view
    note = ""
    if visit.grouped:
        n_alike = len(visit.alike())
        note = f"The next verdict is for all {n_alike} similar halts: same rule, about the same "
        note += "margin, same prompts. A: for this one alone."
    elif visit.card is not None and visit.card.id in visit.given:
        given = visit.given[visit.card.id]
        note = f"You said: {VERDICT_NAME[given.verdict]}."
    trigger = view.judgement.trigger
    if trigger is not None:
        margins = view.margins[:, trigger].tolist()
        verb = "Halted" if record.enforced else "Would have halted"
        said = halt_sentence(view.judgement.alarms, view.policy, margins, verb=verb)
    elif record.halt is not None:
        said = f"Stopped: {'; '.join(record.halt_reasons)}."
    else:
        call = view.closest_call()
        said = f"Completed, {len(record.tokens)} tokens."
        if call:
            said += f" Closest call: {RULE_NAME[call[2]]} by {call[0]:.3f} at token {call[1]}."
    status(said, note, rule=rule_of(view.judgement))


def _curve(visit: Visit, shown: Card, onset: int | None, cursor: int) -> None:
    view = shown.view
    data = halt_curve_data(
        view.scores,
        [escape_label(token) for token in view.tokens],
        view.policy,
        view.judgement,
        held=view.held,
        onset=onset,
        cursor=cursor,
    )
    figure = halt_curve_figure(
        data, page_style.colours(), uirevision=shown.record.id, font_size=page_style.FONT
    )
    first = max(0, min(shown.focus, cursor + AROUND // 2) - AROUND)
    last = min(view.n_scored, first + 2 * AROUND)
    figure["layout"]["xaxis"]["range"] = [first - 0.5, max(last, first + 10) + 0.5]

    def clicked(click: ChartClick) -> None:
        if isinstance(click.x, int | float):
            acts.point(visit, int(click.x))

    plotly_chart(
        figure,
        key="review_curve",
        alt=halt_curve_alt(data),
        height=250,
        filename=tables.file_name(shown.record),
        on_click=clicked,
    )


def _steps(visit: Visit, shown: Card, cursor: int) -> None:
    with st.container(horizontal=True, gap="small"):
        _key("back", "", "Left", acts.point, visit, cursor - 1, icon="chevron_left")
        _key("ahead", "", "Right", acts.point, visit, cursor + 1, icon="chevron_right")
        _key("halt", "Halt", "H", acts.point, visit, shown.focus)
        _key("onset", "Onset", "O", acts.mark_onset, visit, cursor)


def _at_cursor(visit: Visit, shown: Card, onset: int | None, cursor: int) -> None:
    view = shown.view
    if view.n_scored:
        at = "" if onset is None else f" · onset {onset}"
        token = visible(view.tokens[cursor])
        st.text(f"Token {cursor}: {token!r}, score {view.scores[cursor]:.3f}{at}")
    if not visit.relieved:
        view.margins_at(cursor, key="review_margins", height=130, font_size=page_style.FONT)
        return
    with st.container(height=130, key="review_takes"):
        if not shown.changes:
            st.text("No rule held: nothing to loosen.")
        else:
            st.text("What it would take not to halt here:")
        for change in shown.changes:
            st.text(relief_line(change, view.policy))


def _context(record: SessionRecord) -> None:
    with st.container(height=190, key="review_context"):
        st.text(f"Prompt: {visible(record.prompt) or 'not recorded'}")
        for chunk in record.evidence:
            said = f"{chunk.text} ({chunk.source}, distance {chunk.distance:.2f})"
            st.text(f"Evidence: {visible(said)}")
        if record.evidence_note:
            st.text(f"Evidence: {visible(record.evidence_note)}")
        st.text(f"Model: {visible(record.model) or 'not recorded'}")
    st.text_input(
        "Note",
        key=acts.NOTE,
        label_visibility="collapsed",
        placeholder="Note: N to write, Enter to leave",
        max_chars=2000,
    )
    note_key(acts.NOTE, "N", key="review_note_key")


def _verdicts(visit: Visit, summary: SessionSummary, shown: Card, cursor: int) -> None:
    halted = shown.record.halt is not None or shown.view.judgement.trigger is not None
    choices = _ON_HALTS if halted else _ON_COMPLETED
    times = f" × {len(visit.alike())}" if visit.grouped else ""
    columns = st.columns(len(choices), gap="small")
    for column, (shortcut, verdict, meaning) in zip(columns, choices, strict=True):
        with column:
            _key(
                # Of this card: a key that bounces finds its button gone.
                f"{verdict}_{visit.position}",
                VERDICT_NAME[verdict].capitalize() + times,
                shortcut,
                acts.decide,
                visit,
                summary.id,
                verdict,
                cursor,
                shown.focus,
                help=meaning,
                type="primary",
                width="stretch",
                disabled=archive().read_only or (visit.grouped and verdict == "late"),
            )


def _ways(visit: Visit) -> None:
    at, n_alike = visit.position, len(visit.alike())
    with st.container(horizontal=True, gap="small"):
        _key(
            "alike",
            f"Similar halts ({n_alike})",
            "A",
            acts.toggle_group,
            visit,
            help="Label all with one verdict: same rule, about the same margin, same prompts.",
            disabled=n_alike < 2,
        )
        _key(
            "relief",
            "It would take",
            "W",
            acts.toggle_relief,
            visit,
            help="The nearest limit at which this would not have halted, and what would follow.",
        )
        _key("undo", "Undo", "U", acts.undo, visit, disabled=not visit.steps)
        _key("previous", "", "K", acts.go, visit, at - 1, icon="arrow_upward", disabled=at == 0)
        _key("next", "", "J", acts.go, visit, at + 1, icon="arrow_downward")
        _key("end", "End", "E", acts.go, visit, len(visit.queue.cards))


def _key(name: str, label: str, shortcut: str, act: Any, *args: Any, **options: Any) -> None:
    icon = options.pop("icon", None)
    st.button(
        label,
        key=f"review_{name}",
        shortcut=shortcut,
        icon=icon and f":material/{icon}:",
        on_click=act,
        args=args,
        **options,
    )
