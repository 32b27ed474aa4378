"""Flush thread: writes a recorder's pending tokens and ends, with retries."""

import threading
import time
from collections.abc import Sequence

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.records.record import SessionRecord
from director_ai.core.runtime.hooks import logger
from director_ai.errors import ReadOnlyStoreError
from director_ai.storage.engine.database import Database, is_full
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


class FlushThread:
    """Thread that writes pending tokens and ends of sessions every ``flush_s``.

    Attributes
    ----------
    n_sessions, n_tokens
        Sessions begun and tokens written.
    n_dropped
        Tokens of sessions that are over and that were not kept.
    last_error
        What the store last failed with.
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
    ) -> None:
        self.n_sessions = 0
        self.n_tokens = 0
        self.n_dropped = 0
        self.last_error: str | None = None
        self.at_rest = threading.Lock()
        self.thread = threading.Thread(target=self._run, name="director-recorder", daemon=True)
        self._database = database
        self._writer = LiveWriter(database)
        self._pending = pending
        self._shadow = shadow
        self._flush_s = flush_s
        # Without an entry: not looked at yet. None: given up, further tokens are dropped.
        self._progress: dict[SessionBuffer, SessionProgress | None] = {}
        self._reserve = None if database.path is None else ReserveFile(database.path)
        self._reserved_at = -_RESERVE_EVERY_S
        self._is_open = False
        self._is_failing = False
        self._stopping = threading.Event()
        self._deadline = 0.0

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
            self._database.close()

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

    def _open(self) -> None:
        if not self._is_open:
            if migrate(self._database, MIGRATIONS) > NEWEST:
                raise ReadOnlyStoreError(f"{self._database.name} is of a newer version")
            self._is_open = True
        if self._reserve and time.monotonic() - self._reserved_at >= _RESERVE_EVERY_S:
            self._reserve.restore()
            self._reserved_at = time.monotonic()

    def _succeeded(self, parts: Sequence[Part], refused: dict[str, str]) -> None:
        if self._is_failing:
            self._is_failing = False
            logger().warning("recording into %s goes on", self._database.name)
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
            logger().warning("recording into %s fails: %s", self._database.name, error)

    def _is_too_late(self) -> bool:
        return self._stopping.is_set() and time.monotonic() > self._deadline


def _is_of_the_store(error: Exception) -> bool:
    """Return whether an error is the store's, not that of the data."""
    return isinstance(error, (DBAPIError, OSError)) and not isinstance(
        error, (DataError, IntegrityError)
    )
