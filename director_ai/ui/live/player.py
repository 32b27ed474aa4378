"""Player of the Live page: banner, curve and text, redrawn five times a second."""

from dataclasses import replace
from time import time

import streamlit as st

from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.halting.policy_text import limits_text
from director_ai.core.records.record import SessionRecord
from director_ai.figures.theme import RULE_NAME, RULE_OF_MECHANISM
from director_ai.reports.replay_html import session_html
from director_ai.reports.sentences import (
    closest_call_sentence,
    fault_text,
    halt_sentence,
    rounded_up,
)
from director_ai.ui.access.login import recheck_access
from director_ai.ui.components import page_style
from director_ai.ui.components.address_note import note_in_address
from director_ai.ui.components.evidence_panel import evidence_panel
from director_ai.ui.components.finished_sessions import keep_finished
from director_ai.ui.components.status_banner import rule_of, status
from director_ai.ui.components.stream_view import Marks, Picture, StreamView
from director_ai.ui.live import cursor as live_cursor
from director_ai.ui.live.endpoint_run import EndpointRun
from director_ai.ui.live.playback import LiveRun, Snapshot
from director_ai.ui.live.remote_stream import FOLLOWED, STAGE_HEIGHT, STALLED_S

Run = LiveRun | EndpointRun

REDRAW_S = 0.2


def screen(
    run: Run, snapshot: Snapshot, policy: HaltPolicy, *, presenting: bool, picture: Picture
) -> None:
    """Draw the run, and keep drawing it while it plays.

    Parameters
    ----------
    run, snapshot
        The run, and its snapshot from when the page began to draw.
    policy
        Limits to judge by; a what-if where they are not the run's.
    presenting
        Whether the page is on a projector.
    picture
        View of the curve.
    """
    if policy != run.policy:
        page_style.what_if_stripe()
    if presenting and snapshot.playing:
        page_style.fading_bar()
    if snapshot.ended:
        keep_finished(record_of(run))

    @st.fragment(run_every=REDRAW_S if snapshot.playing else None, key="live")
    def drawn() -> None:
        recheck_access()
        now = run.snapshot()
        _draw(run, now, policy, presenting=presenting, picture=picture)
        if (now.playing, now.ended) != (snapshot.playing, snapshot.ended):
            # The buttons around still speak of a run under way. Asked for until it happens: a
            # rerun may be lost to the timer's next.
            st.rerun()

    drawn()
    _afterwards(run, snapshot, policy)


def _draw(
    run: Run, snapshot: Snapshot, policy: HaltPolicy, *, presenting: bool, picture: Picture
) -> None:
    complete = snapshot.ended and not run.session.halted and run.source.complete
    view = StreamView.of(snapshot.tokens, snapshot.scores, snapshot.held, policy, complete=complete)
    generation = run.record_id
    font_size = page_style.PRESENTER_FONT if presenting else page_style.FONT
    cursor = live_cursor.cursor(len(snapshot.tokens))
    if isinstance(run, LiveRun):
        note_in_address({live_cursor.SEEN: str(len(snapshot.tokens) or "") or None}, key="address")
    _banner(run, snapshot, view, policy)
    onset = run.source.onset if snapshot.ended else None
    marks = Marks(onset, cursor, view.delivered, acted=policy == run.policy)
    with st.container(key="stage"):
        curve, text = st.columns([8, 5], gap="small")
    with curve:
        view.curve(
            key="curve",
            generation=generation,
            height=STAGE_HEIGHT,
            marks=marks,
            last=FOLLOWED if snapshot.playing else None,
            font_size=font_size,
            picture=picture,
            movable=True,
            on_cursor=live_cursor.set_cursor,
        )
    with text:
        view.text(
            key="tokens",
            generation=generation,
            height=STAGE_HEIGHT,
            marks=marks,
            follow=cursor is None,
            on_cursor=live_cursor.set_cursor,
        )
    newest = view.n_scored - 1
    view.margins_at(
        newest if cursor is None else min(cursor, newest),
        key="margins",
        height=190,
        font_size=font_size,
    )


