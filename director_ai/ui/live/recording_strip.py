"""Recording strip: streams that other processes record, side by side on the Live page."""

import time
from threading import Lock
from typing import Final, NamedTuple

import streamlit as st

from director_ai.errors import StoreError
from director_ai.figures.small_multiples import (
    MOST_SHOWN,
    Multiple,
    multiple,
    nearest_first,
    scores_needed,
)
from director_ai.figures.theme import HALT_GLYPH, RULE_NAME
from director_ai.storage.live_streams import LiveStream, live_streams
from director_ai.storage.store import Store
from director_ai.ui.access.current_store import archive
from director_ai.ui.access.login import recheck_access
from director_ai.ui.components.sparkline_grid import TILE_HEIGHT, Tile, sparkline_grid
from director_ai.ui.live.remote_stream import is_stream_picked, pick_stream, watched_id

POLL_S: Final = 0.5
_LONGEST_WINDOW: Final = 2_000
_LATE_S: Final = 3.0
"""A recorder that keeps up is heard of every second."""


class LiveStreams(NamedTuple):
    """Streams being recorded, the nearest to a halt first."""

    streams: list[LiveStream]
    multiples: list[Multiple]

    def without(self, id: str) -> "LiveStreams":
        """Return the streams but one."""
        pairs = zip(self.streams, self.multiples, strict=True)
        kept = [(stream, drawn) for stream, drawn in pairs if stream.id != id]
        return LiveStreams([stream for stream, _ in kept], [drawn for _, drawn in kept])


class LiveStreamsCache:
    """Streams being recorded, read once for all browsers that show them."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._at_s = float("-inf")
        self._n_last = 160
        self._newest = LiveStreams([], [])

    def get(self, store: Store) -> LiveStreams:
        """Return the streams as they stood no more than half of ``POLL_S`` ago."""
        with self._lock:
            if time.monotonic() - self._at_s > POLL_S / 2:
                streams = live_streams(store, n_last=self._n_last)
                # From the next poll on; a window longer than that is drawn without its floor.
                needed = [scores_needed(stream.policy) for stream in streams]
                self._n_last = max(160, min(max(needed, default=0), _LONGEST_WINDOW))
                drawn = [multiple(stream.scores, stream.policy) for stream in streams]
                # What has ended well can wait; a halt is what everyone looks for.
                calm = [stream.outcome in ("completed", "abandoned") for stream in streams]
                places = sorted(nearest_first(drawn), key=calm.__getitem__)
                self._newest = LiveStreams([streams[k] for k in places], [drawn[k] for k in places])
                self._at_s = time.monotonic()
            return self._newest


@st.cache_resource(show_spinner=False)
def _streams_cache() -> LiveStreamsCache:
    return LiveStreamsCache()


@st.fragment(run_every=POLL_S, key="strip_of_streams")
def recording_strip() -> None:
    """Draw the streams that are being recorded; without any, nothing."""
    recheck_access()
    if is_stream_picked():
        # A click in a fragment draws no more than that.
        st.rerun()
    if st.session_state.get("strip_paused"):
        live: LiveStreams = st.session_state["strip_streams"]
    else:
        try:
            live = _streams_cache().get(archive())
        except StoreError:
            # The pages that need the store say what is wrong with it.
            return
        # This page's own stream is on show already.
        live = live.without(st.query_params.get("run", ""))
        st.session_state["strip_streams"] = live
    if not live.streams:
        return
    shown = live.streams[:MOST_SHOWN]
    n_rows = 1 if len(shown) <= 6 else 2
    count, pause = st.columns([6, 1.2], vertical_alignment="center")
    count.text(heading(live))
    pause.toggle("Hold still", key="strip_paused", help="Stop redrawing these streams.")
    focus = watched_id()
    sparkline_grid(
        [
            tile(stream, drawn, focused=stream.id == focus)
            for stream, drawn in zip(shown, live.multiples, strict=False)
        ],
        key="live_streams",
        label="Streams being recorded, the nearest to a halt first",
        height=n_rows * TILE_HEIGHT,
        on_pick=pick_stream,
    )


def heading(live: LiveStreams) -> str:
    """Return how many streams there are, and how many of them are not drawn."""
    n_going = sum(stream.outcome == "recording" for stream in live.streams)
    n_over = len(live.streams) - n_going
    parts = [f"{n_going:,} being recorded now"]
    late_s = max((each.silent_s for each in live.streams if each.outcome == "recording"), default=0)
    if late_s > _LATE_S:
        parts.append(f"recorders up to {late_s:.0f} s behind")
    if n_over:
        parts.append(f"{n_over:,} just ended")
    if len(live.streams) > MOST_SHOWN:
        parts.append(f"{len(live.streams) - MOST_SHOWN:,} calmer ones not drawn")
    return " · ".join(parts)


def tile(stream: LiveStream, drawn: Multiple, *, focused: bool) -> Tile:
    """Return the tile of a stream."""
    name = stream.source or stream.model or stream.id
    return Tile(
        id=stream.id,
        name=name,
        state=_state(stream, drawn),
        title=f"{stream.id} · {stream.n_tokens:,} tokens",
        multiple=drawn,
        focused=focused,
    )


def _state(stream: LiveStream, drawn: Multiple) -> str:
    if stream.outcome == "halted":
        return f"{HALT_GLYPH} halted at {stream.halt_index:,}"
    if stream.outcome == "completed":
        return f"✓ completed, {stream.n_tokens:,}"
    if stream.outcome != "recording":
        return f"⚠ {stream.outcome}"
    is_late, rule = stream.silent_s > _LATE_S, drawn.rule
    if is_late or drawn.margin is None or rule == "":
        age = f", {stream.silent_s:.0f} s ago" if is_late else ""
        return f"{stream.n_tokens:,} tokens{age}"
    if drawn.margin < 0:
        return f"{RULE_NAME[rule]} broken"
    return f"{drawn.margin:.2f} left, {RULE_NAME[rule]}"
