"""Progress of one session's recording, on the writing side."""

from collections.abc import Iterable
from dataclasses import replace

from director_ai.core.halting.machine import HaltMachine
from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.halting.reason import HaltReason
from director_ai.core.records.record import SessionRecord, TokenDigest
from director_ai.storage.codec import EXCERPT_CHARS
from director_ai.storage.recording.session_delta import SessionDelta, Token


class SessionProgress:
    """One session's tokens on their way from the stream into the store.

    Parameters
    ----------
    record
        The session without its tokens.
    shadow
        A policy that only watches.

    Attributes
    ----------
    n_written
        Tokens known to be in the store.
    """

    def __init__(self, record: SessionRecord, shadow: HaltPolicy | None = None) -> None:
        self.n_written = 0
        self.is_last = False
        self._record = record
        self._machine = None if shadow is None else HaltMachine(shadow)
        self._digest = TokenDigest()
        self._tokens: list[Token] = []
        self._start = 0
        self._lowest: float | None = None
        self._excerpt = ""
        self._last_us = 0
        self._n_dropped = 0
        self._is_first = True
        self._taken_at = 0.0

    @property
    def n_tokens(self) -> int:
        """Tokens so far."""
        return self._digest.n_tokens

    def add(self, token: Token) -> None:
        """Take the next token."""
        self._tokens.append(token)
        self._digest.add(token.text, token.score, held=token.held, time_us=token.time_us)
        self._last_us = max(self._last_us, token.time_us)
        if len(self._excerpt) < EXCERPT_CHARS:
            self._excerpt = (self._excerpt + token.text)[:EXCERPT_CHARS]
        if token.score is None:
            return
        if self._lowest is None or token.score < self._lowest:
            self._lowest = token.score
        if self._machine is not None:
            self._machine.push(token.text, token.score)
            if self._machine.trigger:
                halt = HaltReason.from_alarms(self._machine.trigger)
                self._record = replace(self._record, shadow_halt=halt)
                self._machine = None

    def restart(self, tokens: Iterable[Token]) -> None:
        """Let the next delta be the first again, with all tokens so far."""
        self._tokens = list(tokens)
        self._start = 0
        self._is_first = True
        self.n_written = 0

    def end(self, record: SessionRecord, *, n_seen: int) -> None:
        """Take how the session ended, after ``n_seen`` tokens."""
        if n_seen > self.n_tokens:
            # How the stream ended says nothing of a recording that ended before.
            self.abandon(n_seen=n_seen)
            return
        self.is_last = True
        self._record = replace(record, shadow_halt=self._record.shadow_halt)

    def abandon(self, *, n_seen: int) -> None:
        """End the recording here, whatever becomes of a stream of which ``n_seen`` tokens came."""
        self.is_last = True
        self._n_dropped = n_seen - self.n_tokens
        ended_us = self._record.started_us + self._last_us
        self._record = replace(self._record, ended_by="abandoned", ended_us=ended_us)

    def is_due(self, now: float, heartbeat_s: float) -> bool:
        """Return whether there is something to write, were it only that it is alive."""
        waits = self._is_first or self.is_last or bool(self._tokens)
        return waits or now - self._taken_at >= heartbeat_s

    def delta(self, now: float = 0.0) -> SessionDelta:
        """Return the part that came since the last call, at ``now`` of the monotonic clock."""
        delta = SessionDelta(
            record=self._record,
            start=self._start,
            tokens=tuple(self._tokens),
            lowest=self._lowest,
            excerpt=self._excerpt,
            digest=self._digest.hexdigest(),
            is_first=self._is_first,
            is_last=self.is_last,
            n_dropped=self._n_dropped,
        )
        self._start = self.n_tokens
        self._tokens.clear()
        self._is_first = False
        self._taken_at = now
        return delta
