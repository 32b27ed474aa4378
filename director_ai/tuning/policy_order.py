"""Order of policies: one halts nothing that another does not, whatever the scores."""

from director_ai.core.halting.policy import HaltPolicy
from director_ai.replay.engine import HARD, TREND, WINDOW, is_off, levels

Cadence = tuple[object, ...]
"""All that the choice of scored tokens goes by; equal for policies that score the same tokens."""


def cadence_of(policy: HaltPolicy) -> Cadence:
    """Return the fields by which a policy chooses the tokens it scores.

    An adaptive cadence also goes by the soft limit and by the mean of the window.

    >>> cadence_of(HaltPolicy(soft_limit=0.7)) == cadence_of(HaltPolicy(window_size=3))
    True
    """
    fixed = (policy.score_every_n, policy.score_final, policy.adaptive)
    if not policy.adaptive:
        return fixed
    return (*fixed, policy.max_cadence, policy.soft_limit, policy.window_size)


def family_of(policy: HaltPolicy) -> Cadence:
    """Return windows and cadence: within one family only thresholds differ.

    >>> family_of(HaltPolicy(hard_limit=0.1)) == family_of(HaltPolicy())
    True
    """
    return (policy.window_size, policy.trend_window, *cadence_of(policy))


def halts_no_more(policy: HaltPolicy, other: HaltPolicy) -> bool:
    """Return whether a policy halts nothing that the other does not, whatever the scores.

    A policy that observes halts nothing. Any other must score the same tokens, and each of its
    rules must be off, or have the other's window and a threshold no stricter. The order is
    partial: neither of two policies may come before the other.

    Parameters
    ----------
    policy, other
        As they would be deployed.

    Examples
    --------
    >>> halts_no_more(HaltPolicy(hard_limit=0.4), HaltPolicy(hard_limit=0.5))
    True
    >>> halts_no_more(HaltPolicy(window_size=20), HaltPolicy(window_size=10))
    False
    >>> halts_no_more(HaltPolicy(halt_mode="observe"), HaltPolicy(hard_limit=0.0))
    True
    """
    if halts_nothing(policy):
        return True
    if other.halt_mode == "observe" or cadence_of(policy) != cadence_of(other):
        return False
    sizes = {WINDOW: "window_size", TREND: "trend_window"}
    return all(
        is_off(policy, rule)
        or (
            levels(policy)[rule] <= levels(other)[rule]
            and (rule == HARD or getattr(policy, sizes[rule]) == getattr(other, sizes[rule]))
        )
        for rule in (HARD, WINDOW, TREND)
    )


def halt_alike(policy: HaltPolicy, other: HaltPolicy) -> bool:
    """Return whether two policies end every stream alike, whatever the scores.

    >>> quiet = HaltPolicy(window_threshold=0.0)
    >>> halt_alike(quiet, HaltPolicy(window_threshold=0.0, window_size=20))
    True
    """
    same_mode = policy.halt_mode == other.halt_mode
    return same_mode and halts_no_more(policy, other) and halts_no_more(other, policy)


def halts_nothing(policy: HaltPolicy) -> bool:
    """Return whether a policy halts nothing, whatever the scores."""
    return policy.halt_mode == "observe" or all(
        is_off(policy, rule) for rule in (HARD, WINDOW, TREND)
    )


def is_other_adaptive(recorded: HaltPolicy, policy: HaltPolicy) -> bool:
    """Return whether a recording has another adaptive cadence than a policy.

    It goes by the scores themselves: only with the same soft limit, window size and numbers of its
    own does it score the same tokens.
    """
    return recorded.adaptive and _adapting(recorded) != _adapting(policy)


def is_other_cadence(recorded: HaltPolicy, policy: HaltPolicy) -> bool:
    """Return whether a recording at a steady cadence lacks scores that a policy asks for.

    >>> is_other_cadence(HaltPolicy(score_every_n=2), HaltPolicy(score_every_n=4))
    False
    """
    if recorded.adaptive:
        return False
    if policy.adaptive:
        return recorded.score_every_n > 1
    return policy.score_every_n % recorded.score_every_n > 0


def _adapting(policy: HaltPolicy) -> Cadence | None:
    """Return all that an adaptive cadence goes by; None of one that is not adaptive."""
    if not policy.adaptive:
        return None
    return (policy.score_every_n, policy.max_cadence, policy.soft_limit, policy.window_size)
