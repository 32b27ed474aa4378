"""Review card: headline, curve, text, margins and verdict buttons of one session."""

from functools import partial
from typing import Any, Final, NamedTuple

import streamlit as st

from director_ai.core.records.record import SessionRecord
from director_ai.errors import DirectorError
from director_ai.figures.curve_data import halt_curve_alt, halt_curve_data
from director_ai.figures.halt_curve import halt_curve_figure
from director_ai.replay.counterfactual import Counterfactual, counterfactuals
from director_ai.reports.sentences import (
    closest_call_sentence,
    counterfactual_line,
    evidence_source,
    fault_text,
    halt_sentence,
)
from director_ai.storage.summary import SessionSummary
from director_ai.ui.access.current_store import archive
from director_ai.ui.components import page_style
from director_ai.ui.components.cache_keys import text_bytes
from director_ai.ui.components.escaping import escape_label, file_name, visible
from director_ai.ui.components.focus_hotkey import focus_hotkey
from director_ai.ui.components.plotly_chart import ChartClick, plotly_chart
from director_ai.ui.components.status_banner import rule_of, status
from director_ai.ui.components.stream_view import StreamView
from director_ai.ui.review import actions
from director_ai.ui.review.batch import VERDICT_NAME, ReviewBatch, Verdict

AROUND: Final = 40
"""Tokens shown on either side of the halt."""
CURVE_HEIGHT: Final = 230
TEXT_HEIGHT: Final = 110
MARGINS_HEIGHT: Final = 96
CONTEXT_HEIGHT: Final = 76
PROMPT_HEIGHT: Final = 150
ANSWER_HEIGHT: Final = 320
INCIDENT_HEIGHT: Final = 108
"""Head and two rows."""

_ON_HALTS: Final[tuple[tuple[str, Verdict, str], ...]] = (
    ("1", "right", "The answer is bad: stopping it was right."),
    ("2", "false", "The answer is good: it should not have been stopped."),
    ("3", "late", "The answer went wrong well before the halt, at the onset or the cursor."),
    ("4", "unsure", "It cannot be told."),
)
_BLIND: Final = ("Bad", "Good", "Unsure")
"""Names of the first, the second and the last verdict where none tells of a halt."""

_ON_COMPLETED: Final[tuple[tuple[str, Verdict, str], ...]] = (
    ("1", "missed", "The answer is bad: it should have been stopped."),
    ("2", "passed", "The answer is good: letting it complete was right."),
    ("4", "unsure", "It cannot be told."),
)


class PreparedCard(NamedTuple):
    """Session prepared for its card.

    Attributes
    ----------
    record, view
        Session, judged by its recorded limits.
    changes
        Counterfactual limits, nearest first.
    focus
        Token of the halt, or of the closest call of a completed session.
    """

    record: SessionRecord
    view: StreamView
    changes: tuple[Counterfactual, ...]
    focus: int


@st.cache_resource(max_entries=64, show_spinner=False, hash_funcs={str: text_bytes})
def prepare(id: str, changed_us: int) -> PreparedCard:  # noqa: ARG001  # part of the cache's key
    """Return the card of a session; cached, so that the next one is ready."""
    record = archive().get(id)
    view = StreamView.of_record(record, record.policy)
    limits = view.policy
    complete = record.ended_by == "completed"
    changes = counterfactuals(record.tokens, record.scores, limits, complete=complete)
    changes.sort(key=lambda change: abs(change.value - getattr(limits, change.limit)))
    call = view.closest_call()
    focus = view.judgement.trigger
    if focus is None:
        focus = call.token if call else 0
    return PreparedCard(record, view, tuple(changes), focus)


def draw_card(batch: ReviewBatch) -> None:
    """Draw the current card with its keys, then prefetch the next one."""
    summary = batch.card
    assert summary is not None
    try:
        prepared = prepare(summary.id, summary.changed_us)
    except DirectorError as error:
        status("This session cannot be shown.", str(error))
        _navigation_buttons(batch)
        return
    cursor = prepared.focus if batch.cursor is None else batch.cursor
    cursor = min(cursor, max(0, prepared.view.n_scored - 1))
    onset = batch.onsets.get(summary.id)
    if batch.query.is_blind and summary.id not in batch.verdicts:
        _draw_blind(batch, summary, prepared)
        return
    _headline(batch, prepared)
    left, right = st.columns([5, 3], gap="medium")
    with left:
        _curve(batch, prepared, onset, cursor)
        prepared.view.text(
            key="review_tokens",
            generation=prepared.record.id,
            height=TEXT_HEIGHT,
            marks=prepared.view.marks_of(prepared.record, onset=onset, cursor=cursor),
            follow=False,
            on_cursor=partial(actions.move_cursor, batch),
        )
        _verdict_buttons(batch, summary, prepared, cursor)
        _navigation_buttons(batch)
    with right:
        _cursor_buttons(batch, prepared, cursor)
        _at_cursor(batch, prepared, onset, cursor)
        _context(prepared.record)
        _incident(batch)
    _prefetch(batch)


