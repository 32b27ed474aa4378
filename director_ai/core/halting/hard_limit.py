"""The hard limit: one score below the floor."""

from typing import Final

NAME: Final = "hard_limit"


def holds(score: float, limit: float) -> bool:
    """Return whether ``score`` is below the limit; a tie is not.

    >>> holds(0.3, 0.5), holds(0.5, 0.5)
    (True, False)
    """
    return score < limit
