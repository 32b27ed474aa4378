"""Padded blocks: ragged sessions as rectangles that fit the processor's cache."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from director_ai.replay.curves import Curves, FloatArray, IntArray

BLOCK_CELLS = 1 << 15
"""Scores of a block, few enough for a processor's second-level cache."""


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


def padded_blocks(curves: Curves) -> Iterator[PaddedBlock]:
    """Yield every session that has a token once, longest first.

    A block holds at most ``BLOCK_CELLS`` scores, those behind a session's end included, unless one
    session alone is longer.

    >>> [block.scores.shape for block in padded_blocks(Curves.from_scores([[0.9], [], [0.8, 0.7]]))]
    [(2, 2)]
    """
    lengths = curves.lengths
    order = np.argsort(-lengths, kind="stable")[: np.count_nonzero(lengths)]
    starts = curves.starts
    first = 0
    while first < len(order):
        # The first row is the longest: counted by any other, one long session makes all rows long.
        width = int(lengths[order[first]])
        rows = order[first : first + max(1, BLOCK_CELLS // width)]
        places = np.arange(width)
        inside = places < lengths[rows][:, None]
        index = starts[rows][:, None] + places
        scores = np.where(inside, curves.scores[np.where(inside, index, 0)], np.nan)
        yield PaddedBlock(rows, scores)
        first += len(rows)
