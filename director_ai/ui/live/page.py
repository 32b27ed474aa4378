"""Live page around its picture: head, choice of source, transport, current run."""

from typing import Any, Final, Literal, NamedTuple, get_args
from urllib.parse import urlencode

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from director_ai.core.halting.policy import HaltPolicy
from director_ai.sources.sample_sessions import samples
from director_ai.ui.components import page_style
from director_ai.ui.components.escaping import visible
from director_ai.ui.components.policy_editor import DEFAULTS, limit_controls
from director_ai.ui.components.press_key import press_key
from director_ai.ui.components.served_policy import served_limits
from director_ai.ui.components.status_banner import notice
from director_ai.ui.components.stream_view import picture_choice
from director_ai.ui.live import cursor
from director_ai.ui.live.endpoint_form import endpoint_in_form
from director_ai.ui.live.playback import LiveRun, LiveSource, Snapshot
from director_ai.ui.live.remote_stream import RECORDERS, RemoteStream, choose_stream
from director_ai.ui.live.run_registry import live_slot
from director_ai.ui.live.shared_text import LONGEST_LINK, pack
from director_ai.ui.live.sources import sample_name, sample_source
from director_ai.ui.live.stored_halts import stored_halt
from director_ai.ui.live.uploads import SHARED, from_file, pasted, pasted_text

FIRST_SAMPLE = "photosynthesis-drift"
SPEEDS = (0.25, 0.5, 1, 2, 5, 10, 20)
PRESSED_BY_SPACE: Final = ("play", "endpoint_stop", "endpoint_start", "watch_pause")
"""Buttons of which a page has one that can be pressed: play, stop, start, hold."""

LONGEST_QUOTE = 60
"""Characters quoted of a value in the address, so that a notice stays on one line."""

SourceKind = Literal["Samples", "Last night's halts", "Paste text", "File", "Endpoint", "Recorders"]


class EndpointSource(NamedTuple):
    """Source "Endpoint": a model answers while the page watches."""


class Bar(NamedTuple):
    """Parts of the page's one row of controls, in their order."""

    source: DeltaGenerator
    transport: DeltaGenerator
    more: DeltaGenerator


def bar() -> Bar:
    """Lay out the row of controls, and let Space press its first button that can be pressed."""
    page_style.title("Live", hidden=True)
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key="bar"):
        parts = Bar(
            st.container(horizontal=True, width=340, gap="xsmall", key="source"),
            st.container(
                horizontal=True, vertical_alignment="center", gap="xsmall", key="transport"
            ),
            st.container(horizontal=True, width="content", key="more"),
        )
    with parts.more:
        press_key(" ", PRESSED_BY_SPACE, key="space")
    return parts


def places() -> tuple[DeltaGenerator, DeltaGenerator]:
    """Return the places of the stream on show and of the strip of all that are being recorded.

    The strip stands below, where its coming and going moves nothing, unless it is chosen from.
    """
    if st.session_state.get("from", st.query_params.get("from")) == RECORDERS:
        strip, stage = st.container(), st.container(key="live_stage")
    else:
        stage, strip = st.container(key="live_stage"), st.container()
    return stage, strip


def more(bar: Bar) -> bool:
    """Draw the menu of the page; return whether it is in presenter mode."""
    with bar.more.popover("More", icon=":material/more_horiz:", help="Presenter mode, and a link"):
        presenting = st.toggle("Presenter", key="presenter", bind="query-params")
        _share_link()
        st.text(
            "The camera button on the chart saves it as a PNG; once a stream has ended, a button "
            "below its text saves it as one HTML file that plays anywhere."
        )
    if presenting:
        page_style.presenter_style()
    return bool(presenting)