def _banner(run: Run, snapshot: Snapshot, view: StreamView, policy: HaltPolicy) -> None:
    what_if = policy != run.policy
    pace = f"{snapshot.tokens_per_s:.1f} tokens/s · " if snapshot.tokens_per_s else ""
    counts = f"{pace}{view.n_scored} of {len(snapshot.tokens)} tokens scored"
    limits = f"Limits: {limits_text(policy)}."
    recorded = _recorded_policy(run)
    if recorded is not None and recorded != policy:
        limits += f" Recorded under: {limits_text(recorded)}."
    reason = run.session.reason
    if reason is not None and reason.halt_class != "policy":
        status(f"Stopped: {fault_text(reason)}.", f"Not a halt by a limit. {counts}")
    elif view.judgement.trigger is not None:
        # A soft halt lets its sentence come to an end first.
        acted = "Stopped" if snapshot.ended else "Stopping"
        verb = "What-if: would stop" if what_if else acted
        margins = view.margins[:, view.judgement.trigger].tolist()
        sentence = halt_sentence(view.judgement.alarms, policy, margins, verb=verb)
        if what_if and run.session.halted:
            limits = f"{_stop_of(run)} {limits}"
        status(sentence, f"{limits} · {counts}", rule=rule_of(view.judgement), what_if=what_if)
    elif what_if and run.session.halted:
        more = isinstance(run, LiveRun) and len(run.source.tokens) > view.n_scored
        status(
            "What-if: it would not have stopped here"
            + ("." if more else "; what came next is unknown."),
            ("Run on to see what comes next. " if more else "")
            + f"{_stop_of(run)} Under these limits no rule is broken so far. {limits}",
            what_if=True,
        )
    elif snapshot.ended and not run.source.complete:
        status(
            f"{'What-if: n' if what_if else 'N'}o rule is broken in the {view.n_scored} tokens "
            "seen; the recording ends here, and what came after is unknown.",
            f"{limits} · {counts}",
            what_if=what_if,
        )
    elif snapshot.ended:
        status(
            f"{'What-if: c' if what_if else 'C'}ompleted, {len(snapshot.tokens)} tokens. "
            f"{_closest(view)}",
            f"{limits} · {counts}",
            what_if=what_if,
        )
    elif not snapshot.tokens:
        if isinstance(run, EndpointRun):
            state = f"Requested; no token yet ({run.waited_s:.0f} s)."
        else:
            state = f"Ready: {len(run.source.tokens)} tokens. Press Play, or Space."
        status(state, run.source.prompt)
    elif (silent_s := _silent_s(run, snapshot)) > STALLED_S:
        status(f"Stalled: no token for {silent_s:.0f} s.", f"{limits} · {counts}")
    else:
        floor, mechanism = view.next_floor()
        rule = RULE_OF_MECHANISM[mechanism]
        bound = f"at least {rounded_up(floor)}" if floor > 0 else "anything"
        newest = f" This one: {view.scores[-1]:.2f}." if view.n_scored else ""
        status(
            f"The next token must be {bound} ({RULE_NAME[rule]}).{newest}",
            f"{limits} · {counts}",
            rule=rule,
            what_if=what_if,
        )


def _stop_of(run: Run) -> str:
    return f"It stopped at token {run.session.halt_index}."


def _recorded_policy(run: Run) -> HaltPolicy | None:
    return run.source.recorded_policy if isinstance(run, LiveRun) else None


def _silent_s(run: Run, snapshot: Snapshot) -> float:
    """Return for how many seconds no token has come, of a stream that only its model can stop."""
    events = run.session.events
    if isinstance(run, LiveRun) or not snapshot.playing or not events:
        return 0.0
    return time() - events[-1].timestamp


def _closest(view: StreamView) -> str:
    call = view.closest_call()
    return "No rule had enough tokens." if call is None else closest_call_sentence(call)


def record_of(run: Run) -> SessionRecord:
    """Return the record of a run that has ended.

    Of a recording played to where it was cut, that its end is not the answer's.
    """
    record = SessionRecord.from_session(
        run.session,
        run.policy,
        id=run.record_id,
        source=run.source.title,
        model=run.source.model,
        prompt=run.source.prompt,
        annotations=run.source.annotations,
        group=run.source.group,
    )
    recorded = _recorded_policy(run)
    if not isinstance(run, LiveRun) or recorded is None:
        return record
    return replace(
        record,
        # The scores have the cadence that they were recorded in, whatever the limits.
        policy=replace(
            run.policy,
            score_every_n=recorded.score_every_n,
            adaptive=recorded.adaptive,
            max_cadence=recorded.max_cadence,
            score_final=recorded.score_final,
        ),
        held=run.source.held[: len(record.scores)],
        ended_by="abandoned"
        if record.ended_by == "completed" and not run.source.complete
        else record.ended_by,
    )


def _afterwards(run: Run, snapshot: Snapshot, policy: HaltPolicy) -> None:
    """Draw the actions on the run, in a row of fixed height."""
    details, replay, _ = st.columns([2, 1.6, 5.4])
    if snapshot.ended:
        details.page_link(
            "pages/views/session.py",
            label="Look at this session",
            icon=":material/show_chart:",
            query_params={"id": run.record_id},
        )
        replay.download_button(
            "Replay as HTML",
            lambda: session_html(record_of(run), policy),
            f"{run.record_id}.html",
            "text/html",
            key="replay_html",
            on_click="ignore",
            help="One file that plays this stream in any browser, without a network.",
            width="stretch",
        )

    evidence = run.session.halt_evidence_structured
    if snapshot.ended and evidence is not None:
        evidence_panel(evidence.evidence_chunks, run.session.halt_evidence or "")
