"""Scoring cadence on recorded scores: each token holds the score of the last one scored."""

from dataclasses import replace

import numpy as np

from director_ai.core.halting.machine import HaltMachine
from director_ai.core.halting.policy import HaltPolicy
from director_ai.replay.curves import Curves, FloatArray, IntArray


def held(curves: Curves, policy: HaltPolicy) -> Curves:
    """Return the curves as ``policy`` would have seen them: held between the tokens it scores.

    Exact where every token was scored when the curves were recorded, or where the recorded cadence
    divides the policy's. Under ``score_final`` the last recorded score of a stream that ended by
    itself is that of the finished text: exact where that token was scored.

    Parameters
    ----------
    curves
        Recorded scores.
    policy
        Its ``score_every_n``, ``adaptive``, ``max_cadence`` and ``score_final``; an adaptive
        cadence also depends on ``soft_limit`` and ``window_size``.

    Examples
    --------
    >>> curves = Curves.from_scores([[0.9, 0.8, 0.7, 0.6]])
    >>> held(curves, HaltPolicy(score_every_n=2)).scores.tolist()
    [0.9, 0.9, 0.7, 0.7]
    """
    if policy.adaptive or policy.score_every_n > 1:
        curves = curves.packed()
    if policy.adaptive:
        sources = _adaptive_sources(curves, policy)
    elif policy.score_every_n > 1:
        lengths = curves.lengths
        positions = np.arange(curves.n_tokens) - np.repeat(curves.offsets[:-1], lengths)
        sources = np.arange(curves.n_tokens) - positions % policy.score_every_n
    else:
        return curves
    finals = _finals(curves, sources) if policy.score_final else None
    return replace(curves, scores=curves.scores[sources], final_scores=finals)


def _finals(curves: Curves, sources: IntArray) -> FloatArray | None:
    """Return the last score of each stream that ended while its last token held another."""
    last = curves.offsets[1:] - 1
    again = curves.complete & (curves.lengths > 0)
    again[again] = sources[last[again]] != last[again]
    if not again.any():
        return None
    finals = np.full(curves.n_sessions, np.nan)
    finals[again] = curves.scores[last[again]]
    return finals


def _adaptive_sources(curves: Curves, policy: HaltPolicy) -> IntArray:
    """Return the index of every token's score: its own, or that of the last token scored."""
    sources = np.arange(curves.n_tokens)
    # Only the cadence matters here, which is the same whatever the machine does at a halt.
    watching = replace(policy, halt_mode="observe")
    for session in range(curves.n_sessions):
        start = int(curves.offsets[session])
        machine = HaltMachine(watching)
        last = start
        for place, score in enumerate(curves.session(session).tolist(), start=start):
            if machine.is_due():
                last = place
                machine.push("", score)
            else:
                machine.push("", machine.scores[-1])
            sources[place] = last
    return sources
