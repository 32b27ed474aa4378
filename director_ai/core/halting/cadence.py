"""Cadence: the tokens that are scored; those between hold the last score."""

from director_ai.core.halting.policy import HaltPolicy


class Cadence:
    """Counts down to the next scored token, and widens or narrows when adaptive.

    Attributes
    ----------
    step
        Tokens from one scored token to the next.

    Examples
    --------
    >>> cadence = Cadence(HaltPolicy(score_every_n=3))
    >>> due = []
    >>> for index in range(5):
    ...     due.append(cadence.is_due(index))
    ...     if due[-1]:
    ...         cadence.advance(index, 0.9, 0.9)
    >>> due
    [True, False, False, True, False]
    """

    __slots__ = ("_adaptive", "_greatest", "_next", "_soft_limit", "step")

    def __init__(self, policy: HaltPolicy) -> None:
        self.step = policy.score_every_n
        self._adaptive = policy.adaptive
        self._greatest = policy.max_cadence
        self._soft_limit = policy.soft_limit
        self._next = 0

    def is_due(self, index: int) -> bool:
        """Return whether the token at ``index`` is to be scored."""
        return index >= self._next

    def advance(self, index: int, score: float, window_mean: float) -> None:
        """Set the next scored token after the due one at ``index`` got ``score``."""
        if self._adaptive:
            if score < self._soft_limit:
                self.step = 1
            elif window_mean > self._soft_limit and self.step < self._greatest:
                self.step += 1
        self._next = index + self.step
