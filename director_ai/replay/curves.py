"""Curves: the scores of many sessions in one ragged array."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from director_ai.core.halting.machine import HaltMachine
from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.halting.sentence import sentence_ends
from director_ai.core.records.record import Ending, SessionRecord
from director_ai.errors import InvalidScoreError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """Recorded scores, ragged.

    Attributes
    ----------
    scores
        Every score of every session, oldest first, in [0, 1]; shape (n_tokens,).
    offsets
        Where each session starts in ``scores``, and the end; shape (n_sessions + 1,), ascending.
    complete
        Whether each session ended by itself, so that a policy that holds nowhere lets it
        complete; shape (n_sessions,).
    sentence_ends
        Whether a sentence ends at each token, where a soft halt may stop; shape (n_tokens,).
    final_scores
        The score of the finished text of each session whose last token is judged once more by it,
        nan of all others; shape (n_sessions,), or None if there is no such session.
    rows
        Where some sessions share the arrays of more, as :meth:`view` gives them: which of those
        that ``offsets`` names they are, in their order; shape (n_sessions,). None for all of them.

    Raises
    ------
    InvalidScoreError
        If a score is outside [0, 1] or nan.
    ValueError
        If the shapes do not fit together.

    Examples
    --------
    >>> curves = Curves.from_scores([[0.9, 0.8], [0.7]])
    >>> curves.n_sessions, curves.lengths.tolist()
    (2, [2, 1])
    """

    scores: FloatArray
    offsets: IntArray
    complete: BoolArray
    sentence_ends: BoolArray
    final_scores: FloatArray | None = None
    rows: IntArray | None = None

    def __post_init__(self) -> None:
        if self.rows is not None:
            if self.complete.shape != self.rows.shape:
                raise ValueError(
                    f"complete must have shape {self.rows.shape}, got {self.complete.shape}"
                )
            # The scores are those of curves that were checked.
            return
        n_tokens, n_sessions = len(self.scores), len(self.offsets) - 1
        if n_sessions < 0 or self.offsets[0] != 0 or self.offsets[-1] != n_tokens:
            raise ValueError(f"offsets must run from 0 to {n_tokens}, the number of scores")
        if (np.diff(self.offsets) < 0).any():
            raise ValueError("offsets must ascend")
        for name, length in (("complete", n_sessions), ("sentence_ends", n_tokens)):
            if len(getattr(self, name)) != length:
                raise ValueError(
                    f"{name} must have length {length}, got {len(getattr(self, name))}"
                )
        # Written so that nan fails too.
        wrong = ~((self.scores >= 0.0) & (self.scores <= 1.0))
        if wrong.any():
            place = int(wrong.argmax())
            session = int(np.searchsorted(self.offsets, place, side="right")) - 1
            raise InvalidScoreError(
                f"scores must be in [0, 1], got {self.scores[place]} at token "
                f"{place - int(self.offsets[session])} of session {session}"
            )

    @classmethod
    def from_scores(
        cls, sessions: Iterable[ArrayLike], *, complete: Sequence[bool] | None = None
    ) -> "Curves":
        """Return the curves of sessions known by their scores alone.

        Parameters
        ----------
        sessions
            The scores of each.
        complete
            Whether each ended by itself; all did if left out.
        """
        parts = [np.asarray(session, dtype=np.float64) for session in sessions]
        scores = np.concatenate(parts) if parts else np.empty(0)
        lengths = np.array([len(part) for part in parts], np.int64)
        return cls(
            scores,
            np.concatenate([[0], lengths.cumsum()]).astype(np.int64),
            np.ones(len(parts), bool) if complete is None else np.asarray(complete, bool),
            np.zeros(len(scores), bool),
        )

    @classmethod
    def without_scores(cls, lengths: "NDArray[np.integer]", complete: BoolArray) -> "Curves":
        """Return the curves of sessions whose scores are not at hand.

        Each is nan, takes no memory, and is refused wherever it is used; where sentences end is
        not known either.

        Parameters
        ----------
        lengths, complete
            Tokens of each session, and whether it ended by itself.

        Examples
        --------
        >>> Curves.without_scores(np.array([3]), np.array([True])).select(np.array([0]))
        Traceback (most recent call last):
        director_ai.errors.InvalidScoreError: scores must be in [0, 1], got nan at token 0 of \
