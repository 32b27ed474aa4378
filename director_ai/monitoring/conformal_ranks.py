"""Sequential ranks of sessions among a reference and all earlier ones: conformal p-values."""

from collections.abc import Hashable, Sequence

import numpy as np

from director_ai.errors import InvalidRequestError
from director_ai.replay.curves import FloatArray, IntArray


def ranks(reference: FloatArray, values: FloatArray, ties: FloatArray) -> FloatArray:
    """Return the p-value of each value among the reference and all earlier values, shape (n,).

    ``p = (n_less + tie * (n_equal + 1)) / (n_earlier + 1)``: independent and uniform while the
    stream is exchangeable.

    Parameters
    ----------
    reference
        Values before the first, shape (m,), finite.
    values
        The stream in its order, shape (n,), finite.
    ties
        A random number for each value, shape (n,), in (0, 1); it settles ties.

    Raises
    ------
    InvalidRequestError
        If a value is not finite.

    References
    ----------
    V. Vovk, "Testing randomness online", Statistical Science 36 (2021) 595-611
    (arXiv 1906.09256); V. Vovk et al., arXiv 2102.10439.

    Examples
    --------
    >>> ranks(np.array([0.2, 0.4]), np.array([0.3, 0.1, 0.3]), np.array([0.5, 0.5, 0.5]))
    array([0.5  , 0.125, 0.6  ])
    """
    for name, array in (("reference", reference), ("values", values)):
        if not np.isfinite(array).all():
            where = int(np.flatnonzero(~np.isfinite(array))[0])
            raise InvalidRequestError(f"{name} must be finite, got {array[where]!r} at {where}")
    if len(ties) != len(values):
        raise InvalidRequestError(f"ties must be as many as values, {len(values)}, got {len(ties)}")
    before = np.sort(reference)
    n_less = np.searchsorted(before, values, "left")
    n_equal = np.searchsorted(before, values, "right") - n_less
    less, at_most = _earlier(values)
    n_earlier = len(reference) + np.arange(len(values))
    n_less = n_less + less
    n_equal = n_equal + at_most - less
    return (n_less + ties * (n_equal + 1)) / (n_earlier + 1)


def family_ranks(
    families: Sequence[Hashable], values: FloatArray, ties: FloatArray
) -> tuple[IntArray, FloatArray]:
    """Return the positions of recurring sessions and their p-values within their own family.

    Parameters
    ----------
    families
        Of each session; the first of a family has nothing to be ranked among.
    values, ties
        As for :func:`ranks`.

    Returns
    -------
    positions, p_values
        Shapes (m,) and (m,), in the order of the stream.

    Examples
    --------
    >>> family_ranks(["a", "b", "a"], np.array([0.1, 0.9, 0.3]), np.array([0.5, 0.5, 0.5]))
    (array([2]), array([0.75]))
    """
    members: dict[Hashable, list[int]] = {}
    for position, family in enumerate(families):
        members.setdefault(family, []).append(position)
    p_values = np.full(len(values), np.nan)
    none = np.empty(0)
    for positions in members.values():
        if len(positions) > 1:
            own = np.array(positions)
            p_values[own[1:]] = ranks(none, values[own], ties[own])[1:]
    (recurring,) = np.nonzero(~np.isnan(p_values))
    return recurring, p_values[recurring]


def _earlier(values: FloatArray) -> tuple[IntArray, IntArray]:
    """Return, of each value, how many earlier ones are less, and how many at most equal.

    Merge sort, one whole level at a time: within each pair of blocks a stable sort puts the left
    block's equals first, so that the running count of left ones is what the right ones have.
    """
    n = len(values)
    less = np.zeros(n, np.int64)
    at_most = np.zeros(n, np.int64)
    _, codes = np.unique(values, return_inverse=True)
    positions = np.arange(n)
    width = 1
    while width < n:
        pair = positions // (2 * width)
        key = pair * n + codes
        order = np.argsort(key, kind="stable")
        is_right = (positions[order] // width) % 2 == 1
        n_left = np.concatenate([[0], np.cumsum(~is_right)])
        starts = _run_starts(pair[order])
        ties = _run_starts(key[order])
        right = order[is_right]
        at = np.flatnonzero(is_right)
        at_most[right] += n_left[at] - n_left[starts[at]]
        less[right] += n_left[ties[at]] - n_left[starts[at]]
        width *= 2
    return less, at_most


def _run_starts(sorted_keys: IntArray) -> IntArray:
    """Return, of each place, the first place of its run of equal keys."""
    places = np.arange(len(sorted_keys))
    is_first = np.concatenate([[True], sorted_keys[1:] != sorted_keys[:-1]])
    return np.maximum.accumulate(np.where(is_first, places, 0))