def choose_source(bar: Bar) -> LiveSource | RemoteStream | EndpointSource | None:
    """Draw the choice of source; return it, or ``None`` while there is nothing to show."""
    kinds: tuple[SourceKind, ...] = get_args(SourceKind)
    kind = bar.source.selectbox(
        "Source",
        kinds,
        key="from",
        bind="query-params",
        label_visibility="collapsed",
        width=150,
    )
    if kind == "Paste text":
        return pasted()
    if kind == "File":
        return from_file()
    if kind == "Endpoint":
        st.query_params.pop("src", None)
        return EndpointSource()
    st.query_params.pop("run", None)
    if kind == RECORDERS:
        st.query_params.pop("src", None)
        return choose_stream(bar.source)
    st.query_params.pop("watch", None)
    if kind == "Last night's halts":
        st.query_params.pop("src", None)
        return stored_halt(bar.source)
    ids = list(samples())
    # Not bound: a binding would put the name into the address, and we want the id.
    src = st.query_params.get("src", "")
    if src and src not in ids and "src" not in st.session_state:
        st.session_state["unknown_src"] = src
    sample = bar.source.selectbox(
        "Sample: real text scored here and now by the built-in scorer; nothing is connected",
        ids,
        index=ids.index(src if src in ids else FIRST_SAMPLE),
        format_func=sample_name,
        key="src",
        persist_state="session",
        on_change=_forget_unknown,
        label_visibility="collapsed",
    )
    # Remembered: the address is about to name what is shown, and a rerun reads it again.
    if unknown := st.session_state.get("unknown_src"):
        notice(
            f"There is no sample '{_shortened(unknown)}'; "
            f"the first sample is shown instead: {sample_name(FIRST_SAMPLE)}."
        )
    if src != sample:
        # Only then: every write is a step of the browser's history.
        st.query_params["src"] = sample
    return sample_source(sample)


class DefaultPolicy(NamedTuple):
    """Policy that a source is judged by at first.

    Attributes
    ----------
    policy
        The limits.
    owner
        Id of the one whose limits they are.
    words
        Segment that they are of, in words; empty where they are those of every session.
    """

    policy: HaltPolicy
    owner: str
    words: str = ""


def default_policy(source: LiveSource | EndpointSource) -> DefaultPolicy:
    """Return the recorded limits of a recording, else those that the server has for the source."""
    if isinstance(source, LiveSource) and source.recorded_policy is not None:
        return DefaultPolicy(source.recorded_policy, source.id)
    limits = served_limits()
    if limits is None:
        return DefaultPolicy(DEFAULTS, "live")
    if limits.segments is None:
        return DefaultPolicy(limits.policy, "live")
    properties = _properties(source)
    value = limits.segment_of(**properties)
    facet = limits.segments.facet
    words = (
        f"of else: no {facet} with limits of its own"
        if value is None
        else f"of {facet} {visible(value)}"
    )
    return DefaultPolicy(
        limits.limits_of(**properties), f"live {value}" if value is not None else "live", words
    )


def limits_in_waiting() -> None:
    """Draw the limits that a source still to come will be judged by, so that nothing moves then.

    A stream of a recorder is judged by its own.
    """
    if st.session_state["from"] == RECORDERS:
        return
    limits = served_limits()
    limit_controls(DEFAULTS if limits is None else limits.policy, owner="live")
    picture_choice()


def _properties(source: LiveSource | EndpointSource) -> dict[str, Any]:
    """Return what of a session is known before its stream, by which limits may differ."""
    if isinstance(source, LiveSource):
        return {"model": source.model, "group": source.group, "tags": source.tags}
    endpoint = endpoint_in_form()
    return {} if endpoint is None else {"model": endpoint.model, "source": endpoint.origin}


def current_run(source: LiveSource, policy: HaltPolicy) -> LiveRun:
    """Return the run on show: the one under way, or a new one where the source has changed."""
    slot = live_slot()
    run = slot.run
    untouched = run is not None and not run.snapshot().tokens
    if run is None:
        # A reload, or a link: the page had come that far.
        return start_over(source, policy, ahead=cursor.seen_before(len(source.tokens)))
    if run.source.id != source.id or (untouched and run.policy != policy):
        run = start_over(source, policy)
    return run


def start_over(source: LiveSource, policy: HaltPolicy, *, ahead: int = 0) -> LiveRun:
    """Put a new run on show, its cursor following the newest token."""
    run = LiveRun(source, policy, ahead=ahead)
    st.session_state["follow"] = True
    st.session_state.pop("t", None)
    return live_slot().put(run)


