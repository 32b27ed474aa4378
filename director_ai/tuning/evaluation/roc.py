"""Receiver operating characteristic of the rules: curves, areas, and the front of all three."""

import math
from typing import Final, NamedTuple

import numpy as np
from scipy.stats import rankdata

from director_ai.core.halting.policy import HaltPolicy
from director_ai.replay.curves import BoolArray, FloatArray, IntArray
from director_ai.replay.engine import Replay
from director_ai.tuning.evaluation.intervals import Z_95, wilson
from director_ai.tuning.evaluation.sweep import Grid
from director_ai.tuning.evaluation.weighted_sweep import Cells
from director_ai.tuning.labelled import LabelledCurves

MOST_POINTS: Final = 400
"""Points kept of a curve: more than a chart has columns of pixels to tell apart."""


class Area(NamedTuple):
    """Area under a ROC curve: the chance that a bad session is worse than a good one.

    Attributes
    ----------
    value
        In [0, 1]; 0.5 tells nothing. nan without a session of either label.
    low, high
        Ends of its 95 % interval, by groups of sessions.
    n_bad, n_good
        Sessions it is of.
    """

    value: float
    low: float
    high: float
    n_bad: int
    n_good: int

    @property
    def text(self) -> str:
        """The area with its interval.

        >>> Area(0.912, 0.9, 0.923, 80, 90).text
        '0.912 [0.900–0.923]'
        """
        if math.isnan(self.value):
            return "–"
        return f"{self.value:.3f} [{self.low:.3f}–{self.high:.3f}]"


class RocCurve(NamedTuple):
    """Shares halted along one rule's threshold, from lenient to strict; shape (n_points,) each.

    Attributes
    ----------
    fpr
        Of the good sessions.
    recall
        Of the bad sessions, at any token: a halt before the onset counts, too.
    """

    fpr: FloatArray
    recall: FloatArray


class Roc(NamedTuple):
    """Curves of the three rules, each alone, and the best of all combinations.

    Sessions whose recording ends early are left out: how far they would have gone is not known.

    Attributes
    ----------
    curves, areas
        Of each rule, ``HARD``, ``WINDOW`` and ``TREND``.
    front
        Largest recall of any combination of the three thresholds by its false-halt rate: in sample,
        so that it is too good.
    in_use
        False-halt rate and recall of the policy.
    n_left_out
        Labelled sessions whose recording ends early.
    """

    curves: tuple[RocCurve, RocCurve, RocCurve]
    areas: tuple[Area, Area, Area]
    front: RocCurve
    in_use: tuple[float, float]
    n_left_out: int


def roc(data: LabelledCurves, replay: Replay, policy: HaltPolicy, grid: Grid) -> Roc:
    """Return the curves of every rule, their areas, and the front of all three together.

    Parameters
    ----------
    data, replay
        The sessions; ``replay`` is of their curves under the policy's windows.
    policy
        The limits in use.
    grid
        Thresholds that the front is sought among.

    Examples
    --------
    >>> scores, labels = [[0.9], [0.7], [0.8], [0.3]], [0, 0, 1, 1]
    >>> sessions = LabelledCurves.from_scores(scores, labels=labels)
    >>> replay = Replay(sessions.curves, window_size=10, trend_window=5)
    >>> found = roc(sessions, replay, HaltPolicy(hard_limit=0.5), Grid.even(11))
    >>> found.areas[0].value, found.in_use
    (0.75, (0.0, 0.5))
    """
    complete = data.curves.complete
    good, bad = data.good & complete, data.bad & complete
    lowest = replay.extremes()
    curves = [_curve(values[good], values[bad]) for values in lowest]
    areas = [_area(values, good, bad, data.groups) for values in lowest]
    halts = replay.outcomes(policy).halts
    return Roc(
        (curves[0], curves[1], curves[2]),
        (areas[0], areas[1], areas[2]),
        _front(Cells.of(data, replay, grid), complete),
        (_share(halts, good), _share(halts, bad)),
        int(((data.good | data.bad) & ~complete).sum()),
    )


