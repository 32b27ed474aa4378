"""Playback of a stream on the Live page: the real kernel, driven at reading speed."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from secrets import token_hex
from time import monotonic
from typing import NamedTuple

from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.records.record import Annotation
from director_ai.core.runtime.session import StreamSession
from director_ai.core.runtime.streaming import StreamingKernel
from director_ai.core.scoring.scorer import CoherenceScorer

TOKENS_PER_S = 10.0
"""Pace at speed 1."""

LEASE_S = 3.0
"""A run nobody has looked at for this long pauses: its page was left or its tab closed."""


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Origin of a stream: its title, its prompt, and known facts about the answer.

    Attributes
    ----------
    id
        Unique name of the origin.
    title
        Name shown to people.
    prompt
        Prompt that the tokens answer.
    model, annotations, group, tags
        Fields of the session; see :class:`SessionRecord`.
    complete
        Whether the tokens are the whole answer; otherwise they end where its recording was cut.
    """

    id: str
    title: str
    prompt: str = ""
    model: str = ""
    annotations: tuple[Annotation, ...] = ()
    group: str = ""
    tags: tuple[str, ...] = ()
    complete: bool = True

    @property
    def onset(self) -> int | None:
        """The onset of the last annotation."""
        return self.annotations[-1].onset if self.annotations else None


@dataclass(frozen=True, kw_only=True)
class LiveSource(Origin):
    """Tokens and scores that a run plays.

    Attributes
    ----------
    tokens
        The whole answer.
    score
        Makes a fresh callback for one stream.
    scorer
        Scorer that finds the evidence of a halt, if any.
    recorded_policy, held
        Of a recording: the limits it was made under, and which of its scores were held.
    """

    tokens: tuple[str, ...]
    score: Callable[[], Callable[[str], float]]
    scorer: CoherenceScorer | None = None
    recorded_policy: HaltPolicy | None = None
    held: tuple[bool, ...] = ()


class Snapshot(NamedTuple):
    """A run as it stands: copies, safe to draw from."""

    tokens: list[str]
    scores: list[float]
    held: list[bool]
    playing: bool
    ended: bool
    tokens_per_s: float


class LiveRun:
    """A stream that plays, pauses and steps; a thread exists only while it plays.

    The kernel's incremental stream waits between two tokens without a thread, so that a paused,
    finished or abandoned run holds nothing but memory.

    Parameters
    ----------
    source
        Tokens and scores to play.
    policy
        Limits to enforce.
    ahead
        Tokens to judge at once, before playing: where an earlier run had come to.
    """

    def __init__(self, source: LiveSource, policy: HaltPolicy, *, ahead: int = 0) -> None:
        self.source = source
        self.policy = policy
        # Not to be guessed: whoever has the link may look at the session.
        self.record_id = f"live-{token_hex(6)}"
        kernel = StreamingKernel.from_policy(policy, streaming_debug=True, on_fault="halt")
        self._stream = kernel.stream(
            iter(source.tokens), source.score(), scorer=source.scorer, prompt=source.prompt
        )
        self._state = threading.Lock()
        self._advancing = threading.Lock()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._playing = False
        self._ended = False
        self._speed = 1.0
        self._seen_at = monotonic()
        self._played_s = 0.0
        self._played_tokens = 0
        for _ in range(ahead):
            self._advance()

    @property
    def session(self) -> StreamSession:
        """The session as it grows."""
        return self._stream.session

    @property
    def running(self) -> bool:
        """Whether tokens are still coming."""
        with self._state:
            return self._playing and not self._ended

    def play(self) -> None:
        """Go on from the next token."""
        with self._state:
            self._seen_at = monotonic()
            if self._ended or self._playing:
                return
            self._playing = True
            self._wake.clear()
            self._thread = threading.Thread(
                target=self._drive, args=(self._wake,), name="director-live", daemon=True
            )
            self._thread.start()

    def pause(self) -> None:
        """Stop after the token at hand; returns once the thread has ended."""
        with self._state:
            thread, self._thread, self._playing = self._thread, None, False
            self._wake.set()
            self._wake = threading.Event()
        if thread is not None:
            thread.join()

    def step(self) -> None:
        """Judge one more token."""
        self.pause()
        self._advance()

    def set_speed(self, speed: float) -> None:
        """Set the pace, as a multiple of ``TOKENS_PER_S``."""
        self._speed = speed

    def stop(self) -> None:
        """End the run and its session."""
        self.pause()
        with self._advancing:
            self._stream.close()
            self._ended = True

    def snapshot(self) -> Snapshot:
        """Return the run as it stands, and keep it alive."""
        with self._state:
            self._seen_at = monotonic()
            session = self._stream.session
            # Scores are appended after tokens and events before both are final: count once.
            n_scored = min(len(session.coherence_history), len(session.events))
            pace = self._played_tokens / self._played_s if self._played_s else 0.0
            return Snapshot(
                tokens=session.tokens[:],
                scores=session.coherence_history[:n_scored],
                held=list(self.source.held[:n_scored])
                or [not event.scored for event in session.events[:n_scored]],
                playing=self._playing and not self._ended,
                ended=self._ended,
                tokens_per_s=pace,
            )

    def _drive(self, wake: threading.Event) -> None:
        started = monotonic()
        while not wake.is_set():
            if monotonic() - self._seen_at > LEASE_S or not self._advance():
                break
            self._played_tokens += 1
            self._played_s += monotonic() - started
            started = monotonic()
            wake.wait(1.0 / (TOKENS_PER_S * self._speed))
        with self._state:
            if self._wake is wake:
                self._playing = False

    def _advance(self) -> bool:
        with self._advancing:
            if self._ended:
                return False
            event = next(self._stream, None)
            # A finished session ends the run in the very turn that finished it.
            session = self._stream.session
            if event is None or event.halted or session.elapsed_s is not None:
                self._ended = True
            return not self._ended
