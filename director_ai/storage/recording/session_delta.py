"""Session delta: the part of a session from one write to the next."""

from dataclasses import dataclass
from typing import NamedTuple

from director_ai.core.records.record import SessionRecord


class Token(NamedTuple):
    """One token on its way into the store.

    Attributes
    ----------
    position
        Place in its session, from 0.
    text, score, held
        As in a session's record; ``None`` for a token the scorer failed on.
    time_us
        When it was judged, in microseconds after the session's start.
    """

    position: int
    text: str
    score: float | None
    held: bool
    time_us: int


@dataclass(frozen=True, slots=True)
class SessionDelta:
    """New part of a session since it was last written.

    Attributes
    ----------
    record
        The session without its tokens.
    start
        Tokens that came before.
    tokens
        Those that came since.
    lowest, excerpt, digest
        Of all its tokens so far; the digest is that of ``TokenDigest``.
    is_first
        Whether nothing of it was written before.
    is_last
        Whether it has ended and is to be sealed.
    n_dropped
        Tokens that came after the recording ended.
    """

    record: SessionRecord
    start: int
    tokens: tuple[Token, ...]
    lowest: float | None
    excerpt: str
    digest: str
    is_first: bool
    is_last: bool
    n_dropped: int = 0

    @property
    def n_tokens(self) -> int:
        """Tokens so far."""
        return self.start + len(self.tokens)
