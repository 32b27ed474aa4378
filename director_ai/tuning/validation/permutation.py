"""Permutation test of threshold selection: the same search on permuted labels."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from director_ai.errors import InvalidRequestError
from director_ai.replay.crossings import NEVER
from director_ai.replay.curves import FloatArray, IntArray
from director_ai.replay.engine import Replay
from director_ai.tuning.evaluation.sweep import Grid
from director_ai.tuning.evaluation.weighted_sweep import early_cells
from director_ai.tuning.labelled import BAD, GOOD, UNLABELLED, LabelledCurves
from director_ai.tuning.search.selection import Goal
from director_ai.tuning.validation.out_of_bag import Progress, best_of, window_cells


class NullLevel(NamedTuple):
    """Objective of the selection under the null hypothesis that labels and scores are unrelated.

    Attributes
    ----------
    level
        95 % quantile of the best objective over permuted labels; a displayed value below it is
        indistinguishable from noise. nan without any.
    values
        The best objective of each permutation, shape (n_permutations,).
    """

    level: float
    values: FloatArray


def null_level(
    data: LabelledCurves,
    replays: Replay | Sequence[Replay],
    grid: Grid,
    goal: Goal,
    *,
    seed: int,
    n_permutations: int = 100,
    tolerance: int = 0,
    progress: Progress | None = None,
) -> NullLevel:
    """Return the objective that selection reaches when labels are unrelated to the scores.

    Labels are permuted, and with a bad label goes its onset, at the same share of the new
    session's length. Groups whose sessions all have one label are permuted as wholes, so that
    sessions of a group keep one label; in a group that has both, labels are permuted within it.

    Parameters
    ----------
    data, replays, grid, goal, tolerance
        What was tuned; see :func:`director_ai.tuning.validation.out_of_bag.out_of_bag`.
    seed
        Of the permutations.
    n_permutations
        How many, at least 1.
    progress
        Called after each permutation with the number done.

    Raises
    ------
    InvalidRequestError
        If there are none.

    References
    ----------
    M. Ojala, G. C. Garriga, "Permutation tests for studying classifier performance", Journal of
    Machine Learning Research 11 (2010) 1833-1863: their first null distribution, by group.

    Examples
    --------
    >>> data = LabelledCurves.from_scores([[0.9]] * 30 + [[0.3]] * 30, labels=[0] * 30 + [1] * 30)
    >>> replay = Replay(data.curves, window_size=1, trend_window=2)
    >>> goal = Goal(objective="balanced accuracy")
    >>> best_values = null_level(data, replay, Grid.even(5), goal, seed=1, n_permutations=20)
    >>> bool(0.5 < best_values.level < 0.75)
    True
    """
    if n_permutations < 1:
        raise InvalidRequestError(f"n_permutations must be at least 1, got {n_permutations!r}")
    random = np.random.default_rng(seed)
    each = [replays] if isinstance(replays, Replay) else replays
    searched = window_cells(data, each, grid, tolerance=tolerance)
    everyone = np.ones(data.n_sessions)
    values = []
    for done in range(1, n_permutations + 1):
        labels, onsets = _permuted(data, random)
        permuted = [
            replace(
                cells,
                good=np.equal(labels, GOOD),
                bad=np.equal(labels, BAD),
                before=early_cells(replay, grid, onsets, tolerance=tolerance),
            )
            for cells, replay in zip(searched, each, strict=True)
        ]
        best = best_of(permuted, everyone, goal)
        values.append(np.nan if best is None else best.value)
        if progress is not None:
            progress(done)
    best_values = np.array(values, np.float64)
    defined = best_values[~np.isnan(best_values)]
    return NullLevel(float(np.quantile(defined, 0.95)) if len(defined) else np.nan, best_values)


def _permuted(data: LabelledCurves, random: np.random.Generator) -> tuple[IntArray, IntArray]:
    """Return labels and onsets dealt anew among the labelled sessions."""
    rows = np.flatnonzero(data.labels != UNLABELLED)
    _, first, groups = np.unique(data.groups[rows], return_index=True, return_inverse=True)
    differs = data.labels[rows] != data.labels[rows][first][groups]
    mixed = np.bincount(groups[differs], minlength=len(first)) > 0
    dealt = first.copy()
    dealt[~mixed] = random.permutation(first[~mixed])
    source = rows[dealt[groups]]
    within = np.flatnonzero(mixed[groups])
    before = within[np.argsort(groups[within], kind="stable")]
    shuffled = within[np.lexsort((random.random(len(within)), groups[within]))]
    source[before] = rows[shuffled]
    labels = np.full(data.n_sessions, UNLABELLED)
    labels[rows] = data.labels[source]
    onsets = np.full(data.n_sessions, NEVER)
    known = data.onsets[source] != NEVER
    share = data.onsets[source][known] / np.maximum(1, data.curves.lengths[source][known])
    onsets[rows[known]] = (share * data.curves.lengths[rows[known]]).astype(np.int64)
    return labels, onsets