def _draw_blind(batch: ReviewBatch, summary: SessionSummary, prepared: PreparedCard) -> None:
    """Draw prompt, evidence and answer alone: nothing tells what the limits made of them."""
    status(
        "Is this answer good?",
        "Judge what is there; it may end early. What the limits made of it, and the labels of "
        "others, are shown once it has yours.",
    )
    record = prepared.record
    # The prompt first, also where columns stand under each other.
    about, answered = st.columns([1, 2], gap="medium")
    with about:
        _context(record, height=PROMPT_HEIGHT, names_model=False)
    with answered:
        answer = "".join(record.tokens) if record.text_kept else "Its text was not kept."
        with st.container(key="review_answer"):
            page_style.facts_box(answer.split("\n"), label="Answer", height=ANSWER_HEIGHT)
        _verdict_buttons(batch, summary, prepared, 0)
        _navigation_buttons(batch)
    _prefetch(batch)


def _prefetch(batch: ReviewBatch) -> None:
    """Prepare the card that a verdict would show next."""
    summary = batch.next_card()
    if summary is None:
        return
    try:
        prepare(summary.id, summary.changed_us)
    except DirectorError:
        # Said when it is its turn.
        return


def _headline(batch: ReviewBatch, prepared: PreparedCard) -> None:
    record, view = prepared.record, prepared.view
    note = ""
    if batch.grouped:
        n_alike = len(batch.similar_cards())
        note = f"The next verdict is for all {n_alike} sessions of this incident, alike in rule, "
        note += "prompt, answer and evidence. A: for this one alone."
    elif batch.card is not None and batch.card.id in batch.verdicts:
        entry = batch.verdicts[batch.card.id]
        note = f"Your verdict: {VERDICT_NAME[entry.verdict]}."
    trigger = view.judgement.trigger
    if trigger is not None:
        margins = view.margins[:, trigger].tolist()
        verb = "Stopped" if record.enforced else "Would have stopped"
        sentence = halt_sentence(view.judgement.alarms, view.policy, margins, verb=verb)
    elif record.halt is not None:
        sentence = f"Stopped: {fault_text(record.halt)}."
    else:
        call = view.closest_call()
        sentence = f"Completed, {len(record.tokens)} tokens."
        if call:
            sentence += f" {closest_call_sentence(call)}"
    status(sentence, note, rule=rule_of(view.judgement))


