"""Receiver operating characteristic of the rules: curves, areas, and the front of all three."""

import math
from typing import Final, NamedTuple

import numpy as np

from director_ai.core.halting.policy import HaltPolicy
from director_ai.replay.curves import BoolArray, FloatArray, IntArray
from director_ai.replay.engine import Replay
from director_ai.tuning.evaluation.intervals import Z_95, wilson
from director_ai.tuning.evaluation.sweep import Grid
from director_ai.tuning.evaluation.weighted_sweep import Cells
from director_ai.tuning.labelled import LabelledCurves

MOST_POINTS: Final = 400
"""Points kept of a curve: more than a chart has columns of pixels to tell apart."""

_MOST_LIMITS: Final = 1_000
"""Limits of the front that its area is of: each is tried on every session."""

_LIMITS_AT_ONCE: Final = 16

_NOISE: Final = 1e-12
"""Difference of two shares that only rounding makes."""


class Area(NamedTuple):
    """Area under a curve with its interval.

    Attributes
    ----------
    value
        In [0, 1]; nan without a session of either label.
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
    """Shares halted along a chain of limits, from lenient to strict; shape (n_points,) each.

    Attributes
    ----------
    fpr
        Of the good sessions.
    recall
        Of the bad sessions, at any token: a halt before the onset counts, too.
    """

    fpr: FloatArray
    recall: FloatArray

    def precision(self, prevalence: float) -> FloatArray:
        """Return the share of halts that are of bad sessions; nan where nothing is halted.

        Parameters
        ----------
        prevalence
            Share of bad sessions, in [0, 1].
        """
        bad = prevalence * self.recall
        halted = bad + (1 - prevalence) * self.fpr
        nowhere = np.full(len(bad), np.nan)
        return np.asarray(np.divide(bad, halted, out=nowhere, where=halted > 0))


class Roc(NamedTuple):
    """Curves of the three rules, each alone, and the best of all combinations.

    Sessions whose recording ends early are left out: how far they would have gone is not known.

    Attributes
    ----------
    rules
        Curves of each rule, ``HARD``, ``WINDOW`` and ``TREND``.
    front
        Largest recall of any limits by false-halt rate, every rule alone among them: in sample, so
        that it is too good.
    areas
        Area under the ROC curve of each rule and of the front: of a rule the chance that a bad
        session is worse than a good one, ties by half; 0.5 tells nothing.
    average_precisions
        Area under the precision-recall curve of the same four; the prevalence tells nothing.
    in_use
        The policy's one point.
    n_left_out
        Labelled sessions whose recording ends early.
    """

    rules: tuple[RocCurve, RocCurve, RocCurve]
    front: RocCurve
    areas: tuple[Area, Area, Area, Area]
    average_precisions: tuple[Area, Area, Area, Area]
    in_use: RocCurve
    n_left_out: int


class _Chain(NamedTuple):
    """Limits from lenient to strict: a session is halted with a statistic below its level.

    Attributes
    ----------
    levels
        Level of each rule, the lowest of which nothing lies below; shape (n_points, 3).
    curve
        Shares that they halt.
    """

    levels: FloatArray
    curve: RocCurve

    def take(self, points: IntArray | BoolArray) -> "_Chain":
        """Return some of its points, in their order."""
        return _Chain(
            self.levels[points], RocCurve(self.curve.fpr[points], self.curve.recall[points])
        )

    def thinned(self, most: int) -> "_Chain":
        """Return so many points at most, the first and the last among them."""
        n_points = len(self.levels)
        if n_points <= most:
            return self
        return self.take(np.linspace(0, n_points - 1, most).round().astype(np.int64))


class _Sessions(NamedTuple):
    """Complete labelled sessions.

    Attributes
    ----------
    lowest
        Lowest statistic of each rule; shape (3, n_sessions).
    bad, groups
        Label and group of each; shape (n_sessions,).
    """

    lowest: FloatArray
    bad: BoolArray
    groups: IntArray

    @property
    def n_bad(self) -> int:
        return int(self.bad.sum())

    @property
    def n_good(self) -> int:
        return len(self.bad) - self.n_bad


def roc(
    data: LabelledCurves,
    replay: Replay,
    policy: HaltPolicy,
    grid: Grid,
    *,
    prevalence: float | None = None,
) -> Roc:
    """Return the curves of every rule, the front of all three together, and their areas.

    Parameters
    ----------
    data, replay
        The sessions; ``replay`` is of their curves under the policy's windows.
    policy
        The limits in use.
    grid
        Thresholds that the front is sought among, beside those of each rule alone.
    prevalence
        Share of bad sessions that precision is of, in [0, 1]; by default that of ``data``.

    Examples
    --------
    >>> scores, labels = [[0.9], [0.7], [0.8], [0.3]], [0, 0, 1, 1]
    >>> sessions = LabelledCurves.from_scores(scores, labels=labels)
    >>> replay = Replay(sessions.curves, window_size=10, trend_window=5)
    >>> found = roc(sessions, replay, HaltPolicy(hard_limit=0.5), Grid.even(11))
    >>> [area.value for area in found.areas], round(found.average_precisions[0].value, 3)
    ([0.75, 0.5, 0.5, 0.75], 0.833)
    """
    complete = data.curves.complete
    labelled = (data.good | data.bad) & complete
    # A session too short for a rule has none of its statistic: the last that its levels halt.
    lowest = np.minimum(replay.extremes()[:, labelled], np.finfo(np.float64).max)
    sessions = _Sessions(lowest, data.bad[labelled], data.groups[labelled])
    if prevalence is None:
        prevalence = data.n_bad / max(1, data.n_bad + data.n_good)
    halts = replay.outcomes(policy).halts[labelled]
    rules = [_rule_chain(sessions, rule) for rule in range(3)]
    chains = [*rules, _front(sessions, Cells.of(data, replay, grid), complete, rules)]
    areas, precisions = zip(
        *(_areas(sessions, chain, place, prevalence) for place, chain in enumerate(chains)),
        strict=True,
    )
    drawn = [chain.thinned(MOST_POINTS).curve for chain in chains]
    return Roc(
        (drawn[0], drawn[1], drawn[2]),
        drawn[3],
        areas,
        precisions,
        RocCurve(*(np.array([_share(halts, among)]) for among in (~sessions.bad, sessions.bad))),
        int(((data.good | data.bad) & ~complete).sum()),
    )


def _share(mask: BoolArray, among: BoolArray) -> float:
    return float(mask[among].mean()) if among.any() else math.nan


def _rule_chain(sessions: _Sessions, rule: int) -> _Chain:
    """Return every level of one statistic, low values being the worse ones."""
    values = sessions.lowest[rule]
    # A level halts what lies below it; the last one lies above all.
    levels = np.append(np.unique(values), np.inf)
    shares = [
        np.searchsorted(np.sort(own), levels) / len(own)
        if len(own)
        else np.full(len(levels), np.nan)
        for own in (values[~sessions.bad], values[sessions.bad])
    ]
    of_all = np.full((len(levels), 3), -np.inf)
    of_all[:, rule] = levels
    return _Chain(of_all, RocCurve(*shares))


def _front(sessions: _Sessions, cells: Cells, complete: BoolArray, rules: list[_Chain]) -> _Chain:
    """Return the limits that none beats, from the point that halts nothing to that of all."""
    counts = cells.weighted(complete.astype(np.float64))
    if not sessions.n_good or not sessions.n_bad:
        return _Chain(np.empty((0, 3)), RocCurve(np.empty(0), np.empty(0)))
    curve = RocCurve(
        counts.false.ravel() / sessions.n_good,
        (counts.early + counts.detected).ravel() / sessions.n_bad,
    )
    order = np.lexsort((-curve.recall, curve.fpr))
    best = np.maximum.accumulate(curve.recall[order])
    kept = order[np.diff(best, prepend=-1.0) > 0]
    places = np.unravel_index(kept, cells.grid.shape)
    levels = [axis[place] for axis, place in zip(cells.grid.axes(), places, strict=True)]
    chains = [
        _Chain(np.stack(levels, axis=1), RocCurve(curve.fpr[kept], curve.recall[kept])),
        *rules,
    ]
    merged = _Chain(
        np.concatenate([chain.levels for chain in chains]),
        RocCurve(
            np.concatenate([chain.curve.fpr for chain in chains]),
            np.concatenate([chain.curve.recall for chain in chains]),
        ),
    )
    # A point under the line of a rule would pull the front below that rule.
    lines = [_recall_at(rule.curve, merged.curve.fpr) for rule in rules]
    merged = merged.take(merged.curve.recall >= np.max(lines, axis=0) - _NOISE)
    merged = merged.take(np.lexsort((merged.curve.recall, merged.curve.fpr)))
    before = np.maximum.accumulate(np.concatenate([[0.0], merged.curve.recall[:-1]]))
    return merged.take(merged.curve.recall >= before).thinned(_MOST_LIMITS)


def _recall_at(curve: RocCurve, fpr: FloatArray) -> FloatArray:
    """Return the recall of a curve at false-halt rates, the lowest of where it rises at once."""
    after = np.searchsorted(curve.fpr, fpr)
    before = np.maximum(after - 1, 0)
    step = curve.fpr[after] - curve.fpr[before]
    share = np.divide(fpr - curve.fpr[before], step, out=np.ones(len(fpr)), where=step > 0)
    return np.asarray(curve.recall[before] + share * (curve.recall[after] - curve.recall[before]))


def _areas(sessions: _Sessions, chain: _Chain, place: int, prevalence: float) -> tuple[Area, Area]:
    """Return the areas under a chain's two curves.

    Either is a function of the shares halted, whose slopes give each session its part: its
    placement (DeLong). The interval is of the logit, by the sums of placements of groups; where
    every pair is in order it is that of as many independent pairs as there are groups of the rarer
    label (Wilson). The choice of the front among all limits is not in it.

    References
    ----------
    E. R. DeLong, D. M. DeLong, D. L. Clarke-Pearson, "Comparing the areas under two or more
    correlated receiver operating characteristic curves", Biometrics 44 (1988) 837-845;
    N. A. Obuchowski, "Nonparametric analysis of clustered ROC curve data", Biometrics 53 (1997)
    567-578; K. Boyd, K. H. Eng, C. D. Page, "Area under the precision-recall curve: point estimates
    and confidence intervals", ECML PKDD (2013), for the logit.
    """
    n_bad, n_good = sessions.n_bad, sessions.n_good
    if not n_good or not n_bad:
        undefined = Area(math.nan, math.nan, math.nan, n_bad, n_good)
        return undefined, undefined
    measured = (_trapezoids(chain.curve), _average_precision(chain.curve, prevalence))
    placed = [
        _placements(sessions.lowest[:, part], chain.levels, np.stack(slopes), place)
        for part, *slopes in (
            (~sessions.bad, *(of_fpr for _, of_fpr, _ in measured)),
            (sessions.bad, *(of_recall for *_, of_recall in measured)),
        )
    ]
    of_roc, of_precision = (
        Area(value, *_interval(value, sessions, [part[n] for part in placed]), n_bad, n_good)
        for n, (value, *_) in enumerate(measured)
    )
    return of_roc, of_precision


def _trapezoids(curve: RocCurve) -> tuple[float, FloatArray, FloatArray]:
    """Return the area under the lines from point to point, and its slopes by both shares."""
    fpr, recall = curve
    value = float(np.sum(np.diff(fpr) * (recall[1:] + recall[:-1])) / 2)
    # The first point halts nothing and the last one everything, whatever the sessions.
    wide_fpr, wide_recall = (np.pad(part, 1, mode="edge") for part in curve)
    of_fpr = (wide_recall[:-2] - wide_recall[2:]) / 2
    return value, of_fpr, (wide_fpr[2:] - wide_fpr[:-2]) / 2


def _average_precision(curve: RocCurve, prevalence: float) -> tuple[float, FloatArray, FloatArray]:
    """Return the mean precision over the recall gained at each point, and its slopes."""
    fpr, recall = curve
    halted = prevalence * recall + (1 - prevalence) * fpr
    precision = np.nan_to_num(curve.precision(prevalence))
    gained = np.diff(recall, prepend=0.0)
    by_recall, by_fpr = (
        np.divide(
            prevalence * (1 - prevalence) * part,
            halted**2,
            out=np.zeros(len(fpr)),
            where=halted > 0,
        )
        for part in (fpr, recall)
    )
    of_recall = precision - np.append(precision[1:], 0.0) + gained * by_recall
    return float(np.sum(gained * precision)), -gained * by_fpr, of_recall


def _placements(
    lowest: FloatArray, levels: FloatArray, slopes: FloatArray, place: int
) -> FloatArray:
    """Return, for each session, the sums of the slopes of the points that halt it.

    Parameters
    ----------
    lowest, levels, slopes
        Shape (3, n_sessions), (n_points, 3) and (n, n_points).
    place
        The one rule of the chain; 3 where there are several.

    Returns
    -------
    FloatArray of shape (n, n_sessions)
    """
    if place < len(lowest):
        # Ascending, so that all points from the first that halts on do.
        first = np.searchsorted(levels[:, place], lowest[place], side="right")
        sums = np.cumsum(slopes[:, ::-1], axis=1)[:, ::-1]
        return np.asarray(np.pad(sums, ((0, 0), (0, 1)))[:, first])
    total = np.zeros((len(slopes), lowest.shape[1]))
    for start in range(0, len(levels), _LIMITS_AT_ONCE):
        some = slice(start, start + _LIMITS_AT_ONCE)
        halted = (lowest[:, None] < levels[some].T[..., None]).any(axis=0)
        total += slopes[:, some] @ halted.astype(np.float64)
    return total


def _interval(value: float, sessions: _Sessions, placed: list[FloatArray]) -> tuple[float, float]:
    """Return the interval of an area by the placements of good and of bad sessions."""
    _, numbers = np.unique(sessions.groups, return_inverse=True)
    n_all = int(numbers.max()) + 1
    sums, n_groups = [], []
    for part, own in zip((~sessions.bad, sessions.bad), placed, strict=True):
        centred = (own - own.mean()) / len(own)
        sums.append(np.bincount(numbers[part], weights=centred, minlength=n_all))
        n_groups.append(len(np.unique(numbers[part])))
    fewest = min(n_groups)
    if fewest < 2 or not 0.0 < value < 1.0:
        interval = wilson(value * fewest, fewest)
        return float(interval.low), float(interval.high)
    variance = sum(
        n / (n - 1) * float((part**2).sum()) for part, n in zip(sums, n_groups, strict=True)
    )
    variance += 2 * n_all / (n_all - 1) * float((sums[0] * sums[1]).sum())
    spread = Z_95 * math.sqrt(max(variance, 0.0)) / (value * (1 - value))
    middle = math.log(value / (1 - value))
    low, high = (1 / (1 + math.exp(-(middle + side * spread))) for side in (-1, 1))
    return low, high
