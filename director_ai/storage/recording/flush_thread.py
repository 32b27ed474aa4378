"""Flush thread: writes a recorder's pending tokens and ends, with retries."""

import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.records.record import SessionRecord
from director_ai.core.runtime.hooks import logger
from director_ai.errors import StoreError, StoreReplacedError
from director_ai.storage.engine.database import Database, is_full
from director_ai.storage.engine.log_mark import set_foreign_log_aside
from director_ai.storage.engine.migrations import MIGRATIONS, NEWEST, migrate
from director_ai.storage.recording.live_writer import LiveWriter
from director_ai.storage.recording.reserve_file import ReserveFile
from director_ai.storage.recording.session_buffer import PendingWrites, SessionBuffer
from director_ai.storage.recording.session_delta import SessionDelta, Token
from director_ai.storage.recording.session_progress import SessionProgress

_MOST_AT_ONCE = 4096
_HEARTBEAT_S = 0.75
_RESERVE_EVERY_S = 60.0
_FIRST_WAIT_S = 0.25
_LONGEST_WAIT_S = 5.0

Part = tuple[SessionBuffer, SessionDelta]

OnReplaced = Literal["fresh", "stop"]
"""Recording goes on in a fresh file beside a store that was taken away, or it stops."""


class FlushThread:
    """Thread that writes pending tokens and ends of sessions every ``flush_s``.

    Attributes
    ----------
    n_sessions, n_tokens
        Sessions begun and tokens written.
    n_dropped
        Tokens of sessions that are over and that were not kept.
    n_replaced
        Times the store was deleted, renamed or replaced.
    last_error
        Last failure of the store.
    database
        Database recorded into now.
    at_rest
        Held while the store is used.
    """

    def __init__(
        self,
        database: Database,
        pending: PendingWrites,
        *,
        shadow: HaltPolicy | None,
        flush_s: float,
        on_replaced: OnReplaced,
    ) -> None:
        self.n_sessions = 0
        self.n_tokens = 0
        self.n_dropped = 0
        self.n_replaced = 0
        self.last_error: str | None = None
        self.at_rest = threading.Lock()
        self.thread = threading.Thread(target=self._run, name="director-recorder", daemon=True)
        self._on_replaced = on_replaced
        self._use(database)
        self._pending = pending
        self._shadow = shadow
        self._flush_s = flush_s
        # Without an entry: not looked at yet. None: given up, further tokens are dropped.
        self._progress: dict[SessionBuffer, SessionProgress | None] = {}
        self._is_failing = False
        self._stopping = threading.Event()
        self._deadline = 0.0

    def _use(self, database: Database) -> None:
        self.database = database
        self._writer = LiveWriter(database)
        self._reserve = None if database.path is None else ReserveFile(database.path)
        self._reserved_at = -_RESERVE_EVERY_S
        self._is_open = False

    def stop(self, deadline: float) -> None:
        """Write everything pending, then end; give up at ``deadline`` of the monotonic clock."""
        self._deadline = deadline
        self._stopping.set()
        self._pending.wake.set()

    def _run(self) -> None:
        try:
            self._warm_up()
            self._write_until_stopped()
        finally:
            # Nobody else may: whoever stops this thread need not see it end.
            self.database.close()

    def _warm_up(self) -> None:
        try:
            with self.at_rest:
                self._open()
                self._writer.warm_up()
        except Exception as error:
            # It is opened again once there is something to write.
            self._failed(error)

    def _write_until_stopped(self) -> None:
        while not self._stopping.is_set():
            self._pending.wake.wait(self._flush_s)
            self._pending.wake.clear()
            self._write_pending()
        # Nothing more is taken; streams that outlive their recorder end here.
        self._write_pending()
        with self.at_rest:
            self._write([self._abandoned(buffer) for buffer in self._recording()])

    def _write_pending(self) -> None:
        while True:
            with self.at_rest:
                n_written = self._write_some()
            if n_written < _MOST_AT_ONCE or self._is_too_late():
                return

    def _write_some(self) -> int:
        entries = self._pending.entries
        self._check_in_place()
        self._pending.collect()
        # They stay where they are until they are written, so that their number is what is pending.
        taken = [entries[place] for place in range(min(len(entries), _MOST_AT_ONCE))]
        for buffer in list(self._pending.open):
            if buffer not in self._progress:
                self._progress[buffer] = SessionProgress(buffer.record, self._shadow)
        waiting = [entry for entry in taken if isinstance(entry, threading.Event)]
        for entry in taken:
            if not isinstance(entry, threading.Event):
                self._take(*entry)
        now = time.monotonic()
        due = [
            (buffer, progress.delta(now))
            for buffer, progress in self._progress.items()
            if progress is not None and progress.is_due(now, _HEARTBEAT_S)
        ]
        self._write(due)
        for _ in taken:
            entries.popleft()
        for event in waiting:
            event.set()
        return len(taken)

    def _take(self, buffer: SessionBuffer, thing: Token | SessionRecord) -> None:
        progress = self._progress[buffer]
        if not isinstance(thing, SessionRecord):
            if progress is not None:
                progress.add(thing)
        elif progress is not None:
            progress.end(thing, n_seen=buffer.n_seen)
        else:
            self._give_up(buffer)
            self._forget(buffer)

    def _write(self, parts: Sequence[Part]) -> None:
        """Write until it is written, or cannot be, or it is too late."""
        wait_s = _FIRST_WAIT_S
        while parts and not self._is_too_late():
            try:
                self._open()
                refused = self._writer.write([delta for _, delta in parts])
            except StoreReplacedError as error:
                parts = self._leave(parts, error)
            except Exception as error:
                if is_full(error):
                    self._rescue(parts, error)
                    return
                if not _is_of_the_store(error):
                    self._write_singly(parts, error)
                    return
                self._failed(error)
                self._stopping.wait(wait_s)
                wait_s = min(2 * wait_s, _LONGEST_WAIT_S)
            else:
                self._succeeded(parts, refused)
                return

    def _check_in_place(self) -> None:
        """Notice that the store was taken away also while there is nothing to write."""
        try:
            if self._is_open:
                self.database.check_in_place()
        except StoreReplacedError as error:
            self._leave((), error)

    def _leave(self, parts: Sequence[Part], error: StoreReplacedError) -> list[Part]:
        """Stop recording into a store that was taken away, or go on beside it.

        Returns
        -------
        list of tuple
            The parts to write there. Sessions whose stream still runs are written from their first
            token on; of those that are over, the rest of one that was written in part is lost.
        """
        self._failed(error)
        self.database.close()
        self._is_open = False
        assert self.database.path is not None
        # SQLite leaves the log where it is, and would replay it over the file that is there now.
        set_foreign_log_aside(self.database.path)
        goes_on = self._on_replaced == "fresh" and self._begin_beside(self.database.path)
        if not goes_on:
            self._pending.most = 0
        deltas = dict(parts)
        again = []
        for buffer in self._recording():
            delta = deltas.get(buffer)
            whole = self._from_the_start(buffer, delta) if goes_on else None
            if whole is None:
                self._lose(buffer, "its store was taken away")
                if delta is not None and delta.is_last:
                    self._forget(buffer)
            elif delta is not None:
                again.append((buffer, replace(delta, start=0, tokens=whole, is_first=True)))
            else:
                progress = self._progress[buffer]
                assert progress is not None
                progress.restart(whole)
        # Last: whoever sees it counted finds all of the above.
        self.n_replaced += 1
        return again

    def _begin_beside(self, path: Path) -> bool:
        """Use a fresh file beside a store that was taken away; return whether that can be made."""
        try:
            database = Database(_beside(path))
        except StoreError as error:
            self._failed(error)
            return False
        self._use(database)
        self.last_error = f"{self.last_error}; recording goes on in {database.name}"
        logger().warning("recording goes on in %s", database.name)
        return True

    def _from_the_start(
        self, buffer: SessionBuffer, delta: SessionDelta | None
    ) -> tuple[Token, ...] | None:
        """Return a session's tokens so far, ``None`` if the first are nowhere but in the store."""
        progress = self._progress[buffer]
        assert progress is not None
        if delta is not None and delta.start == 0:
            return delta.tokens
        n_tokens = progress.n_tokens if delta is None else delta.n_tokens
        tokens = buffer.tokens(n_tokens) if n_tokens else []
        return None if tokens is None else tuple(tokens)

    def _open(self) -> None:
        if not self._is_open:
            if migrate(self.database, MIGRATIONS) > NEWEST:
                raise self.database.read_only_error()
            self._is_open = True
        if self._reserve and time.monotonic() - self._reserved_at >= _RESERVE_EVERY_S:
            self._reserve.restore()
            self._reserved_at = time.monotonic()

    def _succeeded(self, parts: Sequence[Part], refused: dict[str, str]) -> None:
        if self._is_failing:
            self._is_failing = False
            logger().warning("recording into %s goes on", self.database.name)
        for buffer, delta in parts:
            progress = self._progress[buffer]
            assert progress is not None
            problem = refused.get(delta.record.id)
            if problem:
                self._lose(buffer, problem)
            else:
                self.n_sessions += delta.is_first
                self.n_tokens += len(delta.tokens)
                progress.n_written = delta.n_tokens
            if delta.is_last:
                self._forget(buffer)

    def _write_singly(self, parts: Sequence[Part], error: Exception) -> None:
        """Find the one session that cannot be written, and let the others go on."""
        if len(parts) > 1:
            for part in parts:
                self._write([part])
            return
        ((buffer, delta),) = parts
        self._lose(buffer, f"{type(error).__name__}: {error}")
        self._give_up(buffer)
        if delta.is_last:
            self._forget(buffer)

    def _rescue(self, parts: Sequence[Part], error: Exception) -> None:
        """On a full disk: with the room of the reserve, seal every session that has ended."""
        if self._reserve:
            self._reserve.release()
            self._reserved_at = time.monotonic()
        self._failed(error)
        for buffer, delta in parts:
            if delta.is_last and self._try([delta]):
                self._succeeded([(buffer, delta)], {})
        ended = {buffer for buffer, delta in parts if delta.is_last}
        for buffer in self._recording():
            self._lose(buffer, "the disk is full")
            self._give_up(buffer)
            if buffer in ended:
                self._forget(buffer)

    def _try(self, batch: Sequence[SessionDelta]) -> bool:
        try:
            return not self._writer.write(batch)
        except Exception as error:
            self._failed(error)
            return False

    def _give_up(self, buffer: SessionBuffer) -> None:
        """Seal a session at its last written token; if that fails too, it stays open."""
        try:
            self._writer.abandon(buffer.record, n_seen=buffer.n_seen)
        except Exception as error:
            self._failed(error)

    def _recording(self) -> list[SessionBuffer]:
        return [buffer for buffer, progress in self._progress.items() if progress is not None]

    def _abandoned(self, buffer: SessionBuffer) -> Part:
        progress = self._progress[buffer]
        assert progress is not None
        progress.abandon(n_seen=max(buffer.n_seen, progress.n_tokens))
        return buffer, progress.delta()

    def _lose(self, buffer: SessionBuffer, problem: str) -> None:
        """Record no more of a session."""
        progress = self._progress[buffer]
        assert progress is not None
        logger().warning("session %r is recorded no further: %s", buffer.record.id, problem)
        self._progress[buffer] = None
        buffer.limit = min(buffer.limit, progress.n_written)

    def _forget(self, buffer: SessionBuffer) -> None:
        """Let go of a session that is over."""
        del self._progress[buffer]
        self._pending.open.discard(buffer)
        self.n_dropped += buffer.n_dropped

    def _failed(self, error: Exception) -> None:
        self.last_error = f"{type(error).__name__}: {error}"
        if not self._is_failing:
            self._is_failing = True
            logger().warning("recording into %s fails: %s", self.database.name, error)

    def _is_too_late(self) -> bool:
        return self._stopping.is_set() and time.monotonic() > self._deadline


def _beside(path: Path) -> Path:
    """Return the name of a file that is not there yet, beside the one that was."""
    stem = f"{path.stem}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    fresh = path.with_name(f"{stem}{path.suffix}")
    number = 1
    while fresh.exists():
        number += 1
        fresh = path.with_name(f"{stem}-{number}{path.suffix}")
    return fresh


def _is_of_the_store(error: Exception) -> bool:
    """Return whether an error is the store's, not that of the data."""
    return isinstance(error, (DBAPIError, OSError)) and not isinstance(
        error, (DataError, IntegrityError)
    )