def _curve(batch: ReviewBatch, prepared: PreparedCard, onset: int | None, cursor: int) -> None:
    record, view = prepared.record, prepared.view
    data = halt_curve_data(
        view.scores,
        [escape_label(token) for token in view.tokens],
        view.policy,
        view.judgement,
        held=view.held,
        onset=onset,
        cursor=cursor,
        acted=record.enforced,
    )
    figure = halt_curve_figure(
        data, page_style.colours(), uirevision=record.id, font_size=page_style.FONT
    )
    first = max(0, min(prepared.focus, cursor + AROUND // 2) - AROUND)
    last = min(view.n_scored, first + 2 * AROUND)
    # The lines are named where they run; a legend would take a third of the height.
    figure["layout"] |= {"showlegend": False, "margin": {"t": 8, "r": 44, "b": 36, "l": 48}}
    figure["layout"]["xaxis"]["range"] = [first - 0.5, max(last, first + 10) + 0.5]

    def clicked(click: ChartClick) -> None:
        if isinstance(click.x, int | float):
            actions.move_cursor(batch, int(click.x))

    plotly_chart(
        figure,
        key="review_curve",
        alt=halt_curve_alt(data),
        height=CURVE_HEIGHT,
        filename=f"session-{file_name(prepared.record.id)}",
        on_click=clicked,
    )


def _cursor_buttons(batch: ReviewBatch, prepared: PreparedCard, cursor: int) -> None:
    with st.container(horizontal=True, gap="small"):
        _shortcut_button(
            "back", "", "Left", actions.move_cursor, batch, cursor - 1, icon="chevron_left"
        )
        _shortcut_button(
            "ahead", "", "Right", actions.move_cursor, batch, cursor + 1, icon="chevron_right"
        )
        _shortcut_button("halt", "Halt", "H", actions.move_cursor, batch, prepared.focus)
        _shortcut_button("onset", "Onset", "O", actions.mark_onset, batch, cursor)


def _at_cursor(batch: ReviewBatch, prepared: PreparedCard, onset: int | None, cursor: int) -> None:
    view = prepared.view
    if view.n_scored:
        at = "" if onset is None else f" · goes wrong at {onset}"
        token = visible(view.tokens[cursor])
        st.text(f"Token {cursor}: {token!r}, score {view.scores[cursor]:.3f}{at}")
    if not batch.shows_counterfactual:
        view.margins_at(
            cursor, key="review_margins", height=MARGINS_HEIGHT, font_size=page_style.FONT
        )
        return
    title = "What it would take not to halt here"
    lines = [counterfactual_line(change, view.policy) for change in prepared.changes]
    with st.container(key="review_takes"):
        page_style.facts_box(
            [f"{title}:", *lines] if lines else ["No rule was broken: nothing to loosen."],
            label=title,
            height=MARGINS_HEIGHT,
        )


def _context(
    record: SessionRecord, *, height: int = CONTEXT_HEIGHT, names_model: bool = True
) -> None:
    evidence = [f"{chunk.text} ({evidence_source(chunk)})" for chunk in record.evidence]
    evidence += [record.evidence_note] if record.evidence_note else []
    with st.container(key="review_context"):
        page_style.facts_box(
            [
                f"Prompt: {record.prompt or 'not recorded'}",
                *(f"Evidence: {text}" for text in evidence),
                *([f"Model: {record.model or 'not recorded'}"] if names_model else []),
            ],
            label="Prompt, evidence and model" if names_model else "Prompt and evidence",
            height=height,
        )
    st.text_input(
        "Note",
        key=actions.NOTE,
        label_visibility="collapsed",
        placeholder="Note: N to write, Enter to leave",
        max_chars=2000,
    )
    focus_hotkey(actions.NOTE, "N", key="review_note_key")


def _incident(batch: ReviewBatch) -> None:
    """Draw the sessions of the incident; a click on one shows its card."""
    assert batch.card is not None
    members = batch.queue.alike(batch.card.id)
    if len(members) < 2:
        return
    places = {card.id: place for place, card in enumerate(batch.queue.cards)}

    def picked() -> None:
        rows = st.session_state[key]["selection"]["rows"]
        if rows:
            actions.show_card(batch, places[members[rows[0]].id])

    # Another card is another table: none of its rows has been clicked.
    key = f"review_incident_{batch.position}_{len(batch.steps)}"
    given = (batch.verdicts.get(card.id) for card in members)
    st.dataframe(
        {
            "Coherence": [list(card.sparkline) for card in members],
            "Verdict": [VERDICT_NAME[entry.verdict] if entry else "" for entry in given],
            "Answer": [visible(card.excerpt) for card in members],
        },
        key=key,
        height=INCIDENT_HEIGHT,
        hide_index=True,
        alt="Sessions of this incident, one a row",
        on_select=picked,
        selection_mode="single-row",
        column_config={
            "Coherence": st.column_config.AreaChartColumn(
                y_min=0, y_max=1, width=90, color=page_style.colours().coherence
            ),
            "Verdict": st.column_config.TextColumn(width=90),
            "Answer": st.column_config.TextColumn(width=220),
        },
        placeholder="–",
    )


def _verdict_buttons(
    batch: ReviewBatch, summary: SessionSummary, prepared: PreparedCard, cursor: int
) -> None:
    halted = prepared.record.halt is not None or prepared.view.judgement.trigger is not None
    choices = _ON_HALTS if halted else _ON_COMPLETED
    is_blind = batch.query.is_blind and summary.id not in batch.verdicts
    if is_blind:
        # The label is that of the answer; its verdict is named afterwards.
        choices = (*choices[:2], choices[-1])
    times = f" × {len(batch.similar_cards())}" if batch.grouped else ""
    columns = st.container(key="review_verdicts").columns(len(choices), gap="small")
    for at, (column, (shortcut, verdict, meaning)) in enumerate(zip(columns, choices, strict=True)):
        name = _BLIND[at] if is_blind else VERDICT_NAME[verdict].capitalize() + times
        with column:
            _shortcut_button(
                # Of this card: a key that bounces finds its button gone.
                f"{verdict}_{batch.position}",
                name,
                shortcut,
                actions.decide,
                batch,
                summary.id,
                verdict,
                cursor,
                prepared.focus,
                help=None if is_blind else meaning,
                width="stretch",
                disabled=archive().read_only or (batch.grouped and verdict == "late"),
            )


def _navigation_buttons(batch: ReviewBatch) -> None:
    at = batch.position
    with st.container(horizontal=True, gap="small"):
        if not batch.query.is_blind:
            _group_buttons(batch)
        _shortcut_button("undo", "Undo", "U", actions.undo, batch, disabled=not batch.steps)
        _shortcut_button(
            "previous",
            "",
            "K",
            actions.show_card,
            batch,
            at - 1,
            icon="arrow_upward",
            disabled=at == 0,
        )
        _shortcut_button("next", "", "J", actions.show_card, batch, at + 1, icon="arrow_downward")
        _shortcut_button("end", "End", "E", actions.show_card, batch, len(batch.queue.cards))


def _group_buttons(batch: ReviewBatch) -> None:
    n_alike = len(batch.similar_cards())
    _shortcut_button(
        "alike",
        "This one alone" if batch.grouped else f"All {n_alike} alike",
        "A",
        actions.toggle_group,
        batch,
        help="Label all of this incident with one verdict, or this session alone: the same "
        "rule, and prompt, answer and evidence that are alike.",
        disabled=n_alike < 2,
    )
    _shortcut_button(
        "relief",
        "It would take",
        "W",
        actions.toggle_counterfactual,
        batch,
        help="The nearest limit at which this would not have halted, and what would follow.",
    )


def _shortcut_button(
    name: str, label: str, shortcut: str, act: Any, *args: Any, **options: Any
) -> None:
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
