"""Stream follower: a stream that another process records, read from poll to poll."""

from director_ai.core.records.record import SessionRecord
from director_ai.storage.engine.clock import now_us
from director_ai.storage.live_streams import tokens_from
from director_ai.storage.store import Store


class FollowedStream:
    """Stream as read so far; a poll reads only its new tokens.

    Parameters
    ----------
    store
        Store that it is recorded into.
    id
        Of the session.

    Attributes
    ----------
    id
        Of the session.
    record
        The session as it stood at the first poll; as it ended, once it has.
    is_over
        Whether it has ended.
    is_silent
        Whether its recorder has been silent for a while.
    tokens, scores, held
        The stream so far; the last token may lack a score.
    newest_us
        When the newest token came, in µs since the epoch; ``None`` before the first.
    lag_s
        How old the newest token was when it was first seen here, in seconds; ``None`` if it had
        come before.

    Raises
    ------
    StoreError
        If the session is not there, or cannot be read; :meth:`poll`, too.
    """

    def __init__(self, store: Store, id: str) -> None:
        self.id = id
        self.newest_us: int | None = None
        self.lag_s: float | None = None
        self.tokens: list[str] = []
        self.scores: list[float] = []
        self.held: list[bool] = []
        self.is_over = self.is_silent = False
        self._store = store
        self._read_whole()

    def poll(self) -> None:
        """Read the tokens that have come since the last poll."""
        summary = self._store.summary(self.id)
        if summary.ended_by is not None:
            if not self.is_over:
                self._read_whole()
            return
        self.is_over = False
        self.is_silent = summary.outcome == "abandoned"
        seen_us = now_us()
        for token in tokens_from(self._store, self.id, len(self.tokens)):
            self.tokens.append(token.text)
            if token.score is not None:
                self.scores.append(token.score)
                self.held.append(bool(token.held))
            self.newest_us = self.record.started_us + (token.time_us or 0)
            self.lag_s = max(0.0, (seen_us - self.newest_us) / 1e6)

    def _read_whole(self) -> None:
        # First how it stands: it may end between the two, and is then read once more.
        summary = self._store.summary(self.id)
        self.record: SessionRecord = self._store.get(self.id)
        self.is_over = summary.ended_by is not None
        self.is_silent = summary.outcome == "abandoned"
        self.tokens = list(self.record.tokens)
        self.scores = list(self.record.scores)
        self.held = list(self.record.held)
        if self.record.times_us:
            self.newest_us = self.record.started_us + self.record.times_us[-1]

    @property
    def waited_s(self) -> float:
        """Seconds since the newest token, or since the beginning."""
        return max(0.0, (now_us() - (self.newest_us or self.record.started_us)) / 1e6)

    @property
    def tokens_per_s(self) -> float | None:
        """Tokens a second up to the newest; ``None`` before there are two."""
        if self.newest_us is None or len(self.tokens) < 2:
            return None
        spent_us = self.newest_us - self.record.started_us
        return len(self.tokens) / (spent_us / 1e6) if spent_us > 0 else None