def transport(bar: Bar, run: LiveRun, snapshot: Snapshot, policy: HaltPolicy) -> None:
    """Draw play, step, scrub and speed. Every button has its key."""
    seen = len(snapshot.tokens)
    last = max(1, len(run.source.tokens) - 1)
    with bar.transport:
        _play_button(run, policy, snapshot)
        st.button(
            "Run on",
            key="go_on",
            disabled=policy == run.policy or not seen,
            help="Judge the tokens already seen by the limits beside, then play on.",
            on_click=_run_on,
            args=(run, policy, seen),
        )
        with st.container(horizontal=True, gap="xsmall", width="content", key="steps"):
            st.button(
                "Restart",
                key="restart",
                icon=":material/replay:",
                help="Restart",
                on_click=_restart,
                args=(run.source, policy),
            )
            st.button(
                "First token",
                key="to_start",
                icon=":material/first_page:",
                shortcut="Home",
                help="Go to the first token",
                on_click=cursor.set_cursor,
                args=(0,),
                disabled=seen == 0,
            )
            st.button(
                "Back",
                key="back",
                icon=":material/chevron_left:",
                shortcut="Left",
                help="One token back",
                on_click=_move,
                args=(run, -1),
                disabled=seen == 0,
            )
            st.button(
                "Ahead",
                key="ahead",
                icon=":material/chevron_right:",
                shortcut="Right",
                help="One token on; at the newest, judge one more",
                on_click=_move,
                args=(run, 1),
            )
            st.button(
                "Follow",
                key="to_end",
                icon=":material/last_page:",
                shortcut="End",
                help="Go to the newest token",
                on_click=cursor.follow,
            )
            st.button(
                "Halt",
                key="to_halt",
                icon=":material/close:",
                shortcut="H",
                help="Go to the halt",
                on_click=cursor.set_cursor,
                # A stop between two tokens has the index of the one that never came.
                args=(max(0, min(run.session.halt_index, last)),),
                disabled=not run.session.halted,
            )
        if snapshot.playing or seen == 0:
            # Not "t": under load a message of the timer, sent before the end, would bring back the
            # token that stood here while playing.
            st.session_state["t_waiting"] = max(0, seen - 1)
            st.slider(
                "Token", 0, last, key="t_waiting", disabled=True, label_visibility="collapsed"
            )
        else:
            if cursor.is_following():
                st.session_state["t"] = seen - 1
            st.slider(
                "Token",
                0,
                last,
                key="t",
                on_change=cursor.unfollow,
                label_visibility="collapsed",
            )
        speed = st.selectbox(
            "Speed ×",
            SPEEDS,
            SPEEDS.index(1),
            key="x",
            bind="query-params",
            label_visibility="collapsed",
            width=72,
        )
    run.set_speed(speed)


def _play_button(run: LiveRun, policy: HaltPolicy, snapshot: Snapshot) -> None:
    # One width for three words: the row must not move when the word changes.
    if snapshot.playing:
        st.button("Pause", key="play", shortcut="Space", on_click=run.pause, width=104)
        return
    st.button(
        "Play again" if snapshot.ended else "Play",
        key="play",
        shortcut="Space",
        type="primary",
        on_click=_play,
        args=(run, policy),
        width=104,
    )


def _play(run: LiveRun, policy: HaltPolicy) -> None:
    cursor.follow()
    if run.snapshot().ended:
        run = start_over(run.source, policy)
        run.set_speed(st.session_state.get("x", 1.0))
    run.play()


def _run_on(run: LiveRun, policy: HaltPolicy, ahead: int) -> None:
    fresh = start_over(run.source, policy, ahead=ahead)
    fresh.set_speed(st.session_state.get("x", 1.0))
    fresh.play()


def _restart(source: LiveSource, policy: HaltPolicy) -> None:
    start_over(source, policy)


def _move(run: LiveRun, by: int) -> None:
    seen = len(run.snapshot().tokens)
    here = seen - 1 if cursor.is_following() else int(st.session_state.get("t", 0))
    run.pause()
    if here + by >= seen:
        run.step()
        cursor.follow()
    else:
        cursor.set_cursor(max(0, here + by))


def _forget_unknown() -> None:
    st.session_state.pop("unknown_src", None)


def _shortened(text: str) -> str:
    """Return ``text`` on one line, cut where it would run on."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_QUOTE else line[:LONGEST_QUOTE] + "…"


def _share_link() -> None:
    """Draw the address that opens the same, or say that none does."""
    pairs = st.query_params.to_dict()
    if st.session_state.get("from") == "Paste text" and any(text := pasted_text()):
        packed = pack(text)
        if packed is None:
            st.text(
                f"No link can carry this text: it takes more than {LONGEST_LINK:,} characters, "
                "compressed. Once the stream has ended, share its replay as a file."
            )
            return
        pairs[SHARED] = packed
    st.text("This address opens the same text with the same limits:")
    st.code((st.context.url or "") + ("?" + urlencode(pairs) if pairs else ""), language=None)
