"""Waits: how much later readers get the first text, for every length of holding back."""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import numpy as np

from director_ai.core.halting.release_gate import SENTENCE_CAP
from director_ai.core.halting.release_policy import ReleasePolicy
from director_ai.core.records.stored_curve import HeadTimes
from director_ai.errors import InvalidRequestError
from director_ai.replay.curves import BoolArray, Curves, FloatArray, IntArray
from director_ai.tuning.evaluation.leak_frontier import HOLDS, MOST_HELD

N_TIMES: Final = 128
"""First tokens of each session whose times are read: enough for every wait of a frontier."""

assert MOST_HELD + SENTENCE_CAP < N_TIMES


class Waits(NamedTuple):
    """Seconds by which the first text comes later than without holding back.

    Attributes
    ----------
    holds
        Tokens held back, ascending; shape (n_holds,).
    seconds
        Of each session whose times are known; shape (n_holds, n_sessions). They never fall from
        one hold to the next.
    """

    holds: IntArray
    seconds: FloatArray

    @property
    def n_sessions(self) -> int:
        """Sessions counted."""
        return int(self.seconds.shape[1])

    def quantile(self, share: float) -> FloatArray:
        """Return a quantile over the sessions at each hold, in seconds; nan of no session."""
        if not self.n_sessions:
            return np.full(len(self.holds), np.nan)
        seconds: FloatArray = np.quantile(self.seconds, share, axis=1)
        return seconds

    def largest_hold(self, most_s: float, share: float) -> int:
        """Return the longest hold by which a share of the sessions waits for at most ``most_s``.

        >>> waits = Waits(np.arange(3), np.array([[0.0, 0.0], [0.1, 0.3], [0.2, 0.6]]))
        >>> waits.largest_hold(0.2, 0.5), waits.largest_hold(0.2, 1.0)
        (1, 0)
        """
        kept = np.flatnonzero(self.quantile(share) <= most_s)
        return int(self.holds[kept[-1]]) if len(kept) else int(self.holds[0])


def waits(
    curves: Curves,
    times: FloatArray,
    release: ReleasePolicy,
    soft_limit: float,
    holds: IntArray = HOLDS,
) -> Waits:
    """Return the waits of every session at all holds at once, whatever limits halt.

    Parameters
    ----------
    curves
        Scores, and sentence ends for the unit of a sentence.
    times
        Seconds to each of the first tokens, and to the end in the last column; nan where they are
        not known. Shape (n_sessions, ``N_TIMES`` + 1); see :func:`recorded_times` and
        :func:`assumed_times`.
    release
        Rules of the release; its ``hold_back`` gives way to ``holds``.
    soft_limit
        A score below it is a warning.
    holds
        Tokens held back, ascending, each in [0, ``MOST_HELD``].

    Raises
    ------
    InvalidRequestError
        Naming the first hold out of that range: later times than it needs are not known.

    Examples
    --------
    >>> curves = Curves.from_scores([[0.9] * 4])
    >>> times = assumed_times(curves, 0.5)
    >>> waits(curves, times, ReleasePolicy(), 0.6, np.array([0, 2, 9])).seconds[:, 0].tolist()
    [0.0, 1.0, 1.5]
    """
    beyond = holds[(holds < 0) | (holds > MOST_HELD)]
    if len(beyond):
        raise InvalidRequestError(f"holds must be in [0, {MOST_HELD}], got {int(beyond[0])}")
    curves = curves.packed()
    known = np.flatnonzero((curves.lengths > 0) & ~np.isnan(times[:, 0]))
    lengths = curves.lengths[known]
    if release.unit == "answer":
        at = np.repeat(lengths[None], len(holds), axis=0)
    else:
        first = _first_unit(curves, known) if release.unit == "sentence" else np.zeros_like(known)
        at = first + holds[:, None]
        if release.when == "warned":
            at = _at_when_warned(curves, known, first, soft_limit, holds)
    seconds = times[known, np.where(at < lengths, at, N_TIMES)]
    return Waits(holds, np.maximum(0.0, seconds - times[known, 0]))


