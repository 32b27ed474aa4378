"""Synthetic sessions with known truth: score curves, labels and onsets drawn at random."""

from typing import Literal, NamedTuple, get_args

import numpy as np

from director_ai.errors import InvalidRequestError
from director_ai.replay.crossings import NEVER
from director_ai.replay.curves import BoolArray, Curves, FloatArray, IntArray
from director_ai.tuning.labelled import BAD, GOOD, LabelledCurves

Kind = Literal[
    "clean", "benign dip", "step", "drift", "spike", "late", "subtle", "exponential", "noisy"
]
"""Good sessions are clean, dip for a few tokens or have a noisy scorer; the others are bad."""

GOOD_KINDS: dict[Kind, float] = {"clean": 0.75, "benign dip": 0.15, "noisy": 0.10}
BAD_KINDS: dict[Kind, float] = {
    "step": 0.30,
    "drift": 0.30,
    "spike": 0.15,
    "late": 0.13,
    "subtle": 0.12,
}
"""How often each kind is drawn; shares of their label."""

NOISY_SHARE = 0.10
NOISE = 0.08
"""Spread of a noisy scorer's own error, and the share of bad sessions that have one."""

_LONGEST = 400
_BLOCK = 4096


class Falls(NamedTuple):
    """Fall of each session's score; every array has shape (n_sessions,).

    Attributes
    ----------
    kinds
        Index into the kinds of ``Kind``.
    onsets
        Token at which the fall starts; ignored for a session that does not fall.
    depths
        How far, in score.
    lengths
        Tokens a drift takes, a spike or a dip lasts, or the scale of an exponential.
    """

    kinds: IntArray
    onsets: IntArray
    depths: FloatArray
    lengths: FloatArray

    def select(self, block: slice) -> "Falls":
        """Return those of some sessions."""
        return Falls(self.kinds[block], self.onsets[block], self.depths[block], self.lengths[block])


class _Sources(NamedTuple):
    """Length, level and noise of each session; every array has shape (n_sessions,)."""

    lengths: IntArray
    level: FloatArray
    scale: FloatArray
    lasting: FloatArray
    noise: FloatArray


def fall(kind: Kind, n_tokens: int, *, onset: int, depth: float, length: float = 1.0) -> FloatArray:
    """Return the fall of one session's score at each token, shape (n_tokens,).

    Parameters
    ----------
    kind
        What it does. A late, a subtle and a plain step differ only in how they are drawn.
    n_tokens, onset
        Tokens in all, and the first that falls.
    depth, length
        See :class:`Falls`.

    Examples
    --------
    >>> fall("drift", 5, onset=2, depth=0.4, length=2).tolist()
    [0.0, 0.0, 0.2, 0.4, 0.4]
    """
    falls = Falls(
        np.array([get_args(Kind).index(kind)]),
        np.array([onset]),
        np.array([depth]),
        np.array([length]),
    )
    return _fall_sizes(falls, n_tokens)[:, 0]


def make_sessions(
    n_sessions: int,
    *,
    seed: int,
    share_bad: float = 0.4,
    kind: Kind | None = None,
    spread: float = 0.05,
    cadence: int = 1,
    decimals: int | None = None,
    group_size: int = 1,
) -> LabelledCurves:
    """Return sessions drawn from the mixture this package's methods were chosen on.

    A score is a level, minus the fall, plus noise that lasts (autoregressive of order 1, with a
    coefficient drawn from [0.5, 0.9]), cut to [0, 1]. Lengths are lognormal about 140 tokens.

    Parameters
    ----------
    n_sessions
        How many.
    seed
        The same seed draws the same sessions.
    share_bad
        Share of bad sessions, each label being drawn on its own.
    kind
        Draw this kind alone; the mixture of ``GOOD_KINDS`` and ``BAD_KINDS`` by default.
    spread
        Median standard deviation of the lasting noise; 0 for curves without any.
    cadence
        Tokens from one score to the next, between which a score is held.
    decimals
        Round scores, so that ties are common.
    group_size
        Sessions that share a prompt, and with it their level.

    Raises
    ------
    InvalidRequestError
        If one of them is out of its range, or there is no such kind.

    Examples
    --------
    >>> data = make_sessions(1000, seed=1)
    >>> data.n_sessions, 0.35 < data.n_bad / 1000 < 0.45
    (1000, True)
    """
    if kind is not None and kind not in get_args(Kind):
        allowed = ", ".join(get_args(Kind))
        raise InvalidRequestError(f"kind must be one of {allowed}, got {kind!r:.80}")
    if not 0.0 <= share_bad <= 1.0:
        raise InvalidRequestError(f"share_bad must be in [0, 1], got {share_bad!r}")
    for name, value in (("cadence", cadence), ("group_size", group_size)):
        if value < 1:
            raise InvalidRequestError(f"{name} must be at least 1, got {value!r}")
    random = np.random.default_rng(seed)
    bad = random.random(n_sessions) < share_bad
    if kind is not None:
        bad[:] = kind not in GOOD_KINDS
    lengths = np.exp(random.normal(np.log(140.0), 0.45, n_sessions))
    lengths = np.clip(np.rint(lengths), 40, _LONGEST).astype(np.int64)
    falls = _draw_falls(random, bad, lengths, kind)
    noisy = falls.kinds == _index("noisy")
    noisy |= bad & (kind is None) & (random.random(n_sessions) < NOISY_SHARE)
    groups = np.arange(n_sessions) // group_size
    level = random.normal(0.80, 0.04, n_sessions)[groups * group_size]
    scale = spread * np.exp(random.normal(0.0, 0.25, n_sessions))
    lasting = random.uniform(0.5, 0.9, n_sessions)
    parts = []
    for start in range(0, n_sessions, _BLOCK):
        block = slice(start, start + _BLOCK)
        sources = _Sources(
            lengths[block], level[block], scale[block], lasting[block], noisy[block] * NOISE
        )
        parts.append(_scores(random, falls.select(block), sources))
    scores = np.concatenate(parts) if parts else np.empty(0)
    offsets = np.concatenate([[0], lengths.cumsum()]).astype(np.int64)
    if cadence > 1:
        places = np.arange(len(scores)) - np.repeat(offsets[:-1], lengths)
        scores = scores[np.arange(len(scores)) - places % cadence]
    if decimals is not None:
        scores = scores.round(decimals)
    curves = Curves(scores, offsets, np.ones(n_sessions, bool), np.zeros(len(scores), bool))
    onsets = np.where(bad, falls.onsets, NEVER)
    return LabelledCurves(curves, np.where(bad, BAD, GOOD), onsets, groups)


