"""Group sums: sums over groups whose totals change step by step, in linear time."""

from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from director_ai.replay.curves import FloatArray, IntArray


class GroupSums:
    """Changes of groups' totals, each at one step.

    Parameters
    ----------
    groups, steps
        Whose total changes, and at which step, at least 0; shape (n_changes,).
    n_steps
        Steps to tell of; later changes are left out.

    Examples
    --------
    >>> path = GroupSums(np.array([0, 0, 1]), np.array([0, 2, 1]), 3)
    >>> path.total(1.0).tolist(), path.products(1.0, 1.0).tolist()
    ([1.0, 2.0, 3.0], [1.0, 2.0, 5.0])
    """

    def __init__(self, groups: IntArray, steps: IntArray, n_steps: int) -> None:
        self._groups = groups
        self._steps = np.minimum(steps, n_steps)
        self._n_steps = n_steps

    def total(self, changes: ArrayLike) -> FloatArray:
        """Return the sum of all totals after each step.

        Parameters
        ----------
        changes
            By how much each change moves its group's total; shape (n_changes,), or one for all.
        """
        return self._along(self._each(changes), self._steps)

    def products(self, first: ArrayLike, second: ArrayLike) -> FloatArray:
        """Return, after each step, the sum over groups of the product of two of their totals.

        O(n_changes + n_steps): a change of a total adds to the sum what it changes its own group's
        product by.

        Parameters
        ----------
        first, second
            By how much each change moves either total; as for :meth:`total`.
        """
        order, start = self._in_groups
        one, other = self._each(first)[order], self._each(second)[order]
        after_one, after_other = (_running(changes, start) for changes in (one, other))
        before = (after_one - one) * (after_other - other)
        return self._along(after_one * after_other - before, self._steps[order])

    @cached_property
    def _in_groups(self) -> tuple[IntArray, IntArray]:
        """The order by group, then by step; in it, the place of each change's group's first."""
        order = np.lexsort((self._steps, self._groups))
        ordered = self._groups[order]
        first = np.append(True, ordered[1:] != ordered[:-1])[: len(ordered)]
        return order, np.flatnonzero(first)[np.cumsum(first) - 1]

    def _each(self, changes: ArrayLike) -> FloatArray:
        return np.broadcast_to(np.asarray(changes, np.float64), self._groups.shape)

    def _along(self, changes: FloatArray, steps: IntArray) -> FloatArray:
        at_step = np.bincount(steps, weights=changes, minlength=self._n_steps + 1)
        return np.cumsum(at_step[: self._n_steps])


def _running(changes: FloatArray, start: IntArray) -> FloatArray:
    """Return the total of its group after each change."""
    sums = np.cumsum(changes)
    totals: FloatArray = sums - (sums - changes)[start]
    return totals