def recorded_times(heads: Iterable[HeadTimes], ids: Sequence[str]) -> FloatArray:
    """Return the times of some sessions as they were recorded.

    Parameters
    ----------
    heads
        Their first times, and those of any others, in any order.
    ids
        The sessions.

    Returns
    -------
    FloatArray of shape (n_sessions, ``N_TIMES`` + 1)
        Seconds; nan for a session without times.
    """
    times = np.full((len(ids), N_TIMES + 1), np.nan)
    row_of = {name: row for row, name in enumerate(ids)}
    for head in heads:
        row = row_of.get(head.id)
        if row is None or not head.times_us:
            continue
        first = np.frombuffer(head.times_us, "<i8")[:N_TIMES]
        times[row, : len(first)] = first
        times[row, N_TIMES] = max(head.duration_us, int(first[-1]))
    return times / 1e6


def assumed_times(curves: Curves, token_s: float) -> FloatArray:
    """Return times of sessions whose tokens come evenly; shape as of :func:`recorded_times`.

    >>> assumed_times(Curves.from_scores([[0.9, 0.9]]), 0.1)[0, [0, 1, -1]].tolist()
    [0.1, 0.2, 0.2]
    """
    times = np.empty((curves.n_sessions, N_TIMES + 1))
    times[:, :N_TIMES] = token_s * np.arange(1, N_TIMES + 1)
    times[:, N_TIMES] = token_s * curves.lengths
    return times


def share_later(
    curves: Curves, sessions: BoolArray, soft_limit: float, holds: IntArray = HOLDS
) -> FloatArray:
    """Return the share of tokens that come later because low scores hold text back.

    Each low score holds itself and what follows, until the next one or ``hold_back`` tokens on.

    Parameters
    ----------
    curves, sessions
        Scores, and which sessions to count: the good ones, of which all could have been shown.
    soft_limit, holds
        As of :func:`waits`, with ``when="warned"``.

    Returns
    -------
    FloatArray of shape (n_holds,)
        nan of no token.

    Examples
    --------
    >>> curves = Curves.from_scores([[0.9, 0.5, 0.9, 0.9, 0.9]])
    >>> share_later(curves, np.array([True]), 0.6, np.array([0, 1, 2, 9])).tolist()
    [0.0, 0.2, 0.4, 0.8]
    """
    n_tokens = int(curves.lengths[sessions].sum())
    if not n_tokens:
        return np.full(len(holds), np.nan)
    curves = curves.packed()
    is_counted = np.repeat(sessions, curves.lengths)
    lows = np.flatnonzero((curves.scores < soft_limit) & is_counted)
    ends = curves.offsets[np.searchsorted(curves.offsets, lows, side="right")]
    gaps = np.minimum(np.append(lows[1:], curves.n_tokens), ends) - lows
    longest = int(holds[-1])
    n_longer = len(gaps) - np.cumsum(np.bincount(np.minimum(gaps, longest), minlength=longest + 1))
    # A gap adds one token for each hold shorter than it.
    held = np.concatenate([[0], np.cumsum(n_longer[:longest])])
    return held[holds] / n_tokens


def _first_unit(curves: Curves, sessions: IntArray) -> IntArray:
    """Return the token with which the first sentence may be shown, if nothing is held back."""
    starts = curves.offsets[sessions]
    ends = np.append(np.flatnonzero(curves.sentence_ends), curves.n_tokens + SENTENCE_CAP)
    return np.minimum(ends[np.searchsorted(ends, starts)] - starts, SENTENCE_CAP)


def _at_when_warned(
    curves: Curves, sessions: IntArray, first: IntArray, soft_limit: float, holds: IntArray
) -> IntArray:
    """Return the tokens with which the first text is shown; shape (n_holds, n_sessions).

    The last low score before it holds it back until it lies far enough behind, unless another
    low score comes meanwhile.
    """
    lows = np.flatnonzero(curves.scores < soft_limit)
    starts = curves.offsets[sessions]
    places = np.concatenate([[-1], lows, [curves.n_tokens]])
    n_before = np.searchsorted(lows, starts + first, side="right")
    last, following = places[n_before] - starts, places[n_before + 1] - starts
    held = holds[:, None]
    at = np.where(following > last + held, last + held, first + held)
    return np.where((last < 0) | (first - last >= held), first, at)
