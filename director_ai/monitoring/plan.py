"""Audit plans: the probabilities by which sessions are drawn for labelling, and the draw."""

import hashlib
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from director_ai.errors import InvalidRequestError
from director_ai.replay.curves import BoolArray, FloatArray

LARGEST_ALPHA = 0.2
"""Largest false-halt rate that can be monitored: beyond it a bet could lose more than it has."""

BLOCK_DAYS = 28
"""Days of a block; in each, families and the evidence that a promise holds start anew."""

_TWO_TO_64 = 2.0**64


@dataclass(frozen=True, slots=True)
class Plan:
    """Probabilities of being drawn, fixed before the day they apply to.

    Attributes
    ----------
    p_halt
        Of a counted session with a policy halt, in (0, 1].
    p_pass
        Of any other counted session, in [0, 1]; 0 if passes are not audited.
    """

    p_halt: float
    p_pass: float

    def __post_init__(self) -> None:
        if not 0.0 < self.p_halt <= 1.0:
            raise InvalidRequestError(f"p_halt must be in (0, 1], got {self.p_halt!r}")
        if not 0.0 <= self.p_pass <= 1.0:
            raise InvalidRequestError(f"p_pass must be in [0, 1], got {self.p_pass!r}")


def plan_for(budget: float, *, n_halts: float, n_passes: float, alpha: float) -> Plan:
    """Return the plan that draws about ``budget`` sessions a day.

    A pass is drawn with ``2 alpha`` times the probability of a halt, which balances what each
    label is worth to the evidence for a false-halt rate of ``alpha``.

    Parameters
    ----------
    budget
        Audits a day, above 0.
    n_halts, n_passes
        Counted sessions a day of the last fortnight, with and without a policy halt.
    alpha
        The false-halt rate that is monitored, in (0, 0.2).

    Raises
    ------
    InvalidRequestError
        If a number is outside its range.

    Examples
    --------
    >>> plan_for(20, n_halts=60, n_passes=940, alpha=0.02)
    Plan(p_halt=0.20491803278688525, p_pass=0.00819672131147541)
    >>> plan_for(20, n_halts=3, n_passes=10, alpha=0.02)
    Plan(p_halt=1.0, p_pass=0.04)
    """
    check_alpha(alpha)
    if not budget > 0.0:
        raise InvalidRequestError(f"budget must be above 0, got {budget!r}")
    if n_halts < 0.0 or n_passes < 0.0:
        raise InvalidRequestError(
            f"n_halts and n_passes must not be negative, got {n_halts!r} and {n_passes!r}"
        )
    weighted = n_halts + 2.0 * alpha * n_passes
    p_halt = 1.0 if weighted <= budget else budget / weighted
    return Plan(p_halt, 2.0 * alpha * p_halt)


def check_alpha(alpha: float) -> None:
    """Raise ``InvalidRequestError`` unless a false-halt rate of ``alpha`` can be monitored."""
    if not 0.0 < alpha < LARGEST_ALPHA:
        raise InvalidRequestError(f"alpha must be above 0 and below {LARGEST_ALPHA}, got {alpha!r}")


def counted(families: Sequence[Hashable | None], days: Sequence[int]) -> BoolArray:
    """Return the sessions that count: the first of each prompt family in each 28-day block.

    Sessions of one family halt together; counted all, they would pass for as many independent ones.

    Parameters
    ----------
    families
        Prompt family of each session, in the order they ended; None: a family of its own.
    days
        Day of each, from that of the deployment, 0.

    Returns
    -------
    BoolArray
        Shape (n,).

    Examples
    --------
    >>> counted(["a", "a", None, None, "a"], [0, 1, 1, 1, 28])
    array([ True, False,  True,  True,  True])
    """
    first: set[tuple[Hashable, int]] = set()
    is_counted = np.ones(len(families), np.bool_)
    for at, (family, day) in enumerate(zip(families, days, strict=True)):
        if family is None:
            continue
        is_counted[at] = (family, day // BLOCK_DAYS) not in first
        first.add((family, day // BLOCK_DAYS))
    return is_counted


def draw_numbers(ids: Sequence[str], *, key: bytes) -> FloatArray:
    """Return each session's permanent random number, shape (n,), uniform in [0, 1).

    Parameters
    ----------
    ids
        Of the sessions.
    key
        Secret of the store, at most 64 bytes; without it nobody can tell who will be drawn.

    References
    ----------
    E. Ohlsson, "Coordination of samples using permanent random numbers", in Business Survey
    Methods (Wiley, 1995) 153-169: with one number a unit, a larger share keeps what a smaller drew.

    Examples
    --------
    >>> draw_numbers(["a", "b"], key=b"secret").round(3)
    array([0.555, 0.888])
    """
    words = (
        int.from_bytes(
            hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8, key=key).digest(),
            "big",
        )
        for name in ids
    )
    return np.fromiter((word / _TWO_TO_64 for word in words), np.float64, len(ids))


def drawn(ids: Sequence[str], p: FloatArray | float, *, key: bytes) -> BoolArray:
    """Return the sessions drawn for an audit, by id and key alone, shape (n,).

    Parameters
    ----------
    ids
        Of the sessions.
    p
        Probability of each, shape (n,), or of all, in [0, 1].
    key
        Secret of the store; see :func:`draw_numbers`.

    Examples
    --------
    >>> drawn(["a", "b"], 0.6, key=b"secret")
    array([ True, False])
    """
    return np.less(draw_numbers(ids, key=key), p)
