"""Session buffer: the tokens of each stream that a recorder has still to write."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from director_ai.core.records.record import (
    SessionRecord,
    ending_of,
    evidence_note_of,
    withheld,
)
from director_ai.core.runtime.session import StreamSession, TokenEvent
from director_ai.storage.recording.session_delta import Token

if TYPE_CHECKING:
    Entry = tuple["SessionBuffer", Token | SessionRecord] | threading.Event

_UNLIMITED = 2**63
# A session that waits to be written takes room however short it is: its prompt, its evidence.
_LEAST_OPEN = 100
_ENTRIES_A_SESSION = 10


class PendingWrites:
    """Tokens and ends of all sessions of a recorder that are not written yet.

    Attributes
    ----------
    entries
        Tokens and ends of sessions, each session's in order, and the events to set when they
        are written.
    open
        The sessions that have begun and whose end is not written.
    most
        Entries at which tokens are dropped; 0 once nobody takes any.
    most_open
        Sessions at which no further one is taken.
    n_dropped
        Tokens of sessions that were not taken.
    wake
        Set when the writer is to look before its time.
    """

    __slots__ = ("_counting", "entries", "most", "most_open", "n_dropped", "open", "wake")

    def __init__(self, most: int) -> None:
        self.entries: deque[Entry] = deque()
        self.open: set[SessionBuffer] = set()
        self.most = most
        self.most_open = max(_LEAST_OPEN, most // _ENTRIES_A_SESSION)
        self.n_dropped = 0
        self._counting = threading.Lock()
        self.wake = threading.Event()

    def drop(self, n_tokens: int) -> None:
        """Count the tokens of a session that was not taken; any thread may."""
        with self._counting:
            self.n_dropped += n_tokens

    def oldest_s(self) -> float | None:
        """Return when the oldest token came that is not written yet, in seconds since 1970."""
        times = [at for buffer in list(self.open) if (at := buffer.oldest_s) is not None]
        # The thread that writes may take the last entry meanwhile.
        with suppress(IndexError):
            entry = self.entries[0]
            if not isinstance(entry, threading.Event):
                buffer, thing = entry
                times.append(buffer.time_s(thing))
        return min(times, default=None)

    def collect(self) -> None:
        """Queue the new tokens of every open session."""
        for buffer in list(self.open):
            buffer.collect()


class SessionBuffer:
    """One session's buffer: its new tokens, moved into the queue.

    The stream itself does nothing for a token: its session keeps all events, and the writer
    collects those that came since it last looked.

    Attributes
    ----------
    record
        The session without its tokens.
    n_seen
        Tokens that were collected.
    limit
        Tokens that are kept at most: all, until the first one is dropped.
    """

    __slots__ = (
        "_collecting",
        "_is_over",
        "_is_taken",
        "_pending",
        "_session",
        "_start_s",
        "limit",
        "n_seen",
        "record",
    )

    def __init__(
        self, pending: PendingWrites, session: StreamSession, record: SessionRecord
    ) -> None:
        self.record = record
        self.n_seen = 0
        self.limit = _UNLIMITED
        self._pending = pending
        self._session: StreamSession | None = session
        self._start_s = session.start_time
        self._is_over = False
        self._is_taken = False
        self._collecting = threading.Lock()

    @property
    def n_waiting(self) -> int:
        """Tokens that came and were not collected."""
        session = self._session
        return 0 if session is None else len(session.events) - self.n_seen

    @property
    def oldest_s(self) -> float | None:
        """Time of the first token that was not collected, in seconds since 1970."""
        session = self._session
        waiting = () if session is None else session.events[self.n_seen : self.n_seen + 1]
        return next((event.timestamp for event in waiting), None)

    def time_s(self, thing: Token | SessionRecord) -> float:
        """Return when a token came, or how the session ended, in seconds since 1970."""
        if isinstance(thing, SessionRecord):
            return thing.ended_us / 1e6
        return self._start_s + thing.time_us / 1e6

    @property
    def n_dropped(self) -> int:
        """Tokens that came and are not kept."""
        return max(0, self.n_seen - self.limit)

    def tokens(self, n_tokens: int) -> list[Token] | None:
        """Return the first tokens once more; ``None`` if the stream is over and has let them go."""
        with self._collecting:
            if self._session is None:
                return None
            return [self.token(event) for event in self._session.events[:n_tokens]]

    def begin(self) -> None:
        """Let the session be seen, before its first token, if there is room for it."""
        if self._pending.most and len(self._pending.open) < self._pending.most_open:
            self._is_taken = True
            self._pending.open.add(self)

    def collect(self) -> None:
        """Queue the tokens that came since the last time, or drop them."""
        with self._collecting:
            if self._session is None:
                return
            events = self._session.events
            n_come = len(events)
            if self._session.revises_last and n_come > self.n_seen:
                # It may be the last, which is judged once more.
                n_come -= 1
            # So may an unscored one, under such a policy.
            while self.record.policy.score_final and n_come > self.n_seen:
                if events[n_come - 1].scored:
                    break
                n_come -= 1
            self._put(events[self.n_seen : n_come])

    def token(self, event: TokenEvent) -> Token:
        """Return the token of an event as it is stored."""
        score = event.coherence
        is_scored = score == score  # noqa: PLR0124  # nan where the scorer gave none
        return Token(
            event.index,
            event.token if self.record.text_kept else withheld(event.token),
            score if is_scored else None,
            is_scored and not event.scored,
            max(0, round((event.timestamp - self._start_s) * 1e6)),
        )

    def end(self) -> None:
        """Queue how the session ended; only the first time."""
        if self._is_over:
            return
        self._is_over = True
        if not self._is_taken:
            # A stream that was over before its first token has not begun.
            self.begin()
        with self._collecting:
            session, self._session = self._session, None
            assert session is not None
            if not self._is_taken:
                self._pending.drop(len(session.events))
                return
            self._put(session.events[self.n_seen :])
            if self._pending.most:
                self._pending.entries.append((self, self._ended(session)))
        self._pending.wake.set()

    def _put(self, events: Sequence[TokenEvent]) -> None:
        entries = self._pending.entries
        for event in events:
            if len(entries) < self._pending.most and self.n_seen < self.limit:
                entries.append((self, self.token(event)))
            else:
                self.limit = min(self.limit, self.n_seen)
            self.n_seen += 1

    def _ended(self, session: StreamSession) -> SessionRecord:
        record = self.record
        structured = session.halt_evidence_structured
        kept = None if structured is None or not record.text_kept else structured.evidence_chunks
        note = evidence_note_of(session) if record.text_kept else ""
        return replace(
            record,
            ended_us=round(session.end_time * 1e6),
            ended_by=ending_of(session),
            halt=session.reason,
            evidence=tuple(kept or ()),
            evidence_note=note,
            release=session.release,
            n_released=session.n_released,
            n_kept=session.n_kept,
            n_early=session.n_early,
            verdicts=tuple(session.verdicts),
        )
