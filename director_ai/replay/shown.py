"""Tokens shown: how much of an answer its reader gets before a halt drops what is held."""

from dataclasses import replace

import numpy as np

from director_ai.core.halting import hard_limit
from director_ai.core.halting.release_gate import SENTENCE_CAP
from director_ai.core.halting.release_policy import ReleasePolicy
from director_ai.core.halting.sentence import sentence_ends
from director_ai.replay.curves import Curves, IntArray
from director_ai.replay.session_view import SessionView


def shown(
    curves: Curves,
    sessions: IntArray,
    passed: IntArray,
    release: ReleasePolicy,
    soft_limit: float,
    holds: IntArray,
) -> IntArray:
    """Return the tokens shown once some have passed: the gate of release, in closed form.

    Parameters
    ----------
    curves
        Scores, and sentence ends for the unit of a sentence.
    sessions, passed
        Sessions to look at, and how many tokens of each passed; shape (n,).
    release
        Rules of the release; its ``hold_back`` gives way to ``holds``.
    soft_limit
        A score below it is a warning.
    holds
        Tokens held back, in ascending order; shape (n_holds,).

    Returns
    -------
    IntArray of shape (n_holds, n)
        Not more than ``passed``.

    Examples
    --------
    >>> curves = Curves.from_scores([[0.9, 0.9, 0.5, 0.9, 0.9]])
    >>> session, passed, holds = np.array([0]), np.array([5]), np.array([0, 2, 3])
    >>> shown(curves, session, passed, ReleasePolicy(), 0.6, holds)[:, 0].tolist()
    [5, 3, 2]
    >>> shown(curves, session, passed, ReleasePolicy(when="warned"), 0.6, holds)[:, 0].tolist()
    [5, 5, 2]
    """
    if release.unit == "answer":
        return np.zeros((len(holds), len(sessions)), np.int64)
    ripe: IntArray = np.maximum(0, passed - holds[:, None])
    if release.when == "warned":
        ripe = _ripe_when_warned(curves, sessions, passed, soft_limit, ripe, holds)
    if release.unit == "token":
        return ripe
    starts = curves.starts[sessions]
    ends = np.flatnonzero(curves.sentence_ends) + 1
    # The last sentence end among the ripe tokens; one of a session before counts as none.
    at = np.searchsorted(ends, (starts + ripe).ravel(), side="right").reshape(ripe.shape)
    whole = np.concatenate([[0], ends])[at] - starts
    tokens: IntArray = np.maximum(0, np.maximum(whole, ripe - SENTENCE_CAP))
    return tokens


def _ripe_when_warned(
    curves: Curves,
    sessions: IntArray,
    passed: IntArray,
    soft_limit: float,
    ripe: IntArray,
    holds: IntArray,
) -> IntArray:
    """Return the ripe tokens where only low scores hold text back.

    Without a low score among the last tokens held all that passed is ripe. The first of them holds
    what comes from it on, unless the text was held already when it came.
    """
    is_low = curves.scores < soft_limit
    starts = curves.starts[sessions]
    n_before = np.concatenate([[0], np.cumsum(is_low, dtype=np.int32)])[starts + ripe]
    # As places in their sessions: the first low score held, and the last before it.
    places = np.concatenate([[-1], np.flatnonzero(is_low), [len(is_low)]])
    first, last = places[n_before + 1] - starts, places[n_before] - starts
    last = np.where(last < 0, -np.inf, last)
    held = np.where(last < first - holds[:, None], first, ripe)
    return np.where(first >= passed, passed, held)


def shown_of(view: SessionView, release: ReleasePolicy) -> int:
    """Return the tokens of one session that its reader would have got under a release policy.

    Examples
    --------
    >>> from director_ai.core.halting.policy import HaltPolicy
    >>> view = SessionView.of(
    ...     ["a", "b", "c", "d"], [0.9, 0.9, 0.9, 0.2], [False] * 4, HaltPolicy(), complete=True
    ... )
    >>> shown_of(view, ReleasePolicy()), shown_of(view, ReleasePolicy(2))
    (3, 1)
    """
    passed, policy = view.delivered, view.policy
    if passed is None:
        return len(view.tokens)
    if policy.halt_mode == "soft" and view.judgement.alarms[0].mechanism != hard_limit.NAME:
        return passed
    curves = replace(
        Curves.from_scores([view.scores]),
        sentence_ends=np.array(sentence_ends(view.tokens[: view.n_scored]), bool),
    )
    holds = np.array([release.hold_back])
    one, tokens = np.array([0]), np.array([passed])
    return int(shown(curves, one, tokens, release, policy.soft_limit, holds)[0, 0])
