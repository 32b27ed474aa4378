"""What a scorer that is asked less often would have made of the same streams."""

from dataclasses import replace

import numpy as np

from director_ai.core.halting.machine import HaltMachine
from director_ai.core.halting.policy import HaltPolicy
from director_ai.replay.curves import Curves, IntArray


def held(curves: Curves, policy: HaltPolicy) -> Curves:
    """Return the curves as ``policy`` would have seen them: held between the tokens it scores.

    Exact where every token was scored when the curves were recorded, or where the recorded cadence
    divides the policy's. ``score_final`` asks for a score that no recording holds and is left
    out.

    Parameters
    ----------
    curves
        Recorded scores.
    policy
        Its ``score_every_n``, ``adaptive`` and ``max_cadence``; an adaptive cadence also depends
        on ``soft_limit`` and ``window_size``.

    Examples
    --------
    >>> curves = Curves.from_scores([[0.9, 0.8, 0.7, 0.6]])
    >>> held(curves, HaltPolicy(score_every_n=2)).scores.tolist()
    [0.9, 0.9, 0.7, 0.7]
    """
    if policy.adaptive:
        sources = _adaptive_sources(curves, policy)
    elif policy.score_every_n > 1:
        lengths = curves.lengths
        positions = np.arange(curves.n_tokens) - np.repeat(curves.offsets[:-1], lengths)
        sources = np.arange(curves.n_tokens) - positions % policy.score_every_n
    else:
        return curves
    return replace(curves, scores=curves.scores[sources])


def _adaptive_sources(curves: Curves, policy: HaltPolicy) -> IntArray:
    """Return which score every token has: its own, or that of the last token scored."""
    sources = np.arange(curves.n_tokens)
    # Only the cadence is asked for, which is the same whatever the machine does at a halt.
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
