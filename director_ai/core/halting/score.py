"""Coherence scores: validation, and conversion to a float."""

import math
import reprlib
from decimal import Decimal
from numbers import Real

from director_ai.errors import InvalidScoreError

SLACK = 1e-6
"""A value this far outside [0, 1] is float noise, such as a float32 cosine, and is clamped."""


def as_score(value: object) -> float:
    """Return ``value`` as a float in [0, 1].

    Real numbers, ``Decimal`` and 0-d arrays are scores; ``bool``, ``str``, ``None``, arrays and
    complex numbers are not.

    Raises
    ------
    InvalidScoreError
        If it is no number, not finite, or outside [0, 1] by more than ``SLACK``.

    Examples
    --------
    >>> as_score(1.0000001)
    1.0
    >>> as_score(float("nan"))
    Traceback (most recent call last):
    director_ai.errors.InvalidScoreError: nan
    """
    try:
        if getattr(value, "shape", None) == () and hasattr(value, "item"):
            value = value.item()
    except Exception:
        # An array that cannot be read, such as one without data.
        raise InvalidScoreError(_shown(value)) from None
    if isinstance(value, bool) or not isinstance(value, (Real, Decimal)):
        raise InvalidScoreError(_shown(value))
    try:
        score = float(value)
    except (OverflowError, ValueError):
        # An integer beyond the float range, or a signalling NaN.
        raise InvalidScoreError(_shown(value)) from None
    if not -SLACK <= score <= 1.0 + SLACK or math.isnan(score):
        raise InvalidScoreError(_shown(score))
    return min(1.0, max(0.0, score))


def _shown(value: object) -> str:
    try:
        return reprlib.repr(value)
    except Exception:
        # The value's own repr is broken; its type still tells which scorer to look at.
        return type(value).__name__
