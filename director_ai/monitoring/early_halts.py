"""Early halts: how often a halt on text that was good so far came before the answer went wrong."""

from collections.abc import Sequence

from director_ai.storage.monitor_log import Deployment, ObservedHalt
from director_ai.tuning.guarantee.bounds import exact_upper

DELTA = 0.05
"""Risk that the share is larger than its bound."""


def early_share(deployment: Deployment, halts: Sequence[ObservedHalt]) -> float | None:
    """Return an upper bound of the share of early halts among those on text good so far.

    A kernel that enforces its limits cuts the answer there, so that only recordings of one that
    watched tell how the answer went on.

    Parameters
    ----------
    deployment
        Its limits and scorer; halts under others are left out.
    halts
        Labelled sessions that a kernel only watched. One whose answer went wrong at an unknown
        token counts as early.

    Returns
    -------
    float or None
        Clopper-Pearson bound, in (0, 1]; None without a halt on text that was good so far.

    Examples
    --------
    >>> from director_ai import HaltPolicy, ScorerIdentity
    >>> policy, scorer = HaltPolicy(), ScorerIdentity("mine")
    >>> deployment = Deployment(1, 0, policy, scorer, 0.02, None, "")
    >>> good = ObservedHalt(policy, scorer, 7, "good", None)
    >>> early = ObservedHalt(policy, scorer, 7, "bad", 30)
    >>> round(early_share(deployment, 45 * [good] + 5 * [early]), 3)
    0.199
    """
    own = [halt for halt in halts if deployment.runs(halt.policy, halt.scorer)]
    n_good = sum(halt.label == "good" for halt in own)
    n_early = sum(
        halt.label == "bad" and (halt.onset is None or halt.onset > halt.halt_index) for halt in own
    )
    n = n_good + n_early
    return exact_upper(n_early, n, delta=DELTA) if n else None