def _index(kind: Kind) -> int:
    return get_args(Kind).index(kind)


def _draw_falls(
    random: np.random.Generator, bad: BoolArray, lengths: IntArray, kind: Kind | None
) -> Falls:
    """Draw the fall of each session."""
    n = len(bad)
    if kind is None:
        kinds = np.where(bad, _draw_kinds(random, BAD_KINDS, n), _draw_kinds(random, GOOD_KINDS, n))
    else:
        kinds = np.full(n, _index(kind))
    onsets = (random.uniform(0.15, 0.80, n) * lengths).astype(np.int64)
    depths = random.uniform(0.12, 0.42, n)
    spans = random.uniform(15.0, 75.0, n)
    dips, spikes = kinds == _index("benign dip"), kinds == _index("spike")
    depths[dips] = random.uniform(0.08, 0.38, dips.sum())
    spans[dips] = random.integers(1, 6, dips.sum())
    depths[spikes] = random.uniform(0.20, 0.55, spikes.sum())
    spans[spikes] = random.integers(3, 13, spikes.sum())
    late, subtle = kinds == _index("late"), kinds == _index("subtle")
    onsets[late] = lengths[late] - 3 - random.integers(0, 12, late.sum())
    depths[subtle] = random.uniform(0.04, 0.12, subtle.sum())
    return Falls(kinds, onsets, depths, spans)


def _draw_kinds(random: np.random.Generator, shares: dict[Kind, float], n: int) -> IntArray:
    indices = np.array([_index(kind) for kind in shares])
    return random.choice(indices, n, p=list(shares.values()))


def _fall_sizes(falls: Falls, n_tokens: int) -> FloatArray:
    """Return the fall of every session at every token, shape (n_tokens, n_sessions)."""
    since = np.arange(n_tokens)[:, None] - falls.onsets + 1
    fallen = np.zeros(since.shape)
    for index, kind in enumerate(get_args(Kind)):
        of_kind = falls.kinds == index
        if kind in ("clean", "noisy") or not of_kind.any():
            continue
        passed, length = since[:, of_kind], falls.lengths[of_kind]
        if kind == "drift":
            shape = np.clip(passed / length, 0.0, 1.0)
        elif kind == "exponential":
            shape = -np.expm1(-np.maximum(passed, 0) / length)
        else:
            shape = (passed > 0).astype(np.float64)
            if kind in ("spike", "benign dip"):
                shape *= passed <= length
        fallen[:, of_kind] = falls.depths[of_kind] * shape
    return fallen


def _scores(random: np.random.Generator, falls: Falls, sources: _Sources) -> FloatArray:
    """Return the scores of some sessions, one after another."""
    lengths, level, scale, lasting, noise = sources
    n_tokens, n_sessions = int(lengths.max()), len(lengths)
    wander = random.standard_normal((n_tokens, n_sessions))
    fresh = np.sqrt(1.0 - lasting**2)
    for token in range(1, n_tokens):
        wander[token] = lasting * wander[token - 1] + fresh * wander[token]
    scores = level - _fall_sizes(falls, n_tokens) + scale * wander
    if noise.any():
        own = np.flatnonzero(noise)
        scores[:, own] += noise[own] * random.standard_normal((n_tokens, len(own)))
    inside = np.arange(n_tokens) < lengths[:, None]
    return np.asarray(np.clip(scores, 0.0, 1.0).T[inside])
