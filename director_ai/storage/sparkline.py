"""Sparkline: a curve small enough for every row of a list."""

from collections.abc import Sequence

POINTS = 60
_STEPS = 255


def sparkline(scores: Sequence[float]) -> bytes:
    """Return at most ``POINTS`` scores, each the lowest of its stretch, in steps of 1/255.

    >>> [round(value, 2) for value in curve(sparkline([1.0, 0.2, 0.8]))]
    [1.0, 0.2, 0.8]
    """
    n = len(scores)
    if n <= POINTS:
        lows: Sequence[float] = scores
    else:
        # A stream is halted at its low points: no thinning may lose one.
        lows = [
            min(scores[n * place // POINTS : n * (place + 1) // POINTS]) for place in range(POINTS)
        ]
    return bytes(round(low * _STEPS) for low in lows)


def curve(packed: bytes) -> list[float]:
    """Return the scores of a sparkline."""
    return [value / _STEPS for value in packed]