def _share(mask: BoolArray, among: BoolArray) -> float:
    return float(mask[among].mean()) if among.any() else math.nan


def _curve(good: FloatArray, bad: FloatArray) -> RocCurve:
    """Return the staircase of one statistic, low values being the worse ones."""
    levels = np.unique(np.concatenate([good, bad]))
    # A threshold halts what lies below it; the last one lies above all.
    thresholds = np.append(levels, np.inf)
    shares = [
        np.searchsorted(np.sort(values), thresholds) / len(values)
        if len(values)
        else np.full(len(thresholds), np.nan)
        for values in (good, bad)
    ]
    kept = np.unique(np.linspace(0, len(thresholds) - 1, MOST_POINTS).round().astype(np.int64))
    return RocCurve(shares[0][kept], shares[1][kept])


def _area(values: FloatArray, good: BoolArray, bad: BoolArray, groups: IntArray) -> Area:
    """Return the area by ranks, its interval by the placements of groups.

    References
    ----------
    N. A. Obuchowski, "Nonparametric analysis of clustered ROC curve data", Biometrics 53 (1997)
    567-578; the interval is of the logit, and where every pair is in order, of as many independent
    pairs as there are groups of the rarer label (Wilson).
    """
    n_good, n_bad = int(good.sum()), int(bad.sum())
    if not n_good or not n_bad:
        return Area(math.nan, math.nan, math.nan, n_bad, n_good)
    # The larger the worse, so that ranks grow with it.
    worse_good, worse_bad = -values[good], -values[bad]
    ranks = rankdata(np.concatenate([worse_bad, worse_good]))
    of_bad = (ranks[:n_bad] - rankdata(worse_bad)) / n_good
    of_good = 1.0 - (ranks[n_bad:] - rankdata(worse_good)) / n_bad
    value = float(of_bad.mean())
    _, numbers = np.unique(np.concatenate([groups[bad], groups[good]]), return_inverse=True)
    n_groups = int(numbers.max()) + 1
    sums = [
        np.bincount(part, weights=placements - value, minlength=n_groups).astype(np.float64)
        for part, placements in ((numbers[:n_bad], of_bad), (numbers[n_bad:], of_good))
    ]
    n_own = [len(np.unique(part)) for part in (numbers[:n_bad], numbers[n_bad:])]
    low, high = _interval(value, sums, n_own, (n_bad, n_good))
    return Area(value, low, high, n_bad, n_good)


def _interval(
    value: float, sums: list[FloatArray], n_groups: list[int], n_sessions: tuple[int, int]
) -> tuple[float, float]:
    fewest = min(n_groups)
    if fewest < 2 or value in (0.0, 1.0):
        interval = wilson(value * fewest, fewest)
        return float(interval.low), float(interval.high)
    variance = sum(
        n / (n - 1) * float((part**2).sum()) / total**2
        for part, n, total in zip(sums, n_groups, n_sessions, strict=True)
    )
    n_all = len(sums[0])
    both = float((sums[0] * sums[1]).sum())
    variance += 2 * n_all / (n_all - 1) * both / (n_sessions[0] * n_sessions[1])
    spread = Z_95 * math.sqrt(max(variance, 0.0)) / (value * (1 - value))
    middle = math.log(value / (1 - value))
    return tuple(1 / (1 + math.exp(-(middle + side * spread))) for side in (-1, 1))  # type: ignore[return-value]  # of two


def _front(cells: Cells, complete: BoolArray) -> RocCurve:
    counts = cells.weighted(complete.astype(np.float64))
    n_good, n_bad = float(counts.n_good.max()), float(counts.n_bad.max())
    if not n_good or not n_bad:
        return RocCurve(np.empty(0), np.empty(0))
    fpr, recall = counts.false.ravel() / n_good, (counts.early + counts.detected).ravel() / n_bad
    order = np.lexsort((-recall, fpr))
    best = np.maximum.accumulate(recall[order])
    kept = order[np.diff(best, prepend=-1.0) > 0]
    return RocCurve(fpr[kept], recall[kept])