session 0
        """
        offsets = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
        return cls(
            np.broadcast_to(np.full(1, np.nan), (int(offsets[-1]),)),
            offsets,
            complete,
            np.broadcast_to(np.zeros(1, bool), (int(offsets[-1]),)),
            rows=np.arange(len(lengths)),
        )

    @classmethod
    def from_records(cls, records: Sequence[SessionRecord]) -> "Curves":
        """Return the curves of recorded sessions; a token without a score is left out."""
        curves = cls.from_scores(
            [record.scores for record in records],
            complete=[is_whole(record) for record in records],
        )
        ends = [
            each
            for record in records
            for each in sentence_ends(record.tokens[: len(record.scores)])
        ]
        return replace(curves, sentence_ends=np.asarray(ends, bool))

    @property
    def n_sessions(self) -> int:
        """Number of sessions."""
        return len(self.complete)

    @property
    def n_tokens(self) -> int:
        """Number of scores of all sessions."""
        return len(self.scores) if self.rows is None else int(self.lengths.sum())

    @property
    def starts(self) -> IntArray:
        """Start of each session in ``scores``, shape (n_sessions,)."""
        starts = self.offsets[:-1]
        return starts if self.rows is None else starts[self.rows]

    @property
    def lengths(self) -> IntArray:
        """Scores of each session, shape (n_sessions,)."""
        lengths = np.diff(self.offsets)
        return lengths if self.rows is None else lengths[self.rows]

    def session(self, index: int) -> FloatArray:
        """Return the scores of one session."""
        row = index if self.rows is None else int(self.rows[index])
        return self.scores[self.offsets[row] : self.offsets[row + 1]]

    def lowest(self) -> FloatArray:
        """Return each session's lowest score, ``inf`` of one without; shape (n_sessions,).

        >>> Curves.from_scores([[0.9, 0.8], [], [0.7]]).lowest().tolist()
        [0.8, inf, 0.7]
        """
        packed = self.packed()
        lowest, has_scores = np.full(self.n_sessions, np.inf), packed.lengths > 0
        starts = packed.offsets[:-1][has_scores]
        if len(starts):
            lowest[has_scores] = np.minimum.reduceat(packed.scores, starts)
        return lowest

    def packed(self) -> "Curves":
        """Return the same sessions one after the other, with no others between them."""
        return self if self.rows is None else self.select(np.arange(self.n_sessions))

    def view(self, sessions: NDArray[np.integer] | BoolArray) -> "Curves":
        """Return the curves of some sessions, as :meth:`select`, without a copy of a score.

        >>> Curves.from_scores([[0.9], [0.8, 0.7]]).view(np.array([1])).session(0).tolist()
        [0.8, 0.7]
        """
        rows = np.arange(self.n_sessions) if self.rows is None else self.rows
        return replace(
            self,
            complete=self.complete[sessions],
            final_scores=None if self.final_scores is None else self.final_scores[sessions],
            rows=rows[sessions],
        )

    def select(self, sessions: NDArray[np.integer] | BoolArray) -> "Curves":
        """Return the curves of some sessions, by mask or by index, in that order."""
        rows = np.arange(self.n_sessions)[sessions]
        lengths = self.lengths[rows]
        offsets = np.concatenate([[0], lengths.cumsum()]).astype(np.int64)
        # Where each kept score stands now: its place in its session, after its session's start.
        places = np.arange(offsets[-1]) + np.repeat(self.starts[rows] - offsets[:-1], lengths)
        return Curves(
            self.scores[places],
            offsets,
            self.complete[rows],
            self.sentence_ends[places],
            None if self.final_scores is None else self.final_scores[rows],
        )


def is_whole(record: SessionRecord) -> bool:
    """Return whether a recording holds its whole stream; see :func:`ended_by_itself`."""
    return ended_by_itself(record.scores, record.policy, record.ended_by)


def ended_by_itself(scores: Sequence[float], policy: HaltPolicy, ended_by: Ending) -> bool:
    """Return whether a recorded stream ended by itself, not by its halt.

    It did too where it was halted by the score of its finished text, which is only taken once no
    further token comes.

    Parameters
    ----------
    scores, policy, ended_by
        As recorded.

    Examples
    --------
    >>> policy = HaltPolicy(score_every_n=2, score_final=True)
    >>> ended_by_itself([0.9, 0.2], policy, "halted"), ended_by_itself([0.2], policy, "halted")
    (True, False)
    """
    if ended_by == "completed":
        return True
    # A held score is that of the token before it.
    if not policy.score_final or len(scores) < 2 or scores[-1] == scores[-2]:
        return False
    machine = HaltMachine(replace(policy, halt_mode="observe"))
    for score in scores[:-1]:
        machine.push("", score)
    return not machine.is_due()
