"""Ragged sessions as rectangles that fit the processor's cache."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from director_ai.replay.curves import Curves, FloatArray, IntArray

_CELLS = 1 << 15


class PaddedBlock(NamedTuple):
    """Some sessions of nearly the same length, a row each.

    Attributes
    ----------
    sessions
        Which they are, shape (n_rows,).
    scores
        Shape (n_rows, n_columns); nan behind a session's end.
    """

    sessions: IntArray
    scores: FloatArray


def padded_blocks(curves: Curves, *, least: int = 1) -> Iterator[PaddedBlock]:
    """Yield every session of at least ``least`` tokens once, shortest first.

    >>> [block.scores.shape for block in padded_blocks(Curves.from_scores([[0.9], [], [0.8, 0.7]]))]
    [(2, 2)]
    """
    lengths = curves.lengths
    order = np.argsort(lengths, kind="stable")
    order = order[np.searchsorted(lengths[order], max(1, least)) :]
    first = 0
    while first < len(order):
        # As many rows of the longest that could be in it as fill the block.
        width = int(lengths[order[first]])
        rows = order[first : first + max(1, _CELLS // width)]
        width = int(lengths[rows[-1]])
        places = np.arange(width)
        inside = places < lengths[rows][:, None]
        index = curves.offsets[rows][:, None] + places
        scores = np.where(inside, curves.scores[np.where(inside, index, 0)], np.nan)
        yield PaddedBlock(rows, scores)
        first += len(rows)
